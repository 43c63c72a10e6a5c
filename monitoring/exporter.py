"""Publishes coverage for Prometheus: `python -m monitoring.exporter FACTS.json`.

Asks Prometheus for the boxes' readings, judges them by the contract of `monitoring.coverage`, and serves `/metrics`.
"""

from __future__ import annotations

import argparse
import gzip
import logging
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from wsgiref.simple_server import make_server

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, ThreadingWSGIServer, _SilentHandler

from catalog import names
from derive.cache_tree import CacheLevel
from monitoring import exposition, facts
from monitoring.cache_stats import CacheStats
from monitoring.judging import Judge
from monitoring.readings import Prometheus, ReadingsError
from monitoring.tables import Tables

REFRESH_SECONDS = 15.0
log = logging.getLogger("exporter")


class Exporter:
    """The page, put together at every scrape."""

    def __init__(self, judge: Judge, caches: Iterable[CacheStats], clock: Callable[[], float] = time.time) -> None:
        self.judge, self.clock = judge, clock
        self.tables = Tables(judge.facts)
        self.registry = CollectorRegistry()
        self.failures = Counter(
            names.metric("readings", "failures"), "Times that Prometheus gave no readings", registry=self.registry
        )
        for each in caches:
            self.registry.register(each)

    def refresh(self) -> None:
        """Judge anew; when Prometheus gives nothing, the verdicts stay and their age shows."""
        try:
            self.judge.refresh(self.clock())
        except ReadingsError as error:
            self.failures.inc()
            log.warning("no readings: %s", error)

    def page(self) -> bytes:
        """Everything in Prometheus' text format: coverage by the fast path, the few counters by prometheus_client."""
        columns = self.tables.columns(self.judge.verdicts, self.judge.heard, self.clock(), self.judge.refreshed)
        return exposition.page(columns) + generate_latest(self.registry)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """WSGI: `/metrics`, and `/healthz`, which is well once the first verdicts are there."""
        if environ["PATH_INFO"] == "/healthz":
            ready = bool(self.judge.verdicts)
            start_response("200 OK" if ready else "503 Service Unavailable", [("Content-Type", "text/plain")])
            return [b"ok\n" if ready else b"no readings yet\n"]
        if environ["PATH_INFO"] != "/metrics":
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"/metrics\n"]
        body, headers = self.page(), [("Content-Type", CONTENT_TYPE_PLAIN_0_0_4)]
        if "gzip" in environ.get("HTTP_ACCEPT_ENCODING", ""):
            body = gzip.compress(body, 1)
            headers.append(("Content-Encoding", "gzip"))
        start_response("200 OK", headers)
        return [body]


def _refresh_for_ever(exporter: Exporter) -> None:
    while True:
        exporter.refresh()
        time.sleep(REFRESH_SECONDS)


def _caches(shield: str | None, edges: list[str]) -> Iterable[CacheStats]:
    """The levels that are asked for their counters."""
    if shield:
        yield CacheStats(CacheLevel.SHIELD, {"": shield})
    if edges:
        yield CacheStats(CacheLevel.EDGE, dict(each.split("=", 1) for each in edges))


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(prog="python -m monitoring.exporter", description=__doc__)
    parser.add_argument("facts", type=Path, help="what `make generate` derived for the city: exporter.json")
    parser.add_argument("--prometheus", required=True, metavar="URL")
    parser.add_argument(
        "--shield", metavar="URL", help="address of the shield's statistics; its host has an address per pod"
    )
    parser.add_argument(
        "--edge",
        metavar="DISTRICT=URL",
        action="append",
        default=[],
        help="the same of a district's edge; may be repeated",
    )
    parser.add_argument("--port", type=int, default=8080)
    asked = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    judge = Judge(facts.parse(asked.facts.read_text(encoding="utf-8")), Prometheus(asked.prometheus.rstrip("/")))
    exporter = Exporter(judge, _caches(asked.shield, asked.edge))
    threading.Thread(target=_refresh_for_ever, args=(exporter,), daemon=True).start()
    with make_server("", asked.port, exporter, ThreadingWSGIServer, _SilentHandler) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()
