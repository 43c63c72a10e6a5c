"""The same matrix as tables, for decisions in the way of every request: a few look-ups where Cedar evaluates expressions.

Everything that does not depend on who asks is worked out when the tables are made: which cells there are, moments as Unix seconds,
schools that lie near each other. Cedar stays the judge: the tests hold these tables against the policies and the plain reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from catalog import City
from catalog.access import USES, Licence, LicenceReach, Scope
from catalog.resource import DataRule, Grant, Holding, Resource
from policies.access.conditions import after, seconds
from policies.access.deciding import Question
from policies.access.entities import DAY_SECONDS, Person, Thing

ENDLESS = 1 << 62
"""A moment after every other, Unix seconds."""


class Agreed(NamedTuple):
    """An agreement that opens a service: parties, and from when until when (not included)."""

    schools: frozenset[str]
    partners: frozenset[str]
    starts: int
    ends: int


class Cell(NamedTuple):
    """What one tier may do with one class: the scopes, and the conditions beside them."""

    held: Holding
    scopes: frozenset[Scope]
    agreements: tuple[Agreed, ...]
    use: str | None
    """The use that the licence has to allow; None where licences have no say."""
    consent_below: int
    """A guardian has to agree below this age; 0: never asked."""


class Terms(NamedTuple):
    """A licence."""

    uses: frozenset[str]
    tiers: frozenset[str]
    reach: LicenceReach
    lasts: int
    starts: int
    ends: int
    seats: bool


@dataclass(frozen=True)
class Tables:
    """Decides for one city; made once, asked often."""

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

    @classmethod
    def of(cls, city: City) -> Tables:
        """The tables by the catalog as it is here."""
        cells: dict[tuple[str, str], dict[str, Cell]] = {}
        for resource, grant, tier, action in _granted(city):
            cells.setdefault((resource.id, action), {})[tier] = _cell(city, resource, grant, action)
        members = [frozenset(code for _, code in each.members) for each in city.alliances]
        return cls(
            cells,
            tuple(tier.id for tier in city.tiers if tier.scope is Scope.PUBLIC),
            {each.id: _terms(each) for each in city.licences},
            {school.code: school.district for school in city.schools},
            frozenset(each.id for each in city.districts),
            {code: frozenset({code}).union(*(each for each in members if code in each)) for code in city.by_code},
        )

    def allows(self, question: Question) -> bool:
        """Whether it is allowed; what is not known is not."""
        row = self.cells.get((question.what.resource, question.action.value))
        if row is None:
            return False
        return any(
            (cell := row.get(tier)) is not None
            and self._near(cell, question)
            and (cell.use is None or self._licensed(tier, cell.use, question))
            and (not cell.consent_below or _agreed_to(cell.consent_below, question.what))
            for tier in (question.who.tier, *self.everybody)
        )

    def _near(self, cell: Cell, question: Question) -> bool:
        who, what, scopes = question.who, question.what, cell.scopes
        if cell.held is Holding.CITY:
            return True
        if cell.held is Holding.PERSON and _close(scopes, who, what):
            return True
        owner = what.school
        district = self.districts.get(owner) if owner else None
        if owner is None or district is None:
            return False
        if Scope.CITY in scopes or Scope.PUBLIC in scopes:
            return True
        return self._reaches(cell, who, owner, district) or _opened(cell, who, owner, question.now)

    def _reaches(self, cell: Cell, who: Person, owner: str, district: str) -> bool:
        scopes, whole = cell.scopes, cell.held is Holding.SCHOOL
        if (
            Scope.SCHOOL in scopes or (whole and (Scope.CLASS in scopes or Scope.CHILD in scopes))
        ) and owner in who.schools:
            return True
        if Scope.ALLIANCE in scopes and not self.allies[owner].isdisjoint(who.schools):
            return True
        return Scope.DISTRICT in scopes and (
            who.district == district or any(self.districts.get(code) == district for code in who.schools)
        )

    def _licensed(self, tier: str, use: str, question: Question) -> bool:
        what, now = question.what, question.now
        terms = self.licences.get(what.licence or "")
        if terms is None or what.published is None or use not in terms.uses or tier not in terms.tiers:
            return False
        if not (what.published <= now < what.published + terms.lasts and terms.starts <= now < terms.ends):
            return False
        return (question.seat or not terms.seats) and self._within(terms.reach, question)

    def _within(self, reach: LicenceReach, question: Question) -> bool:
        who = question.who
        if reach is LicenceReach.ANYONE:
            return True
        if reach is LicenceReach.SCHOOL:
            return question.what.school in who.schools
        return who.city or who.district in self.offices or any(code in self.districts for code in who.schools)


def _close(scopes: frozenset[Scope], who: Person, what: Thing) -> bool:
    return (
        (Scope.OWN in scopes and who.id == what.person)
        or (Scope.CHILD in scopes and what.person in who.children)
        or (Scope.CLASS in scopes and what.group is not None and what.group in who.classes)
    )


def _opened(cell: Cell, who: Person, owner: str, now: int) -> bool:
    return any(
        each.starts <= now < each.ends
        and owner in each.schools
        and (who.partner in each.partners or not each.schools.isdisjoint(who.schools))
        for each in cell.agreements
    )


def _agreed_to(below: int, what: Thing) -> bool:
    return what.consent or (what.age is not None and what.age >= below)


def _granted(city: City) -> Iterator[tuple[Resource, Grant, str, str]]:
    for resource in city.resources:
        for grant in resource.grants:
            yield from ((resource, grant, tier, action.value) for tier in grant.tiers for action in grant.actions)


def _cell(city: City, resource: Resource, grant: Grant, action: str) -> Cell:
    rules: dict[str | None, DataRule] = {rule.id: rule for rule in city.data_rules}
    rule, use = rules.get(grant.rule), next((use.value for each, use in USES.items() if each.value == action), None)
    opening = (each for each in city.agreements if resource.service in each.services and not each.unsigned)
    agreements = tuple(
        Agreed(
            frozenset(each.schools),
            frozenset(each.partners),
            seconds(each.starts, city.timezone),
            after(each.ends, city.timezone),
        )
        for each in opening
    )
    return Cell(
        resource.held_by,
        frozenset(grant.scopes),
        agreements if Scope.AGREEMENT in grant.scopes else (),
        use if resource.licensed else None,
        city.minors.guardian_consent_below if rule and rule.guardian_consent else 0,
    )


def _terms(licence: Licence) -> Terms:
    window = licence.window
    return Terms(
        frozenset(use.value for use in licence.uses),
        frozenset(licence.tiers),
        licence.reach,
        ENDLESS if licence.window_days is None else licence.window_days * DAY_SECONDS,
        seconds(window.starts, window.timezone) if window else 0,
        after(window.ends, window.timezone) if window else ENDLESS,
        licence.seats is not None,
    )
