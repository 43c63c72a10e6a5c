"""The order of a run: the city's plan for a window of the day, the stack's address, the lessons that are there."""

from __future__ import annotations

import json
import math
import ssl
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError

from catalog import City
from catalog.errors import UserError
from derive import access_log, admission, figures, lesson, traffic
from derive.traffic import Kind
from loadtests import model, schedule, verdict
from loadtests.order import ANYBODY, Order, bearer
from loadtests.schedule import Plan
from ops import health
from ops.lessons.place import Place
from ops.loads import sessions
from ops.stack import trust
from policies.access import document
from services.entitlement import records
from services.entitlement.rules import Lesson, Person, Rules

CLOCK = "%H:%M"
LESSONS = 20
"""As many of the newest lessons are played: what is new is what is watched."""


@dataclass(frozen=True)
class Wish:
    """What the user asked for."""

    minutes: float
    """Length of the run."""
    scale: float
    """Size of the load, as a share of the city's."""
    at: str
    """Middle of the window, ``HH:MM``; empty: the sign-in peak."""
    span: float
    """Length of the window, minutes of the day."""
    seed: int
    lessons: tuple[str, ...] = ()
    """Ids of the lessons to play; empty: the newest."""


def plan(city: City, wish: Wish) -> Plan:
    """The plan of the run. Raises UserError when the window cannot be, or nobody comes in it."""
    day = traffic.day(city)
    middle = _clock(wish.at) if wish.at else traffic.sign_in_peak(day)
    half = wish.span * traffic.MINUTE / 2
    if half <= 0 or wish.minutes <= 0 or wish.scale <= 0:
        raise UserError("--span, --minutes and --scale are greater than 0")
    if middle - half < 0 or middle + half > 24 * 3600:
        raise UserError("the window leaves the day: take a shorter --span, or another --at")
    made = schedule.plan(city, (middle - half, middle + half), wish.minutes * 60, wish.scale, seed=wish.seed)
    if not schedule.arrivals(made):
        raise UserError("nobody comes in this window at this scale: take a larger --scale, or another --at")
    return made


def _clock(text: str) -> float:
    hours, colon, minutes = text.partition(":")
    if not (colon and hours.isdecimal() and minutes.isdecimal() and int(hours) < 24 and int(minutes) < 60):  # noqa: PLR2004
        raise UserError(f"--at takes HH:MM, not {text!r}")
    return int(hours) * 3600 + int(minutes) * traffic.MINUTE


@dataclass(frozen=True)
class Expected:
    """What a run will ask for at its height."""

    people: dict[Kind, int]
    players: int
    """Lessons that play at once, at most."""
    requests: float
    """Segments per second then."""
    mbps: float
    """And the megabits per second that they carry, if every link gives what it should."""
    seconds: float
    """Length of the run."""


def expected(city: City, run: Plan) -> Expected:
    """What the run will ask for."""
    people = schedule.arrivals(run)
    steps = sorted(
        step
        for each in people
        if each.watches
        for step in ((each.at, 1), (min(each.at + each.watches, run.seconds), -1))
    )
    playing = top = 0
    for _, step in steps:
        playing += step
        top = max(top, playing)
    rates = model.link_kbps(city)
    watched = [rates.get(each.school, model.stream_kbps(city, math.inf)) for each in people if each.watches]
    each_kbps = sum(watched) / len(watched) if watched else 0.0
    counts = {kind: sum(each.kind is kind for each in people) for kind in Kind}
    return Expected(counts, top, top * model.TRACKS / run.segment_seconds, top * each_kbps / 1000, run.seconds)


def beyond(city: City, run: Plan) -> dict[str, tuple[int, int]]:
    """Addresses -> requests of the run's busiest second, and how many of them a pod of the gateway lets in, where that is less."""
    people, found = schedule.arrivals(run), {}
    for door, limit in zip(admission.DOORS, admission.limits(city), strict=True):
        # Nobody of a load test is new here, or asks about people.
        if door.paths and not access_log.PLAY.startswith(door.paths):
            continue
        come = Counter(int(each.at) for each in people if each.kind in door.kinds)
        busiest = door.asks * max(come.values(), default=0)
        if busiest > limit.requests:
            found[" and ".join(door.paths) or admission.PREFIX] = busiest, limit.requests
    return found


