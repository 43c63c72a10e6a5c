"""Clocks that are ten minutes off, the service's and a cache's, alone and together: what opens, and that it opens ten minutes off at most.

The bound is written in docs/decisions/0196: no clock opens anything by more than it is off itself, and two that are off do not add up.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import product
from typing import NamedTuple

import pytest

from derive import video_token
from derive.questions import Person, Thing
from services.entitlement.sessions import LEEWAY_SECONDS
from tests import traffic_server
from tests.enforcement import asking
from tests.enforcement.product import CITY, LESSONS, MOMENTS, PEOPLE, SCHOOL, claims, configured, minted, plain
from tests.entitlement_server import ISSUER, Running, signed
from tests.traffic_server import Origin

pytestmark = [pytest.mark.integration, pytest.mark.proof, pytest.mark.timeout(600)]
OFF = 600
"""Seconds by which a clock is off."""
CLOCKS = (-OFF, 0, OFF)
NEAR = (-OFF - 60, -60, 60, OFF + 60)
"""When it is asked, seconds from the edge."""
CITY_PLACE = video_token.CITY


class Edge(NamedTuple):
    """From this moment on somebody may play a lesson, or may not any more."""

    who: Person
    what: Thing
    moment: int
    opens: bool


def first(opens: bool) -> Edge:
    """The first licence or publication that begins, or that ends."""
    return next(
        Edge(who, what, moment, opens)
        for moment, who, what in product(MOMENTS, PEOPLE, LESSONS)
        if plain(who, what, moment) is opens and plain(who, what, moment - 1) is not opens
    )


@pytest.fixture
def origin() -> Iterator[Origin]:
    with traffic_server.counting() as found:
        yield found


def shown(origin: Origin, now: int, lesson: str, token: str | None) -> bool:
    """Whether a cache whose clock shows ``now`` serves the lesson for the token."""
    with traffic_server.running(CITY, configured(CITY_PLACE), origin, now - int(time.time())) as found:
        return asking.show(asking.at("cache", found.port), lesson, token)


@pytest.mark.parametrize("opens", [True, False], ids=["opens", "ends"])
def test_nothing_opens_by_more_than_the_one_clock_that_decides_it_is_off(
    service: Running, origin: Origin, opens: bool, proof: Callable[[str, str], None]
) -> None:
    edge, asked, opened = first(opens), 0, 0
    for near, of_service in product(NEAR, CLOCKS):
        now = edge.moment + near
        service.at(now + of_service)
        token = signed(claims(edge.who, now + of_service))
        status, body = asking.play(asking.at("service", service.port), token, edge.what.id, CITY_PLACE)
        given = body.get("token")
        assert (status == 200) is plain(edge.who, edge.what, now + of_service), (near, of_service, body)
        for of_cache in CLOCKS if given else ():
            got, cache = shown(origin, now + of_cache, edge.what.id, given), now + of_cache
            # A token ends with the right, whenever it was made: that end is the cache's to see.
            assert got is (edge.opens or cache < edge.moment), (near, of_service, of_cache)
            assert not got or any(plain(edge.who, edge.what, now + each) for each in CLOCKS), (
                near,
                of_service,
                of_cache,
            )
            asked, opened = asked + 1, opened + got
    assert opened
    where = "begins" if edge.opens else "ends"
    said = f"{asked} pairs of clocks, {opened} opened, none by more than ten minutes"
    proof(f"access: clocks of service and cache ten minutes off where a right {where}", said)


@pytest.mark.parametrize("off", CLOCKS)
def test_a_cache_admits_a_token_for_as_much_longer_as_its_clock_is_behind(
    origin: Origin, off: int, proof: Callable[[str, str], None]
) -> None:
    now, lesson = MOMENTS[-1], LESSONS[0].id
    lefts = (-OFF - 60, -OFF + 60, -60, 60, OFF - 60, OFF + 60)
    tokens = {left: minted(video_token.claims(ISSUER, CITY_PLACE, lesson, now + left)) for left in lefts}
    with traffic_server.running(CITY, configured(CITY_PLACE), origin, now + off - int(time.time())) as found:
        cache = asking.at("cache", found.port)
        admitted = [left for left in lefts if asking.show(cache, lesson, tokens[left])]
        assert admitted == [left for left in lefts if left > off]
    said = f"{len(lefts)} tokens, {len(admitted)} admitted, {sum(left < min(off, 0) for left in admitted)} by more than it is behind"
    proof(f"access: tokens at a cache whose clock is {off:+d} s off", said)


@pytest.mark.parametrize("off", CLOCKS)
def test_a_session_counts_for_as_much_longer_as_the_service_s_clock_is_behind(
    service: Running, off: int, proof: Callable[[str, str], None]
) -> None:
    who, what = next(
        (who, what)
        for who, what in product(PEOPLE, LESSONS)
        if who.schools == (SCHOOL,) and plain(who, what, MOMENTS[-1])
    )
    ends = claims(who, MOMENTS[-1])["exp"]
    moments, counted = (-OFF - 60, -60, LEEWAY_SECONDS + 1, OFF - 60, OFF + LEEWAY_SECONDS + 1), 0
    for since in moments:
        service.at(ends + since + off)
        status, _ = asking.play(
            asking.at("service", service.port), signed(claims(who, MOMENTS[-1])), what.id, CITY_PLACE
        )
        assert (status == 200) is (since + off < LEEWAY_SECONDS), (since, off)
        counted += status == 200
    said = f"{len(moments)} moments about its end, it counted at {counted}, at none by more than the clock is behind"
    proof(f"access: a session at a service whose clock is {off:+d} s off", said)
