"""What a dead run left is cleared away, and what others made on the same cluster is not."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

import pytest

from catalog.errors import UserError
from ops import health
from ops.phases import Phases
from ops.stack import checkpoint, doubt, engine, live, lock, recovery, session, store
from tests.ops.stack.states import config_map, state
from tests.ops.stack.test_live import item

STACK = "test"
DIED = 1_000_000.0
"""Before this machine was started."""


def dies(operation: str = "up") -> None:
    """A run is killed."""
    run = lock.Holder(lock.marker_key(STACK), 1, socket.gethostname(), "me", DIED, "run", operation)
    store.open_store().write(run.key, json.dumps(asdict(run)).encode())


def killed_plain() -> None:
    """A plain `pulumi up` is killed."""
    content = {"pid": 1, "hostname": socket.gethostname(), "username": "me", "timestamp": "1970-01-12T13:46:40+00:00"}
    store.open_store().write(f".pulumi/locks/organization/huiju/{STACK}/a.json", json.dumps(content).encode())


def left_pending() -> None:
    store.open_store().write(checkpoint.key(STACK), state(pending=(config_map("a"),)))


def cut_short() -> None:
    backend = store.open_store()
    backend.write(f"{checkpoint.key(STACK)}.bak", state(config_map("a")))
    backend.write(checkpoint.key(STACK), b"{")


SIGNS: dict[Callable[[], None], float] = {dies: DIED, killed_plain: DIED, left_pending: 0.0, cut_short: 0.0}
"""What may tell of a run that died -> since when."""


class Cluster:
    """Stands in for kubectl: namespaces of two stacks, and Helm's records in both."""

    def __init__(self) -> None:
        self.objects = [item("Namespace", "mine", STACK), item("Namespace", "other", "another")]
        self.deleted: list[str] = []

    def release(self, namespace: str, status: str) -> None:
        labels = {"owner": "helm", "name": "gateway", "status": status}
        self.objects.append(item("Secret", f"{namespace}-{status}", "helm", namespace, labels))

    def kubectl(self, words: Sequence[str], _: object, **__: object) -> str:
        """Standard output."""
        verb, *rest = words
        if verb == "delete":
            self.deleted.append(rest[1])
            return ""
        kinds = rest[0].split(",")
        found = [each for each in self.objects if f"{each['kind'].lower()}s" in kinds]
        return json.dumps({"items": found})


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster()
    monkeypatch.setattr(live, "kubectl", made.kubectl)
    monkeypatch.setattr(live, "_kinds", lambda _: ["namespaces"])
    return made


@pytest.mark.parametrize("unknown", [True, False])
def test_what_helm_notes_of_another_stack_stays(cluster: Cluster, said: list[str], unknown: bool) -> None:
    for namespace in ("mine", "other"):
        for status in ("deployed", "pending-install"):
            cluster.release(namespace, status)
    if unknown:
        dies()
    recovery.prepare(store.open_store(), STACK, {}, said.append)
    assert cluster.deleted == ["mine-deployed", "mine-pending-install"][not unknown :]


@pytest.mark.usefixtures("cluster")
@pytest.mark.parametrize(("sign", "since"), SIGNS.items())
def test_what_told_of_a_dead_run_counts_until_a_run_was_good(
    sign: Callable[[], None], since: float, said: list[str]
) -> None:
    backend = store.open_store()
    sign()
    assert recovery.prepare(backend, STACK, {}, said.append) == since
    assert recovery.prepare(backend, STACK, {}, said.append) == since
    with pytest.raises(UserError), lock.running(backend, STACK, "up"):
        raise UserError("interrupted before anything was read")
    assert recovery.prepare(backend, STACK, {}, said.append) == since
    said.clear()
    assert recovery.prepare(backend, STACK, {}, said.append) == since
    assert not said, "what was cleared away is not told of again"


@pytest.mark.usefixtures("cluster")
def test_the_first_death_of_several_counts(said: list[str]) -> None:
    backend = store.open_store()
    left_pending()
    recovery.prepare(backend, STACK, {}, said.append)
    dies()
    assert recovery.prepare(backend, STACK, {}, said.append) == DIED
    doubt.note(backend, STACK, DIED + 1)
    doubt.note(backend, STACK, 0.0)
    assert doubt.since(backend, STACK) == DIED


def test_a_release_left_half_way_is_a_doubt_that_stays(cluster: Cluster, said: list[str]) -> None:
    backend = store.open_store()
    cluster.release("mine", "pending-upgrade")
    assert recovery.prepare(backend, STACK, {}, said.append) == 0.0
    cluster.objects.pop()
    assert recovery.prepare(backend, STACK, {}, said.append) == 0.0


@pytest.mark.usefixtures("cluster")
def test_a_cluster_made_anew_is_a_doubt_that_stays(said: list[str]) -> None:
    backend = store.open_store()
    assert recovery.prepare(backend, STACK, {}, said.append) is None
    assert recovery.prepare(backend, STACK, {}, said.append, moved=True) == 0.0
    assert "made anew" in said[0]
    assert recovery.prepare(backend, STACK, {}, said.append) == 0.0


@pytest.mark.parametrize("sign", SIGNS)
def test_to_look_changes_nothing(sign: Callable[[], None], state_home: Path) -> None:
    sign()
    before = contents(state_home)
    assert recovery.uncertain(store.open_store(), STACK) is not None
    assert contents(state_home) == before


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("operation", ["up", "destroy"])
def test_only_a_good_run_with_its_sweep_ends_the_doubt(
    operation: str, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    backend, wanted = store.open_store(), session.Wanted(stack=STACK, directory=Path("/elsewhere"))
    dies()
    since = recovery.prepare(backend, STACK, {}, said.append)
    words: list[str] = []

    def ended(given: Sequence[str], *_: object, **__: object) -> engine.Outcome:
        words.extend(given)
        return engine.Outcome({}, ())

    def away(*_: object) -> None:
        raise UserError("the cluster does not answer")

    monkeypatch.setattr(engine, "run", ended)
    with monkeypatch.context() as swept:
        swept.setattr(recovery, "sweep", away)
        with pytest.raises(UserError):
            session.apply(wanted, operation, {}, Phases(), since=since)
    assert doubt.since(backend, STACK) == DIED
    session.apply(wanted, operation, {}, Phases(), since=since)
    assert "--refresh" in words
    assert recovery.prepare(backend, STACK, {}, said.append) is None


@pytest.mark.usefixtures("cluster")
def test_the_status_says_so_until_then(said: list[str]) -> None:
    backend = store.open_store()
    backend.write(checkpoint.key(STACK), state(config_map("a")))
    assert next(health.of_stack(STACK)).verdict is health.Verdict.OK
    dies()
    recovery.prepare(backend, STACK, {}, said.append)
    (fact,) = health.of_stack(STACK)
    assert (fact.verdict, "a run was cut off" in fact.detail) == (health.Verdict.BAD, True)
