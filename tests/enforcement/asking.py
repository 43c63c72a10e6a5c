"""Asks each point of enforcement by itself and counts: what was asked, what was opened, and where an answer was not the right one."""

from __future__ import annotations

import json
import random
import ssl
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPSConnection
from itertools import count, product
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from catalog import names
from derive import video_token
from derive.questions import Person, Thing
from policies.access.deciding import Judge
from tests import box_cache, traffic_server
from tests.box_cache import Box
from tests.enforcement.product import (
    CITY,
    DOWNLOAD,
    EDGES,
    ENDING,
    ENDS,
    FALSE_SESSIONS,
    LIVE,
    NOBODY,
    OVER,
    PEOPLE,
    PLACES,
    PLAY,
    RECORDED,
    SCHOOL,
    WAYS,
    Way,
    after,
    asked,
    claims,
    configured,
    granted,
    is_live,
    other,
    read,
    right,
    session,
    tokens,
)  # fmt: skip
from tests.entitlement_server import ISSUER, SEED
from tests.integration.point import Point
from tests.traffic_server import MEDIA, Origin

SAMPLE_PEOPLE, SAMPLE_ABLE, SAMPLE_LESSONS, SAMPLE_LIVE, SAMPLE_TOKENS = 12, 4, 7, 2, 2
"""Of `make test`, at each moment; `make proof` asks everybody for everything.

Few may watch a class or take a lesson away: so many of them are there each time."""
LATER = 600
"""Seconds after which tokens are shown again whose right ends meanwhile."""
NEVER = frozenset(
    {f"{kind} with a false session" for kind in ("plays", "plays of live classes", "downloads")}
    | {f"{way.tokens} {how}" for way in WAYS for how in ("elsewhere", "for another lesson", "for the other kind", "at their end")}
    | {"downloads of live classes"}
)  # fmt: skip
"""Kinds of requests none of which is ever allowed."""
ASKERS = 16
"""That ask the service at once. It answers when its record is on the disk, and whoever waits for that shares one write."""
PATIENCE = 60
"""Seconds that a box waits for the platform of a test."""
Caches = Mapping[str, Point]
"""Place -> the cache there."""


@dataclass
class Platform(box_cache.Platform):
    """What the platform serves to boxes: the same few bytes for every path, as the store gives them to the shield."""

    def found(self, path: str) -> tuple[bytes, str]:
        return MEDIA, traffic_server.KEPT


class Stores(NamedTuple):
    """Where lessons come from, for each place; both count."""

    city: Origin
    school: Platform

    @property
    def asked(self) -> int:
        """Questions for anything."""
        return self.city.asked.total() + len(self.school.asked)

    @property
    def headers(self) -> str:
        """What came along with them."""
        return "".join((*self.city.headers, *self.school.headers))


class Given(NamedTuple):
    """A token that the service gave: to whom, for what with which lesson, for which place, and where it leads."""

    way: Way
    who: Person
    what: Thing
    place: str
    token: str
    path: str

    @property
    def ends(self) -> int:
        """When it ends by itself, Unix seconds."""
        return int(read(self.token)["exp"])

    def fits(self, moment: int) -> bool:
        """Whether it ends as one given at ``moment`` may: when it has lasted as long as any, or at an edge, and never past its right.

        An edge is one of a licence, an agreement, a class or the session. It may end there although they would be given another one
        for another reason: then they ask anew.
        """
        whole = moment + CITY.playback.token_minutes * 60
        session_ends = claims(self.who, moment)["exp"]
        edges = {whole, *EDGES, ENDS.get(self.what.id, whole)} | (set() if self.who is NOBODY else {session_ends})
        kept = (right(self.way, self.who, self.what, each) for each in EDGES if moment < each < self.ends)
        return self.ends in edges and moment < self.ends <= whole and all(kept)


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


class Crowd:
    """Several that ask what listens at a port, each over a connection of its own."""

    def __init__(self, name: str, port: int) -> None:
        self._name, self._port, self._own = name, port, threading.local()
        self._pool = ThreadPoolExecutor(ASKERS, "asking")

    def _point(self) -> Point:
        if not hasattr(self._own, "point"):
            self._own.point = at(self._name, self._port)
        point: Point = self._own.point
        return point

    def answers(
        self, ask: Callable[[Point, Any], tuple[int, Any]], requests: Iterable[Any]
    ) -> Iterator[tuple[int, Any]]:
        """Status and body for each of the requests, in their order, as ``ask`` gets them."""
        return self._pool.map(lambda each: ask(self._point(), each), requests)

    def close(self) -> None:
        """Nobody asks any more."""
        self._pool.shutdown()


