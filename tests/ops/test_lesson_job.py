"""The packaging Job from outside, against a kubectl that plays a cluster from a script of states."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import UserError
from derive import live
from local import toolchain
from ops.lessons import job
from ops.lessons.place import Place

KUBECTL = """#!{python} -SE
import json, sys
from pathlib import Path
folder = Path({folder!r})
words = [w for w in sys.argv[1:] if not w.startswith("--request-timeout")]
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps(words) + "\\n")
state = json.loads((folder / "state").read_text())
if words[0] == "get" and words[1] == "job":
    print(json.dumps(state["jobs"].pop(0) if len(state["jobs"]) > 1 else state["jobs"][0]) if state["jobs"][0] else "")
elif words[0] == "get":
    print(json.dumps({{"items": state["pods"].pop(0) if len(state["pods"]) > 1 else state["pods"][0]}}))
elif words[0] == "logs":
    print(state["logs"].get(words[2], ""))
elif words[0] == "create":
    (folder / "created").write_text(sys.stdin.read())
(folder / "state").write_text(json.dumps(state))
"""


class Cluster:
    """States that the fake kubectl shows one after the other (the last one for ever)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = Place("local", {}, None, None)

    def shows(self, jobs: list[Any], pods: list[Any], logs: dict[str, str] | None = None) -> None:
        (self.folder / "state").write_text(json.dumps({"jobs": jobs, "pods": pods, "logs": logs or {}}))

    def calls(self) -> list[str]:
        file = self.folder / "calls"
        return [" ".join(json.loads(line)[:2]) for line in file.read_text().splitlines()] if file.exists() else []


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    program = tmp_path / "kubectl"
    program.write_text(KUBECTL.format(python=sys.executable, folder=str(tmp_path)))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(toolchain, "tool", lambda _: program)
    monkeypatch.setattr(job, "PAUSE_SECONDS", 0)
    return Cluster(tmp_path)


def ended(kind: str, **more: str) -> dict[str, Any]:
    return {"metadata": {"name": "j"}, "status": {"conditions": [{"type": kind, "status": "True", **more}]}}


def pod(name: str, phase: str, **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "creationTimestamp": name}, "status": {"phase": phase, **status}}


RUNNING: dict[str, Any] = {"metadata": {"name": "j"}, "status": {"active": 1}}
MANIFEST = {"metadata": {"name": "j"}, "kind": "Job"}


def follow(cluster: Cluster) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    job.follow(cluster.place, "j", said.append)
    return said


def test_a_job_that_is_not_there_is_created(cluster: Cluster) -> None:
    cluster.shows([None], [[]])
    job.start(cluster.place, MANIFEST)
    assert json.loads((cluster.folder / "created").read_text()) == MANIFEST


def test_a_running_job_is_joined(cluster: Cluster) -> None:
    cluster.shows([RUNNING], [[]])
    job.start(cluster.place, MANIFEST)
    assert cluster.calls() == ["get job"]


@pytest.mark.parametrize("kind", ["Complete", "Failed"])
def test_a_finished_job_is_replaced(cluster: Cluster, kind: str) -> None:
    cluster.shows([ended(kind), None], [[]])
    job.start(cluster.place, MANIFEST)
    assert cluster.calls() == ["get job", "delete job", "get job", "create -f"]


def test_a_class_on_the_air_is_given_its_whole_grace_to_end(cluster: Cluster) -> None:
    cluster.shows([{"items": [RUNNING]}, {"items": [RUNNING]}, {"items": []}], [[]])
    job.remove_of(cluster.place, "l-" + "a" * 16)
    assert cluster.calls() == ["delete job", *["get job"] * 3]
    assert job.GONE_SECONDS > live.GRACE_SECONDS


def test_a_job_that_does_not_end_is_said_and_nothing_goes_on(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "GONE_SECONDS", 0)
    cluster.shows([RUNNING], [[]])
    with pytest.raises(UserError, match="does not end"):
        job.remove(cluster.place, "j")


def test_what_the_packager_says_is_passed_on_and_noise_is_not(cluster: Cluster) -> None:
    cluster.shows(
        [RUNNING, RUNNING, ended("Complete")],
        [[], [pod("a", "Pending")], [pod("a", "Running")]],
        {"a": 'noise\n{"percent": 7}\n[1]\n'},
    )
    assert follow(cluster) == [{"percent": 7}]


def test_a_second_try_is_followed_too(cluster: Cluster) -> None:
    pods = [[pod("a", "Failed")], [pod("a", "Failed"), pod("b", "Running")]]
    cluster.shows([RUNNING, ended("Complete")], pods, {"a": '{"error": "one"}', "b": '{"percent": 100}'})
    assert follow(cluster) == [{"error": "one"}, {"percent": 100}]


def _terminated(**more: str) -> dict[str, Any]:
    return {"containerStatuses": [{"state": {"terminated": more}}]}


@pytest.mark.parametrize(
    ("pods", "logs", "condition", "said"),
    [
        ([pod("a", "Failed")], {"a": '{"error": "the file is not a video"}'}, {}, "the file is not a video"),
        ([pod("a", "Failed", **_terminated(message="full disk"))], {}, {}, "full disk"),
        ([pod("a", "Failed", **_terminated(reason="OOMKilled"))], {}, {}, "ran out of memory"),
        ([pod("a", "Failed", message="Usage of EmptyDir exceeds")], {}, {}, "Usage of EmptyDir exceeds"),
        ([], {}, {"message": "Job was active longer than specified deadline"}, "longer than specified deadline"),
    ],
)
def test_a_failed_job_is_one_clear_line(
    cluster: Cluster, pods: list[Any], logs: dict[str, str], condition: dict[str, str], said: str
) -> None:
    cluster.shows([ended("Failed", **condition)], [pods], logs)
    with pytest.raises(UserError, match=said) as caught:
        follow(cluster)
    assert str(caught.value).startswith("the lesson was not published: ")


@pytest.mark.parametrize(
    ("waiting", "said"),
    [
        (
            _terminated()
            | {
                "containerStatuses": [
                    {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}
                ]
            },
            "ImagePullBackOff no such image",
        ),
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes: Insufficient cpu"}]},
            "Insufficient cpu",
        ),
        ({}, "Pending"),
    ],
)
def test_a_pod_that_does_not_start_is_given_up_with_its_reason(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, waiting: dict[str, Any], said: str
) -> None:
    clock = iter(range(0, 10_000, job.START_SECONDS // 2))
    monkeypatch.setattr("ops.lessons.job.time.monotonic", lambda: float(next(clock)))
    cluster.shows([RUNNING], [[pod("a", "Pending", **waiting)]])
    with pytest.raises(UserError, match=said):
        follow(cluster)


def test_a_job_deleted_under_way_is_said(cluster: Cluster) -> None:
    cluster.shows([None], [[]])
    with pytest.raises(UserError, match="was deleted"):
        follow(cluster)


def test_a_refusing_cluster_is_one_clear_line(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing: Callable[[str], Path] = lambda _: Path("/bin/false")  # noqa: E731
    monkeypatch.setattr(toolchain, "tool", refusing)
    with pytest.raises(UserError, match="huiju status"):
        job.start(cluster.place, MANIFEST)
