"""Gateways of districts as they run: the city's once more, for a district's boxes and its edge, and for nothing else."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from typer.testing import CliRunner

from catalog import names
from derive import cache_tree
from infra.plan import gateway
from ops.cli import app
from ops.lessons import place
from ops.phases import Phases
from ops.stack import session
from tests.integration.conftest import Platform
from tests.integration.test_cache_tree import BODY, CITY, EDGE, SCHOOL, SHIELD, SPACE, Box, box, lesson, until

__all__ = ["box", "lesson"]
# After what all others share has been looked at: it brings up a pod of Envoy for each district, and takes them away again.
pytestmark = [pytest.mark.integration, pytest.mark.last, pytest.mark.timeout(1200)]
CELL = "districtGateways"
HTTPS = 443
SHUT = (ssl.SSLError, ConnectionError)
PROGRAMMED = "{range .items[*]}{.metadata.name} {.status.conditions[?(@.type=='Programmed')].status}{'\\n'}{end}"


@dataclass(frozen=True)
class Door:
    """The gateway of the district of `SCHOOL`."""

    where: place.Place

    def ask(self, box: Box, path: str, host: str = EDGE) -> tuple[int, bytes, str]:
        """What `Box.ask` says of it; a forwarded port of its own each time, since kubectl drops one whose connection was closed on it."""
        with self.where.forwarded(names.GATEWAY, f"{gateway.PROXY}-{SPACE}", HTTPS) as address:
            return box.ask(host, path, at=address)


@pytest.fixture(scope="module")
def door(platform: Platform) -> Iterator[Door]:
    """It is there for as long as the tests of this file run."""

    def provisioned(on: bool | None) -> None:
        session.provision(replace(platform.wanted, overrides={CELL: on}), platform.cluster.target, Phases())

    try:
        provisioned(True)
        yield Door(place.of_stack(platform.stack))
    finally:
        provisioned(None)


def test_a_box_gets_a_lesson_from_its_edge_by_the_gateway_of_its_district(box: Box, lesson: str, door: Door) -> None:
    found = until(lambda: answer if (answer := door.ask(box, lesson))[0] == 200 else None)
    assert found[1] == BODY
    assert found[2].index("(shield ") < found[2].index("(edge ")
    assert box.ask(EDGE, lesson)[:2] == (200, BODY), "by the city's gateway as before"


def test_it_leads_to_lessons_of_its_own_edge_and_nowhere_else(box: Box, lesson: str, door: Door) -> None:
    for path in ("/", "/parcels/probe/Packages", "/api/v1/write"):
        assert door.ask(box, path)[0] == 404, path
    other = next(each for each in cache_tree.edges(CITY) if each != SCHOOL.district)
    for host in (SHIELD, EDGE.replace(SCHOOL.district, other, 1)):
        assert box.ask(host, lesson)[0] == 200, "by the city's gateway"
        with pytest.raises(SHUT):
            door.ask(box, lesson, host)


def test_who_has_no_certificate_of_a_school_is_not_let_in(
    platform: Platform, box: Box, lesson: str, door: Door
) -> None:
    with pytest.raises(SHUT):
        door.ask(Box(platform, None), lesson)
    assert door.ask(box, lesson)[0] == 200, "it was open, and not to a stranger"


def test_each_is_programmed_and_what_runs_outside_its_district_is_said(platform: Platform, door: Door) -> None:
    asked = ("get", "gateways", "-n", names.namespace(names.GATEWAY), "-o", f"jsonpath={PROGRAMMED}")
    programmed = dict(line.split() for line in platform.cluster.kubectl(*asked).splitlines())
    mine = {names.edge_namespace(each) for each in cache_tree.edges_in_zone(CITY)}
    assert programmed == dict.fromkeys({names.GATEWAY, *mine}, "True")
    said = CliRunner().invoke(app, ["cdn", "places", "--stack", platform.stack])
    assert said.exit_code == 1, "one machine is in no zone"
    for space in mine:
        assert f"gateway {gateway.PROXY}-{space}" in said.output and "no pod" not in said.output, said.output
