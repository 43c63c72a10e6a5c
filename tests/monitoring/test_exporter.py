"""The exporter's page, over its own HTTP server and against a Prometheus of the test's own on loopback."""

from __future__ import annotations

import gzip
import json
import math
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs
from urllib.request import Request, urlopen
from wsgiref.simple_server import make_server

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from catalog import names
from derive.cache_tree import CacheLevel
from monitoring import cache_stats
from monitoring.cache_stats import COUNTERS, CacheStats
from monitoring.exporter import Exporter
from monitoring.facts import Facts
from monitoring.judging import Judge
from monitoring.readings import Prometheus, ReadingsError
from tests.monitoring.conftest import moment

NOON = moment("2026-11-24 12:00")


class Answering:
    """A server on loopback that answers every request with one document."""

    def __init__(self, document: Any, code: int = 200) -> None:
        self.bodies: list[dict[str, list[str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", 0))
                outer.bodies.append(parse_qs(self.rfile.read(length).decode()))
                self.send_response(code)
                self.end_headers()
                self.wfile.write(json.dumps(document).encode())

            do_GET = do_POST  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def vector(**values: float) -> dict[str, Any]:
    rows = [{"metric": {"school": code.strip("_")}, "value": [NOON, str(value)]} for code, value in values.items()]
    return {"status": "success", "data": {"resultType": "vector", "result": rows}}


@pytest.fixture
def prometheus(tiny_facts: Facts) -> Iterator[Answering]:
    server = Answering(vector(**{f"_{tiny_facts.schools[0].code}": NOON - 30}))
    yield server
    server.close()


def test_a_box_that_says_no_finite_number_has_said_nothing_and_the_others_have() -> None:
    values = {"_1": math.nan, "_2": math.inf, "_3": -math.inf, "_4": 7.0}
    server = Answering(vector(**values))
    try:
        assert Prometheus(server.url).query("x", NOON) == {"4": 7.0}
    finally:
        server.close()


def samples(page: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(page)
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def test_the_page_says_who_is_covered_and_what_is_unknown(tiny_facts: Facts, prometheus: Answering) -> None:
    exporter = Exporter(Judge(tiny_facts, Prometheus(prometheus.url)), (), clock=lambda: NOON)
    exporter.refresh()
    found = samples(exporter.page().decode())
    by_name: dict[str, dict[str, float]] = {}
    for (name, labels), value in found.items():
        by_name.setdefault(name, {})[dict(labels).get("school", dict(labels).get("district", ""))] = value
    first = tiny_facts.schools[0]
    assert by_name[names.METRIC_SCHOOL_COVERAGE] == {row.code: float(row is first) for row in tiny_facts.schools}
    assert by_name[names.METRIC_SCHOOL_AGE] == {first.code: 30.0}
    assert by_name[names.METRIC_COVERAGE] == {"": pytest.approx(1 / 6)}
    assert by_name[names.METRIC_DISTRICT_COVERAGE] == {"east": pytest.approx(1 / 3), "hills": 0.0}
    assert by_name[names.METRIC_DISTRICT_SCHOOLS] == {"east": 3.0, "hills": 3.0}
    states = {
        dict(labels)["state"] for (name, labels), value in found.items() if name == names.METRIC_SCHOOL_STATE and value
    }
    assert states == {"covered", "unknown"}


def test_without_prometheus_nothing_is_called_covered_and_the_failure_is_counted(tiny_facts: Facts) -> None:
    exporter = Exporter(Judge(tiny_facts, Prometheus("http://127.0.0.1:1")), (), clock=lambda: NOON)
    exporter.refresh()
    page = exporter.page().decode()
    assert names.METRIC_COVERAGE + " " not in page
    assert "city_readings_failures_total 1.0" in page


@pytest.mark.parametrize("answer", [({"status": "error", "error": "too many"}, 200), ({}, 500), ([], 200)])
def test_an_answer_without_numbers_is_an_error_that_says_so(answer: tuple[Any, int]) -> None:
    server = Answering(*answer)
    try:
        with pytest.raises(ReadingsError, match=r"127\.0\.0\.1"):
            Prometheus(server.url).query("x", NOON)
    finally:
        server.close()


def test_the_question_names_its_moment(prometheus: Answering) -> None:
    Prometheus(prometheus.url).fetched(NOON, "15m")
    assert prometheus.bodies[-1]["time"] == [f"{NOON:.3f}"]
    asked = f"max by (school) (last_over_time({names.METRIC_FETCHED}[15m]))"
    assert prometheus.bodies[-1]["query"] == [asked], "the last word of each series, not its largest"


def test_the_server_answers_plainly_and_packed_and_is_healthy_once_it_has_judged(
    tiny_facts: Facts, prometheus: Answering
) -> None:
    exporter = Exporter(Judge(tiny_facts, Prometheus(prometheus.url)), (), clock=lambda: NOON)
    with make_server("127.0.0.1", 0, exporter) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        with pytest.raises(OSError, match="503"):
            urlopen(f"{url}/healthz")
        exporter.refresh()
        assert urlopen(f"{url}/healthz").read() == b"ok\n"
        plain = urlopen(f"{url}/metrics").read()
        packed = urlopen(Request(f"{url}/metrics", headers={"Accept-Encoding": "gzip"})).read()
        assert gzip.decompress(packed) == plain == exporter.page()
        server.shutdown()


def test_the_shield_s_counters_come_from_every_address() -> None:
    statistics = {statistic: str(number) for number, (statistic, _) in enumerate(COUNTERS.values(), 1)}
    server = Answering({"global": statistics})
    try:
        stats = CacheStats(CacheLevel.SHIELD, {"": f"{server.url}/_stats"})
        found = {s.name: s.value for family in stats.collect() for s in family.samples}
    finally:
        server.close()
    assert found["city_shield_up"] == 1
    assert found["city_shield_requests_total"] == 1
    assert found["city_shield_server_errors_total"] == len(COUNTERS)


def test_a_shield_that_is_silent_is_down_and_counts_nothing() -> None:
    stats = CacheStats(CacheLevel.SHIELD, {"": "http://127.0.0.1:1/_stats"})
    found = {s.name: s.value for family in stats.collect() for s in family.samples}
    assert found == {"city_shield_up": 0.0}


def test_pods_that_hang_are_asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    together, ended = threading.Barrier(9, timeout=20), threading.Event()

    def hang(url: str, address: str) -> None:
        together.wait()
        ended.wait()

    monkeypatch.setattr(cache_stats, "_statistics", hang)
    monkeypatch.setattr(cache_stats, "_addresses", lambda _: ["10.0.0.1", "10.0.0.2"])
    urls = {district: f"http://{district}.example/_stats" for district in "abcd"}
    monkeypatch.setattr(cache_stats, "SECONDS", 0.2)
    found = [s for family in CacheStats(CacheLevel.EDGE, urls).collect() for s in family.samples]
    assert [each.value for each in found] == [0.0] * 8, "none has answered, and the page does not wait"
    together.wait()
    ended.set()


def test_the_edges_counters_say_of_which_district_they_are() -> None:
    server = Answering({"global": {COUNTERS["requests"][0]: "7"}})
    try:
        urls = {"east": f"{server.url}/_stats", "hills": "http://127.0.0.1:1/_stats"}
        samples = [s for family in CacheStats(CacheLevel.EDGE, urls).collect() for s in family.samples]
    finally:
        server.close()
    found = {(s.name, s.labels["district"]): s.value for s in samples}
    assert found == {
        ("city_edge_up", "east"): 1,
        ("city_edge_up", "hills"): 0,
        ("city_edge_requests_total", "east"): 7,
    }


def test_the_page_holds_the_counters_of_both_levels_in_the_cluster(tiny_facts: Facts, prometheus: Answering) -> None:
    server = Answering({"global": {COUNTERS["requests"][0]: "7"}})
    levels = [CacheStats(CacheLevel.SHIELD, {"": server.url}), CacheStats(CacheLevel.EDGE, {"east": server.url})]
    exporter = Exporter(Judge(tiny_facts, Prometheus(prometheus.url)), levels, clock=lambda: NOON)
    try:
        page = generate_latest(exporter.registry).decode()
    finally:
        server.close()
    assert "city_shield_requests_total{" in page and 'city_edge_requests_total{district="east"' in page
