"""Runs killed at random moments: the next one recovers by itself, and nothing is orphaned, doubled or broken into."""

from __future__ import annotations

import json
import random
import signal
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from benchmarks.scale.objects import config_map
from catalog import names
from ops.stack import checkpoint, live, lock, store
from ops.stack.lock import Holder
from tests.integration.campaign import Run, Stack
from tests.integration.conftest import Cluster

pytestmark = [pytest.mark.integration, pytest.mark.timeout(3600)]
NAME = "killed"
NAMESPACE = f"killed-{uuid.uuid4().hex[:6]}"


@pytest.fixture(scope="module", autouse=True)
def namespace(cluster: Cluster) -> Iterator[None]:
    cluster.kubectl("create", "namespace", NAMESPACE)
    yield
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    made = Stack(NAME, tmp_path / "program")
    yield made
    made.plan = []
    made.finish("destroy")
    store.open_store().delete(checkpoint.key(NAME))


@pytest.fixture
def install_of_another_stack(cluster: Cluster) -> Iterator[Callable[[], bool]]:
    """Whether Helm's record of an install that is under way in another stack's namespace is still there."""
    place, record = f"{NAMESPACE}-other", "sh.helm.release.v1.gateway.v1"
    ours = {"app.kubernetes.io/managed-by": names.MANAGED_BY}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": place, "labels": ours}}
    labels = {"owner": "helm", "name": "gateway", "status": "pending-install", "version": "1"}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": record, "namespace": place, "labels": labels},
        "type": "helm.sh/release.v1",
    }
    for manager, manifest in ((names.field_manager("other"), namespace), ("helm", secret)):
        words = ("apply", "--server-side", f"--field-manager={manager}", "-f", "-")
        cluster.kubectl(*words, stdin=json.dumps(manifest))
    yield lambda: bool(cluster.kubectl("get", "secret", record, "-n", place, "-o", "name", "--ignore-not-found"))
    cluster.kubectl("delete", "namespace", place, "--timeout=25s")


def plan(chance: random.Random, count: int) -> list[dict[str, Any]]:
    """Some of twice as many possible objects, each with a content of its own."""
    chosen = chance.sample(range(2 * count), count)
    return [config_map(f"object-{index}", NAMESPACE, NAME, str(chance.random())) for index in chosen]


def assert_cluster_is(planned: list[dict[str, Any]], cluster: Cluster) -> None:
    """The cluster holds the plan's objects, with the plan's contents, and the state records exactly those."""
    listing = json.loads(cluster.kubectl("get", "configmaps", "-n", NAMESPACE, "-l", live.SELECTOR, "-o", "json"))
    held = {item["metadata"]["name"]: item["data"] for item in listing["items"]}
    assert held == {item["metadata"]["name"]: item["data"] for item in planned}
    state = checkpoint.load(store.open_store(), NAME)
    assert state is not None
    assert sorted(item.id for item in state.objects) == sorted(f"{NAMESPACE}/{name}" for name in held)
    assert state.pending == ()
    assert lock.holders(store.open_store(), NAME) == []


def test_a_run_after_a_killed_one_leaves_exactly_what_the_plan_says(
    stack: Stack,
    cluster: Cluster,
    install_of_another_stack: Callable[[], bool],
    campaign: Callable[[int, int], int],
    proof: Callable[[str, str], None],
) -> None:
    seed = int(time.time())
    chance = random.Random(seed)
    stack.plan = plan(chance, 60)
    _, whole = stack.finish()
    kills = campaign(1, 30)
    for round_ in range(kills):
        stack.plan = plan(chance, 60)
        run = stack.start("destroy" if round_ % 5 == 4 else "up")
        time.sleep(chance.uniform(0.3, max(whole, 1.0)))
        run.kill()
        stack.plan = plan(chance, 60)
        said, _ = stack.finish()
        assert_cluster_is(stack.plan, cluster)
        assert install_of_another_stack()
        again, _ = stack.finish()
        assert "unchanged" in again, said
        assert not any(word in again for word in ("created", "updated", "deleted", "replaced")), again
    proof(
        "kill -9 of `pulumi up` at random moments", f"{kills} kills, 60 objects, seed {seed}: no orphan, no duplicate"
    )


def begun(run: Run) -> None:
    """Wait for the marker of this very run."""
    while (marker := lock.marker(store.open_store(), NAME)) is None or marker.pid != run.process.pid:
        assert run.process.poll() is None, run.process.communicate()
        time.sleep(0.02)


