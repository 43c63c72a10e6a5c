"""The policy that guards a route: sessions of ours only, and of the tiers given only."""

from __future__ import annotations

import json

import jwt
import pytest

from derive import keys, session_token
from infra.plan import sign_in
from infra.plan.resource import ordered, resource
from tests.infra.conftest import SEED, Settings


def test_a_session_is_taken_from_cookie_and_header(settings: Settings) -> None:
    (provider,) = sign_in.policy("a-route", "portal", ["t"], settings()).props["spec"]["jwt"]["providers"]
    assert provider["extractFrom"]["cookies"] == [session_token.COOKIE]
    assert provider["extractFrom"]["headers"] == [{"name": "Authorization", "valuePrefix": "Bearer "}]
    assert (provider["issuer"], provider["audiences"]) == ("https://localhost:8443", [session_token.AUDIENCE])


def test_the_key_given_verifies_what_the_stack_signs_and_is_not_secret(settings: Settings) -> None:
    (key,) = json.loads(sign_in.key_set(settings()))["keys"]
    token = jwt.encode({"tier": "t"}, keys.pem(keys.private_key(SEED, keys.SESSION)), keys.ALGORITHM)
    assert jwt.decode(token, jwt.PyJWK.from_json(json.dumps(key)), algorithms=[keys.ALGORITHM]) == {"tier": "t"}
    assert "d" not in key


def test_only_the_tiers_given_pass(settings: Settings) -> None:
    found = sign_in.policy("a-route", "portal", ["b", "a"], settings()).props["spec"]["authorization"]
    assert found["defaultAction"] == "Deny"
    (rule,) = found["rules"]
    assert (rule["action"], rule["principal"]["jwt"]["claims"][0]["values"]) == ("Allow", ["a", "b"])


def test_without_tiers_nobody_passes(settings: Settings) -> None:
    found = sign_in.policy("a-route", "portal", [], settings()).props["spec"]["authorization"]
    assert found == {"defaultAction": "Deny", "rules": []}


@pytest.mark.parametrize("turned", [False, True])
def test_the_policy_is_there_before_its_route(settings: Settings, turned: bool) -> None:
    route = resource({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "r"}})
    both = [sign_in.policy("r", "portal", ["t"], settings()), route]
    kinds = [each.kind for group in ordered(reversed(both) if turned else both) for each in group]
    assert kinds == ["SecurityPolicy", "HTTPRoute"]
