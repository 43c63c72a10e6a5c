"""Shield, edge and school box on loopback, from their generated files: what passes, and who stands in for whom."""

from __future__ import annotations

import itertools
import re
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from catalog import names
from derive import (
    access_log,
    box_log,
    keys,
    school_cache,
    video_token,
)
from derive.permission import name as permission_name
from local import paths
from tests import waiting
from tests.playbooks.test_modules import module_of
from tests.three_levels import DOMAIN, ISSUER, LESSON, SCHOOL, SEED, City3, permission, running

until = partial(waiting.until, seconds=20, pause=0.2)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City3]:
    with running(tmp_path_factory.mktemp("levels")) as found:
        yield found


def through(via: str) -> list[str]:
    """The caches of a `Via` header, the one nearest to the store first."""
    return re.findall(r"[(](shield|edge|[0-9]{10}) ", via)


def test_traffic_server_accepts_what_every_level_is_given(city: City3) -> None:
    for cache in (*city.shields, city.edge, city.box):
        assert cache.complaint() == ""


# Before the others: counters come late, and those of other tests' questions would be among them.
def test_what_the_box_counts_and_writes_down_are_the_classrooms_questions(city: City3) -> None:
    probe = module_of(paths.ROOT / "playbooks" / "roles" / "school_box" / "files" / "lesson_probe.py")

    def counted() -> dict[str, float]:
        address = f"http://127.0.0.1:{city.tree.ports[school_cache.LOCAL_PORT]}{school_cache.STATS}"
        return dict(probe.cache(address))

    before, path = counted(), city.put("counted.m4s", bytes(100_000))
    shown = [permission() for _ in range(3)]
    for each in shown:
        city.play(path, each)
    had = 'trafficserver_requests_total{had="yes"}'
    until(lambda: counted()[had] - before[had] == 2)
    after = counted()
    grown = {key: after[key] - before[key] for key in before}
    assert grown['trafficserver_requests_total{had="no"}'] == 1
    # And the answers to these very questions of the box's.
    assert grown['trafficserver_bytes_total{side="served"}'] > 295_000
    assert 100_000 <= grown['trafficserver_bytes_total{side="fetched"}'] < 102_000, "with its header"
    log = city.box.folder / "logs" / f"{school_cache.LOG}.log"
    until(lambda: log.exists() and log.read_text().count(escaped(path)) >= 3)
    lines = [line for line in log.read_text().splitlines() if escaped(path) in line]
    answers = [access_log.parse(box_log.kept(line.encode(), SCHOOL.code) or "") for line in lines]
    assert [each and (each.place, each.path, each.status, each.school) for each in answers] == [
        (access_log.BOX, path, 200, SCHOOL.code)
    ] * 3
    assert {each and each.permission for each in answers} == set(map(permission_name, shown)), "and whose they were"
    assert all(each and each.address == city.box.address and each.policy for each in answers)


def test_an_object_passes_through_three_levels_and_is_read_once(city: City3) -> None:
    path = city.put("first.m4s", b"a segment" * 1000)
    status, body, via = city.play(path)
    assert (status, body, through(via)) == (200, b"a segment" * 1000, ["shield", "edge", SCHOOL.code])
    assert city.play(path)[:2] == (200, b"a segment" * 1000)
    assert city.store.read[path] == 1


def test_a_crowd_in_front_of_a_cold_tree_reads_the_store_once(city: City3) -> None:
    path = city.put("crowd.m4s", bytes(500_000))
    with ThreadPoolExecutor(40) as crowd:
        answers = list(crowd.map(lambda _: city.play(path)[:2], range(40)))
    assert answers == [(200, bytes(500_000))] * 40
    assert city.store.read[path] == 1


def test_every_part_of_the_shield_keeps_lessons_of_its_own(city: City3) -> None:
    paths = [city.put(f"part-{number}.m4s", b"p") for number in range(25)]
    city.store.ages.update(dict.fromkeys(paths, 1))
    for _ in range(2):
        for path in paths:
            city.play(path)
        # Asked again when the copies have aged: of the same part.
        time.sleep(2)
    until(lambda: all(path in "".join(each.output() for each in city.shields) for path in map(escaped, paths)))
    held = [{path for path in paths if escaped(path) in each.output()} for each in city.shields]
    assert held[0] and held[1]
    assert not held[0] & held[1]
    assert held[0] | held[1] == set(paths)


