"""Every trick of path, method and host, with tokens of every state, at each cache by itself: a box, the shield and a district's edge.

The caches run the very files of the kit. What they ask reads a path as kindly as any store could, decoded and tidied up: what they let
through by mistake is found there.
"""

from __future__ import annotations

import posixpath
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from http.client import HTTPConnection
from itertools import count, product
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import jwt
import pytest

from derive import keys, page_access, video_token
from services.packager.store import IMMUTABLE
from tests import box_cache, edge_cache, tricks
from tests.box_cache import CODE, ISSUER, SEED, Box, Shield
from tests.edge_cache import Edge
from tests.enforcement import asking
from tests.integration.point import Point
from tests.tricks import FOREIGN, MARK, ONE, OTHER, THEMSELVES, TOKENS, TRICKS, Asked, Trick, media, wanted

pytestmark = [pytest.mark.integration, pytest.mark.proof, pytest.mark.timeout(1800)]
SAMPLE = 60
"""Combinations of `make test` at each door with a token that is not good, beside all with a good one or none."""
_numbers = count()
Proof = Callable[[str, str], None]


class Platform(box_cache.Platform):
    """Has a segment of both lessons under every number, and finds it by whatever reads like its path."""

    def found(self, path: str) -> tuple[bytes, str]:
        lesson = re.fullmatch(rf"/lessons/({ONE}|{OTHER})/h/\d+[.]m4s", tidied(path))
        return (media(lesson[1]), IMMUTABLE) if lesson else (b"", "")


def tidied(path: str) -> str:
    """The path that it may have meant."""
    path = re.sub(r"^([a-z]+://)?.*@[^/]*|^[a-z]+://[^/]*", "", re.split("[?#]", path)[0], flags=re.IGNORECASE)
    for _ in range(3):
        path = unquote(path)
    return posixpath.normpath("/" + re.sub(";[^/]*", "", path).lstrip("/"))


def minted(place: str, lesson: str, *, purpose: str = keys.VIDEO, seconds: int = 3600, **changed: Any) -> str:
    """A token for the lesson at this place, or one that differs."""
    claims = {**video_token.claims(ISSUER, place, lesson, int(time.time()) + seconds), **changed}
    key = keys.pem(keys.private_key(SEED, purpose))
    return jwt.encode(claims, key, keys.ALGORITHM, headers={"kid": keys.key_id(keys.VIDEO)})


def at(name: str, port: int, *others: int) -> Point:
    """A door without TLS, and two of the same cache that are for others."""
    one, other = others
    return Point(name, lambda: HTTPConnection("127.0.0.1", port, timeout=30), others=(one, other))


@pytest.fixture(scope="module")
def start() -> Iterator[Callable[..., Any]]:
    """Runs a cache of a kind, and what it asks, for as long as the tests do."""
    with ExitStack() as ending:

        def started(kind: type[Box], certified: Callable[[Path], None] | None) -> Box:
            # Not below the test's own folder, which nobody but root may enter.
            place = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="huiju-tricks-")))
            place.chmod(0o711)
            cache = kind(
                place / "cache", Platform(place / "cache" / "tls" if certified else None), patience=asking.PATIENCE
            )
            cache.folder.mkdir()
            if certified:
                certified(cache.folder / "tls")
            cache.platform.up()
            ending.callback(cache.platform.down)
            ending.callback(cache.down)
            cache.up()
            return cache

        yield started


class Door(NamedTuple):
    """Where viewers ask, for which place, and how they show what they have."""

    at: Point
    place: str
    elsewhere: str
    shown: Callable[[str], Mapping[str, str]]


def cookie(token: str) -> Mapping[str, str]:
    """As a browser does where it is at home."""
    return {"Cookie": f"{video_token.COOKIE}={token}"}


def header(token: str) -> Mapping[str, str]:
    """As a page of the platform does at a box."""
    return {page_access.HEADER: token}


@pytest.fixture(scope="module")
def box(start: Callable[..., Box]) -> Point:
    return asking.at_box(start(Box, partial(box_cache.lasting, host=box_cache.HOST)))


@pytest.fixture(scope="module")
def city(start: Callable[..., Shield]) -> Point:
    found = start(Shield, None)
    return at("shield", found.tls, found.schools, found.local)


@pytest.fixture(scope="module")
def edge(start: Callable[..., Edge]) -> Edge:
    return start(Edge, edge_cache.certificates)


@pytest.fixture(params=["box, by cookie", "box, by header", "shield"])
def door(request: pytest.FixtureRequest) -> Door:
    if request.param == "shield":
        return Door(request.getfixturevalue("city"), video_token.CITY, CODE, cookie)
    shown = cookie if request.param.endswith("cookie") else header
    return Door(request.getfixturevalue("box"), CODE, video_token.CITY, shown)


