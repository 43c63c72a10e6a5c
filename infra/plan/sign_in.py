"""The gateway asks who is there: a policy that lets a route through only for sessions of the tiers given.

Whoever makes a route that not everybody may use adds this policy beside it. Policies are made before routes, so that no route is ever open
for the moment in between.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from derive import keys, session_token
from infra.config import StackSettings
from infra.plan import objects
from infra.plan.resource import Body, Resource, resource

PROVIDER = "session"


def policy(route: str, service: str, tiers: Iterable[str], settings: StackSettings) -> Resource:
    """Only sessions of ``tiers`` (ids) pass the HTTPRoute ``route`` in the namespace of ``service``.

    Without a session, or with one that is not ours or has ended, the gateway answers 401; with another tier's, 403.
    """
    allowed = sorted(tiers)
    claim = {"name": session_token.TIER, "valueType": "String", "values": allowed}
    rule = {"name": "tiers", "action": "Allow", "principal": {"jwt": {"provider": PROVIDER, "claims": [claim]}}}
    spec = {
        "targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": route}],
        "jwt": {"providers": [_provider(settings)]},
        # An empty list of values would be refused by the API, and a rule without one lets everybody in.
        "authorization": {"defaultAction": "Deny", "rules": [rule] if allowed else []},
    }
    return resource(
        {
            "apiVersion": "gateway.envoyproxy.io/v1alpha1",
            "kind": "SecurityPolicy",
            "metadata": objects.meta(route, service),
            "spec": spec,
        }
    )


def key_set(settings: StackSettings) -> str:
    """The public keys by which sessions are verified, as a JSON Web Key Set."""
    seed = settings.access_key.get_secret_value()
    return json.dumps({"keys": settings.ring.public_keys(seed, keys.SESSION)}, sort_keys=True)


def _provider(settings: StackSettings) -> Body:
    return {
        "name": PROVIDER,
        "issuer": settings.public_url,
        "audiences": [session_token.AUDIENCE],
        "localJWKS": {"type": "Inline", "inline": key_set(settings)},
        "extractFrom": {
            "headers": [{"name": "Authorization", "valuePrefix": "Bearer "}],
            "cookies": [session_token.COOKIE],
        },
    }
