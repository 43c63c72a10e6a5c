"""The intake before a real Prometheus: what a school sent can be asked for; what is refused and what cannot be taken are told apart."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from local import toolchain
from local.ports import free_port
from tests import remote_write
from tests.services.intake.running import Running, intake
from tests.services.intake.told import CODE, JOB, OTHER, READING

pytestmark = pytest.mark.integration
DAY_MS = 86_400_000
CONFIG = "storage:\n  tsdb:\n    out_of_order_time_window: 10d\n"


@contextmanager
def prometheus(folder: Path, port: int) -> Iterator[str]:
    """Address of a Prometheus that takes remote writes and readings of the last ten days."""
    (folder / "prometheus.yml").write_text(CONFIG)
    address = f"127.0.0.1:{port}"
    command = [
        str(toolchain.tool("prometheus")), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address={address}", "--web.enable-remote-write-receiver",
    ]  # fmt: skip
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _await_ready(process, address)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(30)


def _await_ready(process: subprocess.Popen[bytes], address: str) -> None:
    for _ in range(300):
        assert process.poll() is None
        try:
            if httpx.get(f"http://{address}/-/ready", trust_env=False).is_success:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError("Prometheus did not get ready")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with prometheus(tmp_path_factory.mktemp("prometheus"), free_port()) as running:
        yield running


@pytest.fixture(scope="module")
def running(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with intake(tmp_path_factory.mktemp("intake"), f"{address}/api/v1/write") as process:
        yield process


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def body(when: int, value: float = 0.25, *, school: str = CODE, name: str = READING) -> bytes:
    return remote_write.write(([("__name__", name), ("school", school), ("job", JOB)], value, when))


def ask(address: str, query: str, when: int) -> list[tuple[dict[str, str], float]]:
    """Labels and value of every series that the query finds at that time."""
    given = {"query": query, "time": str(when / 1000)}
    found = httpx.get(f"{address}/api/v1/query", params=given, trust_env=False).json()["data"]["result"]
    return [(each["metric"], float(each["value"][1])) for each in found]


def test_a_school_s_reading_can_be_asked_for_under_its_own_labels(running: Running, address: str) -> None:
    when = now_ms()
    assert running.write(body(when, 1.5)).status_code == 204
    labels = {"__name__": READING, "school": CODE, "job": JOB}
    assert ask(address, READING, when) == [(labels, 1.5)]


def test_a_refused_request_leaves_nothing_behind(running: Running, address: str) -> None:
    when = now_ms()
    rows = [([("__name__", "node_half"), ("school", code), ("job", JOB)], 1.0, when) for code in (CODE, OTHER)]
    assert running.write(remote_write.write(*rows)).status_code == 400
    assert ask(address, "node_half", when) == []


def test_readings_of_days_without_a_link_are_taken_late(running: Running, address: str) -> None:
    now, late = now_ms(), now_ms() - 3 * DAY_MS
    assert running.write(body(now, name="node_late")).status_code == 204
    assert running.write(body(late, 7.0, name="node_late")).status_code == 204
    assert [value for _, value in ask(address, "node_late", late)] == [7.0]


@pytest.mark.parametrize("offset", [-20 * DAY_MS, 3_600_000])
def test_what_is_too_old_or_of_the_future_is_dropped_by_the_box_and_does_not_stop_its_queue(
    running: Running, offset: int
) -> None:
    assert running.write(body(now_ms(), name="node_edge")).status_code == 204
    assert running.write(body(now_ms() + offset, name="node_edge")).status_code == 400


def test_the_same_reading_again_is_taken_and_another_for_the_same_moment_is_not(running: Running) -> None:
    when = now_ms()
    assert running.write(body(when, 1.0, name="node_twice")).status_code == 204
    assert running.write(body(when, 1.0, name="node_twice")).status_code == 204, "an answer that got lost on the way"
    answer = running.write(body(when, 2.0, name="node_twice"))
    assert answer.status_code == 400
    assert "duplicate" in answer.text


def test_the_intake_outlives_its_prometheus(tmp_path: Path) -> None:
    port = free_port()
    with intake(tmp_path / "intake", f"http://127.0.0.1:{port}/api/v1/write") as running:
        assert running.write(body(now_ms())).status_code == 503
        with prometheus(tmp_path, port) as address:
            when = now_ms()
            assert running.write(body(when, 3.0)).status_code == 204
            assert [value for _, value in ask(address, READING, when)] == [3.0]
        assert running.write(body(now_ms())).status_code == 503
