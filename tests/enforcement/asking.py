"""Asks each point of enforcement by itself and counts: what was asked, what was opened, and where an answer was not the right one."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection
from itertools import count, product
from typing import Any, NamedTuple

import pytest

from derive import video_token
from derive.questions import Person, Question, Thing
from policies.access.deciding import Judge
from tests import traffic_server
from tests.enforcement.product import (
    CITY,
    FALSE_SESSIONS,
    LESSONS,
    NOBODY,
    PEOPLE,
    PLACES,
    after,
    claims,
    configured,
    plain,
    session,
    tokens,
)  # fmt: skip
from tests.integration.point import Point
from tests.policies.test_service_agrees import PLAYING
from tests.traffic_server import MEDIA, Origin

SAMPLE_PEOPLE, SAMPLE_LESSONS, SAMPLE_TOKENS = 24, 10, 4
"""Of `make test`, at each moment; `make proof` asks everybody for everything."""
LATER = 600
"""Seconds after which tokens are shown again whose right ends meanwhile."""
NEVER = frozenset(
    ("plays with a false session", "tokens elsewhere", "tokens for another lesson", "tokens at their end")
)
"""Kinds of requests none of which is ever allowed."""
Caches = Mapping[str, Point]
"""Place -> the cache there."""


class Given(NamedTuple):
    """A token that the service gave: to whom, for which lesson, for which place."""

    who: Person
    what: Thing
    place: str
    token: str


@dataclass
class Tally:
    """What is chosen of everything, and what came of it."""

    full: bool
    dice: random.Random = field(default_factory=lambda: random.Random(20261129))
    asked: Counter[str] = field(default_factory=Counter)
    opened: Counter[str] = field(default_factory=Counter)
    wrong: list[object] = field(default_factory=list)

    def some(self, every: Sequence[Any], number: int) -> Sequence[Any]:
        """So many of them; all in full."""
        return every if self.full or number >= len(every) else self.dice.sample(every, number)

    def add(self, kind: str, facts: object, *, got: bool, right: bool) -> None:
        """An answer, and the right one."""
        self.asked[kind] += 1
        self.opened[kind] += got
        if got is not right:
            self.wrong.append((kind, got, right, facts))

    def told(self, what: str, proof: Callable[[str, str], None], capsys: pytest.CaptureFixture[str]) -> None:
        """Print the counts and keep them; fail where anything was wrong, or where nothing was opened that could be."""
        parts = (f"{number:,} {kind} ({self.opened[kind]:,} allowed)" for kind, number in self.asked.items())
        said = f"{', '.join(parts)}; {len(self.wrong)} mismatches"
        with capsys.disabled():
            print(f"\n{what}: {said}")
        proof(f"access: {what}, city {CITY.id}", said)
        assert not self.wrong, self.wrong[:5]
        assert {kind for kind in self.asked if not self.opened[kind]} <= NEVER


def at(name: str, port: int) -> Point:
    """What listens at this port."""
    return Point(name, lambda: HTTPConnection("127.0.0.1", port, timeout=30))


def play(service: Point, token: str | None, lesson: str, place: str) -> tuple[int, dict[str, Any]]:
    """Status and body of a request to play, with the token where there is one."""
    query = "" if place == video_token.CITY else f"?place={place}"
    who = {"Authorization": f"Bearer {token}"} if token else {}
    headers = {"Host": "localhost", "Content-Length": "0", "X-Token-In-Body": "1", **who}
    status, body = service.ask("POST", f"/access/play/{lesson}{query}", headers)
    return status, json.loads(body)


def show(cache: Point, lesson: str, token: str | None, name: str = "master.m3u8") -> bool:
    """Whether the cache serves the piece."""
    cookie = {"Cookie": f"{video_token.COOKIE}={token}"} if token else {}
    status, body = cache.ask("GET", f"{video_token.media_path(lesson)}h/{name}", {"Host": "localhost", **cookie})
    assert (status, body) == (200, MEDIA) or (status in (403, 404) and MEDIA not in body), (status, body)
    return status == 200


@contextmanager
def caches(origin: Origin, moment: int) -> Iterator[Caches]:
    """A fresh cache for each place, whose clocks show ``moment`` and go on."""
    shift = moment - int(datetime.now(UTC).timestamp())
    one, other = (traffic_server.running(CITY, configured(place), origin, shift) for place in PLACES)
    with one as city, other as school:
        yield dict(zip(PLACES, (at("shield", city.port), at("box", school.port)), strict=True))


def ask_service(service: Point, judge: Judge, moment: int, tally: Tally) -> Iterator[Given]:
    """Everybody asks to play everything at one moment; what they are given."""
    for number, who in enumerate(tally.some(PEOPLE, SAMPLE_PEOPLE)):
        wanted = tally.some(LESSONS, SAMPLE_LESSONS)
        verdicts = judge.decide([Question(who, action, what, moment) for what in wanted for action in PLAYING])
        token = session(who, moment)
        for index, what in enumerate(wanted):
            place, right = PLACES[(number + index) % len(PLACES)], plain(who, what, moment)
            status, body = play(service, token, what.id, place)
            tally.add("plays", (who, what, moment, body), got=status == 200, right=right)
            cedar = any(each.allowed for each in verdicts[2 * index : 2 * index + 2])
            tally.add("verdicts of Cedar", (who, what, moment), got=cedar, right=right)
            if "token" in body:
                yield Given(who, what, place, body["token"])
        if who is not NOBODY:
            _spoilt(service, who, moment, tally)


def _spoilt(service: Point, who: Person, moment: int, tally: Tally) -> None:
    """The same person with sessions that do not count asks for what they might play: nothing opens, not even what is the public's."""
    might, given = [each for each in LESSONS if plain(who, each, moment)] or LESSONS, claims(who, moment)
    for number, (state, make) in enumerate(FALSE_SESSIONS.items()):
        what = might[number % len(might)]
        status, body = play(service, make(given), what.id, video_token.CITY)
        opened = status == 200 or "token" in body
        tally.add("plays with a false session", (state, who, what, moment, body), got=opened, right=False)