class Played(NamedTuple):
    """A request to play, or to do something else with the lesson."""

    token: str | None
    lesson: str
    place: str
    way: Way


def play(service: Point, token: str | None, lesson: str, place: str, way: Way = PLAY) -> tuple[int, dict[str, Any]]:
    """Status and body of a request to play, or to do something else with the lesson, with the token where there is one."""
    query = "" if place == video_token.CITY else f"?place={place}"
    who = {"Authorization": f"Bearer {token}"} if token else {}
    headers = {"Host": "localhost", "Content-Length": "0", "X-Token-In-Body": "1", **who}
    status, body = service.ask("POST", f"/access/{way.name}/{lesson}{query}", headers)
    return status, json.loads(body)


def show(cache: Point, lesson: str, token: str | None) -> bool:
    """Whether the cache serves the lesson."""
    return show_at(cache, PLAY.piece(lesson, "master.m3u8"), token)


def show_at(cache: Point, path: str, token: str | None) -> bool:
    """Whether the cache serves what lies there."""
    cookie = {"Cookie": f"{video_token.COOKIE}={token}"} if token else {}
    status, body = cache.ask("GET", path, {"Host": cache.host, **cookie})
    assert (status, body) == (200, MEDIA) or (status in (403, 404) and MEDIA not in body), (status, body)
    return status == 200


def at_box(box: Box) -> Point:
    """The box, as a classroom of its school asks it; whose certificate it has is proven elsewhere."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    source = (box_cache.ELSEWHERE, 0)

    def connect() -> HTTPSConnection:
        return HTTPSConnection("127.0.0.1", box.tls, timeout=30, context=context, source_address=source)

    return Point("box", connect, box.host, (box.local, box.way))


@contextmanager
def stores() -> Iterator[Stores]:
    """The store, and the platform's door for boxes."""
    with tempfile.TemporaryDirectory(prefix="huiju-door-") as folder, traffic_server.counting() as origin:
        box_cache.lasting(Path(folder), names.edge_host(SCHOOL, box_cache.DOMAIN))
        door = Platform(Path(folder))
        door.up()
        try:
            yield Stores(origin, door)
        finally:
            door.down()


@contextmanager
def boxes(door: Platform, shift: int) -> Iterator[Point]:
    """A fresh box of the school, as `at_box` asks it, whose clock is ``shift`` seconds ahead."""
    with box_of(door, shift) as found:
        yield at_box(found)


@contextmanager
def box_of(door: Platform, shift: int = 0) -> Iterator[Box]:
    """The same, and what it wrote down."""
    # Not below the test's own folder, which nobody but root may enter.
    with tempfile.TemporaryDirectory(prefix="huiju-box-") as place:
        Path(place).chmod(0o711)
        box = Box(Path(place) / "box", door, issuer=ISSUER, code=SCHOOL, seed=SEED, shift=shift, patience=PATIENCE)
        box_cache.lasting(box.folder / "tls", box.host)
        try:
            box.up()
            yield box
        finally:
            box.down()


@contextmanager
def caches(found: Stores, moment: int) -> Iterator[Caches]:
    """A fresh cache for each place, the shield and a box, whose clocks show ``moment`` and go on."""
    shift = moment - int(datetime.now(UTC).timestamp())
    with (
        traffic_server.running(CITY, configured(video_token.CITY), found.city, shift) as city,
        boxes(found.school, shift) as school,
    ):
        yield {video_token.CITY: at("shield", city.port), SCHOOL: school}


def ask_service(service: Crowd, judge: Judge, moment: int, tally: Tally) -> Iterator[Given]:
    """Everybody asks to play everything at one moment, and to take it away; what they are given."""
    live = (*LIVE, OVER, ENDING[moment])
    for number, who in enumerate(_asking(moment, tally)):
        wanted = [*tally.some(RECORDED, SAMPLE_LESSONS), *tally.some(live, SAMPLE_LIVE)]
        token = session(who, moment)
        places = [PLACES[(number + index) % len(PLACES)] for index in range(len(wanted))]
        for way in WAYS:
            requests = [Played(token, what.id, place, way) for what, place in zip(wanted, places, strict=True)]
            answers = service.answers(lambda point, each: play(point, *each), requests)
            verdicts = iter(judge.decide([each for what in wanted for each in asked(way, who, what, moment)]))
            for what, place, (status, body) in zip(wanted, places, answers, strict=True):
                fine = right(way, who, what, moment)
                tally.add(_kind(way, what), (who, what, moment, body), got=status == 200, right=fine)
                cedar = [next(verdicts).allowed for _ in way.actions]
                facts = (way.name, who, what, moment)
                tally.add("verdicts of Cedar", facts, got=any(cedar), right=granted(way, who, what, moment))
                if "token" in body:
                    yield Given(way, who, what, place, body["token"], body["master" if way is PLAY else "path"])
        if who is not NOBODY:
            _spoilt(service, who, moment, tally)


