"""What every cache of ours, the shield and a school's, says to Apache Traffic Server: how requests collapse, what is kept and logged."""

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


def collapse(segment_seconds: int) -> dict[str, str]:
    """One request onwards for many readers: read while it is written, else wait for the writer, then serve stale or ask.

    A reader of a segment that is still being fetched waits for it at most one segment's length before asking for itself.
    """
    wait_ms = segment_seconds * 1000
    retries, pause_ms = 20, wait_ms // 20
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


def logging(name: str) -> str:
    """`logging.yaml`: one access log called ``name``: when, who, status and bytes, how the cache was used, milliseconds, URL."""
    return f"""logging:
  formats:
    - name: {name}
      format: '%<cqtq> %<chi> %<pssc> %<crc> %<ttms> %<psql> %<cquuc>'
  logs:
    - filename: {name}
      format: {name}
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


def reading_only(networks: tuple[str, ...] = ("0/0", "::/0")) -> str:
    """`ip_allow.yaml`: GET and HEAD from these networks, nothing from anywhere else."""
    addresses = ", ".join(f'"{network}"' for network in networks)
    return f"""ip_allow:
  - apply: in
    ip_addrs: [{addresses}]
    action: allow
    methods: [GET, HEAD]
"""
