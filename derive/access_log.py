"""The access log of the gateway, of the shield and of the boxes in schools: a line of JSON for each answer, and what is read of it.

It says who asked for what, how it was answered and why, as far as gateway and cache know. It holds no query, no header that carries a
token, and no more of a path than `MOST`, into which no whole token fits. A cache knows nobody: it is shown a permission, which names none;
the gateway's line of the same request (`request`) says from where, and the audit record who was given the permission. A box has no gateway
before it, and says from where by itself; of which school it is says the intake, which takes its lines (`derive.box_log`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from catalog import names
from derive import box_log, lesson, permission, session_token, video_token

MARK: Final = '"access_log":"'
"""Of every such line, as it is printed."""
GATEWAY, CACHE, BOX = names.GATEWAY, "cache", box_log.PLACE


class Printer(NamedTuple):
    """Containers that print such lines."""

    namespace: str
    """Or the pattern of several."""
    container: str


PRINTERS: Final[Mapping[str, tuple[Printer, ...]]] = {
    GATEWAY: (Printer(names.GATEWAY, "envoy"),),
    CACHE: (
        Printer(names.VIDEO_LIBRARY, names.SHIELD),
        Printer(names.edge_namespace("*"), names.DISTRICT_EDGE),
    ),
    # By the intake, which has looked at the box's certificate.
    BOX: (Printer(names.SCHOOL_EDGE, names.INTAKE),),
}
"""Who says that it wrote a line -> whose pods print it. All that these containers print is kept locked; nobody else is believed."""


def prints(namespace: str, places: Iterable[str] = tuple(PRINTERS)) -> bool:
    """Whether pods of that namespace print lines of one of these places."""
    return any(fnmatchcase(namespace, each.namespace) for place in places for each in PRINTERS[place])


MOST: Final = box_log.MOST
"""Characters of a path; ours have about 90, and a token in form has twice as many as this."""
PLAY: Final = "/access/play/"
DOWNLOAD: Final = "/access/download/"
PROVIDER: Final = "session"
"""Of the gateway's policies (Envoy's metadata has a verified session's claims under it)."""
REFUSED: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS)


def _claim(name: str) -> str:
    return f"%DYNAMIC_METADATA(envoy.filters.http.jwt_authn:{PROVIDER}:{name})%"


ENVOY: Final[Mapping[str, str]] = {
    "access_log": GATEWAY,
    "time": "%START_TIME%",
    "request": "%REQ(X-REQUEST-ID)%",
    "from": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "certificate": "%DOWNSTREAM_PEER_SUBJECT%",
    "subject": _claim("sub"),
    "tier": _claim(session_token.TIER),
    "school": _claim(session_token.SCHOOL),
    "host": "%REQ(:AUTHORITY):100%",
    "method": "%REQ(:METHOD)%",
    "path": f"%REQ_WITHOUT_QUERY(X-ENVOY-ORIGINAL-PATH?:PATH):{MOST}%",
    "status": "%RESPONSE_CODE%",
    "why": "%RESPONSE_CODE_DETAILS%",
    "bytes": "%BYTES_SENT%",
    "ms": "%DURATION%",
    "route": "%ROUTE_NAME%",
}
"""Field -> Envoy's command operator."""
_TRAFFIC_SERVER: Final[Mapping[str, str]] = {
    "access_log": CACHE,
    "time": "%<cqtq>",
    "request": "%<{X-Request-Id}cqh>",
    permission.FACT: f"%<{{{video_token.PERMISSION}}}cqh>",
    "method": "%<cqhm>",
    # Before it is mapped and after the guard has dropped queries and whatever looks like a token in the way.
    "path": f"%<cquup[0:{MOST}]>",
    "status": "%<pssc>",
    "cache": "%<crc>",
    "bytes": "%<psql>",
    "ms": "%<ttms>",
}
"""Field -> Traffic Server's; all of them as text, since it writes numbers with leading zeros."""
_OF_BOX: Final[Mapping[str, str]] = {
    **{name: field for name, field in _TRAFFIC_SERVER.items() if name != "request"},
    "access_log": BOX,
    "from": "%<chi>",
}
"""The same for a box: nobody but a browser could name the request there, and nobody else says from where it came."""


