"""Which alert goes where, and which keeps another quiet: Alertmanager's configuration without addresses, which are the stack's. Pure."""

from __future__ import annotations

from typing import Any, Final

from catalog import names
from monitoring.alerts import PAGE

RECEIVER: Final = "operators"


def routing() -> dict[str, Any]:
    """`route` and `inhibit_rules`."""
    budget = [f'alertname="{names.ALERT_BUDGET}"', f'severity="{PAGE}"']
    return {
        "route": {
            "receiver": RECEIVER,
            "group_by": ["alertname", "district"],
            "group_wait": "30s",
            "group_interval": "2m",
            "repeat_interval": "12h",
            "routes": [
                {"matchers": [f'severity="{PAGE}"'], "receiver": RECEIVER, "group_wait": "10s", "repeat_interval": "4h"}
            ],
        },
        "inhibit_rules": [
            # A silent district is one incident, not thirty.
            {
                "source_matchers": [f'alertname="{names.ALERT_DISTRICT}"'],
                "target_matchers": [f'alertname="{names.ALERT_SCHOOL}"'],
                "equal": ["district"],
            },
            # Nobody fetches lessons, or anything, from a platform that is down.
            {
                "source_matchers": budget,
                "target_matchers": [f'alertname=~"{names.ALERT_DISTRICT}|{names.ALERT_SCHOOL}|{names.ALERT_PAGES}"'],
            },
        ],
    }
