"""Decides by the compiled document of access (``access.json`` of the policies surface): a few look-ups in the way of every request.

The document is data that the compiler wrote; nothing here knows a city. Everything that does not depend on who asks is worked out when it
is read: moments as Unix seconds, schools that lie near each other. What stands in the way and whether anything does is one and the same
walk, so that an explanation cannot differ from the decision. Cedar stays the judge: tests hold these tables against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from catalog.access import LicenceReach, Scope
from catalog.resource import Holding
from catalog.subject import spelled, spellings
from derive import cells
from derive.cells import ENDLESS, Agreed, Cell, Document, Terms
from derive.questions import Person, Question, Thing


class Obstacle(StrEnum):
    """The first thing that stands in the way of a grant, in the order in which they are looked for."""

    UNKNOWN_LICENCE = "unknown-licence"
    USE = "use"
    TIER = "tier"
    REACH = "reach"
    SEAT = "seat"
    NOT_BEGUN = "not-begun"
    ENDED = "ended"
    UNPUBLISHED = "unpublished"
    WHOSE = "whose"
    CONSENT = "consent"


Opening = tuple[str, Cell, Question]
"""A tier, its cell that says yes, and the question to which it does."""


@dataclass(frozen=True)
class Tables:
    """Decides for one city; read once, asked often."""

    cells: dict[tuple[str, str], dict[str, Cell]]
    """Class and action -> tier -> cell."""
    everybody: tuple[str, ...]
    """The tier whose grants are for all."""
    licences: dict[str, Terms]
    districts: dict[str, str]
    """School -> district; also which schools there are."""
    offices: frozenset[str]
    """Districts."""
    allies: dict[str, frozenset[str]]
    """School -> the schools that share an alliance with it, itself included."""
    alliances: dict[str, frozenset[str]]
    """Id -> its schools."""
    words: dict[str, str]
    """What lessons' records call a subject -> its id."""

    @classmethod
    def read(cls, document: Document) -> Self:
        """The tables of a document. Raises KeyError, TypeError, ValueError or AttributeError for one that is none."""
        public = document["public_tier"]
        leagues = {name: frozenset(each) for name, each in document["alliances"].items()}
        districts = {code: str(school["district"]) for code, school in document["schools"].items()}
        allies: dict[str, set[str]] = {code: {code} for code in districts}
        for league in leagues.values():
            for code in league & allies.keys():
                allies[code] |= league
        return cls(
            cells.read(document),
            () if public is None else (str(public),),
            {name: cells.terms(each) for name, each in document["licences"].items()},
            districts,
            frozenset(document["districts"]),
            {code: frozenset(near) for code, near in allies.items()},
            leagues,
            {word: each for each, row in document["subjects"].items() for word in spellings(each, row["name"])},
        )

    def allows(self, question: Question) -> bool:
        """Whether it is allowed; what is not known is not."""
        row = self.cells.get((question.what.resource, question.action.value))
        if row is None:
            return False
        return any(
            (cell := row.get(tier)) is not None and self.obstacle(tier, cell, question) is None
            for tier in (question.who.tier, *self.everybody)
        )

    def opening(self, tiers: Iterable[str], asked: Iterable[Question]) -> list[Opening]:
        """Every cell of ``tiers`` that says yes to one of ``asked``."""
        questions = tuple(asked)
        return [
            (tier, cell, each)
            for tier in tiers
            for each in questions
            if (cell := self.cell(tier, each)) is not None and self.obstacle(tier, cell, each) is None
        ]

    def cell(self, tier: str, question: Question) -> Cell | None:
        """What the matrix says about this tier and what is asked; None: nothing, which is a no."""
        return self.cells.get((question.what.resource, question.action.value), {}).get(tier)

    def subject(self, word: str) -> str | None:
        """Id of the subject that a lesson's record means by ``word``; None for none of the city's."""
        return self.words.get(spelled(word))

    def subjects(self, resource: str) -> frozenset[str]:
        """The tiers that reach their own of this class: whoever is of one of them is somebody whom one of it is about."""
        rows = [row for (name, _), row in self.cells.items() if name == resource]
        return frozenset(tier for row in rows for tier, cell in row.items() if Scope.OWN in cell.scopes)

    def consent_below(self, resource: str) -> int:
        """The greatest age below which a guardian has to agree to anything with this class; 0: never."""
        rows = (row for (name, _), row in self.cells.items() if name == resource)
        return max((cell.consent_below for row in rows for cell in row.values()), default=0)

    def obstacle(self, tier: str, cell: Cell, question: Question) -> Obstacle | None:
        """The first thing that stands in the way of this cell of ``tier``; None: it says yes."""
        if cell.use is not None and (found := self._licence(tier, cell.use, question)) is not None:
            return found
        if not self._near(cell, question) and not opened(cell, question):
            return Obstacle.WHOSE
        return Obstacle.CONSENT if cell.consent_below and not _agreed_to(cell.consent_below, question.what) else None

    def until(self, cell: Cell, question: Question) -> int:
        """The first moment at which a cell that says yes no longer does, by the same facts: the licence's end or the agreement's."""
        what = question.what
        near = ENDLESS if self._near(cell, question) else max(each.ends for each in opened(cell, question))
        terms = self.licences[what.licence or ""] if cell.use is not None else None
        return near if terms is None or what.published is None else min(near, terms.over(what.published))

    def ways(self, cell: Cell, question: Question) -> Iterator[Cell]:
        """The cell with one scope, or one agreement, alone: each by which the resource is in reach, the narrowest first."""
        for alone in cell.alone:
            if alone.agreements:
                yield from (alone._replace(agreements=(each,)) for each in opened(alone, question))
            elif self._near(alone, question):
                yield alone

    def city_only(self, licence: str | None) -> bool:
        """Whether the licence keeps within the city and goes beyond one school."""
        terms = self.licences.get(licence or "")
        return terms is not None and terms.reach == LicenceReach.CITY

    def _near(self, cell: Cell, question: Question) -> bool:
        """Whether the resource lies within the cell's scopes by itself, without any agreement."""
        who, what, scopes = question.who, question.what, cell.scopes
        if cell.held == Holding.CITY:
            return True
        if cell.held == Holding.PERSON and _close(scopes, who, what):
            return True
        owner = what.school
        district = self.districts.get(owner) if owner else None
        if owner is None or district is None:
            return False
        if Scope.CITY in scopes or Scope.PUBLIC in scopes:
            return True
        return self._reaches(cell, who, owner, district)

    def _reaches(self, cell: Cell, who: Person, owner: str, district: str) -> bool:
        scopes, whole = cell.scopes, cell.held == Holding.SCHOOL
        if (
            Scope.SCHOOL in scopes or (whole and (Scope.CLASS in scopes or Scope.CHILD in scopes))
        ) and owner in who.schools:
            return True
        if Scope.ALLIANCE in scopes and not self.allies[owner].isdisjoint(who.schools):
            return True
        return Scope.DISTRICT in scopes and (
            who.district == district or any(self.districts.get(code) == district for code in who.schools)
        )

    def _licence(self, tier: str, use: str, question: Question) -> Obstacle | None:  # noqa: PLR0911  # one a limit
        what, now = question.what, question.now
        terms = self.licences.get(what.licence or "")
        if terms is None:
            return Obstacle.UNKNOWN_LICENCE
        if use not in terms.uses:
            return Obstacle.USE
        if tier not in terms.tiers:
            return Obstacle.TIER
        if not self._within(terms.reach, question):
            return Obstacle.REACH
        if terms.seats and not question.seat:
            return Obstacle.SEAT
        if now < terms.starts:
            return Obstacle.NOT_BEGUN
        if what.published is None:
            return Obstacle.UNPUBLISHED
        if now >= terms.over(what.published):
            return Obstacle.ENDED
        return Obstacle.UNPUBLISHED if now < what.published else None

    def _within(self, reach: str, question: Question) -> bool:
        who = question.who
        if reach == LicenceReach.ANYONE:
            return True
        if reach == LicenceReach.CITY:
            return who.city or who.district in self.offices or any(code in self.districts for code in who.schools)
        # A reach that is not known is taken for the narrowest.
        return question.what.school in who.schools


def parties(cell: Cell, question: Question) -> list[Agreed]:
    """The agreements of a cell to which both sides are party, in force or not, about its subject or not."""
    who, owner = question.who, question.what.school
    return [
        each
        for each in cell.agreements
        if owner in each.schools and (who.partner in each.partners or not each.schools.isdisjoint(who.schools))
    ]


def opened(cell: Cell, question: Question) -> list[Agreed]:
    """Those of them that are in force."""
    if not cell.agreements:
        return []
    return [
        each for each in parties(cell, question) if each.starts <= question.now < each.ends and about(each, question)
    ]


def about(agreement: Agreed, question: Question) -> bool:
    """Whether the agreement is about what is taught there."""
    return agreement.subjects is None or question.what.subject in agreement.subjects


def _close(scopes: frozenset[str], who: Person, what: Thing) -> bool:
    return (
        (Scope.OWN in scopes and who.id == what.person)
        or (Scope.CHILD in scopes and what.person in who.children)
        or (Scope.CLASS in scopes and what.group is not None and what.group in who.classes)
    )


def _agreed_to(below: int, what: Thing) -> bool:
    return what.consent or (what.age is not None and what.age >= below)
