"""A real intake process: what it hands on, how it refuses, and that nothing that is sent to it takes it down."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.requests import Request

from services.intake.app import received
from services.intake.settings import Limits
from tests import remote_write
from tests.remote_write import message, packed, series
from tests.services.intake.running import SUBJECT, Database, Running, certificate, database, intake
from tests.services.intake.told import CODE, JOB, OTHER, READING

GOOD = remote_write.write(([("__name__", READING), ("school", CODE), ("job", JOB)], 0.25, 1_700_000_000_000))
FOREIGN = remote_write.write(([("__name__", READING), ("school", OTHER), ("l", "planted-payload")], 1.0, 1))


@pytest.fixture(autouse=True)
def fresh(behind: Database) -> None:
    behind.status, behind.text = 204, ""
    behind.hold.set()
    behind.arrived.clear()


def test_a_school_s_readings_arrive_with_headers_that_are_not_the_box_s(running: Running, behind: Database) -> None:
    answer = running.write(GOOD, headers={"X-Scope-OrgID": "x", "Authorization": "Bearer x", "User-Agent": "box"})
    assert answer.status_code == 204
    [(headers, body)] = behind.arrived
    assert remote_write.read(body) == remote_write.read(GOOD)
    assert headers["content-type"] == "application/x-protobuf"
    assert headers["x-prometheus-remote-write-version"] == "0.1.0"
    assert headers["user-agent"] == "huiju-intake"
    assert not {"x-scope-orgid", "authorization", SUBJECT} & set(headers)


def test_another_school_s_series_is_refused_counted_and_logged_without_what_was_sent(
    running: Running, behind: Database
) -> None:
    before = running.count("other-school")
    assert running.write(FOREIGN).status_code == 400
    assert running.count("other-school") == before + 1
    assert not behind.arrived
    log = running.log.read_text()
    assert f"outcome=other-school school={CODE} status=400" in log
    assert "planted-payload" not in log
    assert OTHER not in log


def test_what_a_box_has_no_business_to_write_is_left_out_counted_and_said(running: Running, behind: Database) -> None:
    stray = ([("__name__", "planted_name"), ("school", CODE), ("job", JOB)], 1.0, 1)
    good = ([("__name__", READING), ("school", CODE), ("job", JOB)], 1.0, 1)
    assert running.write(remote_write.write(stray, good)).status_code == 204
    [(_, body)] = behind.arrived
    assert remote_write.read(body) == remote_write.read(remote_write.write(good))
    assert running.write(remote_write.write(stray)).status_code == 204
    assert len(behind.arrived) == 1, "nothing is handed on where nothing is left"
    assert "city_intake_left_out_series_total 2.0" in httpx.get(f"{running.inner}/metrics", trust_env=False).text
    log = running.log.read_text()
    assert f"left-out=1 school={CODE}" in log
    assert "planted_name" not in log


@pytest.mark.parametrize(
    ("lines", "outcome"),
    [
        ([], "no-certificate"),
        ([certificate(CODE), certificate(CODE)], "no-certificate"),
        ([f"{certificate(OTHER)},{certificate(CODE)}"], "no-certificate"),
        ([certificate("0000000000")], "unknown-school"),
    ],
)
def test_who_has_not_shown_one_certificate_of_a_known_school_is_refused(
    running: Running, behind: Database, lines: list[str], outcome: str
) -> None:
    before = running.count(outcome)
    headers = [*remote_write.HEADERS.items(), *((SUBJECT, line) for line in lines)]
    answer = httpx.post(f"{running.outer}/api/v1/write", content=GOOD, headers=headers, trust_env=False)
    assert (answer.status_code, running.count(outcome)) == (403, before + 1)
    assert not behind.arrived


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request"},
        {"Content-Type": "application/x-protobuf; proto=io.prometheus.write.v2.Request"},
        {"Content-Type": "application/json"},
        {"Content-Encoding": "gzip"},
        {"Content-Encoding": "snappy, gzip"},
    ],
)
def test_another_format_is_refused_since_its_bytes_may_mean_something_else(
    running: Running, behind: Database, headers: dict[str, str]
) -> None:
    assert running.write(GOOD, headers=headers).status_code == 415
    assert not behind.arrived


@pytest.mark.parametrize("extra", ["", ";proto=prometheus.WriteRequest"])
def test_remote_write_1_is_taken_with_and_without_its_full_name(running: Running, extra: str) -> None:
    assert running.write(GOOD, headers={"Content-Type": f"application/x-protobuf{extra}"}).status_code == 204


BOMB = packed(bytes(64 << 20))
EMPTIES = packed(b"\x0a\x00" * (4 << 20))
LABELS = packed(message(*[b"\x0a\x00" * 32_000] * 130))


@pytest.mark.parametrize("body", [BOMB, EMPTIES, LABELS, b"", GOOD[:-1], b"x" * 1000], ids=lambda body: f"{len(body)}")
def test_bodies_that_are_broken_or_too_much_are_dropped_by_the_box_and_cost_little(
    running: Running, behind: Database, body: bytes
) -> None:
    answers = [running.write(body).status_code for _ in range(3)]
    assert answers == [400] * 3, "vmagent drops a block at 400 alone"
    assert not behind.arrived
    assert running.write(GOOD).status_code == 204
    assert running.peak_mib() < 300, "the pod has 320"


def test_a_body_that_is_too_large_is_refused_with_and_without_a_length(running: Running, behind: Database) -> None:
    before = running.count("too-large")
    assert running.write(bytes(Limits().body_bytes + 1)).status_code == 400

    def chunks() -> Iterator[bytes]:
        for _ in range(64):
            yield bytes(64 << 10)

    headers = {**remote_write.HEADERS, SUBJECT: certificate(CODE)}
    try:
        answer = httpx.post(f"{running.outer}/api/v1/write", content=chunks(), headers=headers, trust_env=False)
        assert answer.status_code == 400
    except httpx.WriteError:
        pass  # it hung up while we were still sending
    assert running.count("too-large") == before + 2
    assert not behind.arrived


@pytest.mark.parametrize(
    ("status", "answered"),
    [(200, 204), (204, 204), (400, 400), (404, 503), (401, 503), (429, 503), (500, 503), (503, 503)],
)
def test_only_what_is_wrong_with_the_readings_is_the_box_s_fault(
    running: Running, behind: Database, status: int, answered: int
) -> None:
    behind.status, behind.text = status, "planted: out of order sample"
    answer = running.write(GOOD)
    assert answer.status_code == answered
    assert ("Retry-After" in answer.headers) is (answered == 503)
    assert ("out of order" in answer.text) is (status == 400), "the box is told why"
    assert "planted" not in running.log.read_text()


def test_while_the_database_is_away_boxes_are_told_to_come_again(tmp_path: Path) -> None:
    with intake(tmp_path, "http://127.0.0.1:9/api/v1/write") as alone:
        answer = alone.write(GOOD)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "15")
        assert alone.count("unavailable") == 1


def test_a_school_that_floods_is_sent_away_and_another_is_served(running: Running, behind: Database) -> None:
    behind.hold.clear()
    other = remote_write.write(([("__name__", READING), ("school", OTHER), ("job", JOB)], 1.0, 1))
    with ThreadPoolExecutor(8) as pool:
        held = [pool.submit(running.write, GOOD) for _ in range(2)]
        _until(lambda: len(behind.arrived) == 2)
        assert running.write(GOOD).status_code == 503
        neighbour = pool.submit(running.write, other, code=OTHER)
        _until(lambda: len(behind.arrived) == 3)
        behind.hold.set()
        assert [each.result().status_code for each in (*held, neighbour)] == [204] * 3
    assert running.write(GOOD).status_code == 204, "places are given back"


def _until(true: Callable[[], bool]) -> None:
    for _ in range(200):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to that")


def test_each_door_has_its_own_things(running: Running) -> None:
    for path in ("/metrics", "/healthz", "/", "/api/v1/query"):
        assert httpx.get(running.outer + path, trust_env=False).status_code == 404
    inside = httpx.post(
        f"{running.inner}/api/v1/write", content=GOOD, headers={SUBJECT: certificate(CODE)}, trust_env=False
    )
    assert inside.status_code == 404
    assert httpx.get(f"{running.outer}/api/v1/write", trust_env=False).status_code == 405
    assert "city_intake_series_total" in httpx.get(f"{running.inner}/metrics", trust_env=False).text


def test_asked_to_end_it_finishes_what_it_has(tmp_path: Path) -> None:
    with database() as behind, intake(tmp_path, behind.url) as ending, ThreadPoolExecutor(1) as pool:
        behind.hold.clear()
        held = pool.submit(ending.write, GOOD)
        _until(lambda: bool(behind.arrived))
        ending.process.send_signal(signal.SIGTERM)
        threading.Timer(0.5, behind.hold.set).start()
        assert held.result().status_code == 204
        assert ending.process.wait(10) in (0, -signal.SIGTERM)


def test_a_box_whose_link_drops_half_way_is_counted_and_costs_nothing(running: Running, behind: Database) -> None:
    before, address = running.count("cut-off"), urlsplit(running.outer)
    head = [f"{name}: {value}" for name, value in {**remote_write.HEADERS, SUBJECT: certificate(CODE)}.items()]
    lines = ["POST /api/v1/write HTTP/1.1", "Host: x", f"Content-Length: {len(GOOD)}", *head, "", ""]
    with socket.create_connection((address.hostname, address.port)) as link:
        link.sendall("\r\n".join(lines).encode() + GOOD[:10])
    _until(lambda: running.count("cut-off") == before + 1)
    assert not behind.arrived


def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes(running: Running) -> None:
    address = urlsplit(running.outer)
    head = [f"{name}: {value}" for name, value in {**remote_write.HEADERS, SUBJECT: certificate(CODE)}.items()]
    lines = ["POST /api/v1/write HTTP/1.1", "Host: x", f"Content-Length: {Limits().body_bytes + 1}", *head, "", ""]
    with socket.create_connection((address.hostname, address.port), timeout=10) as link:
        link.sendall("\r\n".join(lines).encode())
        assert link.recv(1000).startswith(b"HTTP/1.1 400 ")


def test_a_body_that_does_not_come_is_waited_for_only_so_long() -> None:
    async def never() -> dict[str, object]:
        await asyncio.sleep(60)
        raise AssertionError

    request = Request({"type": "http", "method": "POST", "headers": []}, never)
    with pytest.raises(TimeoutError):
        asyncio.run(received(request, Limits(receive_seconds=0.05)))


def test_settings_that_are_not_there_are_an_error_at_once(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "services.intake"],
        env={**os.environ, "INTAKE_SETTINGS": str(tmp_path / "none")},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode != 0
    assert "schools.json" in done.stderr


def test_series_of_a_full_block_are_taken_quickly(running: Running) -> None:
    rows = [series([("__name__", f"node_x{n}"), ("school", CODE), ("job", JOB)], (1.0, 1)) for n in range(10_000)]
    began = time.monotonic()
    assert running.write(packed(message(*rows))).status_code == 204
    assert time.monotonic() - began < 5
