"""Which cluster a run goes to: never another one than the user means, and never silently away from where the stack is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from catalog.errors import UserError
from local import paths
from ops.phases import Phases
from ops.stack import checkpoint, configuration, engine, live, lock, placing, session, store, target
from ops.stack.target import Target
from tests.ops.stack.states import config_map, state

STACK = "test"


@pytest.fixture(autouse=True)
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone's folder without any stack file, a home without any kubeconfig, and no tool that might have to be built."""
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setattr(engine, "shell", lambda kubeconfig: {"KUBECONFIG": kubeconfig})
    return tmp_path


def generated(**settings: str) -> None:
    """A stack file as the kit writes it."""
    configuration.rewrite(STACK, {"config": {f"huiju:{key}": value for key, value in settings.items()}})


def own(**settings: str) -> None:
    """A stack file of the user's."""
    document = {"config": {f"huiju:{key}": value for key, value in settings.items()}}
    configuration.file(STACK).write_text(yaml.safe_dump(document))


def something_is_there() -> None:
    store.open_store().write(checkpoint.key(STACK), state(config_map("a")))


def test_a_new_stack_goes_to_the_embedded_cluster() -> None:
    assert placing.place(STACK, None) is None


def test_a_named_cluster_is_taken() -> None:
    named = Target(Path("/elsewhere"), "ctx")
    assert placing.place(STACK, named) == named


def test_a_stack_that_is_on_an_outside_cluster_stays_there_without_being_told_again() -> None:
    generated(kubeconfig="/outside", context="city")
    something_is_there()
    assert placing.place(STACK, None) == Target(Path("/outside"), "city")


def test_a_stack_of_which_nothing_is_left_may_go_anywhere() -> None:
    generated(kubeconfig="/outside", context="city")
    store.open_store().write(checkpoint.key(STACK), state())
    assert placing.place(STACK, None) is None


def test_the_users_own_file_says_where_and_nothing_is_started() -> None:
    own(kubeconfig="~/city.yaml", context="city")
    assert placing.place(STACK, None) == Target(paths.ROOT / "city.yaml", "city")


def test_an_own_file_that_names_no_cluster_means_what_kubernetes_tools_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    own(domain="edu.example")
    assert placing.place(STACK, None) == Target(paths.ROOT / ".kube/config")
    monkeypatch.setenv("KUBECONFIG", "/given")
    assert placing.place(STACK, None) == Target(Path("/given"))


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ({"kubeconfig": "/city"}, Target(Path("/other"))),
        ({"kubeconfig": "/city"}, Target(Path("/city"), "ctx")),
        ({"kubeconfig": "/city", "context": "a"}, Target(Path("/city"), "b")),
        ({"context": "a"}, Target(Path("/city"), "b")),
    ],
)
def test_options_that_an_own_file_contradicts_are_refused(file: dict[str, str], named: Target) -> None:
    own(**file)
    with pytest.raises(UserError, match=f"Pulumi.{STACK}.yaml is your own file and names"):
        placing.place(STACK, named)


@pytest.mark.parametrize(
    ("file", "named"),
    [
        ({}, Target(Path("/city"), "a")),
        ({"kubeconfig": "/city", "context": "a"}, Target(Path("/city"), "a")),
        ({"kubeconfig": "/city", "context": "a"}, Target(Path("/city"))),
        ({"context": "a"}, Target(Path("/city"))),
    ],
)
def test_options_that_agree_with_an_own_file_are_taken(file: dict[str, str], named: Target) -> None:
    own(**file)
    assert placing.place(STACK, named) == Target(Path("/city"), "a")


def test_a_context_is_chosen_for_everything_that_reads_kubeconfig() -> None:
    chosen, whole = Target(Path("/city"), "mine: [x]\n").reached_by.split(":")
    assert whole == "/city"
    assert json.loads(Path(chosen).read_text())["current-context"] == "mine: [x]\n"
    assert Target(Path("/city")).reached_by == "/city"


