"""The gateway's limit of a route: Envoy counts by itself in each of its pods, so there is no service to ask and none that can fail.

By address, and by nobody's address: a school is one of them, and behind a load balancer all are (docs/decisions/0252).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from http import HTTPStatus

from derive import admission
from derive.admission import Limit
from infra.plan.resource import Body


def spec(limits: Iterable[Limit]) -> Body:
    """Of a BackendTrafficPolicy. A request counts for the rule of its path alone, and for the one without a path when there is none."""
    return {
        "rateLimit": {"local": {"rules": [_rule(each) for each in limits]}},
        "responseOverride": [_refusal()],
    }


def _rule(limit: Limit) -> Body:
    rate = {"requests": limit.requests, "unit": "Second"}
    if not limit.paths:
        return {"limit": rate}
    # Envoy compares it with the whole of the path and its query, when both are tidied up. A prefix would be one path's only.
    value = f"^(?:{'|'.join(map(re.escape, limit.paths))})(?:[/?#;].*)?$"
    return {"clientSelectors": [{"path": {"type": "RegularExpression", "value": value}}], "limit": rate}


def _refusal() -> Body:
    """In words, as the service refuses; its own 429 (a code tried too often) stays as it is."""
    body = json.dumps(admission.SAID, ensure_ascii=False)
    return {
        "source": "Local",
        "match": {"statusCodes": [{"type": "Value", "value": int(HTTPStatus.TOO_MANY_REQUESTS)}]},
        "response": {
            "contentType": "application/json",
            "body": {"type": "Inline", "inline": body},
            "header": {"set": [{"name": "Retry-After", "value": str(admission.SECONDS)}]},
        },
    }
