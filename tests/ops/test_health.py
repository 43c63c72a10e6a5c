"""Facts and their verdicts, on both sides of the edge."""

from __future__ import annotations

from typing import Any

import pytest

from catalog.errors import UserError
from ops import health
from ops.health import Verdict
from ops.stack import checkpoint, lock, session, store
from tests.ops.stack.states import config_map, state


def workload(kind: str = "Deployment", wanted: int = 2, ready: int = 2, failed: bool = False) -> dict[str, Any]:
    conditions = [{"type": "Failed", "status": "True"}] if failed else [{"type": "Complete", "status": "True"}]
    return {
        "kind": kind,
        "metadata": {"name": "shield", "namespace": "video-library"},
        "spec": {"replicas": wanted},
        "status": {"readyReplicas": ready, "conditions": conditions},
    }


@pytest.mark.parametrize(("ready", "verdict"), [(2, Verdict.OK), (1, Verdict.BAD), (0, Verdict.BAD)])
def test_a_workload_is_well_when_all_its_pods_are_ready(ready: int, verdict: Verdict) -> None:
    fact = health._workload(workload(ready=ready))
    assert fact is not None
    assert (fact.verdict, fact.detail) == (verdict, f"{ready}/2 ready")


def test_a_job_is_a_fact_only_when_it_failed() -> None:
    assert health._workload(workload("Job")) is None
    fact = health._workload(workload("Job", failed=True))
    assert fact is not None
    assert "kubectl logs -n video-library job/shield" in fact.detail


@pytest.mark.parametrize(("ready", "verdict"), [(3, Verdict.OK), (2, Verdict.BAD)])
def test_a_daemon_set_is_well_with_a_pod_on_every_node(ready: int, verdict: Verdict) -> None:
    item = workload("DaemonSet") | {"spec": {}, "status": {"desiredNumberScheduled": 3, "numberReady": ready}}
    fact = health._workload(item)
    assert fact is not None
    assert (fact.verdict, fact.detail) == (verdict, f"{ready}/3 ready")


@pytest.mark.parametrize(
    ("answer", "verdict", "says"),
    [
        ("[]", Verdict.OK, "none fires"),
        ('[{"labels": {"alertname": "B"}}, {"labels": {"alertname": "A"}}]', Verdict.WARN, "1 A, 1 B"),
        (UserError("no route\nmore"), Verdict.WARN, "not asked: no route"),
    ],
)
def test_alerts_that_fire_are_named_and_no_answer_is_not_called_well(
    answer: str | UserError, verdict: Verdict, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kubectl(*_: Any) -> str:
        if isinstance(answer, UserError):
            raise answer
        return answer

    monkeypatch.setattr("ops.stack.live.kubectl", kubectl)
    (fact,) = health.of_alerts({})
    assert (fact.verdict, fact.detail) == (verdict, says)


def test_a_stack_that_never_ran_is_bad_and_says_what_to_type() -> None:
    (fact,) = health.of_stack("test")
    assert fact.verdict is Verdict.BAD
    assert "huiju up --stack test" in fact.detail


def test_a_stack_at_rest_is_well() -> None:
    store.open_store().write(checkpoint.key("test"), state(config_map("a")))
    (fact,) = health.of_stack("test")
    assert fact.verdict is Verdict.OK


def test_a_run_under_way_is_a_warning_and_one_cut_off_is_bad() -> None:
    backend = store.open_store()
    backend.write(checkpoint.key("test"), state(config_map("a")))
    key = lock.take(backend, "test")
    (fact,) = health.of_stack("test")
    assert fact.verdict is Verdict.WARN
    backend.write(key, b"{")
    (fact,) = health.of_stack("test")
    assert fact.verdict is Verdict.BAD
    assert "recovers" in fact.detail


def test_a_check_that_cannot_be_made_is_a_bad_fact_of_one_line() -> None:
    def refused() -> Any:
        raise UserError("no answer\nmore")
        yield

    (fact,) = health._tried("address", refused)
    assert (fact.verdict, fact.detail) == (Verdict.BAD, "no answer")


@pytest.mark.parametrize(
    ("known", "verdict", "says"),
    [
        ("enforced", Verdict.OK, "enforced"),
        ("not verified: two pods did not start", Verdict.WARN, "two pods did not start; huiju status --verify"),
        (None, Verdict.WARN, "not verified; huiju status --verify"),
    ],
)
def test_policies_that_are_not_proven_come_with_the_command_that_tries(
    monkeypatch: pytest.MonkeyPatch, known: str | None, verdict: Verdict, says: str
) -> None:
    monkeypatch.setattr(health, "policies_known", lambda _: known)
    (fact,) = health.of_policies({})
    assert fact.verdict is verdict
    assert says in fact.detail


def test_a_state_that_cannot_be_read_has_no_address_and_stops_nobody() -> None:
    store.open_store().write(checkpoint.key("test"), b"{")
    assert session.url("test") == ""
