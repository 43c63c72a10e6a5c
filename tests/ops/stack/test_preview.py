"""`huiju up --preview`: what would change, from what is really there, and nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from catalog.errors import UserError
from local import paths
from ops.phases import Phases
from ops.stack import checkpoint, configuration, engine, live, placing, policies, recovery, session, store
from ops.stack.target import Target
from tests.ops.stack.states import config_map, state
from tests.ops.stack.test_configuration import PUBLIC, WANTED
from tests.ops.stack.test_recovery import contents, cut_short, dies, killed_plain, left_pending

OTHER = configuration.Wanted({**PUBLIC, "publicPort": 9443}, WANTED.secret)


@pytest.fixture
def previewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """`previewed()`: what the engine is asked when other settings are previewed for a stack that is there."""
    asked: list[str] = []

    def answer(words: Sequence[str], _: object) -> str:
        assert configuration.settings("test")["publicPort"] == 9443
        asked[:] = words
        return "Resources:"

    monkeypatch.setattr(paths, "ROOT", tmp_path / "clone")
    paths.ROOT.mkdir()
    monkeypatch.setattr(session, "TOOLS", ())
    monkeypatch.setattr(session, "settings_for", lambda *_: OTHER)
    monkeypatch.setattr(placing, "place", lambda *_: Target(Path("/kubeconfig")))
    monkeypatch.setattr(engine, "shell", lambda _: {})
    monkeypatch.setattr(engine, "previewed", answer)
    monkeypatch.setattr(live, "require", lambda _: None)
    monkeypatch.setattr(live, "cluster_uid", lambda _: "the one")
    monkeypatch.setattr(Target, "deliver", lambda *_: {})
    monkeypatch.setattr(policies, "refuse", lambda _: None)
    monkeypatch.setattr(policies, "options", lambda *_: [])
    configuration.ensure("test", WANTED)
    store.open_store().write(checkpoint.key("test"), state(config_map("a")))

    def run() -> list[str]:
        session.provision(session.Wanted(stack="test"), None, Phases(), preview=True)
        return asked

    return run


def everything() -> dict[str, bytes]:
    """Every file of the backend and of the clone."""
    return contents(paths.pulumi_backend_dir()) | contents(paths.ROOT)


@pytest.mark.parametrize("sign", [dies, killed_plain, left_pending])
def test_after_a_dead_run_a_preview_reads_the_cluster_and_leaves_what_tells_of_it(
    sign: Callable[[], None], previewed: Callable[[], list[str]]
) -> None:
    before = everything()
    assert "--refresh" not in previewed()
    assert everything() == before
    sign()
    before = everything()
    assert "--refresh" in previewed()
    assert everything() == before
    assert recovery.uncertain(store.open_store(), "test") is not None


def test_a_damaged_state_is_for_the_next_run_to_mend(previewed: Callable[[], list[str]]) -> None:
    cut_short()
    before = everything()
    with pytest.raises(UserError, match=r"is damaged.*huiju up --stack test"):
        previewed()
    assert everything() == before


def test_what_somebody_sets_meanwhile_stays(
    previewed: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def sets(*_: object) -> str:
        configuration.amend("test", {"config": {"huiju:city": "neijiang"}})
        return ""

    monkeypatch.setattr(engine, "previewed", sets)
    previewed()
    assert configuration.settings("test") == {"city": "neijiang"}


def test_a_new_stack_keeps_its_first_settings(previewed: Callable[[], list[str]]) -> None:
    configuration.file("test").unlink()
    previewed()
    assert configuration.settings("test")["publicPort"] == 9443
