"""Which alerts fire now, asked of Alertmanager through the Kubernetes API."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping

from catalog import names
from infra.plan import ports
from ops.stack import live

PATH = (
    f"/api/v1/namespaces/{names.namespace(names.MONITORING)}/services/{names.ALERTMANAGER}:{ports.ALERTMANAGER}"
    "/proxy/api/v2/alerts?active=true&silenced=false&inhibited=false"
)


def firing(environment: Mapping[str, str]) -> Counter[str]:
    """Name -> how often it fires, silenced ones left out. Raises `UserError` when Alertmanager cannot be asked."""
    found = json.loads(live.kubectl(["get", "--raw", PATH], environment))
    return Counter(alert["labels"].get("alertname", "?") for alert in found)
