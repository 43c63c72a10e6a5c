"""Whatever else is shown beside it: the permission that opened a thing is the one in the cache's line, at the shield and at a box."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, product
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from derive import access_log, box_log, page_access, permission, school_cache, video_token
from derive.access_log import Access
from tests import traffic_server
from tests.enforcement import asking
from tests.enforcement.product import CITY, LESSONS, SCHOOL, configured, minted
from tests.entitlement_server import ISSUER
from tests.integration.point import Point
from tests.waiting import until

COOKIE, LESSON, OTHER = video_token.COOKIE, LESSONS[0].id, LESSONS[1].id
FOLDER = video_token.media_path(LESSON)
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the curve P-256 (SEC 2, 2.4.2)."""
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_numbers = count()
Cookies = Sequence[str]
"""Values of `Cookie`, each in a header of its own."""
Ways = Mapping[str, Callable[[str, str], Cookies]]
"""How -> the cookies, of one that is good and one that opens nothing."""
Named = tuple[int, str | None]
"""A status, and what the line names."""


@dataclass
class Door:
    """Where viewers ask, for which place, and what is written down of it."""

    at: Point
    place: str
    log: Path
    read: Callable[[str], Access | None]

    def token(self, claims: Callable[..., dict[str, Any]] = video_token.claims, lesson: str = LESSON) -> str:
        """A new permission for this place."""
        # The end differs, and with it everything.
        return minted(claims(ISSUER, self.place, lesson, int(time.time()) + 600 + next(_numbers)))

    def ask(self, path: str, cookies: Cookies = (), **headers: str) -> int:
        """The status."""
        link = self.at.connect()
        link.putrequest("GET", path, skip_host=True)
        rows = [("Host", self.at.host), *(("Cookie", each) for each in cookies), *headers.items()]
        for name, value in rows:
            link.putheader(name, value)
        link.endheaders()
        answer = link.getresponse()
        answer.read()
        link.close()
        return answer.status

    def lines(self) -> dict[str, Access]:
        """Path -> its line."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        found = [self.read(line) for line in text.splitlines() if access_log.MARK in line]
        # Its `~` is escaped there.
        return {unquote(each.path): each for each in found if each}

    def shown(self, *asked: Cookies, path: str = "", **headers: str) -> list[Named]:
        """Each is shown for a piece of its own, or for ``path``: the statuses, and what the lines name."""
        paths = [path or f"{FOLDER}h/{next(_numbers)}.m4s" for _ in asked]
        statuses = [self.ask(path, cookies, **headers) for path, cookies in zip(paths, asked, strict=True)]
        until(lambda: set(paths) <= set(self.lines()), "their lines", 60, 0.2)
        found = [self.lines()[path] for path in paths]
        assert [each.status for each in found] == statuses
        return [(each.status, each.permission) for each in found]


def _read_of_box(line: str) -> Access | None:
    """As the city has it."""
    return access_log.parse(box_log.kept(line.encode(), SCHOOL) or "")


@pytest.fixture(scope="module")
def shield() -> Iterator[Door]:
    with (
        traffic_server.counting() as origin,
        traffic_server.running(CITY, configured(video_token.CITY), origin) as cache,
    ):
        yield Door(asking.at("shield", cache.port), video_token.CITY, cache.output, access_log.parse)


@pytest.fixture(scope="module")
def box() -> Iterator[Door]:
    with asking.stores() as stores, asking.box_of(stores.school) as found:
        log = found.folder / "log" / f"{school_cache.LOG}.log"
        yield Door(asking.at_box(found), SCHOOL, log, _read_of_box)


@pytest.fixture(params=["shield", "box"])
def door(request: pytest.FixtureRequest) -> Door:
    found: Door = request.getfixturevalue(request.param)
    return found


def signature(token: str) -> bytes:
    """The bytes of it."""
    return base64.urlsafe_b64decode(f"{token.rpartition('.')[2]}==")


def signed(token: str, other: bytes) -> str:
    """The token under another signature."""
    return f"{token.rpartition('.')[0]}.{base64.urlsafe_b64encode(other).rstrip(b'=').decode()}"


GOOD: Ways = {
    "alone": lambda good, _: [f"{COOKIE}={good}"],
    "behind a name that ends so": lambda good, bad: [f"x{COOKIE}={bad}; {COOKIE}={good}"],
    "behind such a name with something short": lambda good, _: [f"x{COOKIE}=a.b.AAAA; {COOKIE}={good}"],
    "behind another's value that looks so": lambda good, bad: [f"x={COOKIE}={bad}; {COOKIE}={good}"],
    "behind the name in small letters": lambda good, bad: [f"{COOKIE.lower()}={bad}; {COOKIE}={good}"],
    "behind the name without a value": lambda good, _: [f"{COOKIE}; {COOKIE}={good}"],
    "before another of the name": lambda good, bad: [f"{COOKIE}={good}; {COOKIE}={bad}"],
    "among others": lambda good, _: [f'a=b; {COOKIE}={good};\tc="d,e"'],
    "behind a tab": lambda good, _: [f"a=b;\t{COOKIE}={good}"],
    "in the second header": lambda good, _: ["a=b", f"{COOKIE}={good}"],
}
"""How one is shown that opens, beside one that does not."""
BAD: Ways = {
    "behind one of the name": lambda good, bad: [f"{COOKIE}={bad}; {COOKIE}={good}"],
    "behind one that is no token": lambda good, _: [f"{COOKIE}=a.b.{'A' * 86}; {COOKIE}={good}"],
    "behind one in another header": lambda good, bad: [f"a=b; {COOKIE}={bad}", f"{COOKIE}={good}"],
    "in quotes": lambda good, _: [f'{COOKIE}="{good}"'],
    "behind one within quotes": lambda good, bad: [f'a="b; {COOKIE}={bad}"; {COOKIE}={good}'],
    "under a name that ends so": lambda good, _: [f"x{COOKIE}={good}"],
    "in another's value": lambda good, _: [f"x={COOKIE}={good}"],
}
"""How it opens nothing."""
ADDRESSES = (
    "{path}?{shown}",
    "{path};{shown}",
    "{path}#{shown}",
    "{path}?#{shown}",
    "{path}?a=b#{shown}",
    "http://{shown}@{host}{path}",
    "http://u:{shown}@{host}{path}",
    "http://{host};{shown}{path}",
)
OPENS_NOTHING: Mapping[str, Callable[[Door], str]] = {
    "of another lesson": lambda door: door.token(lesson=OTHER),
    # Whoever has seen a permission of somebody's wants them to have been here.
    "with somebody's signature": lambda door: signed(door.token(), signature(door.token(lesson=OTHER))),
}


def combined(door: Door, ways: Ways) -> dict[str, tuple[str, Cookies]]:
    """Which way, beside what -> the name of the good one, and how both are shown."""
    found = {}
    for (way, shown), (beside, spoilt) in product(ways.items(), OPENS_NOTHING.items()):
        good = door.token()
        found[f"{way}, {beside}"] = permission.name(good), shown(good, spoilt(door))
    return found


def test_the_line_names_what_opened_it(door: Door) -> None:
    asked = combined(door, GOOD)
    answers = door.shown(*(cookies for _, cookies in asked.values()))
    assert dict(zip(asked, answers, strict=True)) == {how: (200, name) for how, (name, _) in asked.items()}


def test_what_could_be_named_otherwise_opens_nothing(door: Door) -> None:
    asked = combined(door, BAD)
    answers = dict(zip(asked, door.shown(*(cookies for _, cookies in asked.values())), strict=True))
    assert {how: status for how, (status, _) in answers.items()} == dict.fromkeys(asked, 403)
    assert not [how for how, (_, named) in answers.items() if named == asked[how][0]]


def test_another_signature_that_is_as_good_has_the_same_name(door: Door) -> None:
    good = door.token()
    first, second = signature(good)[:32], int.from_bytes(signature(good)[32:], "big")
    mirrored = signed(good, first + (ORDER - second).to_bytes(32, "big"))
    spare = good[:-1] + ALPHABET[ALPHABET.index(good[-1]) ^ 1]
    assert len({good, mirrored, spare}) == 3
    cookies = [[f"{COOKIE}={each}"] for each in (good, mirrored, spare)]
    assert door.shown(*cookies) == [(200, permission.name(good))] * 3


def test_a_signature_that_is_filled_up_opens_nothing(door: Door) -> None:
    good = door.token()
    longer = signed(good, b"".join(b"\0" + each for each in (signature(good)[:32], signature(good)[32:])))
    assert door.shown([f"{COOKIE}={longer}"]) == [(403, None)]


@pytest.mark.parametrize("beside", [True, False], ids=["beside another", "alone"])
def test_a_permission_in_the_address_opens_nothing_and_is_in_no_line(door: Door, *, beside: bool) -> None:
    good, cookies = door.token(), [f"{COOKIE}={door.token(lesson=OTHER)}"] if beside else []
    for address in ADDRESSES:
        path = f"{FOLDER}h/{next(_numbers)}.m4s"
        asked = address.format(path=path, shown=f"{COOKIE}={good}", host=door.at.host)
        assert door.ask(asked, cookies) in {400, 403, 404}, address
    assert door.shown([f"{COOKIE}={door.token()}"])[0][0] == 200, "and lines that are later are there"
    assert good[:20] not in door.log.read_text(errors="replace")


def test_where_everybody_is_let_in_no_permission_has_a_name(door: Door) -> None:
    forged = OPENS_NOTHING["with somebody's signature"](door)
    for path in (f"{FOLDER}lesson.json", f"{FOLDER}h/r/poster.jpg", "/lessons/index.json"):
        assert door.shown([f"{COOKIE}={forged}"], path=path) == [(200, None)]
    closed = f"{video_token.download_path(LESSON)}poster.jpg"
    assert door.shown([f"{COOKIE}={forged}"], path=closed) == [(403, permission.name(forged))]


def test_a_browser_that_holds_both_is_named_by_the_one_for_what_it_asks(door: Door) -> None:
    play, take = door.token(), door.token(video_token.download_claims)
    file, again = (f"{video_token.download_path(LESSON)}{next(_numbers)}.mp4" for _ in range(2))
    # The longer path first (RFC 6265, 5.4); Chromium does so, and curl.
    assert door.shown([f"{COOKIE}={take}; {COOKIE}={play}"], path=file) == [(200, permission.name(take))]
    assert door.shown([f"{COOKIE}={play}"]) == [(200, permission.name(play))], "the other is not sent there"
    assert door.shown([f"{COOKIE}={play}; {COOKIE}={take}"], path=again) == [(403, permission.name(play))]


def test_what_a_page_shows_a_box_is_what_is_looked_at_and_named(box: Door) -> None:
    good, bad = box.token(), box.token(lesson=OTHER)
    both, name = [[f"{COOKIE}={bad}", f"{COOKIE}={bad}"], [f"{COOKIE}={good}"]], page_access.HEADER
    assert box.shown(*both, **{name: good}) == [(200, permission.name(good))] * 2
    assert box.shown(*both, **{name: bad}) == [(403, permission.name(bad))] * 2
    assert box.shown(both[1], **{name: f"{bad}="}) == [(200, permission.name(good))], "what has no form is not shown"