def _asking(moment: int, tally: Tally) -> Sequence[Person]:
    """Who asks: some of everybody, and of those who may do what few may."""
    watching = [who for who in PEOPLE if any(right(PLAY, who, what, moment) for what in LIVE)]
    taking = [who for who in PEOPLE if any(right(DOWNLOAD, who, what, moment) for what in RECORDED)]
    able = (*tally.some(watching, SAMPLE_ABLE), *tally.some(taking, SAMPLE_ABLE))
    return [*dict.fromkeys((*tally.some(PEOPLE, SAMPLE_PEOPLE), *able))]


def _kind(way: Way, what: Thing) -> str:
    return f"{way.name}s{' of live classes' if is_live(what) else ''}"


def _spoilt(service: Crowd, who: Person, moment: int, tally: Tally) -> None:
    """The same person with sessions that do not count asks for what they might have: nothing opens, not even what is the public's."""
    wanted = []
    for way, things in ((PLAY, RECORDED), (PLAY, LIVE), (DOWNLOAD, RECORDED)):
        might = [each for each in things if right(way, who, each, moment)]
        # Who may play nothing asks all the same; about the rest it would say nothing.
        some = might or (things if _kind(way, things[0]) == "plays" else ())
        for number, (state, make) in enumerate(FALSE_SESSIONS.items() if some else ()):
            what = some[number % len(some)]
            wanted.append((state, what, Played(make(claims(who, moment)), what.id, video_token.CITY, way)))
    answers = service.answers(lambda point, each: play(point, *each[2]), wanted)
    for (state, what, request), (status, body) in zip(wanted, answers, strict=True):
        opened = status == 200 or "token" in body
        kind = f"{_kind(request.way, what)} with a false session"
        tally.add(kind, (state, who, what, moment, body), got=opened, right=False)


def show_given(found: Caches, given: Sequence[Given], moment: int, tally: Tally) -> int:
    """Every token at its own place, cold and warm, at the other, for another lesson, and for what the other kind opens of its own.

    How many pieces were opened at all. A token that ends within ten minutes may end while it is shown: what is right then is not known,
    and `show_later` asks.
    """
    opened = set()
    for number, each in enumerate(given):
        named, cache = each.way.tokens, found[each.place]
        tally.add(f"ends of {named}", (each, moment), got=each.fits(moment), right=True)
        if each.ends > moment + LATER:
            opened.add((each.place, each.path))
            for heat in ("cold", "warm"):
                tally.add(f"{named} shown", (heat, each, moment), got=show_at(cache, each.path, each.token), right=True)
        (elsewhere,) = (place for place in PLACES if place != each.place)
        got = show_at(found[elsewhere], each.path, each.token)
        tally.add(f"{named} elsewhere", (each, moment), got=got, right=False)
        another = each.path.replace(each.what.id, after(each.what, 1 + number).id)
        got = show_at(cache, another, each.token)
        tally.add(f"{named} for another lesson", (each, another, moment), got=got, right=False)
        kept = other(each.way).piece(each.what.id, "lesson.mp4")
        got = show_at(cache, kept, each.token)
        tally.add(f"{named} for the other kind", (each, kept, moment), got=got, right=False)
    return len(opened)


def show_later(when: str, found: Caches, given: Sequence[Given], moment: int, tally: Tally) -> None:
    """The same tokens to caches at which ``moment`` has come; all of them end after some hours."""
    for each in given:
        kind = f"{each.way.tokens} {when}"
        fine = kind not in NEVER and moment < each.ends
        tally.add(kind, (each, moment), got=show_at(found[each.place], each.path, each.token), right=fine)


def show_states(found: Caches, moment: int, tally: Tally) -> None:
    """Tokens of every state, for a piece that nobody has asked for yet, and again when it is in the cache."""
    names = count()
    for way in WAYS:
        for what, place in tally.some([*product((*RECORDED, *LIVE), PLACES)], SAMPLE_TOKENS):
            made = tokens(way, what, place, moment)
            for state, token in made.items():
                piece, facts = way.piece(what.id, f"{next(names)}.m4s"), (state, what, place, moment)
                for heat in ("cold", "warm"):
                    got = show_at(found[place], piece, token)
                    tally.add(f"{way.tokens} of every state, {heat}", facts, got=got, right=state == "good")
                    assert show_at(found[place], piece, made["good"]), "what the cache is warmed with"
