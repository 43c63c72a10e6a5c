"""What the caches that run as pods have in common, the shield and the districts' edges: folders, ports and Traffic Server's settings.

A lesson leaves such a cache by TLS alone, and only for who shows a certificate that it trusts: the gateway, and at the shield an edge. What
it has in the clear is its health, its counters and, on its own loopback, what the operator asks for (`derive.purging`).
"""

from __future__ import annotations

from collections.abc import Mapping

from derive import access_log, purging, traffic_server, video_token

PORT = 8443
"""Where lessons are given without a token, by TLS: to the gateway, which has seen the certificate of a school's box, and to edges."""
FIGURES_PORT = 8083
"""Health and counters in the clear, and no lesson. (A number that no older cache had anything else on.)"""
CONFIGURATION = "/etc/trafficserver"
CACHE, LOGS, RUN = "/var/cache/trafficserver", "/var/log/trafficserver", "/run/trafficserver"
"""Folders that it writes to; its root file system is read-only."""
TLS = "/etc/caches"
"""Folder with what `derive.cache_tls` gives a cache: `tls.crt` and `tls.key`, its own, and the files below."""
TRUSTED, CLIENTS = "trusted.crt", "clients.crt"
"""Whom it asks, and whom it answers."""
SERVER_CERTIFICATE, SERVER_KEY = "server.crt", "server.key"
"""What an edge shows to who asks it; `tls.crt` is what it shows to whom it asks."""
HEALTH, STATS = "/healthz", "/_stats"

EVERY_REQUEST = (
    f"header_rewrite.so {CONFIGURATION}/{video_token.GUARD_FILE}",
    f"healthchecks.so {CONFIGURATION}/health.config",
    f"stats_over_http.so {STATS[1:]}",
)
"""Plugins that see every request, in this order."""
WHOLE = f"@plugin=header_rewrite.so @pparam={CONFIGURATION}/whole.config"
"""Lessons are asked for whole: what comes in part is never kept, and some players ask for every segment as `bytes=0-`."""
DROPPED = f"@plugin=header_rewrite.so @pparam={CONFIGURATION}/dropped.config"
"""A viewer's cookies and credentials go no further."""

MUTUAL: Mapping[str, str] = {
    **traffic_server.serving(TLS),
    # 2: who has no certificate that is trusted gets no answer at all.
    "proxy.config.ssl.client.certification_level": "INT 2",
    "proxy.config.ssl.CA.cert.path": f"STRING {TLS}",
    "proxy.config.ssl.CA.cert.filename": f"STRING {CLIENTS}",
}
"""How it answers by TLS."""

SETTINGS: Mapping[str, str] = {
    "proxy.config.admin.user_id": "STRING #-1",
    "proxy.config.body_factory.template_sets_dir": f"STRING {CONFIGURATION}/body_factory",
    # The container's own limit; a higher one would be refused.
    "proxy.config.net.connections_throttle": "INT 8000",
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
"""What no fact of the city changes."""


def listening(*tls: int) -> str:
    """`server_ports`: by ``tls`` lessons, HTTP/1.1 only, so that a connection is a stream of its own; figures; and what loopback asks."""
    return " ".join(("STRING", *(f"{port}:ssl:proto=http" for port in tls), str(FIGURES_PORT), purging.listening()))


def files(cache_gib: int, decides_by: str = "", certificate: str = "tls.crt", key: str = "tls.key") -> dict[str, str]:
    """Path below `CONFIGURATION` to content, of what every such cache has.

    ``cache_gib`` is the size of its disk cache in GiB, ``decides_by`` whatever it decides by beside the guard; ``certificate`` and ``key``
    are the files in `TLS` that it shows to who asks it.
    """
    guard = video_token.guard()
    line = access_log.traffic_server(access_log.version(decides_by, guard))
    return {
        **traffic_server.UNUSED,
        **traffic_server.OWN_ERRORS,
        "ssl_multicert.config": f"dest_ip=* ssl_cert_name={certificate} ssl_key_name={key}\n",
        "plugin.config": "".join(f"{plugin}\n" for plugin in EVERY_REQUEST),
        "storage.config": f"{CACHE} {cache_mib(cache_gib)}M\n",
        "health.config": f"{HEALTH} {CONFIGURATION}/alive text/plain 200 503\n",
        "alive": "ok\n",
        "dropped.config": video_token.dropping(),
        "whole.config": "cond %{REMAP_PSEUDO_HOOK}\n  rm-header Range\n",
        video_token.GUARD_FILE: guard,
        # From whoever the NetworkPolicies let through.
        "ip_allow.yaml": traffic_server.reading_only(before=purging.allowed()),
        "logging.yaml": traffic_server.printing(line, (HEALTH, STATS)),
    }


def cache_mib(cache_gib: int) -> int:
    """A tenth is left to the file system and to logs."""
    return cache_gib * 1024 * 9 // 10
