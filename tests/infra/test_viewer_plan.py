"""The dashboards' pages and the guarded way from them to Prometheus."""

from __future__ import annotations

import json
from typing import Any

import pytest

from catalog import City
from derive import readers
from infra.plan import derived, gateway, viewer
from infra.plan.resource import Resource, ordered
from tests.infra.conftest import Settings

QUERIES = {"query": "/api/v1/query", "query-range": "/api/v1/query_range"}


def guarded(city: City, settings: Settings) -> dict[str, Resource]:
    """Routes into the query path, by name."""
    plan = gateway.plan(city, settings())
    return {each.name: each for each in plan if each.kind == "HTTPRoute" and each.name in QUERIES}


def rule(route: Resource) -> dict[str, Any]:
    (found,) = route.props["spec"]["rules"]
    return dict(found)


def test_queries_and_nothing_else_of_prometheus_are_reached(city: City, settings: Settings) -> None:
    """The same server takes remote writes: a prefix would open them to every reader."""
    plan = gateway.plan(city, settings())
    into = [
        (each.name, rule(each)["matches"][0])
        for each in plan
        if each.kind == "HTTPRoute" and rule(each)["backendRefs"][0]["name"] == "prometheus"
    ]
    assert dict(into) == {
        name: {"path": {"type": "Exact", "value": f"/monitoring{path}"}, "method": "GET"}
        for name, path in QUERIES.items()
    }


def test_the_path_is_rewritten_and_the_callers_session_stays_outside(tiny: City, settings: Settings) -> None:
    for name, route in guarded(tiny, settings).items():
        filters = {each["type"]: each for each in rule(route)["filters"]}
        path = filters["URLRewrite"]["urlRewrite"]["path"]
        assert path == {"type": "ReplaceFullPath", "replaceFullPath": QUERIES[name]}
        assert set(filters["RequestHeaderModifier"]["requestHeaderModifier"]["remove"]) == {"Cookie", "Authorization"}


def test_each_query_route_asks_for_a_session_that_reads_for_the_whole_city(city: City, settings: Settings) -> None:
    plan = gateway.plan(city, settings())
    policies = {each.props["spec"]["targetRefs"][0]["name"]: each for each in plan if each.kind == "SecurityPolicy"}
    for name, route in guarded(city, settings).items():
        policy = policies[name]
        assert policy.namespace == route.namespace
        (allowed,) = policy.props["spec"]["authorization"]["rules"]
        wanted = sorted(tier.id for tier in readers.dashboard_tiers(city))
        assert allowed["principal"]["jwt"]["claims"][0]["values"] == wanted
        assert policy.props["spec"]["authorization"]["defaultAction"] == "Deny"
        place = {each: number for number, group in enumerate(ordered(plan)) for each in group}
        assert place[policy] < place[route]


def test_each_query_is_asked_about_last_and_by_nobody_s_mercy(city: City, settings: Settings) -> None:
    plan = gateway.plan(city, settings())
    guards = [each for each in plan if each.kind == "SecurityPolicy"]
    assert guards
    (grant,) = (each for each in plan if each.kind == "ReferenceGrant")
    for asked in (each.props["spec"]["extAuth"] for each in guards):
        assert asked["failOpen"] is False and asked["http"]["path"] == readers.ASKED
        assert "cookie" in asked["headersToExtAuth"], "a browser has its session there"
        (service,) = asked["http"]["backendRefs"]
        assert service["namespace"] == grant.namespace
        assert {"group": "", "kind": "Service", "name": service["name"]} in grant.props["spec"]["to"]
    known = {(each["kind"], each["namespace"]) for each in grant.props["spec"]["from"]}
    assert known == {(each.kind, each.namespace) for each in guards}
    (proxy,) = (each.props["spec"] for each in plan if each.kind == "EnvoyProxy")
    assert proxy["filterOrder"] == [{"name": "envoy.filters.http.ext_authz", "after": "envoy.filters.http.rbac"}]
    (route,) = (each for each in plan if each.kind == "HTTPRoute" and each.name == "entitlement")
    routed = [each["path"]["value"] for each in rule(route)["matches"]]
    assert not any(readers.ASKED.startswith(path) for path in routed), "nobody asks it in the gateway's place"


def test_the_page_itself_is_open_so_that_it_can_say_how_to_sign_in(tiny: City, settings: Settings) -> None:
    plan = gateway.plan(tiny, settings())
    assert "viewer" in {each.name for each in plan if each.kind == "HTTPRoute"}
    guards = {each.props["spec"]["targetRefs"][0]["name"] for each in plan if each.kind == "SecurityPolicy"}
    assert "viewer" not in guards


@pytest.mark.parametrize("profile", ["local", "prod"])
def test_the_citys_dashboards_are_mounted_where_the_page_looks(city: City, settings: Settings, profile: str) -> None:
    given = settings(profile=profile)
    plan = {each.kind: each.props for each in viewer.plan(given, derived.files("monitoring", city, given))}
    files = plan["ConfigMap"]["data"]
    assert set(json.loads(files["schools.json"])) == {school.code for school in city.schools}
    assert {f"{each['id']}.json" for each in json.loads(files["index.json"])["dashboards"]} < set(files)
    pod = plan["Deployment"]["spec"]["template"]["spec"]
    (mount,) = [each for each in pod["containers"][0]["volumeMounts"] if each["name"] == "dashboards"]
    assert mount == {"name": "dashboards", "mountPath": "/srv/pages/monitoring/dashboards", "readOnly": True}
    assert plan["Deployment"]["spec"]["replicas"] == given.row.replicas
