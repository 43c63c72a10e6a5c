"""The gateway's limits: on the service that writes down what it decides, and on nothing that plays a lesson."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from catalog import City
from derive import admission
from infra.plan import gateway
from infra.plan.resource import Resource
from tests.infra.conftest import Settings

TIMES = 2


def limited(plan: tuple[Resource, ...]) -> dict[str, dict[str, Any]]:
    """Namespace/name of every policy that limits -> its spec."""
    policies = [each for each in plan if each.kind == "BackendTrafficPolicy"]
    return {
        f"{each.namespace}/{each.name}": each.props["spec"] for each in policies if "rateLimit" in each.props["spec"]
    }


def rules(spec: dict[str, Any]) -> list[tuple[str, int]]:
    """Expression and requests per second of each rule; the expression is empty for the rest's."""
    found = []
    for rule in spec["rateLimit"]["local"]["rules"]:
        assert rule["limit"]["unit"] == "Second"
        (selector,) = rule.get("clientSelectors", [{"path": {"type": "RegularExpression", "value": ""}}])
        assert (set(selector), selector["path"]["type"]) == ({"path"}, "RegularExpression")
        found.append((selector["path"]["value"], rule["limit"]["requests"]))
    return found


def test_only_who_asks_for_a_decision_is_counted_and_by_the_catalog_s_limits(city: City, settings: Settings) -> None:
    (spec,) = limited(gateway.plan(city, settings())).values()
    assert spec["targetRefs"] == [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": "entitlement"}]
    assert [most for _, most in rules(spec)] == [each.requests for each in admission.limits(city)]
    assert [bool(words) for words, _ in rules(spec)] == [True, True, False], (
        "Envoy Gateway takes one default, and without it what no rule names has no limit"
    )


@pytest.mark.parametrize(
    ("path", "door"),
    [
        ("/access/play/l-abc", 0),
        ("/access/play/l-abc?place=1", 0),
        ("/access/play?x", 0),
        ("/access/download/l-abc", 0),
        ("/access/first", 1),
        ("/access/first?x=y", 1),
        ("/access/first;x", 1),
        ("/access/first/", 1),
        ("/access/people/1", 1),
        ("/access/mine", 1),
        ("/access/minerals", None),
        ("/access/session?/access/play/", None),
        ("/x/access/play/l-abc", None),
    ],
)
def test_each_way_to_spell_an_address_is_counted_at_its_door(
    tiny: City, settings: Settings, path: str, door: int | None
) -> None:
    (spec,) = limited(gateway.plan(tiny, settings())).values()
    hits = [number for number, (words, _) in enumerate(rules(spec)) if words and re.fullmatch(words, path)]
    assert hits == ([] if door is None else [door])


def test_no_address_of_a_client_is_told_apart(city: City, settings: Settings) -> None:
    (spec,) = limited(gateway.plan(city, settings())).values()
    said = json.dumps(spec)
    assert "sourceCIDR" not in said
    assert "Distinct" not in said
    assert "global" not in spec["rateLimit"], "nothing runs that would count for all pods together"


def test_the_limit_is_there_before_its_route(tiny: City, settings: Settings) -> None:
    plan = gateway.plan(tiny, settings())
    ranks = {each.kind: each.rank for each in plan if each.name == "entitlement"}
    assert ranks["BackendTrafficPolicy"] < ranks["HTTPRoute"]


def test_a_city_with_more_headroom_changes_the_limits_and_nothing_else(tiny: City, settings: Settings) -> None:
    more = tiny.admission.model_copy(update={"headroom": TIMES * tiny.admission.headroom})
    before, after = (
        {each.logical_name: each.props for each in gateway.plan(city, settings())}
        for city in (tiny, tiny.model_copy(update={"admission": more}))
    )
    assert {name for name in before if before[name] != after[name]} == {"backendtrafficpolicy/entitlement/entitlement"}


def test_who_is_refused_is_told_in_both_languages_and_the_service_s_own_429_stays(
    tiny: City, settings: Settings
) -> None:
    (spec,) = limited(gateway.plan(tiny, settings())).values()
    (refusal,) = spec["responseOverride"]
    assert (refusal["source"], [each["value"] for each in refusal["match"]["statusCodes"]]) == ("Local", [429])
    body = json.loads(refusal["response"]["body"]["inline"])
    assert set(body) == {"reason", "en", "zh"}
    assert refusal["response"]["header"]["set"] == [{"name": "Retry-After", "value": "1"}]
    assert "statusCode" not in refusal["response"], "it stays what it was"
    for policy in (each.props["spec"] for each in gateway.plan(tiny, settings()) if each.kind == "ClientTrafficPolicy"):
        assert policy["headers"]["disableRateLimitHeaders"] is True