POLICY: Final = "policy"
"""Field with the version of what the place decides by: its keys and rules, so that a line says which were in force."""


def version(*texts: str) -> str:
    """Names what a place decides by: 12 hexadecimal digits."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12]


def envoy(policy: str) -> dict[str, str]:
    """The line as Envoy Gateway's JSON format; ``policy`` as `version` gives it."""
    return {**ENVOY, POLICY: policy}


def traffic_server(policy: str) -> str:
    """The line as Traffic Server's `format`, to be used with `escape: json`; ``policy`` as `version` gives it."""
    return _printed(_TRAFFIC_SERVER, policy)


def school_box(policy: str) -> str:
    """The same for the cache of a school's box."""
    return _printed(_OF_BOX, policy)


def _printed(fields: Mapping[str, str], policy: str) -> str:
    return "{" + ",".join(f'"{name}":"{field}"' for name, field in {**fields, POLICY: policy}.items()) + "}"


@dataclass(frozen=True)
class Access:
    """One answer; what its place does not know is None or empty."""

    place: str
    """`gateway`, `cache` or `school-box`."""
    time: datetime
    method: str
    path: str
    status: int
    sent: int
    """Bytes, headers included at the cache."""
    milliseconds: int
    request: str | None
    """Names the same request at both places."""
    why: str | None
    """The gateway's reason, or how the cache was used."""
    route: str | None
    address: str | None
    certificate: str | None
    """Of a school's box: the subject of its certificate."""
    tier: str | None
    school: str | None
    """Code: of the session; of a box's own line, of the box."""
    subject: str | None
    """As the session names it, which the gateway has verified."""
    policy: str | None
    """Version of what it was decided by."""
    permission: str | None = None
    """What the permission is called that was shown to a cache (`derive.permission`)."""

    @property
    def refused(self) -> bool:
        """Whether it was refused: for want of a right, or since too many asked."""
        return self.status in REFUSED

    @property
    def lesson(self) -> str | None:
        """The lesson that was asked for, if any."""
        for prefix in (lesson.public_path(""), PLAY, DOWNLOAD):
            if self.path.startswith(prefix):
                found = self.path.removeprefix(prefix).split("/")[0]
                return found if lesson.LESSON_ID.fullmatch(found) else None
        return None


def parse(line: str) -> Access | None:
    """The answer that a printed line tells of; None for any other line, and for a connection that ended before it asked."""
    try:
        row = json.loads(line)
        return _access(row) if row["access_log"] in (GATEWAY, CACHE, BOX) and row["method"] else None
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        return None


def _access(row: Mapping[str, Any]) -> Access:
    path = str(row["path"] or "")
    return Access(
        place=str(row["access_log"]),
        time=_time(row["time"]),
        method=str(row["method"]),
        path=path if path.startswith("/") else f"/{path}",
        status=int(row["status"] or 0),
        sent=int(row["bytes"] or 0),
        milliseconds=int(row["ms"] or 0),
        request=_text(row.get("request")),
        why=_text(row.get("why") or row.get("cache")),
        route=_text(row.get("route")),
        address=_text(row.get("from")),
        certificate=_text(row.get("certificate")),
        tier=_text(row.get("tier")),
        school=_text(row.get("school")),
        subject=_text(row.get("subject")),
        policy=_text(row.get(POLICY)),
        permission=_text(row.get(permission.FACT)),
    )


def _time(value: object) -> datetime:
    """Envoy writes ISO 8601, Traffic Server seconds since 1970."""
    text = str(value)
    at = datetime.fromisoformat(text) if "T" in text else datetime.fromtimestamp(float(text), UTC)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _text(value: object) -> str | None:
    """Both write a dash for what is not there."""
    return None if value in {None, "", "-"} else str(value)
