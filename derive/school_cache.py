"""Apache Traffic Server's files for the box of a school: the cache between its classrooms and the platform.

Classrooms ask it by TLS under the school's own name; it asks the platform with the school's certificate, once for however many viewers,
and keeps serving what it has when the link is down. It asks the edge of its district first, and the shield while the edge does not answer.
Paths are relative to the folder, so that a copy can be checked before it is used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalog import names
from derive import access_log, page_access, permission, purging, traffic_server, video_token

FOLDER = "/etc/huiju/cache"
"""Holds one folder per state of the configuration, and ``current``, a link to the one in use."""
CACHE, LOGS = "/var/cache/trafficserver", "/var/log/trafficserver"
USER = "trafficserver"
LOG = "school"
"""Name of the access log."""
LOCAL_PORT = 8080
"""On loopback: health and counters, and lessons to fetch, fill in and give up, for the box itself."""
FIRST_WAY = 8091
"""On loopback: the ways to the platform, one port for each (decision 0220)."""
HEALTH, STATS = "/healthz", "/_stats"
FILL = "PUSH"
"""How a lesson from a stick gets in: the whole answer as the platform would give it, from loopback only, as for `purging`."""
PLUGINS = (
    ("header_rewrite.so", page_access.FILE),
    ("header_rewrite.so", video_token.GUARD_FILE),
    ("healthchecks.so", "health.config"),
    ("stats_over_http.so", STATS[1:], "stats.config"),
)
"""What looks at every request: a plugin, and its words, the last of which is its file."""
RESTART = frozenset(
    {"records.config", "storage.config", "plugin.config", permission.FILE, *(row[-1] for row in PLUGINS)}
)
"""A change in one of these needs a restart; in the others a reload, which no viewer notices: a plugin that looks at every request reads its
file once, and a script is known by its path from then on. (9.2.9 takes a new form of the access log some seconds after it was told, and
puts the lines before into a file of their own; seen 2026-11-30.)"""
STALE_SECONDS = 7 * 86_400
"""How long a copy past its age is served while the platform cannot be asked: a week without a link."""

_OFFLINE: Mapping[str, str] = {
    # A link that is cut is known after seconds and for seconds: until then viewers wait, afterwards they get what the box has; and a
    # link that comes back is used within ten.
    "proxy.config.http.connect_attempts_timeout": "INT 3",
    "proxy.config.http.connect_attempts_max_retries": "INT 1",
    # Not 0: then what is noted as dead is not even tried, and 9.2 may note one so that never was asked, and never forgets it (0270).
    "proxy.config.http.connect_attempts_max_retries_dead_server": "INT 1",
    "proxy.config.http.connect_attempts_rr_retries": "INT 1",
    "proxy.config.http.transaction_no_activity_timeout_out": "INT 10",
    "proxy.config.http.keep_alive_no_activity_timeout_out": "INT 10",
    "proxy.config.http.down_server.cache_time": "INT 10",
}


@dataclass(frozen=True)
class SchoolCache:
    """What differs from school to school, or from platform to platform."""

    code: str
    domain: str
    """Domain of the schools' boxes."""
    edge: str
    """Where lessons come from first, the district's edge: scheme, host and port, without a slash at the end; empty where there is none."""
    platform: str
    """Where they come from otherwise, the shield's door for schools, in the same form."""
    segment_seconds: int
    cache_mib: int
    networks: Sequence[str]
    """Networks in the school that may watch, for instance ``192.168.0.0/16``."""
    issuer: str
    """Who signs video tokens."""
    keys: Sequence[Mapping[str, str]]
    """The public keys by which they are checked, the newest first."""
    tls: str
    """Folder with `box.crt`, `box.key` and `platform.crt`."""

    @property
    def host(self) -> str:
        """The name that classrooms type."""
        return names.edge_host(self.code, self.domain)

    @property
    def ways(self) -> dict[int, str]:
        """Port on loopback -> where it leads, in the order of asking."""
        return dict(enumerate((each for each in (self.edge, self.platform) if each), FIRST_WAY))