def show_given(found: Caches, given: Sequence[Given], moment: int, tally: Tally) -> int:
    """Every token at its own place, cold and warm, at the other, and for another lesson; how many pieces were opened at all.

    A token that ends within ten minutes may end while it is shown: what is right then is not known, and `show_later` asks.
    """
    opened = set()
    for number, each in enumerate(given):
        if plain(each.who, each.what, moment + LATER):
            opened.add((each.place, each.what.id))
            for heat in ("cold", "warm"):
                got = show(found[each.place], each.what.id, each.token)
                tally.add("tokens shown", (heat, each, moment), got=got, right=True)
        (elsewhere,) = (place for place in PLACES if place != each.place)
        got = show(found[elsewhere], each.what.id, each.token)
        tally.add("tokens elsewhere", (each, moment), got=got, right=False)
        other = after(each.what, 1 + number)
        got = show(found[each.place], other.id, each.token)
        tally.add("tokens for another lesson", (each, other, moment), got=got, right=False)
    return len(opened)


def show_later(kind: str, found: Caches, given: Sequence[Given], moment: int, tally: Tally) -> None:
    """The same tokens to caches at which ``moment`` has come; all of them end after some hours."""
    for each in given:
        right = kind not in NEVER and plain(each.who, each.what, moment)
        tally.add(kind, (each, moment), got=show(found[each.place], each.what.id, each.token), right=right)


def show_states(found: Caches, moment: int, tally: Tally) -> None:
    """Tokens of every state, for a piece that nobody has asked for yet, and again when it is in the cache."""
    names = count()
    for what, place in tally.some([*product(LESSONS, PLACES)], SAMPLE_TOKENS):
        made = tokens(what, place, moment)
        for state, token in made.items():
            piece, facts = f"{next(names)}.m4s", (state, what, place, moment)
            got = show(found[place], what.id, token, piece)
            tally.add("tokens of every state, cold", facts, got=got, right=state == "good")
            assert show(found[place], what.id, made["good"], piece), "what the cache is warmed with"
            got = show(found[place], what.id, token, piece)
            tally.add("the same, warm", facts, got=got, right=state == "good")
