"""Apache Traffic Server's files for the edge of a district: the cache between the boxes of its schools and the shield.

It answers nobody but the gateway, which has seen the certificate of the box that asks, so it looks at no token. It asks the shield, shows a
certificate of its own, and chooses the part of the shield by the path: every lesson is kept by one part, and read from the store by one.
"""

from __future__ import annotations

from collections.abc import Sequence

from catalog import City, names
from derive import cache_pod, cache_tree, purging, shield, traffic_server
from derive.cache_tree import CacheLevel

PORT = cache_pod.PORT
"""Where the gateway asks for lessons."""


def files(city: City, parts: Sequence[str], cache_gib: int) -> dict[str, str]:
    """Path below the configuration folder to content, the same in every district.

    ``parts`` are the host names of the shield's parts, ``cache_gib`` is the size of the disk cache in GiB.
    """
    return {
        **cache_pod.files(cache_gib, certificate=cache_pod.SERVER_CERTIFICATE, key=cache_pod.SERVER_KEY),
        "records.config": _records(city),
        "remap.config": _remap(),
        "parent.config": traffic_server.asking(cache_tree.shield_host(), [f"{part}:{shield.PORT}" for part in parts]),
    }


def _records(city: City) -> str:
    return traffic_server.records(
        {
            **traffic_server.COMMON,
            **traffic_server.collapse(city.packaging.segment_seconds),
            **cache_pod.SETTINGS,
            **traffic_server.ASKING,
            **traffic_server.knowing(cache_pod.TLS, "tls.crt", "tls.key", cache_pod.TRUSTED),
            **cache_pod.MUTUAL,
            "proxy.config.http.server_ports": cache_pod.listening(PORT),
            "proxy.config.http.response_via_str": f"STRING {CacheLevel.EDGE}",
        }
    )


def _remap() -> str:
    """Lessons, on one port, and nothing else; any part of the shield answers to the shield's own name and certificate."""
    path = f"/{names.BUCKET_LESSONS}/"
    to = f"https://{cache_tree.shield_host()}:{shield.PORT}"
    plugins = (cache_pod.WHOLE, cache_pod.DROPPED)
    boxes = f"regex_map_with_recv_port https://.*:{PORT}{path} {to}{path} {' '.join(plugins)}\n"
    return purging.rule(to, plugins=plugins) + boxes
