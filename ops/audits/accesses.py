"""What the gateway and the caches answered, in schools too, as their access logs tell it: beside the record, and no part of its chain."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from rich.table import Table

from derive import access_log, admission
from derive.access_log import GATEWAY, Access
from ops import log_lines
from ops.console import plain
from ops.lessons.place import Place

KIND = "access-log"
_BOX = re.compile(r"(?:^|,)CN=([0-9]{10})(?:,|$)")


def read(where: Place, since: datetime, until: datetime, text: str = "") -> Iterator[Access]:
    """Answers of that time in whose line ``text`` stands, the oldest first."""
    found = []
    for row in log_lines.rows(where, log_lines.Wanted(since, until, text or access_log.MARK)):
        access = access_log.parse(row["line"]) if access_log.MARK in row["line"] else None
        # A pod prints what strangers send it, too: only the gateway speaks as the gateway, and only a cache as a cache.
        if access and access_log.prints(row.get(log_lines.NAMESPACE, ""), (access.place,)):
            found.append(access)
    # A collector that starts anew reads its node's files once more, and a box sends again what it does not know to have arrived.
    yield from sorted(dict.fromkeys(found), key=lambda each: each.time)


def box(access: Access) -> str | None:
    """Code of the school whose box asked, by the certificate that the gateway has verified."""
    found = _BOX.search(access.certificate or "")
    return found[1] if found else None


def why(access: Access) -> str | None:
    """The reason; Envoy gives none for its limit, and whoever was refused was told this one."""
    counted_out = access.place == GATEWAY and access.status == HTTPStatus.TOO_MANY_REQUESTS
    return access.why or (admission.REASON if counted_out else None)


def document(access: Access) -> dict[str, Any]:
    """As a record's plain data, as far as there is any; it says that it is none."""
    known = access.tier or access.school or access.subject or box(access)
    who = {"tier": access.tier, "school": access.school or box(access), "subject": access.subject}
    facts = {
        "place": access.place,
        "status": access.status,
        "bytes": access.sent,
        "ms": access.milliseconds,
        "request": access.request,
        "permission": access.permission,
        "route": access.route,
        "from": access.address,
    }
    return {
        "kind": KIND,
        "chained": False,
        "time": access.time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "who": who if known else None,
        "what": {"action": access.method, "resource": access.path},
        "why": why(access),
        "policy": access.policy,
        "facts": {name: value for name, value in facts.items() if value is not None},
    }


def table(found: Iterable[Access]) -> Table:
    """For people to read."""
    columns = ("time", "place", "who", "asked for", "status", "bytes", "why", "policy", "request", "permission")
    title = "Access log of gateway and caches (log lines, not chained)"
    shown = Table(*columns, title=title, title_justify="left")
    for each in found:
        who = each.subject or box(each) or each.school or each.address or "-"
        asked = f"{each.method} {each.path}"
        said = (why(each), each.policy, each.request, each.permission)
        fields = (each.place, who, asked, str(each.status), f"{each.sent:,}", *said)
        cells = (str(document(each)["time"]), *(field or "-" for field in fields))
        shown.add_row(*map(plain, cells))
    return shown
