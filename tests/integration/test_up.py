"""`huiju up`, again, changed, killed, moved and taken down: the platform of the city `tiny` on a real cluster."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from catalog import names
from infra.plan import objects
from local import paths
from ops import derived, health
from ops.phases import Phases
from ops.stack import checkpoint, configuration, engine, live, lock, moved, recovery, session, store
from tests.integration.campaign import MARK, Run, Stack
from tests.integration.conftest import Platform

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]


def up(platform: Platform, **changed: Any) -> tuple[engine.Outcome, str]:
    """Another whole run, and what it said."""
    console = Console(record=True, width=200)
    outcome = session.provision(replace(platform.wanted, **changed), platform.cluster.target, Phases(console))
    assert outcome is not None
    return outcome, console.export_text()


def assert_recorded_is_held(platform: Platform) -> None:
    """The cluster holds exactly what the state records, and nothing is left of a killed run."""
    backend = store.open_store()
    state = checkpoint.load(backend, platform.stack)
    assert state is not None
    recorded = {live.recorded_identity(item.kind, item.id) for item in state.objects if "helm.sh" not in item.kind}
    held = {item.identity for item in live.managed(platform.cluster.environment, platform.stack)}
    assert (recorded - held, held - recorded) == (set(), set()), "(recorded and not there, there and not recorded)"
    assert state.pending == ()
    assert lock.holders(backend, platform.stack) == []
    releases = live.helm_records(platform.cluster.environment, platform.stack)
    assert {record.status for record in releases} <= {"deployed", "superseded"}
    recorded_releases = {item.id for item in state.objects if item.kind == recovery.HELM_TYPE}
    assert {f"{record.namespace}/{record.release}" for record in releases} == recorded_releases


def test_a_second_up_changes_nothing(platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it leave a copy of the kubeconfig behind, of its own or of a killed run."""
    stale = paths.state_dir() / "tmp" / platform.stack / "kubeconfig-of-a-killed-run"
    stale.parent.mkdir(parents=True, exist_ok=True)
    stale.touch()
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    outcome, _ = up(platform)
    assert not outcome.changed
    assert outcome.changes["unchanged"] > 50
    assert list(tmp_path.glob("kubeconfig*")) == []
    assert not stale.parent.exists()


def test_every_fact_of_the_status_is_green(platform: Platform) -> None:
    facts = health.facts(platform.stack)
    assert [fact for fact in facts if fact.verdict is health.Verdict.BAD] == []
    assert {"portal", "certificate", "lessons", "API server", "stack"} <= {fact.component for fact in facts}


@pytest.fixture
def edited_city(tmp_path: Path) -> Path:
    """The city `tiny` with one more pod for the portal."""
    city = shutil.copytree(paths.ROOT / "catalog" / "data" / "tiny", tmp_path / "tiny")
    services = city / "services.yaml"
    before, mark, row = services.read_text().partition("  - id: portal\n")
    assert mark and "pods: 6}" in row
    services.write_text(before + mark + row.replace("pods: 6}", "pods: 7}", 1))
    return city


@pytest.mark.usefixtures("kept_settings")
def test_an_edited_catalog_previews_exactly_the_expected_change(platform: Platform, edited_city: Path) -> None:
    document = configuration.document(platform.stack)
    document["config"] |= {"huiju:city": str(edited_city), "huiju:derived": derived.folder(str(edited_city), print)}
    configuration.rewrite(platform.stack, document)
    words = ["preview", "--json", "--stack", platform.stack]
    steps = json.loads(engine.ask(words, platform.cluster.environment))["steps"]
    changed = {step["urn"].rsplit("::", 1)[-1]: step["op"] for step in steps if step["op"] != "same"}
    objects = {name: op for name, op in changed.items() if not name.startswith("huiju-")}
    assert set(objects.values()) == {"update"}
    # The fact itself; and the stamps of what is compiled from the matrix of access, which say of which state of the catalog it is.
    stamped = ["clusterrole", "clusterrole", "clusterrole", "clusterrole", "configmap/entitlement"]
    assert sorted(name.rpartition("/")[0] for name in objects) == [*stamped, "resourcequota/portal"]


COMMANDS = {"up": ("up", "--no-lesson"), "destroy": ("down", "--yes")}


