"""Which cluster a run goes to: never another one than the user means, and never silently away from where the stack is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from catalog.errors import UserError
from local import paths
from ops.phases import Phases
from ops.stack import checkpoint, configuration, engine, live, placing, session, store, target
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


def test_another_cluster_than_the_stacks_is_refused_before_anything_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "require", lambda _: None)
    monkeypatch.setattr(live, "cluster_uid", lambda _: "another")
    store.open_store().write(f".pulumi/huiju/clusters/{STACK}", b"the one")
    with pytest.raises(UserError, match="another cluster"):
        placing.refuse_strangers(STACK, {}, allowed=False)
    placing.refuse_strangers(STACK, {}, allowed=True)


@pytest.mark.parametrize("name", ["a/b", "", "../x", ".hidden", "a b", "x" * 101, "$(id)"])
def test_a_stack_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="is no name for a stack"):
        configuration.file(name)
