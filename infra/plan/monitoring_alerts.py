"""Alertmanager's configuration: the routes that monitoring derives, and the stack's addresses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import urlsplit

from infra.config import StackSettings
from infra.plan.resource import Body

SUBJECT = "[{{ .Status | toUpper }}] {{ .CommonLabels.alertname }} {{ .CommonLabels.district }}"
TEXT = (
    "{{ range .Alerts }}{{ .Status }}: {{ .Annotations.summary }}\n{{ .Annotations.summary_zh }}\n"
    "{{ .Annotations.runbook }}\n{{ range .Labels.SortedPairs }}  {{ .Name }}={{ .Value }}\n{{ end }}\n{{ end }}"
)


def configuration(settings: StackSettings, routes: str) -> str:
    """The file's text; ``routes`` is `routes.json` as derived. Without an address alerts are kept and shown, and go nowhere."""
    routing = json.loads(routes)
    receiver = {"name": routing["route"]["receiver"], **_addresses(settings)}
    return json.dumps({**routing, "receivers": [receiver]}, indent=1, ensure_ascii=False)


def _addresses(settings: StackSettings) -> Body:
    found: Body = {}
    if settings.alert_webhook:
        found["webhook_configs"] = [{"url": settings.alert_webhook.get_secret_value(), "send_resolved": True}]
    if settings.alert_mail_to:
        found["email_configs"] = [_mail(settings)]
    return found


def _mail(settings: StackSettings) -> Body:
    sign_in: Body = {}
    if settings.alert_mail_user and settings.alert_mail_password:
        password = settings.alert_mail_password.get_secret_value()
        sign_in = {"auth_username": settings.alert_mail_user, "auth_password": password}
    return {
        "to": settings.alert_mail_to,
        "from": settings.alert_mail_from,
        "smarthost": settings.alert_mail_server,
        "require_tls": settings.alert_mail_tls,
        "send_resolved": True,
        "headers": {"Subject": SUBJECT},
        "html": "",
        "text": TEXT,
        **sign_in,
    }


def receiver_ports(settings: StackSettings) -> tuple[int, ...]:
    """Ports that alerts leave by."""
    return tuple(sorted(set(_ports(settings))))


def _ports(settings: StackSettings) -> Iterator[int]:
    if settings.alert_webhook:
        parts = urlsplit(settings.alert_webhook.get_secret_value())
        yield parts.port or {"http": 80, "https": 443}[parts.scheme]
    if settings.alert_mail_server:
        yield int(settings.alert_mail_server.rpartition(":")[2])
