"""The shield's own counters as Prometheus metrics: Traffic Server 9 has them as JSON only."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from catalog import names

COUNTERS: Final[Mapping[str, tuple[str, str]]] = {
    "requests": ("proxy.process.http.incoming_requests", "Requests from the gateway and from schools"),
    "origin_requests": ("proxy.process.http.outgoing_requests", "Requests to the object store"),
    "sent_bytes": ("proxy.process.http.user_agent_response_document_total_size", "Bytes of bodies sent to clients"),
    "origin_bytes": (
        "proxy.process.http.origin_server_response_document_total_size",
        "Bytes of bodies got from the store",
    ),
    "fresh_hits": ("proxy.process.http.cache_hit_fresh", "Requests answered from the cache"),
    "misses": ("proxy.process.http.cache_miss_cold", "Requests for what was not in the cache"),
    "server_errors": ("proxy.process.http.5xx_responses", "Answers with a server error"),
}
"""Noun of our metric -> Traffic Server's statistic and what it says."""
SECONDS: Final = 3.0


@dataclass(frozen=True)
class ShieldStats(Collector):
    """Counters of every pod behind ``url``, whose host is a headless Service: one address a pod."""

    url: str

    def collect(self) -> Iterator[Metric]:
        """The pods' counters; a pod that does not answer is down (0) and has none."""
        found = {address: _statistics(self.url, address) for address in _addresses(self.url)}
        up = GaugeMetricFamily(
            names.metric("shield", "up"), "1 for a pod of the shield that answers", labels=["pod_ip"]
        )
        for address, statistics in found.items():
            up.add_metric([address], float(statistics is not None))
        yield up
        for noun, (statistic, says) in COUNTERS.items():
            family = CounterMetricFamily(names.metric("shield", noun), says, labels=["pod_ip"])
            for address, statistics in found.items():
                if statistics and statistic in statistics:
                    family.add_metric([address], float(statistics[statistic]))
            yield family


def _addresses(url: str) -> list[str]:
    parts = urlsplit(url)
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return sorted({str(row[4][0]) for row in found})


def _statistics(url: str, address: str) -> Mapping[str, str] | None:
    parts = urlsplit(url)
    host = f"[{address}]" if ":" in address else address
    try:
        answer = httpx.get(f"{parts.scheme}://{host}:{parts.port}{parts.path}", timeout=SECONDS)
        answer.raise_for_status()
        found: Mapping[str, str] = answer.json()["global"]
    except (httpx.HTTPError, ValueError, KeyError):
        return None
    return found