def test_the_embedded_clusters_own_file_is_the_embedded_cluster() -> None:
    paths.kubeconfig().parent.mkdir(parents=True)
    paths.kubeconfig().touch()
    named = target.named(paths.kubeconfig(), None, None)
    assert named is not None
    assert named.embedded


def test_several_kubeconfigs_at_once_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/a:/b")
    with pytest.raises(UserError, match="several files; name the kubeconfig with --kubeconfig"):
        target.named(None, "ctx", None)


def _no_cluster(*_: object) -> None:
    raise UserError("does not answer")


def test_destroying_what_is_not_there_asks_no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "require", _no_cluster)
    generated(kubeconfig="/outside")
    session.destroy(session.Wanted(stack=STACK), Phases(), protected=False)
    something_is_there()
    with pytest.raises(UserError, match="does not answer"):
        session.destroy(session.Wanted(stack=STACK), Phases(), protected=False)


def test_what_was_in_an_embedded_cluster_that_was_reset_is_gone_already(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "start_cluster", _no_cluster)
    generated(kubeconfig=str(paths.kubeconfig()))
    something_is_there()
    session.destroy(session.Wanted(stack=STACK), Phases(), protected=False)
    paths.kubeconfig().parent.mkdir(parents=True)
    paths.kubeconfig().touch()
    with pytest.raises(UserError, match="does not answer"):
        session.destroy(session.Wanted(stack=STACK), Phases(), protected=False)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """`cluster(uid)`: the one that answers from now on, with nothing of the kit in it."""
    monkeypatch.setattr(live, "require", lambda _: None)
    monkeypatch.setattr(live, "helm_records", lambda *_: [])
    monkeypatch.setattr(live, "managed", lambda *_: [])

    def answers(uid: str) -> None:
        monkeypatch.setattr(live, "cluster_uid", lambda _: uid)

    return answers


def run(monkeypatch: pytest.MonkeyPatch, operation: str, left: bytes, failure: Exception | None = None) -> None:
    """A whole run on the cluster that answers: the engine writes the state ``left``, and fails or not."""
    wanted = session.Wanted(stack=STACK, directory=paths.ROOT / "elsewhere")

    def engine_run(*_: object, **__: object) -> engine.Outcome:
        store.open_store().write(checkpoint.key(STACK), left)
        if failure:
            raise failure
        return engine.Outcome({}, ())

    monkeypatch.setattr(engine, "run", engine_run)
    monkeypatch.setattr(engine, "ask", lambda *_: "")
    since = session.settle(wanted, {}, Phases())
    session.apply(wanted, operation, {}, Phases(), since=since)


def test_another_cluster_is_refused_also_after_a_first_run_that_failed(
    cluster: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster("the one")
    with pytest.raises(UserError, match="no room"):
        run(monkeypatch, "up", state(config_map("a")), UserError("no room"))
    assert not placing.refuse_strangers(STACK, {}, allowed=False)
    cluster("another")
    with pytest.raises(UserError, match="another cluster"):
        placing.refuse_strangers(STACK, {}, allowed=False)
    assert placing.refuse_strangers(STACK, {}, allowed=True)


def test_after_a_destroy_that_left_nothing_any_cluster_will_do(
    cluster: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster("the one")
    run(monkeypatch, "up", state(config_map("a")))
    run(monkeypatch, "destroy", state())
    cluster("another")
    assert not placing.refuse_strangers(STACK, {}, allowed=False)
    run(monkeypatch, "up", state(config_map("a")))
    cluster("the one")
    with pytest.raises(UserError, match="another cluster"):
        placing.refuse_strangers(STACK, {}, allowed=False)


def test_a_run_cut_off_keeps_the_stack_where_it_is(
    cluster: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster("the one")
    with pytest.raises(UserError, match="cut off"):
        run(monkeypatch, "up", state(), lock.EngineKilledError("signal 9"))
    cluster("another")
    with pytest.raises(UserError, match="another cluster"):
        placing.refuse_strangers(STACK, {}, allowed=False)


@pytest.mark.parametrize("name", ["a/b", "", "../x", ".hidden", "a b", "x" * 101, "$(id)"])
def test_a_stack_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="is no name for a stack"):
        configuration.file(name)
