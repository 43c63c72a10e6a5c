"""Apache Traffic Server's files for the shield: one cache in front of the private buckets `lessons` and `parcels`.

It listens twice: for viewers, who show a token for each lesson, and for the caches in schools, which have shown a certificate to the
gateway. Both share one cache.

The shield signs its own requests to the store (`s3_auth`), collapses the same request of many caches into one, and never asks the store
for anything but the path it was asked for: query strings are dropped, so nothing but plain objects can be read through it.
"""

from __future__ import annotations

from catalog import City, names
from derive import access_log, traffic_server, video_token

PORT = 8080
SCHOOLS_PORT = 8081
"""Where lessons are served to caches in schools; only the gateway reaches it."""
CONFIGURATION = "/etc/trafficserver"
SIGNING = "/etc/store"
"""Folder with `s3_auth.config`, from a Secret."""
CACHE, LOGS, RUN = "/var/cache/trafficserver", "/var/log/trafficserver", "/run/trafficserver"
"""Folders that it writes to; its root file system is read-only."""
HEALTH, STATS = "/healthz", "/_stats"
SIGNING_FILE = "s3_auth.config"


def files(city: City, store: str, cache_gib: int, tokens: str) -> dict[str, str]:
    """Path below the configuration folder to content.

    ``store`` is the S3 endpoint, ``cache_gib`` the size of the disk cache in GiB, ``tokens`` what `video_token.configuration` gives.
    """
    guard = video_token.guard()
    line = access_log.traffic_server(access_log.version(tokens, guard))
    return {
        "records.config": _records(city),
        "remap.config": _remap(store),
        "plugin.config": "".join(f"{plugin}\n" for plugin in _EVERY_REQUEST),
        "storage.config": f"{CACHE} {_cache_mib(cache_gib)}M\n",
        "health.config": f"{HEALTH} {CONFIGURATION}/alive text/plain 200 503\n",
        "alive": "ok\n",
        "dropped.config": video_token.dropping(),
        "whole.config": "cond %{REMAP_PSEUDO_HOOK}\n  rm-header Range\n",
        video_token.GUARD_FILE: guard,
        video_token.FILE: tokens,
        # From whoever the NetworkPolicies let through.
        "ip_allow.yaml": traffic_server.reading_only(),
        "logging.yaml": traffic_server.printing(line, (HEALTH, STATS)),
        **traffic_server.UNUSED,
        **traffic_server.OWN_ERRORS,
    }


def signing_file(access: str, secret: str) -> str:
    """`s3_auth.config`: the account that the shield signs with."""
    settings = {
        "access_key": access,
        "secret_key": secret,
        "version": "4",
        "v4-include-headers": "host;x-amz-content-sha256;x-amz-date",
        "v4-region-map": f"{SIGNING}/region.config",
    }
    return "".join(f"{key}={value}\n" for key, value in settings.items())


def region_file(region: str) -> str:
    """`region.config`: one default line; a host with a port would not be found in it."""
    return f": {region}\n"


def _cache_mib(cache_gib: int) -> int:
    """A tenth is left to the file system and to logs."""
    return cache_gib * 1024 * 9 // 10


def _records(city: City) -> str:
    return traffic_server.records(
        {**traffic_server.COMMON, **traffic_server.collapse(city.packaging.segment_seconds), **_OWN}
    )


_EVERY_REQUEST = (
    f"header_rewrite.so {CONFIGURATION}/{video_token.GUARD_FILE}",
    f"healthchecks.so {CONFIGURATION}/health.config",
    f"stats_over_http.so {STATS[1:]}",
)
"""Plugins that see every request, in this order."""
_WHOLE = f"@plugin=header_rewrite.so @pparam={CONFIGURATION}/whole.config"
"""Lessons are asked for whole: what the store gives in part is never kept, and some players ask for every segment as `bytes=0-`.
Parcels are not: who was cut off goes on where it was."""
_TO_STORE = (
    f"@plugin=header_rewrite.so @pparam={CONFIGURATION}/dropped.config",
    f"@plugin=s3_auth.so @pparam=--config @pparam={SIGNING}/{SIGNING_FILE}",
)
_CHECK = f"@plugin=uri_signing.so @pparam={CONFIGURATION}/{video_token.FILE}"
"""First the token, while it is still in the request."""
_OWN = {
    "proxy.config.http.server_ports": f"STRING {PORT} {SCHOOLS_PORT}",
    "proxy.config.admin.user_id": "STRING #-1",
    "proxy.config.body_factory.template_sets_dir": f"STRING {CONFIGURATION}/body_factory",
    # The container's own limit; a higher one would be refused.
    "proxy.config.net.connections_throttle": "INT 8000",
    "proxy.config.http.response_via_str": "STRING shield",
    # The access log is collected from what the pod prints: a pod that ends has a second's lines left to print, not five.
    "proxy.config.log.max_secs_per_buffer": "INT 1",
    "proxy.config.log.periodic_tasks_interval": "INT 1",
    # Every so many writes it looks whether the log is still a file of that name, and closes it otherwise: `stdout` is none, and after the
    # 32nd write there was no access log any more. So it never looks.
    "proxy.config.log.file_stat_frequency": f"INT {2**31 - 1}",
    # What goes wrong goes to the container's output.
    **dict.fromkeys(
        (f"proxy.config.diags.output.{level}" for level in ("warning", "error", "fatal", "alert", "emergency")),
        "STRING E",
    ),
}
"""What is the shield's own, and no fact of the city changes."""


def _remap(store: str) -> str:
    """One rule a line; those of a receiving port are looked at before all others."""
    lessons, parcels = f"/{names.BUCKET_LESSONS}/", f"/{names.BUCKET_PARCELS}/"
    # `with_recv_port`: the port that the request came in on, never one that a client writes into its Host header. Any host: `.*`,
    # since a rule without a host takes no port.
    rules = (
        (f"regex_map_with_recv_port http://.*:{SCHOOLS_PORT}{lessons}", lessons, (_WHOLE, *_TO_STORE)),
        (f"map {lessons}", lessons, (_CHECK, _WHOLE, *_TO_STORE)),
        (f"map {parcels}", parcels, _TO_STORE),
    )
    return "".join(f"{rule} {store}{path} {' '.join(plugins)}\n" for rule, path, plugins in rules)
