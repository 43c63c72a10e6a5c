"""Gateways of districts: Envoy in the zone, for its own boxes alone, letting in nobody whom the city's gateway would refuse."""

from __future__ import annotations

from typing import Any

import pytest

from catalog import City, load_named, names
from catalog.errors import UserError
from infra.plan import district_edges, gateway, monitoring
from infra.plan.platform import plan
from infra.plan.resource import Resource
from tests.builders import changed
from tests.infra.conftest import Settings

ZONE = {"matchExpressions": [{"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["cn-hills.1a"]}]}
RATHER = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "preference": ZONE}]}
ONLY = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [ZONE]}}
ON = {"districtGateways": True}


def zoned(city: City, **zones: str) -> City:
    """The city whose districts have these zones, and no other."""
    districts = (each.model_copy(update={"zone": zones.get(each.id)}) for each in city.districts)
    return changed(city, districts=tuple(districts))


@pytest.fixture(scope="module")
def hills() -> City:
    """A city with servers in its second district."""
    return zoned(load_named("tiny"), hills="cn-hills.1a")


def one(resources: tuple[Resource, ...], kind: str, name: str) -> dict[str, Any]:
    (found,) = [each.props for each in resources if (each.kind, each.name) == (kind, name)]
    return found


def named(resources: tuple[Resource, ...], kind: str) -> set[str]:
    return {each.name for each in resources if each.kind == kind}


def listener(resources: tuple[Resource, ...], name: str, section: str) -> dict[str, Any]:
    (found,) = [each for each in one(resources, "Gateway", name)["spec"]["listeners"] if each["name"] == section]
    return dict(found)


def parents(resources: tuple[Resource, ...], route: str) -> list[tuple[str, str]]:
    told = one(resources, "HTTPRoute", route)["spec"]["parentRefs"]
    assert {each["namespace"] for each in told} == {"gateway"}
    return [(each["name"], each["sectionName"]) for each in told]


def test_a_district_with_a_zone_has_a_gateway_of_its_own_and_no_other_has(hills: City, settings: Settings) -> None:
    planned = gateway.plan(hills, settings(overrides=ON))
    assert named(planned, "Gateway") == {"gateway", "edge-hills"}
    assert named(planned, "EnvoyProxy") == {"envoy", "edge-hills"}
    own = one(planned, "Gateway", "edge-hills")["spec"]
    assert own["infrastructure"]["parametersRef"] == {
        "group": "gateway.envoyproxy.io",
        "kind": "EnvoyProxy",
        "name": "edge-hills",
    }
    assert [each["hostname"] for each in own["listeners"]] == ["hills.districts.localhost"]


@pytest.mark.parametrize("profile", ["local", "prod"])
def test_where_no_district_has_a_zone_nothing_is_planned_otherwise(
    tiny: City, settings: Settings, profile: str
) -> None:
    bare = zoned(tiny)

    def printed(on: bool) -> list[Any]:
        known = settings(profile=profile, overrides={"districtGateways": on})
        planned = (*gateway.plan(bare, known), *district_edges.plan(bare, known))
        return [*(each.props for each in planned), gateway.every_pod(bare, known), gateway.problems(bare, known)]

    assert printed(True) == printed(False)


def test_production_has_them_and_one_machine_has_none(tiny: City, settings: Settings) -> None:
    assert named(gateway.plan(tiny, settings()), "Gateway") == {"gateway"}
    assert named(gateway.plan(tiny, settings(profile="prod")), "Gateway") == {"gateway", "edge-east", "edge-hills"}


def test_without_edges_or_a_school_ca_there_is_none(hills: City, settings: Settings) -> None:
    bare = changed(hills, services=tuple(each for each in hills.services if each.id != names.DISTRICT_EDGE))
    assert named(gateway.plan(bare, settings(overrides=ON)), "Gateway") == {"gateway"}
    assert named(gateway.plan(hills, settings(overrides=ON, schoolCa=None)), "Gateway") == {"gateway"}