@pytest.fixture
def chosen(campaign: Callable[[int, int], int]) -> list[tuple[Trick, str]]:
    """Tricks, and states of a token."""
    every = [*product(TRICKS, TOKENS)]
    always = [each for each in every if each[1] in {"good", "none"}]
    rest = [each for each in every if each not in always]
    step = max(1, len(rest) // campaign(SAMPLE, len(rest)))
    return [*always, *rest[::step]]


def test_only_a_good_token_opens_a_lesson_and_no_trick_another(
    door: Door,
    chosen: list[tuple[Trick, str]],
    request: pytest.FixtureRequest,
    proof: Proof,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked, tokens = Asked(), tricks.tokens(partial(minted, door.place, ONE), door.elsewhere)
    passes = {lesson: cookie(minted(door.place, lesson)) for lesson in (ONE, OTHER)}

    def warmed(number: int) -> None:
        for lesson, shown in passes.items():
            assert THEMSELVES[lesson].at(door.at, shown, number) == (200, media(lesson)), "what it is warmed with"

    for trick, state in chosen:
        token = tokens[state]
        shown = door.shown(token) if token else {}
        asked.twice(door.at, trick, shown, next(_numbers), right=wanted(state, trick), warmed=warmed, facts=state)
    name = request.node.callspec.params["door"]
    told(f"tokens of every state by every trick at the {name}", asked, proof, capsys)
    assert asked.served >= 2 * sum(bool(wanted(state, trick)) for trick, state in chosen)


def at_edge(trick: Trick) -> bool | None:
    """What an edge is to give: it looks at no token, and gives boxes any lesson, by its own plain path alone."""
    if trick.kind == "never":
        return None if trick.foreign and trick.method in {"GET", "HEAD"} else False
    return True if trick.kind == "same" else None


def test_an_edge_gives_a_lesson_by_its_own_path_alone_whatever_token_is_shown(
    edge: Edge, chosen: list[tuple[Trick, str]], proof: Proof, capsys: pytest.CaptureFixture[str]
) -> None:
    asked, tokens = Asked(), tricks.tokens(partial(minted, CODE, ONE), video_token.CITY)
    boxes = at("edge", edge.tls, edge.figures, edge.local)

    def warmed(number: int) -> None:
        for lesson, trick in THEMSELVES.items():
            assert trick.at(boxes, {}, number) == (200, media(lesson)), "what it is warmed with"

    for trick, state in chosen:
        number, token = next(_numbers), tokens[state]
        shown = cookie(token) if token else {}
        asked.twice(boxes, trick, shown, number, right=at_edge(trick), warmed=warmed, facts=state)
        if trick.method == "GET":
            assert edge.platform.reads(FOREIGN.format(other=OTHER, n=number)) == 1, (
                "a token is part of what it knows a piece by"
            )
    told("tokens of every state by every trick at a district's edge, which looks at none", asked, proof, capsys)
    assert video_token.COOKIE not in "".join(edge.platform.headers), "a token came as far as the shield"


def test_an_edge_gives_no_lesson_where_it_gives_figures(
    edge: Edge, chosen: list[tuple[Trick, str]], proof: Proof, capsys: pytest.CaptureFixture[str]
) -> None:
    asked, tokens = Asked(), tricks.tokens(partial(minted, CODE, ONE), video_token.CITY)
    boxes, figures = at("edge", edge.tls, edge.figures, edge.local), at("figures", edge.figures, edge.tls, edge.local)

    def warmed(number: int) -> None:
        for lesson, trick in THEMSELVES.items():
            assert trick.at(boxes, {}, number) == (200, media(lesson)), "what it is warmed with"

    for trick, state in chosen:
        token = tokens[state]
        shown = cookie(token) if token else {}
        asked.twice(figures, trick, shown, next(_numbers), right=False, warmed=warmed, facts=state)
    told(
        "tokens of every state by every trick at the port of a district's edge that gives figures", asked, proof, capsys
    )


def told(what: str, asked: Asked, proof: Proof, capsys: pytest.CaptureFixture[str]) -> None:
    """Print the counts and keep them; fail where anything was not right."""
    said = f"{asked.number:,} requests, cold and warm, {asked.served} served, {len(asked.wrong)} mismatches"
    with capsys.disabled():
        print(f"\n{what}: {said}")
    proof(f"access: {what}", said)
    assert not asked.wrong, asked.wrong[:10]


def test_what_is_asked_reads_a_path_as_kindly_as_any_store() -> None:
    """Else nothing that a cache lets through would be seen."""
    for trick in TRICKS:
        path = trick.path.format(one=ONE, other=OTHER, n=1, host="h", HOST="H", others=(1, 2))
        (lesson,) = {ONE, OTHER} & set(re.findall("l-trick[a-z0-9]+", tidied(path)))
        assert (lesson == OTHER) is (trick.kind == "never" and trick.path != tricks.OWN), trick
    assert MARK in media(ONE)[:100]
