"""The caches' own counters as Prometheus metrics, of shield and edges: Traffic Server 9 has them as JSON only."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import httpx
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from catalog import names
from derive.cache_tree import CacheLevel

COUNTERS: Final[Mapping[str, tuple[str, str]]] = {
    "requests": ("proxy.process.http.incoming_requests", "Requests to the cache"),
    "origin_requests": (
        "proxy.process.http.outgoing_requests",
        "Requests to the level above it, or to the object store",
    ),
    "sent_bytes": ("proxy.process.http.user_agent_response_document_total_size", "Bytes of bodies sent to clients"),
    "origin_bytes": (
        "proxy.process.http.origin_server_response_document_total_size",
        "Bytes of bodies got from there",
    ),
    "fresh_hits": ("proxy.process.http.cache_hit_fresh", "Requests answered from the cache"),
    "misses": ("proxy.process.http.cache_miss_cold", "Requests for what was not in the cache"),
    "server_errors": ("proxy.process.http.5xx_responses", "Answers with a server error"),
}
"""Noun of our metric -> Traffic Server's statistic and what it says."""
SECONDS: Final = 3.0
"""For the answers of one level, all pods asked at once: one after the other, four that hang outlast Prometheus' patience."""
AT_ONCE: Final = 64


# A registry keeps collectors by their identity.
@dataclass(frozen=True, eq=False)
class CacheStats(Collector):
    """Counters of every pod of the caches of one level."""

    level: CacheLevel
    urls: Mapping[str, str]
    """District -> address of its statistics, whose host is a headless Service: one address a pod. The shield is of no district (empty)."""

    def collect(self) -> Iterator[Metric]:
        """The pods' counters; a pod that does not answer is down (0) and has none."""
        pods = [(district, address) for district, url in self.urls.items() for address in _addresses(url)]
        pool = ThreadPoolExecutor(AT_ONCE)
        asked = {pod: pool.submit(_statistics, self.urls[pod[0]], pod[1]) for pod in pods}
        answered = wait(asked.values(), timeout=SECONDS).done
        pool.shutdown(wait=False, cancel_futures=True)
        found = {pod: each.result() if each in answered else None for pod, each in asked.items()}
        labels = ["district", "pod_ip"]
        up = GaugeMetricFamily(names.metric(self.level, "up"), "1 for a pod of the level that answers", labels=labels)
        for pod, statistics in found.items():
            up.add_metric(pod, float(statistics is not None))
        yield up
        for noun, (statistic, says) in COUNTERS.items():
            family = CounterMetricFamily(names.metric(self.level, noun), says, labels=labels)
            for pod, statistics in found.items():
                if statistics and statistic in statistics:
                    family.add_metric(pod, float(statistics[statistic]))
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