def escaped(path: str) -> str:
    """As the access log prints it."""
    return path.replace("/", "\\/")


def test_a_part_of_the_shield_that_dies_is_stood_in_for_by_the_other(city: City3) -> None:
    city.shields[1].stop()
    try:
        paths = [city.put(f"one-part-{number}.m4s", b"p") for number in range(12)]
        assert [city.play(path)[0] for path in paths] == [200] * 12
    finally:
        city.shields[1].start()


def test_the_shield_stands_in_for_an_edge_that_is_down_and_the_edge_is_used_again(city: City3) -> None:
    city.edge.stop()
    try:
        path = city.put("no-edge.m4s", b"n")
        status, body, via = city.play(path)
        assert (status, body, through(via)) == (200, b"n", ["shield", SCHOOL.code])
    finally:
        city.edge.start()
    numbers = itertools.count()
    until(lambda: "edge" in through(city.play(city.put(f"edge-again-{next(numbers)}.m4s", b"e"))[2]))


def test_a_box_that_is_cut_off_plays_what_it_holds_also_past_its_age(city: City3) -> None:
    path = city.put("live.m3u8", b"#EXTM3U")
    city.store.ages[path] = 1
    assert city.play(path)[:2] == (200, b"#EXTM3U")
    behind, city.gateway.behind = city.gateway.behind, {}
    try:
        time.sleep(2)
        assert city.play(path)[:2] == (200, b"#EXTM3U")
        assert city.play(city.put("never-seen.m4s", b"x"))[0] in {502, 503}
    finally:
        city.gateway.behind = behind
    until(lambda: city.play(city.put(f"back-{time.monotonic_ns()}.m4s", b"b"))[0] == 200)


def test_what_is_not_there_is_asked_for_once_in_a_while(city: City3) -> None:
    path = f"/lessons/{LESSON}/none.m4s"
    assert [city.play(path)[0] for _ in range(5)] == [404] * 5
    assert city.store.read[path] == 1


def test_a_token_goes_no_further_than_the_box(city: City3) -> None:
    path = city.put("token.m4s", b"t")
    city.play(path)
    assert not [each for each in city.gateway.headers if video_token.COOKIE in str(each)]
    assert not [each for each in city.store.headers if video_token.COOKIE in str(each)]


@pytest.mark.parametrize("token", ["", "x.y.z"])
def test_without_a_permission_of_the_school_the_box_gives_nothing_warm_or_cold(city: City3, token: str) -> None:
    warm, cold = city.put("warm.m4s", b"w"), city.put("cold.m4s", b"c")
    assert city.play(warm)[0] == 200
    assert [city.play(path, token)[0] for path in (warm, cold)] == [403, 403]
    assert city.store.read[cold] == 0


@pytest.mark.parametrize(("offered", "spoken"), [(["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1")])
def test_the_box_speaks_http_2_with_whoever_offers_it(city: City3, offered: list[str], spoken: str) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(offered)
    with (
        socket.create_connection((city.box.address, city.box.port), 10) as plain,
        context.wrap_socket(plain, server_hostname=names.edge_host(SCHOOL.code, DOMAIN)) as line,
    ):
        assert line.selected_alpn_protocol() == spoken


# Last, since it starts the box anew: what it holds in memory is gone.
def test_a_box_takes_both_keys_while_one_follows_the_other_and_then_only_the_new_one(city: City3) -> None:
    path, file = city.put("rotated.m4s", b"r"), city.box.folder / "etc" / video_token.FILE
    before = file.read_text()

    def answers(*epochs: int) -> list[int]:
        """To tokens of the first and of the second key, of a box that has the keys of ``epochs``."""
        public = [keys.public_jwk(SEED, keys.VIDEO, epoch) for epoch in epochs]
        file.write_text(video_token.configuration(ISSUER, SCHOOL.code, public))
        city.box.stop()
        city.box.start()
        return [city.play(path, permission(epoch))[0] for epoch in (1, 2)]

    try:
        assert answers(1) == [200, 403]
        assert answers(2, 1) == [200, 200]
        assert answers(2) == [403, 200]
    finally:
        file.write_text(before)
        city.box.stop()
        city.box.start()
