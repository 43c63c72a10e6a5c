"""What there is to see and to do: classes of resources, which tiers may do what with whose, and the rules about minors' data."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from catalog.access import Action, Scope
from catalog.roster import RosterRole
from catalog.types import Fact, Names, ResourceId, RuleId, Sentence, ServiceId, TierId, Words


class Holding(StrEnum):
    """To whom one resource of a class belongs; not who may see it."""

    PERSON = "person"
    SCHOOL = "school"
    """To a school as a whole: whoever reaches a class or a child reaches what that class's or child's school holds."""
    CITY = "city"


class Grant(Fact):
    """A row of the matrix: these tiers may do these things with what lies within these scopes."""

    tiers: Annotated[tuple[TierId, ...], Field(min_length=1)]
    """Who."""
    actions: Annotated[tuple[Action, ...], Field(min_length=1)]
    """What they may do."""
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)]
    """With whose; any one of them is enough."""
    rule: RuleId | None
    """The rule that lets them see pupils' personal data; ``null`` where the resource holds none."""


class Resource(Fact):
    """A class of resources with everything that anybody may do with it: what no grant names, nobody may do."""

    id: ResourceId
    """Short id."""
    name: Names
    """Its name."""
    description: Words
    """What is in it."""
    service: ServiceId
    """The service that serves it; an agreement in that service opens it to the parties, where a grant says so."""
    held_by: Holding
    """To whom one of it belongs."""
    licensed: bool
    """Whether each one stands under a licence, which then has its say as well."""
    personal: bool
    """Whether it is personal data of pupils: then every grant names its rule."""
    grants: Annotated[tuple[Grant, ...], Field(min_length=1)]
    """Who may do what with whose."""


class DataRule(Fact):
    """A rule under which personal data of pupils may be seen; no tier sees any without one."""

    id: RuleId
    """Short id."""
    name: Names
    """Its name."""
    purpose: Words
    """What the data are seen for."""
    tiers: Annotated[tuple[TierId, ...], Field(min_length=1)]
    """Whom it lets see them."""
    guardian_consent: bool
    """Whether a guardian has to have agreed first, for a pupil below the age of ``minors``."""
    source: Sentence
    """The law or decision that it rests on."""


class Minors(Fact):
    """How minors are told from others."""

    guardian_consent_below: Annotated[int, Field(ge=1, le=18)]
    """Below this age (full years) a guardian has to agree; a pupil whose age is not known counts as below."""
    guardian_consent_by: Annotated[tuple[RosterRole, ...], Field(min_length=1)]
    """As what a roster has whoever may agree: of the roles that lead to a tier with the scope ``child``, those of parents and of guardians
    in law. Whoever has another one of these at the pupil's school may not, whatever else they are there."""
    source: Sentence
    """The law that it rests on."""
