"""One row per school: whose lessons each tier of that school may stream, on what ground and from when to when.

For tests only: the service is held against it. It shares nothing with the compiled document but `derive.grants`.

A lesson of the library belongs to a school, not to a person, a class or a child. So a grant whose scope is a class or a child reaches the
lessons of that class's or child's school, and one that reaches only one's own things reaches none. What an agreement opens, it opens
to everybody of its parties whose grant names agreements: it is what opens one school's course to another's students. Under which licence
a lesson stands is asked of the lesson, not here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from catalog import City, names
from catalog.access import Action, Scope, Tier
from catalog.agreement import Agreement
from derive import grants

STREAMING: Final = frozenset({Action.VIEW, Action.LEARN})
"""Either lets a tier stream."""


class Ground(StrEnum):
    """Why a school's lessons are within reach; not who may use it."""

    OWN = "own"
    AGREEMENT = "agreement"
    ALLIANCE = "alliance"
    DISTRICT = "district"
    CITY = "city"


GROUNDS: Final[Mapping[Scope, tuple[Ground, ...]]] = {
    Scope.OWN: (),
    Scope.CHILD: (Ground.OWN,),
    Scope.CLASS: (Ground.OWN,),
    Scope.SCHOOL: (Ground.OWN,),
    Scope.AGREEMENT: (Ground.AGREEMENT,),
    Scope.ALLIANCE: (Ground.OWN, Ground.ALLIANCE),
    Scope.DISTRICT: (Ground.OWN, Ground.DISTRICT),
    Scope.CITY: (Ground.CITY,),
    Scope.PUBLIC: (Ground.CITY,),
}
"""Scope of a grant -> the grounds that count by it."""


@dataclass(frozen=True)
class Grant:
    """Schools whose lessons are within reach, why, and on which days (both included; None: without end)."""

    ground: Ground
    by: str
    """Id of the alliance, agreement or district; empty for the school itself and for the city."""
    schools: tuple[str, ...]
    """Codes."""
    starts: date | None = None
    ends: date | None = None

    def holds(self, day: date) -> bool:
        """Whether it counts on ``day``."""
        return (self.starts is None or self.starts <= day) and (self.ends is None or day <= self.ends)


@dataclass(frozen=True)
class Row:
    """What the people of one school may reach."""

    school: str
    grants: tuple[Grant, ...]
    tiers: Mapping[str, tuple[Ground, ...]]
    """Tier's id -> the grounds that count for it; the same table for every school."""

    def streams(self, tier: str, day: date) -> frozenset[str]:
        """Codes of the schools whose lessons ``tier`` may stream on ``day``; empty for a tier that is none."""
        grounds = self.tiers.get(tier, ())
        return frozenset(
            code for grant in self.grants if grant.ground in grounds and grant.holds(day) for code in grant.schools
        )


def rows(city: City) -> dict[str, Row]:
    """School's code -> its row, for every school of the city."""
    everybody = Grant(Ground.CITY, "", tuple(city.by_code))
    districts = {
        district: Grant(Ground.DISTRICT, district, tuple(school.code for school in schools))
        for district, schools in city.by_district.items()
    }
    tiers = {tier.id: grounds(city, tier) for tier in city.tiers}
    return {
        school.code: Row(
            school.code,
            (
                Grant(Ground.OWN, "", (school.code,)),
                *_agreements(city, school.code),
                *_alliances(city, school.code),
                districts[school.district],
                everybody,
            ),
            tiers,
        )
        for school in city.schools
    }


def grounds(city: City, tier: Tier) -> tuple[Ground, ...]:
    """The grounds that count for ``tier``: none when no grant lets it view or learn lessons."""
    scopes = grants.scopes(city, names.RESOURCE_LESSON, tier.id, STREAMING)
    found = {ground for scope in scopes for ground in GROUNDS[scope]}
    return tuple(ground for ground in Ground if ground in found)


def opens_lessons(agreement: Agreement) -> bool:
    """Whether the agreement is about the library at all, of whatever subject, and every party has signed it."""
    return names.VIDEO_LIBRARY in agreement.services and not agreement.unsigned and agreement.subjects is None


def _agreements(city: City, code: str) -> Iterator[Grant]:
    for agreement in city.agreements:
        if code in agreement.schools and opens_lessons(agreement):
            yield Grant(Ground.AGREEMENT, agreement.id, agreement.schools, agreement.starts, agreement.ends)


def _alliances(city: City, code: str) -> Iterator[Grant]:
    for alliance, _ in city.memberships.get(code, ()):
        yield Grant(Ground.ALLIANCE, alliance.id, tuple(member for _, member in alliance.members))