@pytest.mark.parametrize(("only", "affinity"), [(False, RATHER), (True, ONLY)])
def test_its_pods_are_the_city_s_once_more_in_the_zone(
    hills: City, settings: Settings, only: bool, affinity: dict[str, Any]
) -> None:
    planned = gateway.plan(hills, settings(profile="prod", overrides={"edgesOnlyInZone": only}))
    own, city_s = (one(planned, "EnvoyProxy", name)["spec"] for name in ("edge-hills", "envoy"))
    there, here = (each.pop("provider")["kubernetes"] for each in (own, city_s))
    assert own == city_s, "log, order of filters, draining"
    assert there["envoyPDB"] == here["envoyPDB"]
    deployment, city_deployment = there["envoyDeployment"], here["envoyDeployment"]
    pod, city_pod = deployment.pop("pod"), city_deployment.pop("pod")
    assert pod.pop("affinity") == {"nodeAffinity": affinity}
    assert (deployment.pop("name"), city_deployment.pop("name")) == ("envoy-edge-hills", "envoy")
    assert deployment == city_deployment, "image, replicas, limits, users"
    (spread,), (city_spread,) = pod.pop("topologySpreadConstraints"), city_pod.pop("topologySpreadConstraints")
    owner = "gateway.envoyproxy.io/owning-gateway-name"
    labels = spread.pop("labelSelector")["matchLabels"]
    assert labels == {**city_spread.pop("labelSelector")["matchLabels"], owner: "edge-hills"}
    assert (pod, spread) == (city_pod, city_spread)


def test_it_has_an_address_of_its_own_that_nodes_without_its_pods_do_not_answer(
    hills: City, settings: Settings
) -> None:
    def service(profile: str) -> dict[str, Any]:
        planned = gateway.plan(hills, settings(profile=profile, overrides=ON))
        return dict(one(planned, "EnvoyProxy", "edge-hills")["spec"]["provider"]["kubernetes"]["envoyService"])

    local, prod = service("local"), service("prod")
    assert (local["name"], local["type"], prod["type"]) == ("envoy-edge-hills", "NodePort", "LoadBalancer")
    assert local["externalTrafficPolicy"] == prod["externalTrafficPolicy"] == "Local"
    (port,) = local["patch"]["value"]["spec"]["ports"]
    assert (port["port"], port["nodePort"]) == (443, 30445), "the second district's"
    assert "patch" not in prod
    planned = gateway.plan(hills, settings(overrides=ON))
    city_s = one(planned, "EnvoyProxy", "envoy")["spec"]["provider"]["kubernetes"]["envoyService"]
    assert city_s["patch"]["value"]["spec"]["ports"][0]["nodePort"] == gateway.NODE_PORT
    assert city_s["externalTrafficPolicy"] == "Cluster"


def test_every_door_for_boxes_has_one_policy_and_no_door_is_without(tiny: City, settings: Settings) -> None:
    """At any of them a certificate is asked for, and headers that claim something are taken off, the gateway's own among them."""
    planned = gateway.plan(tiny, settings(profile="prod"))
    spec = one(planned, "ClientTrafficPolicy", "schools")["spec"]
    asked = {(each["name"], each["sectionName"]) for each in spec["targetRefs"]}
    doors = {
        (each.name, section["name"])
        for each in planned
        if each.kind == "Gateway"
        for section in each.props["spec"]["listeners"]
        if section["protocol"] == "HTTPS"
    }
    assert doors - asked == {("gateway", "https"), ("gateway", "parcels")}
    assert asked <= doors
    assert spec["tls"]["clientValidation"]["mode"] == "RequireAndVerify"
    assert spec["headers"]["xForwardedClientCert"]["mode"] == "SanitizeSet"
    assert set(gateway.CLAIMED) <= set(spec["headers"]["earlyRequestHeaders"]["remove"])
    everybody = one(planned, "ClientTrafficPolicy", "clients")["spec"]["targetRefs"]
    assert {each["name"] for each in everybody} == named(planned, "Gateway")


