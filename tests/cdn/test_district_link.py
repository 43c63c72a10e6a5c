"""What crosses the link between city and district when the boxes of two schools read one segment: counted by the link itself.

With a gateway beside the edge, one copy. With the gateway in the city, one to fill the edge, and one more up and down for each box
(decision 0294).
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import time

import pytest

from benchmarks.cdn import network
from benchmarks.cdn.lab import DOMAIN, EDGE_PORT, Lab
from benchmarks.cdn.material import Lesson, body
from benchmarks.cdn.request import Connection, Place
from catalog import names
from tests.cdn.platform import tunnel

pytestmark = pytest.mark.integration
DISTRICT = "hills"


def crossed(link: network.Link) -> tuple[int, int]:
    """Bytes that the link has carried so far: down to the district, and up to the city."""
    line = ("ip", "-n", link.parent, "-s", "-j", "link", "show", "dev", link.device)
    (found,) = json.loads(subprocess.run(line, check=True, capture_output=True, text=True).stdout)
    return int(found["stats64"]["tx"]["bytes"]), int(found["stats64"]["rx"]["bytes"])


async def read(lab: Lab, name: str, *, near: bool) -> tuple[float, float]:
    """Copies of one segment that went down and up while every school of the district read it by its gateway."""
    lesson = Lesson(lab.city, f"{name} {time.monotonic_ns()}", 1)
    rung, link = lesson.rung(720), network.space_link(lab.city, DISTRICT)
    before = crossed(link)
    city = tunnel(network.ROOT, (link.address, EDGE_PORT), listening=(network.ROOT, network.ORIGIN))
    with city as gateway_in_the_city:
        for school in (each.code for each in lab.city.schools if each.district == DISTRICT):
            beside = (f"{network.space_link(lab.city, school).net}.1", EDGE_PORT)
            where = beside if near else gateway_in_the_city
            connection = Connection(Place(network.space(school), *where, names.district_host(DISTRICT, DOMAIN)))
            answer = await connection.get(lesson.path(rung, 0))
            connection.close()
            same = answer.data == body(lesson.path(rung, 0), lesson.size(rung))
            assert same, answer.error
    down, up = (now - then for now, then in zip(crossed(link), before, strict=True))
    return down / lesson.size(rung), up / lesson.size(rung)


def test_a_gateway_beside_the_edge_spares_the_district_s_link_and_one_in_the_city_loads_it_more(lab: Lab) -> None:
    schools = len([each for each in lab.city.schools if each.district == DISTRICT])
    assert schools > 1
    down, up = asyncio.run(read(lab, "near", near=True))
    assert 1 <= down < 1.2 and up < 0.2, "one copy, whoever reads"
    down, up = asyncio.run(read(lab, "far", near=False))
    assert 1 + schools <= down < 1.2 * (1 + schools), "what fills the edge, and what the gateway sends down again"
    assert schools <= up < 1.2 * schools, "what the gateway gets from the edge"