def files(box: SchoolCache) -> dict[str, str]:
    """Path below the configuration's folder -> content."""
    tokens, guard = video_token.configuration(box.issuer, box.code, box.keys), video_token.guard()
    chosen = permission.script()
    return {
        **traffic_server.UNUSED,
        **traffic_server.OWN_ERRORS,
        "records.config": _records(box),
        "remap.config": _remap(box),
        "parent.config": traffic_server.asking(_ANY_WAY, *([f"127.0.0.1:{port}"] for port in box.ways)),
        "plugin.config": "".join(f"{' '.join(row)}\n" for row in PLUGINS),
        "storage.config": f"{CACHE} {box.cache_mib}M\n",
        "ssl_multicert.config": f"dest_ip=* ssl_cert_name={box.tls}/box.crt ssl_key_name={box.tls}/box.key\n",
        # This one is read from the folder in use, never from a copy that is being checked.
        "health.config": f"{HEALTH} {FOLDER}/current/alive text/plain 200 503\n",
        "alive": "ok\n",
        "stats.config": json.dumps({"allow_ip": "127.0.0.1/32", "record_types": "0x3f"}) + "\n",
        # Ranges too: an answer in part is never kept, and some players ask for every segment as `bytes=0-`.
        "dropped.config": f"{video_token.dropping()}  rm-header Range\n",
        "counted.config": _counted(),
        page_access.FILE: page_access.rules(box.issuer, HEALTH),
        video_token.GUARD_FILE: guard,
        video_token.FILE: tokens,
        permission.FILE: chosen,
        "ip_allow.yaml": traffic_server.reading_only(
            ("127.0.0.0/8", *box.networks), purging.allowed((purging.METHOD, FILL)), ("OPTIONS",)
        ),
        "logging.yaml": traffic_server.logging(LOG, access_log.school_box(access_log.version(tokens, guard, chosen))),
    }


def _records(box: SchoolCache) -> str:
    ways = " ".join(f"{port}:ip-in=127.0.0.1" for port in (LOCAL_PORT, *box.ways))
    return traffic_server.records(
        {
            **traffic_server.COMMON,
            **traffic_server.collapse(box.segment_seconds),
            **traffic_server.ASKING,
            **traffic_server.serving(box.tls),
            **traffic_server.knowing(box.tls, "box.crt", "box.key", "platform.crt"),
            "proxy.config.http.server_ports": f"STRING {ways} 443:ssl",
            "proxy.config.http.push_method_enabled": "INT 1",
            "proxy.config.admin.user_id": f"STRING {USER}",
            "proxy.config.body_factory.template_sets_dir": f"STRING {FOLDER}/current/body_factory",
            "proxy.config.http.response_via_str": f"STRING {box.code}",
            # A request goes through the box twice, to whoever is asked; a third time it is stopped.
            "proxy.config.http.max_proxy_cycles": "INT 1",
            # Traffic Server marks down whoever has an address of its own host; the ways have one.
            "proxy.config.http.parent_proxy.self_detect": "INT 0",
            # The box's own resolver knows where the platform is.
            "proxy.config.dns.resolv_conf": "STRING NULL",
            "proxy.config.dns.nameservers": "STRING 127.0.0.1",
            # A technician who watches the log sees a play as it happens.
            "proxy.config.log.max_secs_per_buffer": "INT 1",
            "proxy.config.log.periodic_tasks_interval": "INT 1",
            "proxy.config.http.cache.max_stale_age": f"INT {STALE_SECONDS}",
            **_OFFLINE,
        }
    )


HAD: Mapping[str, str] = {"yes": "school.had.yes", "no": "school.had.no"}
"""Counters of what classrooms asked for: whether the box had it. The server's own ones count what the box itself asks for too."""
_ANY_WAY = "lessons"
"""Host in the cache's own address of every lesson; it is never looked up, and the same wherever a lesson comes from."""
_WAY = (
    "proxy.config.http.cache.http=0",
    "proxy.config.http.insert_response_via_str=0",
)
"""Settings of the ways: they keep nothing."""


def _counted() -> str:
    """Header rewrite rules that count an answer; one that was refused was not looked for."""
    found = {"yes": "/^hit/", "no": "=miss"}
    head = "cond %{SEND_RESPONSE_HDR_HOOK} [AND]"
    return "\n".join(f"{head}\ncond %{{CACHE}} {what}\n  counter {HAD[had]}\n" for had, what in found.items())


def _remap(box: SchoolCache) -> str:
    """Lessons, for whoever shows a token of this school; and for the box itself, with the ways on. Nothing else leads to the platform.

    Traffic Server 9.2 names the host of the address to whomever it asks, in TLS and in the request, whichever parent that is; the edge
    and the shield's door are two hosts. So each is asked by a rule of its own, and the rules are the parents.
    """
    path = f"/{names.BUCKET_LESSONS}/"
    dropped = "@plugin=header_rewrite.so @pparam=dropped.config"
    # First which token it is about and what it is called; then that one, and no other, while it is still in the request.
    shown = f"{permission.plugin()} @plugin=uri_signing.so @pparam={video_token.FILE}"
    checked = f"{shown} {dropped} @plugin=header_rewrite.so @pparam=counted.config"
    plain = f"@plugin=conf_remap.so {' '.join(f'@pparam={each}' for each in _WAY)}"
    rules = [
        *(f"regex_map_with_recv_port http://.*:{port}{path} {to}{path} {plain}" for port, to in box.ways.items()),
        f"map https://{box.host}{path} http://{_ANY_WAY}{path} {checked}",
    ]
    return purging.rule(f"http://{_ANY_WAY}", LOCAL_PORT, (dropped,)) + "".join(f"{rule}\n" for rule in rules)