def test_it_leads_to_its_own_edge_and_nowhere_else(hills: City, settings: Settings) -> None:
    planned = gateway.plan(hills, settings(overrides=ON))
    (own,) = one(planned, "Gateway", "edge-hills")["spec"]["listeners"]
    selector = own["allowedRoutes"]["namespaces"]["selector"]
    assert selector == {"matchLabels": {"kubernetes.io/metadata.name": "edge-hills"}}
    there = [
        each.name
        for each in planned
        if each.kind == "HTTPRoute"
        for to, _ in parents(planned, each.name)
        if to == "edge-hills"
    ]
    assert there == ["edge-hills"]
    assert parents(planned, "edge-hills") == [("gateway", "edge-hills"), ("edge-hills", "edge-hills")]
    assert parents(planned, "edge-east") == [("gateway", "edge-east")]


def test_a_given_certificate_is_both_s(hills: City, settings: Settings) -> None:
    planned = gateway.plan(hills, settings(profile="prod"))
    for name in ("gateway", "edge-hills"):
        door = listener(planned, name, "edge-hills")
        assert door["tls"]["certificateRefs"] == [{"kind": "Secret", "name": "gateway-tls"}]
    assert [each["port"] for each in one(planned, "Gateway", "edge-hills")["spec"]["listeners"]] == [443]


def test_an_issuer_makes_it_a_certificate_of_its_own_and_asks_where_the_name_leads(
    hills: City, settings: Settings
) -> None:
    """One certificate carries all names that one Gateway has for a Secret, and is not issued while one of them leads elsewhere."""
    issued = settings(profile="prod", tlsCert=None, tlsKey=None, certIssuer="city-ca")
    planned = gateway.plan(hills, issued)
    own = one(planned, "Gateway", "edge-hills")
    assert own["metadata"]["annotations"]["cert-manager.io/cluster-issuer"] == "city-ca"
    door, challenged = own["spec"]["listeners"]
    assert door["tls"]["certificateRefs"] == [{"kind": "Secret", "name": "gateway-tls-edge-hills"}]
    assert (challenged["port"], challenged["hostname"]) == (80, door["hostname"])
    city_s = {each["hostname"] for each in one(planned, "Gateway", "gateway")["spec"]["listeners"]}
    assert city_s == {"localhost", "schools.localhost", "parcels.localhost", "east.districts.localhost"}
    assert parents(planned, "edge-hills") == [("edge-hills", "edge-hills")]
    targets = one(planned, "ClientTrafficPolicy", "schools")["spec"]["targetRefs"]
    assert ("gateway", "edge-hills") not in {(each["name"], each["sectionName"]) for each in targets}


def test_its_policies_are_there_before_it(hills: City, settings: Settings) -> None:
    planned = gateway.plan(hills, settings(overrides=ON))
    ranks = {(each.kind, each.name): each.rank for each in planned}
    (own,) = {ranks["Gateway", "edge-hills"]}
    assert ranks["EnvoyProxy", "edge-hills"] < own < ranks["HTTPRoute", "edge-hills"]
    assert ranks["ClientTrafficPolicy", "schools"] < own


def test_its_counters_are_read_with_the_city_s(tiny: City, settings: Settings) -> None:
    def selected(on: bool) -> set[str]:
        planned = monitoring.plan(tiny, settings(overrides={"districtGateways": on}))
        return set(one(planned, "Service", "envoy-pods")["spec"]["selector"])

    assert selected(True) == {"app.kubernetes.io/name"}
    assert selected(False) == {"app.kubernetes.io/name", "gateway.envoyproxy.io/owning-gateway-name"}


def test_gateways_that_do_not_fit_into_the_quota_are_refused_with_what_to_do(tiny: City, settings: Settings) -> None:
    two = {**ON, "gatewayReplicas": 2}
    with pytest.raises(
        UserError, match=r"3 gateways.* may take 3968 MiB, and the quota of gateway .* is 3328: raise it"
    ):
        plan(tiny, settings(overrides=two))
    assert not gateway.problems(tiny, settings(overrides={**two, "quotas": False}))
    assert not gateway.problems(tiny, settings(overrides=ON)), "one pod each, as `tests/integration` has them up"
    assert not gateway.problems(tiny, settings())
