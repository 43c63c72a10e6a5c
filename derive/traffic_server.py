"""What every cache of ours says to Apache Traffic Server: how requests collapse, what is kept and logged, and whom it asks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

UNUSED: Mapping[str, str] = dict.fromkeys(
    ("cache.config", "hosting.config", "parent.config", "sni.yaml", "ssl_multicert.config", "volume.config"),
    "# not used\n",
)
"""Files that the server warns about when they are missing."""
OWN_ERRORS: Mapping[str, str] = {
    # Without a template for its own errors the server hangs up instead of answering.
    "body_factory/default/.body_factory_info": "Content-Language: en\nContent-Charset: utf-8\n",
    "body_factory/default/default": "The request cannot be answered.\n",
}
"""What a client is told when the server itself refuses."""


def records(settings: Mapping[str, str]) -> str:
    """`records.config`: setting -> type and value, a line each."""
    return "".join(f"CONFIG {key} {value}\n" for key, value in settings.items())


_PAUSE_MS = 5
"""How often a waiter looks whether it may read; each level adds up to one pause. The server's timers go off in steps of 5 ms: more often
changes nothing. It takes no more of the processor than every 10 ms, and a crowd waits less (docs/decisions/0268, measured 2026-11-30)."""


def collapse(segment_seconds: int, pause_ms: int = _PAUSE_MS) -> dict[str, str]:
    """One request onwards for many readers: read while it is written, else wait for the writer, then serve stale or ask.

    A reader of a segment of which nothing has come yet waits for it at least one segment's length before asking for itself: from its third
    look on the server doubles the pause (docs/decisions/0268).
    """
    wait_ms = segment_seconds * 1000
    retries = wait_ms // pause_ms
    return {
        "proxy.config.cache.enable_read_while_writer": "INT 1",
        "proxy.config.cache.read_while_writer.max_retries": f"INT {retries}",
        "proxy.config.cache.read_while_writer_retry.delay": f"INT {pause_ms}",
        "proxy.config.http.background_fill_active_timeout": "INT 0",
        "proxy.config.http.background_fill_completed_threshold": "FLOAT 0.0",
        "proxy.config.http.cache.max_open_read_retries": f"INT {retries}",
        "proxy.config.http.cache.open_read_retry_time": f"INT {pause_ms}",
        "proxy.config.http.cache.max_open_write_retries": "INT 1",
        # 5: wait for the writer as a reader, and take a stale copy if there is one.
        "proxy.config.http.cache.open_write_fail_action": "INT 5",
    }


COMMON: Mapping[str, str] = {
    "proxy.config.bin_path": "STRING /usr/bin",
    "proxy.config.exec_thread.autoconfig": "INT 0",
    "proxy.config.exec_thread.limit": "INT 2",
    "proxy.config.cache.ram_cache.size": "INT 67108864",
    # Without it a disk that lies is believed: 20 of 20 segments with one bit turned were served (tests/cdn/test_corruption.py).
    "proxy.config.cache.enable_checksum": "INT 1",
    # A waiter reads whole pieces of what is still being written; the server's own size, 1 MiB, is more than most segments: everybody would
    # get everything when the last byte has come (docs/decisions/0244).
    "proxy.config.cache.target_fragment_size": f"INT {32 << 10}",
    "proxy.config.reverse_proxy.enabled": "INT 1",
    "proxy.config.url_remap.remap_required": "INT 1",
    "proxy.config.url_remap.pristine_host_hdr": "INT 0",
    # Only what its publisher gave a lifetime is kept; nothing by guess.
    "proxy.config.http.cache.required_headers": "INT 2",
    "proxy.config.http.negative_caching_enabled": "INT 1",
    "proxy.config.http.negative_caching_lifetime": "INT 5",
    "proxy.config.http.negative_caching_list": "STRING 404",
    "proxy.config.http.insert_response_via_str": "INT 2",
    "proxy.config.http.response_server_enabled": "INT 0",
    # Between the miss and the lock to write stands the look-up of the parent's name. While it waits for a name server, another request can
    # have fetched the object whole, and it is fetched again; so an old address is used while a new one is asked for (docs/decisions/0225).
    "proxy.config.hostdb.serve_stale_for": "INT 3600",
    "proxy.config.http.connect_attempts_timeout": "INT 5",
    "proxy.config.http.transaction_no_activity_timeout_out": "INT 30",
    "proxy.config.diags.show_location": "INT 0",
    "proxy.config.diags.output.note": "STRING L",
    "proxy.config.diags.output.status": "STRING L",
    "proxy.config.log.logging_enabled": "INT 3",
    "proxy.config.log.max_space_mb_for_logs": "INT 64",
    "proxy.config.log.max_space_mb_headroom": "INT 8",
    "proxy.config.log.rolling_enabled": "INT 2",
    "proxy.config.log.rolling_size_mb": "INT 10",
}
"""Settings that no fact of the city and no place changes."""


def serving(folder: str) -> dict[str, str]:
    """Settings of a server that shows `tls.crt` with `tls.key` of ``folder``, by TLS 1.2 or later."""
    return {
        "proxy.config.ssl.server.cert.path": f"STRING {folder}",
        "proxy.config.ssl.server.private_key.path": f"STRING {folder}",
        "proxy.config.ssl.TLSv1": "INT 0",
        "proxy.config.ssl.TLSv1_1": "INT 0",
    }


def knowing(folder: str, certificate: str, key: str, trusted: str) -> dict[str, str]:
    """Settings of a client that shows ``certificate`` with ``key`` and asks nobody whom ``trusted`` does not vouch for, by name."""
    client = "proxy.config.ssl.client"
    return {
        f"{client}.cert.path": f"STRING {folder}",
        f"{client}.cert.filename": f"STRING {certificate}",
        f"{client}.private_key.path": f"STRING {folder}",
        f"{client}.private_key.filename": f"STRING {key}",
        f"{client}.CA.cert.path": f"STRING {folder}",
        f"{client}.CA.cert.filename": f"STRING {trusted}",
        f"{client}.verify.server.policy": "STRING ENFORCED",
        f"{client}.verify.server.properties": "STRING ALL",
    }


DOWN_SECONDS = 3
"""How long a parent that did not answer is left alone; then one request tries it again. Where it is the only one, all wait as long."""
TURNED_DOWN = (500, 502, 503, 504)
"""A parent that answers so cannot be of use, whatever the reason: the next one is asked."""
ASKING: Mapping[str, str] = {
    "proxy.config.http.parent_proxy.retry_time": f"INT {DOWN_SECONDS}",
    "proxy.config.http.parent_proxy.fail_threshold": "INT 1",
    "proxy.config.http.parent_proxy.per_parent_connect_attempts": "INT 1",
    "proxy.config.http.parent_proxy.mark_down_hostdb": "INT 0",
}
"""How parents are told well from ill."""


def asking(host: str, first: Sequence[str], second: Sequence[str] = ()) -> str:
    """`parent.config`: for ``host`` ask one of ``first`` (host and port), by the path alone, and one of ``second`` when they are down."""
    words = [f'parent="{";".join(first)}"', *([f'secondary_parent="{";".join(second)}"'] if second else [])]
    tries = len(first) + len(second)
    words += [
        "round_robin=consistent_hash",
        "qstring=ignore",
        "go_direct=false",
        "parent_is_proxy=false",
        "parent_retry=unavailable_server_retry",
        # No `simple_server_retry_responses`, though the server warns that it is missing: with it 9.2.9 crashes when a parent answers 503.
        f'unavailable_server_retry_responses="{",".join(str(code) for code in TURNED_DOWN)}"',
        f"max_unavailable_server_retries={tries}",
    ]
    return f"dest_host={host} {' '.join(words)}\n"


def logging(name: str, line: str) -> str:
    """`logging.yaml`: a line for each answer to a file called ``name``, its fields escaped as in JSON; the server rolls it.

    What the server asks of itself over loopback is no line of its own.
    """
    return f"""logging:
  formats:
    - name: {name}
      escape: json
      format: '{line}'
  filters:
    - name: itself
      action: reject
      condition: chi MATCH 127.0.0.1
  logs:
    - filename: {name}
      format: {name}
      filters: [itself]
"""


def printing(line: str, unseen: Sequence[str]) -> str:
    """`logging.yaml`: a line for each answer to the container's output, its fields escaped as in JSON; none for the paths ``unseen``."""
    # Exactly these: whoever could hide a line by a word in its path would.
    paths = ",".join(form for path in unseen for form in (path, path.lstrip("/")))
    return f"""logging:
  formats:
    - name: printed
      escape: json
      format: '{line}'
  filters:
    - name: unseen
      action: reject
      condition: cquup MATCH {paths}
  logs:
    - filename: stdout
      format: printed
      rolling_enabled: 0
      filters: [unseen]
"""


def reading_only(networks: tuple[str, ...] = ("0/0", "::/0"), before: str = "", others: tuple[str, ...] = ()) -> str:
    """`ip_allow.yaml`: GET, HEAD and ``others`` from these networks, nothing from anywhere else; ``before`` are rules looked at first."""
    addresses = ", ".join(f'"{network}"' for network in networks)
    return f"""ip_allow:
{before}  - apply: in
    ip_addrs: [{addresses}]
    action: allow
    methods: [{", ".join(("GET", "HEAD", *others))}]
"""
