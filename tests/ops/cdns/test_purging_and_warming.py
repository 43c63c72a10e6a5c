"""Purge and warm against real shields: exactly the lesson goes, from every cache, nobody else can; and a warm one reads the store once."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from catalog import names
from catalog.errors import UserError
from ops.cdns import purging, warming
from ops.cdns.doors import Door
from tests import box_cache
from tests.box_cache import ELSEWHERE, LESSON, OTHER, Platform, Shield

Stand = tuple[Platform, list[Shield]]


@pytest.fixture
def stand() -> Iterator[Stand]:
    with box_cache.shields(2, LESSON, OTHER) as found:
        yield found


@contextmanager
def dead(_port: int) -> Iterator[str]:
    raise UserError("it cannot be reached")
    yield ""


def doors(shields: list[Shield]) -> list[Door]:
    return [Door(names.SHIELD, f"shield-{number}", each.opened) for number, each in enumerate(shields)]


def wanted(lesson: str) -> list[tuple[str, int]]:
    return [(path, len(body)) for path, (body, _) in box_cache.lesson(lesson).items()]


def held(shield: Shield, lesson: str) -> int:
    """How many objects of the lesson the shield has, as a school's box asks it."""
    return sum(
        box_cache._asked(
            http.client.HTTPConnection("127.0.0.1", shield.schools), "HEAD", path, {"Cache-Control": "only-if-cached"}
        )[0] == 200
        for path, _ in wanted(lesson)
    )  # fmt: skip


def silent(*_: object) -> None:
    """Nobody watches."""


def test_a_lesson_is_given_up_by_every_cache_whole_and_no_other_one(stand: Stand) -> None:
    _, shields = stand
    for lesson in (LESSON, OTHER):
        assert not [each.why for each in warming.warm(doors(shields), wanted(lesson), silent) if each.why]
    count = len(wanted(LESSON))
    assert [(held(each, LESSON), held(each, OTHER)) for each in shields] == [(count, count)] * 2
    assert purging.pods(doors(shields), [path for path, _ in wanted(LESSON)]) == {"shield-0": count, "shield-1": count}
    assert [(held(each, LESSON), held(each, OTHER)) for each in shields] == [(0, count)] * 2


def test_a_cache_that_cannot_be_reached_is_named_and_the_others_are_purged_all_the_same(stand: Stand) -> None:
    _, shields = stand
    warming.warm(doors(shields), wanted(LESSON), silent)
    lost = Door(names.DISTRICT_EDGE, "edge-x/pod", dead)
    with pytest.raises(UserError, match=rf"edge-x/pod: it cannot be reached\n.*`huiju cdn purge {LESSON}`"):
        purging.pods([lost, *doors(shields)], [path for path, _ in wanted(LESSON)])
    assert [held(each, LESSON) for each in shields] == [0, 0]
    path, _ = wanted(OTHER)[0]
    with pytest.raises(UserError, match=f"`huiju cdn purge --path {path}`"):
        purging.pods([lost], [path])


def test_nobody_but_loopback_has_anything_given_up_and_not_at_another_port(stand: Stand) -> None:
    _, (shield, _) = stand
    warming.warm(doors([shield]), wanted(LESSON), silent)
    path = next(each for each, _ in wanted(LESSON) if each.endswith(".m4s"))

    def ask(port: int, source: str, host: str = "x", method: str = "PURGE") -> int:
        line = http.client.HTTPConnection("127.0.0.1", port, source_address=(source, 0))
        return box_cache._asked(line, method, path, {"Host": host})[0]

    for port in (shield.tls, shield.schools, shield.local):
        for host in ("x", f"x:{shield.local}"):
            assert ask(port, ELSEWHERE, host) == 403
    assert ask(shield.tls, "127.0.0.1", f"x:{shield.local}") == 403, "no token"
    assert ask(shield.local, "127.0.0.1", method="PUSH") == 403
    assert ask(shield.local, "127.0.0.1") == 200


def test_warming_again_reads_nothing_from_the_store_and_what_was_cut_off_goes_on(stand: Stand) -> None:
    store, (shield, _) = stand
    half = wanted(LESSON)[:7]
    warming.warm(doors([shield]), half, silent)
    (found,) = warming.warm(doors([shield]), wanted(LESSON), silent)
    assert found.fetched == sum(size for _, size in wanted(LESSON)[7:])
    assert {store.reads(path) for path, _ in wanted(LESSON)} == {1}
    (again,) = warming.warm(doors([shield]), wanted(LESSON), silent)
    assert (again.fetched, again.why) == (0, "")


def test_what_the_store_has_in_another_size_is_said(stand: Stand) -> None:
    _, (shield, _) = stand
    path, size = wanted(LESSON)[0]
    (found,) = warming.warm(doors([shield]), [(path, size + 1)], silent)
    assert found.why == f"{path}: 200, {size} of {size + 1} bytes"


def test_a_school_s_lesson_is_fetched_through_its_district_s_edge_or_else_the_shield() -> None:
    shield, here, there = (
        Door(level, name, dead)
        for level, name in ((names.SHIELD, "s/1"), (names.DISTRICT_EDGE, "edge-a/1"), (names.DISTRICT_EDGE, "edge-b/1"))
    )
    assert warming.through([shield, here, there], "b") == [there]
    assert warming.through([shield, here, there]) == [here, there]
    assert warming.through([shield, here], "b") == [shield]
