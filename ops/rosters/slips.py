"""Slips of paper by which the people of a school make their accounts: who gets one, from the files that the operator holds anyway.

Here alone a name of the register is read: it goes onto the slip, so that the right person gets it, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

from catalog import City
from catalog.access import Tier
from catalog.errors import UserError
from catalog.types import Names
from catalog.wording import did_you_mean
from derive import first_sign_in
from derive.capacities import leading
from ops.rosters.checking import Checked
from ops.rosters.form import CLASSES, ENROLLMENTS, ROLES, USERS, Column, Form

MOST_SHOWN: Final = 20
"""Ids of classes in a message."""


def _words(name: str) -> Column:
    return Column(name, needed=False, right=bool, wanted="")


NAMED: Final[Form] = USERS._replace(columns=(*USERS.columns, _words("familyName"), _words("givenName")))
TITLED: Final[Form] = CLASSES._replace(columns=(*CLASSES.columns, _words("title")))


@dataclass(frozen=True)
class Wanted:
    """Whose slips are wanted."""

    school: str
    """Code."""
    group: str | None = None
    """Id of one class in the register: its pupils, their parents and its teachers."""
    people: Collection[str] = ()
    """Ids in the register; empty: everybody."""
    number: int = 1
    """Which slip of theirs it is."""


@dataclass(frozen=True)
class Slip:
    """One slip."""

    identity: str
    """Id in the register."""
    name: str = field(repr=False)
    group: str
    """Title of the class; empty where there is none."""
    tier: Names
    number: int
    code: str = field(repr=False)

    @property
    def account(self) -> str:
        """What they will sign in as."""
        return first_sign_in.account_name(self.identity)


def slips(found: Checked, city: City, wanted: Wanted, key: str) -> list[Slip]:
    """The slips, class by class. Raises `UserError` for a school, a class or somebody that the files do not have."""
    school = _School(found, city, wanted.school)
    chosen = school.of_class(wanted.group) if wanted.group else set(school.tiers)
    if wanted.people:
        chosen &= _known(wanted.people, school)
    rows = [
        Slip(
            user, name, school.title(user), school.tiers[user].name, wanted.number,
            first_sign_in.code(key, user, wanted.number),
        )
        for user, name in school.names.items()
        if user in chosen
    ]  # fmt: skip
    if not rows:
        raise UserError(f"nobody of school {wanted.school} who may sign in is meant: nothing was written")
    return sorted(rows, key=lambda row: (row.group, row.tier.en, row.identity))


def _known(people: Collection[str], school: _School) -> set[str]:
    """Raises `UserError`, without repeating what was typed: it may be another number of somebody's."""
    if missing := len(set(people) - set(school.names)):
        raise UserError(
            f"{missing} of the ids given belong to nobody of this school who may sign in: nothing was written"
        )
    return set(people)


class _School:
    """One school of a roster: who may sign in there, as what, and in which classes."""

    def __init__(self, found: Checked, city: City, code: str) -> None:
        self.found, self.code = found, code
        self.tiers = dict(self._tiers(city, _org(found, code)))
        self.titles = {row.cells[0]: row.cells[6] for row in found.read(TITLED) if self._here(row.cells[0])}
        self.groups: dict[str, list[str]] = {}
        for _, (_, _, group, _, user, *_) in found.read(ENROLLMENTS):
            if self._here(group):
                self.groups.setdefault(user, []).append(group)
        self.names: dict[str, str] = {}
        family: list[tuple[str, str]] = []
        for _, (user, _, enabled, agents, last, first) in found.read(NAMED):
            family += [(user, each.strip()) for each in agents.split(",")] if agents else []
            if user in self.tiers and enabled == "true":
                self.names[user] = f"{last}{first}" if not f"{last}{first}".isascii() else f"{first} {last}".strip()
        self._families(family)

    def _here(self, group: str) -> bool:
        return self.found.places.classes[group][0] == self.code

    def _tiers(self, city: City, org: str) -> Iterator[tuple[str, Tier]]:
        """What everybody is first of all here, as at sign-in; days do not count: slips are printed before a year begins."""
        rows = [row.cells for row in self.found.read(ROLES) if row.cells[7] == org]
        theirs: dict[str, list[tuple[str | None, str, bool]]] = {}
        for _, _, user, _, role, *_ in sorted(rows, key=lambda cells: (cells[3] != "primary", cells[4], cells[5])):
            tier = city.tier_at(self.code, role)
            theirs.setdefault(user, []).append((tier.id if tier else None, org, True))
        known = {tier.id: tier for tier in city.tiers}
        for user, roles in theirs.items():
            if first := leading(roles):
                yield user, known[first[0]]

    def _families(self, family: list[tuple[str, str]]) -> None:
        """Parents are in the classes of their children, whichever of the two names the other."""
        enrolled = dict(self.groups)
        for pair in family:
            for one, other in (pair, pair[::-1]):
                if one not in enrolled and one in self.tiers and other in enrolled:
                    self.groups.setdefault(one, []).extend(enrolled[other])

    def title(self, user: str) -> str:
        """Of the first class of somebody."""
        return next((self.titles[each] or each for each in self.groups.get(user, ())), "")

    def of_class(self, group: str) -> set[str]:
        """Who belongs to a class. Raises `UserError` for one that the school does not have."""
        if group not in self.titles:
            known = sorted(self.titles)
            more = " ..." if len(known) > MOST_SHOWN else ""
            raise UserError(
                f"school {self.code} has no class {group!r}{did_you_mean(group, known)}; it has: "
                f"{', '.join(known[:MOST_SHOWN])}{more}"
            )
        return {user for user, groups in self.groups.items() if group in groups and user in self.tiers}


def _org(found: Checked, code: str) -> str:
    """The org that is the school with this code."""
    for org, known in found.places.schools.items():
        if known == code:
            return org
    raise UserError(
        f"the roster does not speak for school {code!r}; it does for: {', '.join(sorted(found.places.schools.values()))}"
    )
