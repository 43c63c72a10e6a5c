"""How much a second the gateway lets in of what the entitlement service decides and writes down: from the city's busiest moment. Pure.

Whoever asks is answered only after a record of it is on disk, in a chain that nobody can delete from, and most of these addresses answer
people who have not signed in: without a limit anybody could have as much written as they can send (docs/decisions/0252).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from catalog import City
from derive import access_log, traffic
from derive.traffic import Kind

PREFIX = "/access/"
"""Of every address of the service."""
REASON = "too-many-at-once"
SAID = {
    "reason": REASON,
    "en": "Too many people are asking at this moment: try again in a few seconds.",
    "zh": "此刻请求的人太多：请过几秒再试。",
}
"""What is answered to who is refused, in the form of the service's own refusals."""
SECONDS = 1
"""After which there is room again."""


@dataclass(frozen=True)
class Door:
    """Addresses that are counted together, and who comes to them. A rush at one door shuts no other."""

    paths: tuple[str, ...]
    """Without the slash at the end; none: every address that has no door of its own."""
    kinds: frozenset[Kind]
    """What those who come are there for."""
    asks: int = 1
    """How often each of them asks within a second or two."""


DOORS: tuple[Door, ...] = (
    # At most every play is taken away instead.
    Door((access_log.PLAY.rstrip("/"), access_log.DOWNLOAD.rstrip("/")), frozenset({Kind.PLAY})),
    # At most every sign-in of the day is somebody's first, or looks at what is theirs.
    Door(("/access/first", "/access/mine", "/access/people", "/access/use-as"), frozenset({Kind.SIGN_IN})),
    # To Keycloak's page, back from it, who is there: of these nothing is on record that Keycloak did not vouch for.
    Door((), frozenset(Kind), 3),
)
"""Whatever is answered with a record; and at last all the rest."""


@dataclass(frozen=True)
class Limit:
    """So many requests each second for these paths together, and what lies below them; for all others, where there are none."""

    paths: tuple[str, ...]
    requests: int


def limits(city: City) -> tuple[Limit, ...]:
    """What each pod of the gateway lets in, a limit for each door in their order.

    Not divided by the number of pods: the others may be away, and a school's morning must pass through the one that is left.
    """
    day = traffic.day(city)

    def most(door: Door) -> int:
        peak = door.asks * traffic.peak(rush for rush in day if rush.kind in door.kinds)
        return max(1, math.ceil(city.admission.headroom * peak))

    return tuple(Limit(door.paths, most(door)) for door in DOORS)