def start(platform: Platform, operation: str) -> Run:
    """Begin a run that can be killed, as a user does."""
    mark = f"{operation}-{time.time_ns()}"
    huiju = str(Path(sys.executable).with_name("huiju"))
    command = [huiju, *COMMANDS[operation], "--stack", platform.stack]
    process = subprocess.Popen(
        command,
        cwd=paths.ROOT,
        env={**os.environ, MARK: mark},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    return Run(process, mark, time.monotonic())


def kill_midway(platform: Platform, operation: str, moment: float) -> bool:
    """Kill a run ``moment`` seconds after it began to change things; False when it had ended by itself before."""
    run = start(platform, operation)
    backend = store.open_store()
    while run.process.poll() is None and lock.marker(backend, platform.stack) is None:
        time.sleep(0.02)
    with contextlib.suppress(subprocess.TimeoutExpired):
        run.process.wait(timeout=moment)
    run.kill()
    return bool(lock.holders(backend, platform.stack))


@pytest.mark.slow
def test_the_platform_itself_recovers_from_killed_runs(platform: Platform, proof: Callable[[str, str], None]) -> None:
    """`test_recovery.py` kills runs of a small stack all the time."""
    seed = int(time.time())
    chance = random.Random(seed)
    rounds, midway = 6, 0
    for round_ in range(rounds):
        # At first after two killed runs, one upon the other; then after one.
        for operation in ("destroy", "up") if round_ % 2 == 0 else ("destroy",):
            hit = kill_midway(platform, operation, chance.uniform(0.5, 12.0))
            midway += hit
        _, said = up(platform)
        assert ("a run that died is cleared away" in said) == hit, said
        assert_recorded_is_held(platform)
        outcome, _ = up(platform)
        assert not outcome.changed, outcome.output
    assert midway
    proof(
        "kill -9 of `huiju up` and `huiju down` of the whole platform",
        f"{rounds} rounds, {midway} runs killed midway, seed {seed}: recovered each time",
    )


@pytest.mark.slow
def test_a_release_killed_while_it_was_taken_away_is_installed_again(platform: Platform) -> None:
    cluster, backend = platform.cluster, store.open_store()
    (record,) = live.helm_records(cluster.environment, platform.stack)
    cluster.kubectl("label", "secret", "-n", record.namespace, record.secret, "status=uninstalling", "--overwrite")
    cluster.kubectl("delete", "deployment", "-n", record.namespace, record.release)
    died = lock.Holder(lock.marker_key(platform.stack), 0, socket.gethostname(), "nobody", time.time(), "", "destroy")
    backend.write(died.key, json.dumps(asdict(died)).encode())
    _, said = up(platform)
    assert "was left uninstalling" in said
    assert cluster.kubectl("get", "deployment", "-n", record.namespace, record.release, "-o", "name")
    assert_recorded_is_held(platform)


def test_what_vanished_with_a_cluster_made_anew_is_made_again(platform: Platform) -> None:
    backend = store.open_store()
    state = checkpoint.load(backend, platform.stack)
    assert state is not None
    victim = next(item.id for item in state.objects if item.kind == "kubernetes:core/v1:ServiceAccount")
    namespace, name = victim.split("/")
    platform.cluster.kubectl("delete", "serviceaccount", "-n", namespace, name)
    moved.record(backend, platform.stack, "another cluster")
    outcome, said = up(platform, refresh=not platform.cluster.embedded)
    assert "made anew" in said
    assert outcome.changes["created"] == 1, "\n".join(line for line in outcome.output if "created" in line)
    assert platform.cluster.kubectl("get", "serviceaccount", "-n", namespace, name, "-o", "name")


def test_a_job_that_failed_runs_again_with_the_next_up(platform: Platform, tmp_path: Path) -> None:
    """A Job of our own kind, beside the platform: what it needs is missing in its first run, and there in the second."""
    kubectl, place = platform.cluster.kubectl, ("-n", "default")
    shield = json.loads(kubectl("get", "deployment", "shield-0", "-n", names.VIDEO_LIBRARY, "-o", "json"))
    image = shield["spec"]["template"]["spec"]["containers"][0]["image"]
    container = {
        "name": "task",
        "image": image,
        "command": ["bash", "-c", "exit $CODE"],
        "env": [{"name": "CODE", "valueFrom": {"configMapKeyRef": {"name": "cause", "key": "code"}}}],
    }
    task = objects.job("task", names.PORTAL, "task", {"restartPolicy": "Never", "containers": [container]}).props
    task["metadata"] |= {"namespace": "default"}
    task["spec"]["backoffLimit"] = 0
    stack = Stack("task", tmp_path / "program")
    stack.plan = [task]
    kubectl("create", "configmap", "cause", "--from-literal=code=1", *place)
    try:
        run = stack.start()
        said, _ = run.process.communicate(timeout=300)
        assert run.process.returncode, said
        kubectl("patch", "configmap", "cause", *place, "-p", '{"data": {"code": "0"}}')
        said, _ = stack.finish()
        assert "1 replaced" in said
    finally:
        kubectl("delete", "configmap", "cause", *place)
        stack.plan = []
        stack.finish("destroy")


@pytest.mark.last
def test_down_leaves_no_object(platform: Platform) -> None:
    session.destroy(session.Wanted(stack=platform.stack), Phases(), protected=False)
    assert live.managed(platform.cluster.environment, platform.stack) == []
    listing = platform.cluster.kubectl("get", "namespaces", "-l", live.SELECTOR, "-o", "name")
    assert listing == ""
