"""Where edges and gateways of districts run, by the cluster's own objects: what is elsewhere is named, with what to do."""

from __future__ import annotations

from typing import Any

import pytest

from catalog import City, load_named
from ops.cdns import places
from tests.builders import changed

OWNER = "gateway.envoyproxy.io/owning-gateway-name"
ZONE = "topology.kubernetes.io/zone"


@pytest.fixture(scope="module")
def city() -> City:
    """Two districts, one of them with servers."""
    tiny = load_named("tiny")
    districts = (each.model_copy(update={"zone": "z-1" if each.id == "hills" else None}) for each in tiny.districts)
    return changed(tiny, districts=tuple(districts))


def node(name: str, zone: str | None) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": {ZONE: zone} if zone else {}}}


def pod(name: str, on: str, owner: str = "edge-hills") -> dict[str, Any]:
    spec = {"nodeName": on} if on else {}
    return {"metadata": {"name": name, "namespace": owner, "labels": {OWNER: owner}}, "spec": spec}


NODES = [node("county", "z-1"), node("city", "z-0"), node("bare", None)]


def said(city: City, edge: str, gateway: str) -> list[tuple[bool, str]]:
    found = places.judged(city, NODES, [pod("e", edge)], [pod("g", gateway), pod("c", "city", "gateway")])
    return [(each.there, each.sentence) for each in found]


def test_what_runs_in_its_district_is_well_and_districts_without_a_zone_are_nobody_s_business(city: City) -> None:
    assert said(city, "county", "county") == [
        (True, "hills: edge e: on county, in zone z-1"),
        (True, "hills: gateway g: on county, in zone z-1"),
    ]


@pytest.mark.parametrize(
    ("on", "says"),
    [("city", "whose zone is z-0 and not z-1"), ("bare", "whose zone is not named"), ("", "waits for a node")],
)
def test_what_is_elsewhere_is_named(city: City, on: str, says: str) -> None:
    (edge, _), (gateway, sentence) = said(city, "county", on)
    assert (edge, gateway) == (True, False)
    assert sentence.startswith("hills: gateway g: ") and says in sentence


def test_a_district_whose_gateway_is_not_there_is_told_how_it_gets_one(city: City) -> None:
    found = places.judged(city, NODES, [pod("e", "county")], [pod("c", "city", "gateway")])
    assert [(each.what, each.there) for each in found] == [("edge", True), ("gateway", False)]
    assert "set districtGateways in huiju:overrides" in found[1].sentence
