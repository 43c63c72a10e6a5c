"""A run's plan: who comes at which second of the run, scaled from the school day in time and in size. Pure; travels as JSON.

A run of ``seconds`` replays the window ``starts`` to ``ends`` of the day: ``speed`` times as fast, at ``scale`` times the size. At
every moment it asks of the platform ``scale`` times what the same moment of the day would. Sign-ins per second keep their rate, so
there are fewer of them; lessons that play at once keep their number, so each is watched for a shorter time, at a real player's pace.
Who already watches when the window begins comes in during the first tenth of the run.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from catalog import City
from catalog.access import Scope
from derive import figures, traffic
from derive.traffic import Kind, Place, Rush
from loadtests import model

STEPS = 1000
"""Points at which a stretch of the day is summed to find moments in it; people are spread evenly in between."""
ENTRY = 0.1
"""Part of the run in which those come who are there already when the window begins."""


class Arrival(NamedTuple):
    """One person: when, what for, of which school, there or at home, with how wide a tier, and for how long (s) a lesson is watched."""

    at: float
    kind: Kind
    school: str
    place: Place
    scope: Scope
    watches: float


class Plan(BaseModel):
    """Everything that a load generator needs to know of the city, and nothing that its cluster must not see."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    city: str
    starts: float = Field(ge=0, le=86_400, description="Start of the window, s after midnight.")
    ends: float = Field(gt=0, le=86_400, description="End of the window, s after midnight.")
    seconds: float = Field(gt=0, description="Length of the run, s.")
    scale: float = Field(gt=0, description="Size of the load, as a share of the city's.")
    seed: int = Field(description="Of the random choice of moments and people.")
    segment_seconds: int = Field(description="Target length of a segment, s.")
    rushes: tuple[Rush, ...]
    crowds: Annotated[
        tuple[tuple[tuple[str, float], ...], ...], Field(description="For each rush: schools and people.")
    ]
    link_kbps: dict[str, float] = Field(description="School -> its link's share for one player, kbit/s.")

    @property
    def speed(self) -> float:
        """How much faster than the day the run goes."""
        return (self.ends - self.starts) / self.seconds


def plan(city: City, window: tuple[float, float], seconds: float, scale: float, *, seed: int = 1) -> Plan:
    """The plan of a run of ``seconds`` that replays the window of the city's school day."""
    starts, ends = window
    rushes = tuple(rush for rush in traffic.day(city) if rush.starts < ends and rush.ends + rush.lasts > starts)
    people = (traffic.crowd(city, rush.kind, rush.stage, rush.place) for rush in rushes)
    return Plan(
        city=city.id, starts=starts, ends=ends, seconds=seconds, scale=scale, seed=seed,
        segment_seconds=city.packaging.segment_seconds, rushes=rushes,
        crowds=tuple(tuple(sorted(crowd.items())) for crowd in people), link_kbps=model.link_kbps(city),
    )  # fmt: skip


def arrivals(run: Plan) -> tuple[Arrival, ...]:
    """Everybody who comes, in order; the same plan gives the same people on every machine."""
    chance = random.Random(run.seed)  # noqa: S311 - not a secret
    found = [
        person for rush, crowd in zip(run.rushes, run.crowds, strict=True) for person in _of(run, rush, crowd, chance)
    ]
    return tuple(sorted(found))


def expected(run: Plan, rush: Rush) -> tuple[float, float]:
    """How many people of ``rush`` come in the run: those who already watch when it begins, and those who come in its window."""
    early, late = (rush.arrived(end) - rush.arrived(start) for start, end in _stretches(run, rush))
    return early * run.scale, late * run.scale / (1 if rush.kind is Kind.PLAY else run.speed)


def _stretches(run: Plan, rush: Rush) -> tuple[tuple[float, float], tuple[float, float]]:
    """When those began who are there at the start of the window, and the window."""
    return (run.starts - rush.lasts, run.starts), (run.starts, run.ends)


def _of(run: Plan, rush: Rush, crowd: Sequence[tuple[str, float]], chance: random.Random) -> list[Arrival]:
    times = [
        time
        for wanted, stretch in zip(expected(run, rush), _stretches(run, rush), strict=True)
        for time in (_time(run, rush, moment, chance) for moment in _moments(rush, stretch, wanted, chance))
    ]
    codes, weights = zip(*crowd, strict=True)
    scopes, views = zip(*_scopes(rush), strict=True)
    schools, who = chance.choices(codes, weights, k=len(times)), chance.choices(scopes, views, k=len(times))
    return [
        Arrival(at, rush.kind, school, rush.place, scope, watches)
        for (at, watches), school, scope in zip(times, schools, who, strict=True)
        if watches > 0 or rush.kind is not Kind.PLAY
    ]


def _time(run: Plan, rush: Rush, moment: float, chance: random.Random) -> tuple[float, float]:
    """For somebody who begins at ``moment`` of the day: the second of the run, and how long is watched from there on."""
    at, watches = (moment - run.starts) / run.speed, rush.lasts / run.speed
    if at >= 0:
        return at, watches
    entry = chance.random() * ENTRY * run.seconds
    return entry, at + watches - entry


def _scopes(rush: Rush) -> list[tuple[Scope, float]]:
    """Who comes: in school only those who learn and teach there."""
    inside = (Scope.CLASS, Scope.ALLIANCE)
    rows = figures.VIEWS_BY_SCOPE.items()
    return [(scope, share) for scope, share in rows if rush.place is Place.HOME or scope in inside]


def _moments(rush: Rush, stretch: tuple[float, float], wanted: float, chance: random.Random) -> list[float]:
    """About ``wanted`` moments in a stretch of the day, as dense as the rush is: its sum on a grid, turned around."""
    count = int(wanted) + (chance.random() < wanted - int(wanted))
    start, width = stretch[0], (stretch[1] - stretch[0]) / STEPS
    sums = [rush.arrived(start + n * width) for n in range(STEPS + 1)] if count else []
    steps = list(accumulate((max(0.0, after - before) for before, after in pairwise(sums)), initial=0.0))
    return [start + _turned(steps, chance.random() * steps[-1]) * width for _ in range(count)]


def _turned(steps: Sequence[float], wanted: float) -> float:
    """The point, in steps, at which the sum ``steps`` reaches ``wanted``."""
    n = max(1, bisect_left(steps, wanted))
    width = steps[n] - steps[n - 1]
    return n - 1 + ((wanted - steps[n - 1]) / width if width else 0.0)
