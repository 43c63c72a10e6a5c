"""Partners outside the school system, and the dated agreements that open one party's resources to another."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from catalog.types import Day, Fact, Names, PartnerId, Party, SchoolCode, ServiceId, Slug, SubjectId, Words


class PartnerKind(StrEnum):
    """What a partner outside the school system is; its rights come from agreements only."""

    ENTERPRISE = "enterprise"
    UNIVERSITY = "university"
    CHARITY = "charity"


class Partner(Fact):
    """An enterprise, university or charity."""

    id: PartnerId
    """Short id."""
    name: Names
    """Its name."""
    kind: PartnerKind
    """What it is."""


class AgreementKind(StrEnum):
    """What an agreement opens; what each party gives and owes is in its terms."""

    COURSE_PACKAGE = "course-package"
    ELECTIVE = "elective"
    RECOGNITION = "recognition"
    PARTNERSHIP = "partnership"


class Term(Fact):
    """What one party gives under an agreement, and what it owes."""

    party: Party
    """A school's code or a partner's id; one of the agreement's."""
    gives: Annotated[tuple[Words, ...], Field(min_length=1)]
    """What it lets the others have, one line each."""
    owes: Annotated[tuple[Words, ...], Field(min_length=1)]
    """What it has to do, one line each."""


class Signature(Fact):
    """That a party has signed; by an office, never by a person's name."""

    party: Party
    """A school's code or a partner's id; one of the agreement's."""
    office: Words
    """Who signed for it, by office."""
    on: Day
    """The day of the signature."""


class Agreement(Fact):
    """A dated agreement between schools, or between schools and partners. It opens something once every party has signed."""

    id: Slug
    """Short id."""
    name: Names
    """Its name."""
    kind: AgreementKind
    """What it opens."""
    schools: tuple[SchoolCode, ...]
    """Schools that are party to it."""
    partners: tuple[PartnerId, ...]
    """Partners that are party to it."""
    services: Annotated[tuple[ServiceId, ...], Field(min_length=1)]
    """The services in which it opens something."""
    subjects: Annotated[tuple[SubjectId, ...], Field(min_length=1)] | None
    """The subjects of which it opens lessons, and nothing else; null: whatever its services hold."""
    starts: Day
    """First day on which it holds."""
    ends: Day
    """Last day on which it holds."""
    terms: Annotated[tuple[Term, ...], Field(min_length=1)]
    """What each party gives and owes, one row a party."""
    signatures: tuple[Signature, ...]
    """Who has signed; a party that has not is not named."""

    @property
    def parties(self) -> tuple[str, ...]:
        """Codes of its schools, then ids of its partners."""
        return (*self.schools, *self.partners)

    @property
    def unsigned(self) -> tuple[str, ...]:
        """The parties that have not signed: while there are any, it opens nothing."""
        signed = {each.party for each in self.signatures}
        return tuple(party for party in self.parties if party not in signed)
