"""A load test against the live platform: from this machine to its verdict, and from inside the cluster, also when it is killed."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import pytest

from catalog import names
from derive.lesson import INDEX, public_path
from loadtests.verdict import Exit
from ops import lesson
from ops.lessons import place
from ops.loads.manifests import SPACE
from tests.conftest import ROOT
from tests.integration import viewer
from tests.integration.conftest import Platform

pytestmark = pytest.mark.integration
REACHED = """
import socket
for host, port in (("envoy.gateway.svc", 443), ("object-store.object-store.svc", 7070), ("kubernetes.default.svc", 443)):
    try:
        socket.create_connection((host, port), 3).close()
        print(host)
    except OSError:
        pass
"""


@pytest.fixture(scope="module")
def stack(platform: Platform) -> str:
    """A platform with a lesson. The list is what the store holds: a run plays the newest, and one just taken out has no segments."""
    lesson.publish_sample(platform.stack)
    with place.of_stack(platform.stack).buckets() as (_, lessons):
        held = lessons.read_json(INDEX)

    def listed() -> bool:
        answer = viewer.ask(platform, public_path(INDEX))
        return answer.status == HTTPStatus.OK and answer.json == held

    until(listed, "the shield goes on with an old list")
    return platform.stack


def load(stack: str, *words: str) -> subprocess.Popen[str]:
    command = [str(ROOT / ".venv" / "bin" / "huiju"), "load", "run", "--stack", stack, *words]
    environment = {"COLUMNS": "200", "NO_COLOR": "1"}
    return subprocess.Popen(
        ["env", *(f"{key}={value}" for key, value in environment.items()), *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> str:
    """What it said; judged it must have been, whatever the verdict is on a machine as busy as this one."""
    said, _ = process.communicate(timeout=300)
    assert process.returncode in (Exit.MET, Exit.MISSED, Exit.UNKNOWN), said
    return said


def until(true: Callable[[], object], what: str) -> None:
    for _ in range(240):
        if true():
            return
        time.sleep(0.5)
    raise AssertionError(what)


def test_half_a_minute_of_the_morning_is_played_and_judged(stack: str, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    said = ended(load(stack, "--minutes", "0.5", "--scale", "0.3", "--processes", "2", "--report", str(report)))
    failures = next(line for line in said.splitlines() if line.strip().startswith("失败请求占比"))
    assert " 0 percent" in failures or "the load generator was busy" in said, said
    page = report.read_text()
    assert 'id="verdicts"' in page
    assert "start of play" in page


@pytest.mark.slow
def test_the_same_from_inside_the_cluster_and_nothing_stays(stack: str, platform: Platform, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    said = ended(
        load(stack, "--minutes", "0.2", "--scale", "0.2", "--in-cluster", "--workers", "2", "--report", str(report))
    )
    assert "worker pods" in said
    assert 'id="verdicts"' in report.read_text()
    assert not platform.cluster.kubectl("get", "namespace", SPACE, "--ignore-not-found")


def test_killed_it_leaves_nothing_and_meanwhile_it_reached_the_gateway_only(stack: str, platform: Platform) -> None:
    process = load(stack, "--minutes", "5", "--scale", "0.1", "--in-cluster", "--workers", "1")
    kubectl = platform.cluster.kubectl

    def pods() -> list[str]:
        found = json.loads(kubectl("get", "pods", "-n", SPACE, "-o", "json", "--ignore-not-found") or '{"items": []}')
        return [each["metadata"]["name"] for each in found["items"] if each["status"]["phase"] == "Running"]

    try:
        until(lambda: len(pods()) == 2, "the load generator does not run")
        worker = next(name for name in pods() if name.startswith("worker"))
        reached = kubectl("exec", "-n", SPACE, worker, "--", "python3", "-c", REACHED)
        assert reached.split() == [f"envoy.{names.GATEWAY}.svc"]
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    until(lambda: not kubectl("get", "namespace", SPACE, "--ignore-not-found"), "the namespace stayed")
