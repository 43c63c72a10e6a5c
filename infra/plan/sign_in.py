"""The gateway asks who is there: a policy that lets a route through only for sessions of the tiers given, and only if the service agrees.

Whoever makes a route that not everybody may use adds this policy beside it. Policies are made before routes, so that no route is ever open
for the moment in between.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from catalog import names
from derive import keys, session_token
from infra.config import StackSettings
from infra.plan import objects
from infra.plan.resource import Body, Resource, resource

PROVIDER = "session"
ORDER: Body = {"name": "envoy.filters.http.ext_authz", "after": "envoy.filters.http.rbac"}
"""The service is asked last, of the proxy's filters: whoever has no session of the right tier never gets so far."""
_SERVICE: Body = {"name": names.ENTITLEMENT, "namespace": names.namespace(names.ENTITLEMENT), "port": objects.HTTP}


def policy(
    route: str, service: str, tiers: Iterable[str], settings: StackSettings, asked: str | None = None
) -> Resource:
    """Only sessions of ``tiers`` (ids) pass the HTTPRoute ``route`` in the namespace of ``service``, if the entitlement service agrees.

    Without a session, or with one that is not ours or has ended, the gateway answers 401; with another tier's, 403. Of who is left the
    service is asked below its path ``asked`` (None: it is not): it goes by the whole matrix and the roster, and has the answer on record.
    What it refuses is refused in its words; while it does not answer, nobody passes.
    """
    allowed = sorted(tiers)
    claim = {"name": session_token.TIER, "valueType": "String", "values": allowed}
    rule = {"name": "tiers", "action": "Allow", "principal": {"jwt": {"provider": PROVIDER, "claims": [claim]}}}
    spec: Body = {
        "targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "name": route}],
        "jwt": {"providers": [_provider(settings)]},
        # An empty list of values would be refused by the API, and a rule without one lets everybody in.
        "authorization": {"defaultAction": "Deny", "rules": [rule] if allowed else []},
    }
    if asked:
        http: Body = {"path": asked, "backendRefs": [_SERVICE]}
        spec["extAuth"] = {"failOpen": False, "headersToExtAuth": ["cookie"], "http": http}
    return resource(
        {
            "apiVersion": objects.ENVOY_API,
            "kind": "SecurityPolicy",
            "metadata": objects.meta(route, service),
            "spec": spec,
        }
    )


def asking(services: Iterable[str]) -> Resource:
    """That policies in the namespaces of ``services`` may name the entitlement service, which is in another one."""
    kind = {"group": "gateway.envoyproxy.io", "kind": "SecurityPolicy"}
    to = {"group": "", "kind": "Service", "name": names.ENTITLEMENT}
    return resource(
        {
            "apiVersion": "gateway.networking.k8s.io/v1beta1",
            "kind": "ReferenceGrant",
            "metadata": objects.meta("asking", names.ENTITLEMENT),
            "spec": {"from": [{**kind, "namespace": names.namespace(each)} for each in services], "to": [to]},
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
