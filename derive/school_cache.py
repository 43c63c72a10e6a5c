"""Apache Traffic Server's files for the box of a school: the cache between its classrooms and the platform.

Classrooms ask it by TLS under the school's own name; it asks the platform with the school's certificate, once for however many viewers,
and keeps serving what it has when the link is down. Paths are relative to the folder, so that a copy can be checked before it is used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalog import names
from derive import traffic_server, video_token

FOLDER = "/etc/huiju/cache"
"""Holds one folder per state of the configuration, and ``current``, a link to the one in use."""
CACHE, LOGS = "/var/cache/trafficserver", "/var/log/trafficserver"
USER = "trafficserver"
LOG = "school"
"""Name of the access log."""
LOCAL_PORT = 8080
"""On loopback: health and counters, for the box itself."""
HEALTH, STATS = "/healthz", "/_stats"
RESTART = frozenset({"records.config", "storage.config", "plugin.config", "logging.yaml"})
"""A change in one of these needs a restart; in the others a reload, which no viewer notices."""
_STALE_SECONDS = 7 * 86_400
"""How long a copy past its age is served while the platform cannot be asked: a week without a link."""

_OFFLINE: Mapping[str, str] = {
    # A link that is cut is known after seconds and for seconds: until then viewers wait, afterwards they get what the box has; and a
    # link that comes back is used within ten.
    "proxy.config.http.connect_attempts_timeout": "INT 3",
    "proxy.config.http.connect_attempts_max_retries": "INT 1",
    "proxy.config.http.connect_attempts_max_retries_dead_server": "INT 0",
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
    platform: str
    """Where lessons come from: scheme, host and port, without a slash at the end."""
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


def files(box: SchoolCache) -> dict[str, str]:
    """Path below the configuration's folder -> content."""
    return {
        **traffic_server.UNUSED,
        **traffic_server.OWN_ERRORS,
        "records.config": _records(box),
        "remap.config": _remap(box),
        "plugin.config": _plugins(),
        "storage.config": f"{CACHE} {box.cache_mib}M\n",
        "ssl_multicert.config": f"dest_ip=* ssl_cert_name={box.tls}/box.crt ssl_key_name={box.tls}/box.key\n",
        # This one is read from the folder in use, never from a copy that is being checked.
        "health.config": f"{HEALTH} {FOLDER}/current/alive text/plain 200 503\n",
        "alive": "ok\n",
        "stats.config": json.dumps({"allow_ip": "127.0.0.1/32", "record_types": "0x3f"}) + "\n",
        # Ranges too: an answer in part is never kept, and some players ask for every segment as `bytes=0-`.
        "dropped.config": f"{video_token.dropping()}  rm-header Range\n",
        video_token.GUARD_FILE: video_token.guard(),
        video_token.FILE: video_token.configuration(box.issuer, box.code, box.keys),
        "ip_allow.yaml": traffic_server.reading_only(("127.0.0.0/8", *box.networks)),
        "logging.yaml": traffic_server.logging(LOG),
    }


def _records(box: SchoolCache) -> str:
    tls = "proxy.config.ssl.client"
    return traffic_server.records(
        {
            **traffic_server.COMMON,
            **traffic_server.collapse(box.segment_seconds),
            "proxy.config.http.server_ports": f"STRING {LOCAL_PORT}:ip-in=127.0.0.1 443:ssl",
            "proxy.config.admin.user_id": f"STRING {USER}",
            "proxy.config.body_factory.template_sets_dir": f"STRING {FOLDER}/current/body_factory",
            "proxy.config.http.response_via_str": f"STRING {box.code}",
            "proxy.config.ssl.server.cert.path": f"STRING {box.tls}",
            "proxy.config.ssl.server.private_key.path": f"STRING {box.tls}",
            "proxy.config.ssl.TLSv1": "INT 0",
            "proxy.config.ssl.TLSv1_1": "INT 0",
            f"{tls}.cert.path": f"STRING {box.tls}",
            f"{tls}.cert.filename": "STRING box.crt",
            f"{tls}.private_key.path": f"STRING {box.tls}",
            f"{tls}.private_key.filename": "STRING box.key",
            f"{tls}.CA.cert.path": f"STRING {box.tls}",
            f"{tls}.CA.cert.filename": "STRING platform.crt",
            f"{tls}.verify.server.policy": "STRING ENFORCED",
            f"{tls}.verify.server.properties": "STRING ALL",
            # The box's own resolver knows where the platform is.
            "proxy.config.dns.resolv_conf": "STRING NULL",
            "proxy.config.dns.nameservers": "STRING 127.0.0.1",
            # A technician who watches the log sees a play as it happens.
            "proxy.config.log.max_secs_per_buffer": "INT 1",
            "proxy.config.log.periodic_tasks_interval": "INT 1",
            "proxy.config.http.cache.max_stale_age": f"INT {_STALE_SECONDS}",
            **_OFFLINE,
        }
    )


def _plugins() -> str:
    rows = (
        f"header_rewrite.so {video_token.GUARD_FILE}",
        "healthchecks.so health.config",
        f"stats_over_http.so {STATS[1:]} stats.config",
    )
    return "".join(f"{row}\n" for row in rows)


def _remap(box: SchoolCache) -> str:
    """Lessons, for whoever shows a token of this school; nothing else leads to the platform."""
    path = f"/{names.BUCKET_LESSONS}/"
    plugins = f"@plugin=uri_signing.so @pparam={video_token.FILE} @plugin=header_rewrite.so @pparam=dropped.config"
    return f"map https://{box.host}{path} {box.platform}{path} {plugins}\n"