def test_a_live_run_is_not_broken_into(stack: Stack, cluster: Cluster) -> None:
    stack.plan = plan(random.Random(1), 60)
    first = stack.start()
    begun(first)
    # Held still, so that it is there however long the second takes to start; a stopped process lives.
    first.process.send_signal(signal.SIGSTOP)
    try:
        said, _ = (second := stack.start()).process.communicate(timeout=120)
    finally:
        first.process.send_signal(signal.SIGCONT)
        done = first.process.wait(timeout=300)
    assert second.process.returncode == 1
    assert f"pid {first.process.pid}" in said
    assert "since" in said
    assert done == 0
    assert_cluster_is(stack.plan, cluster)


def interrupted(stack: Stack, cluster: Cluster, seed: int) -> tuple[int, str]:
    """Exit code and words of a run that was sent Ctrl-C after its first objects."""
    stack.plan = plan(random.Random(seed), 300)
    begun(run := stack.start())
    listing = ("get", "configmaps", "-n", NAMESPACE, "-l", live.SELECTOR, "-o", "name")
    while len(cluster.kubectl(*listing).split()) < 5 and run.process.poll() is None:
        time.sleep(0.02)
    run.process.send_signal(signal.SIGINT)
    said, _ = run.process.communicate(timeout=120)
    return run.process.returncode, said


def test_an_interrupt_ends_the_run_cleanly_and_once(stack: Stack, cluster: Cluster) -> None:
    for seed in (6, 7, 8):
        code, said = interrupted(stack, cluster, seed)
        if code:
            break  # otherwise it was over before the signal came
        stack.plan = []
        stack.finish("destroy")
    assert code == 1, said
    assert "Traceback" not in said
    assert lock.holders(store.open_store(), NAME) == []
    again, _ = stack.finish()
    assert "a run that died" not in again
    assert_cluster_is(stack.plan, cluster)


def test_a_state_file_cut_in_half_is_restored_with_a_word(stack: Stack, cluster: Cluster) -> None:
    stack.plan = plan(random.Random(2), 20)
    stack.finish()
    stack.plan = plan(random.Random(3), 20)
    stack.finish()
    kept = store.open_store()
    content = kept.read(checkpoint.key(NAME)) or b""
    kept.write(checkpoint.key(NAME), content[: len(content) // 2])
    said, _ = stack.finish()
    assert "was damaged" in said
    assert "restored from" in said
    assert_cluster_is(stack.plan, cluster)


def test_an_operation_left_pending_by_plain_pulumi_is_looked_at_again(stack: Stack, cluster: Cluster) -> None:
    stack.plan = plan(random.Random(4), 10)
    stack.finish()
    kept = store.open_store()
    document = json.loads(kept.read(checkpoint.key(NAME)) or b"")
    last = document["checkpoint"]["latest"]["resources"].pop()
    document["checkpoint"]["latest"]["pending_operations"] = [{"resource": last, "type": "creating"}]
    kept.write(checkpoint.key(NAME), json.dumps(document).encode())
    said, _ = stack.finish()
    assert "had begun" in said
    assert_cluster_is(stack.plan, cluster)


def test_what_is_still_being_deleted_is_made_again_not_missed(stack: Stack, cluster: Cluster) -> None:
    stack.plan = plan(random.Random(7), 5)
    stack.finish()
    victim = ("configmap", stack.plan[0]["metadata"]["name"], "-n", NAMESPACE)
    # A deletion that a dead run asked for, and that something holds up.
    held = json.dumps({"metadata": {"finalizers": ["huiju.dev/held-by-a-test"]}})
    cluster.kubectl("patch", *victim, "--type=merge", "-p", held)
    cluster.kubectl("delete", *victim, "--wait=false")
    died = Holder(lock.marker_key(NAME), 0, socket.gethostname(), "nobody", time.time(), "none", "destroy")
    store.open_store().write(died.key, json.dumps(asdict(died)).encode())
    run = stack.start()
    for line in run.process.stdout or ():
        if "waiting for deletions under way" in line:
            cluster.kubectl("patch", *victim, "--type=merge", "-p", '{"metadata": {"finalizers": null}}')
            break
    said, _ = run.process.communicate(timeout=120)
    assert run.process.returncode == 0, said
    assert "1 created" in said
    assert_cluster_is(stack.plan, cluster)