def processes(told: Expected) -> int:
    """How many processes of the load generator carry the run at its height without being the bottleneck."""
    requests = told.requests + sum(told.people.values()) * model.PLAY_REQUESTS / max(told.seconds, 1)
    return max(1, math.ceil(max(requests / figures.GENERATOR_REQUESTS.value, told.mbps / figures.GENERATOR_MBPS.value)))


def order(place: Place, city: City, wish: Wish, *, address: str | None = None) -> Order:
    """The order for the platform of ``place``; ``address`` is where connections go if not to the public one."""
    goals = verdict.goals(city.targets)
    if not goals:
        raise UserError(
            f"the city {city.id} has no target that a load test could judge: add one with the measure "
            f"{' or '.join(verdict.MEASURES)} to its targets"
        )
    run = plan(city, wish)
    played = repertoire(place, city, run, wish.lessons)
    return Order(
        plan=run, goals=goals, host=str(place.settings.get("domain", "localhost")),
        address=address or place.url, authority=trust.authorities(place.settings), lessons=played.lessons, reach=played.reach,
        list_path=lesson.public_path(lesson.INDEX), report_in_log=address is not None,
    )  # fmt: skip


@dataclass(frozen=True)
class Repertoire:
    """What is played: ids of lessons, and which of them whom is allowed (``Order.reach``)."""

    lessons: tuple[str, ...]
    reach: dict[str, tuple[int, ...]]


def repertoire(place: Place, city: City, run: Plan, wanted: tuple[str, ...] = ()) -> Repertoire:
    """The lessons that are named, or the newest, as far as somebody who comes may play them.

    Raises UserError when the platform does not answer, or has none.
    """
    rows = _listed(place.url + lesson.public_path(lesson.INDEX), trust.context(place.settings))
    if missing := sorted(set(wanted) - {str(row["id"]) for row in rows}):
        raise UserError(f"no lesson {', '.join(missing)}: `huiju lesson list` shows them")
    rules, now = Rules(document.document(city)), datetime.now(UTC)
    people = _people(city, rules, run)
    facts = [each for row in rows if (each := _facts(row)) and (not wanted or each.id in wanted)][:LESSONS]
    allowed = {
        who: {each.id for each in facts if rules.decide(person, each, now).allowed} for who, person in people.items()
    }
    chosen = tuple(each.id for each in facts if any(each.id in ids for ids in allowed.values()))
    if not chosen:
        raise UserError(
            "there is no lesson that anybody who comes may play: `huiju lesson publish` one under an open licence, or name another"
        )
    reach = {who: tuple(n for n, name in enumerate(chosen) if name in ids) for who, ids in allowed.items() if ids}
    return Repertoire(chosen, reach)


def _people(city: City, rules: Rules, run: Plan) -> dict[str, Person]:
    """Everybody who comes as the rules see them, and the public."""
    found = {ANYBODY: rules.public()}
    for scope, school in {(each.scope, each.school) for each in schedule.arrivals(run)}:
        if tier := sessions.tier(city, scope):
            found[bearer(scope, school)] = Person(tier, school)
    return found


def _facts(row: dict[str, Any]) -> Lesson | None:
    try:
        return records.facts(row)
    except records.UnreadableError:
        return None


def _listed(address: str, known: ssl.SSLContext) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = json.loads(health.fetch(address, known))["lessons"]
        return found
    except HTTPError as error:
        if error.code == HTTPStatus.NOT_FOUND:
            return []
        raise UserError(f"{address} answers {error.code}: `huiju status` says what is wrong") from error
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{address} cannot be read ({error}): `huiju status` says what is wrong") from error
