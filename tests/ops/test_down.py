"""What `huiju down` asks for before it destroys: by the stack's cell `protect` and by what stands, never by a profile's name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from catalog.errors import UserError
from local import paths
from ops.cli import app
from ops.stack import checkpoint, configuration, protection, session, store
from ops.stack.protection import Protection
from tests.ops.stack.states import config_map, state

STACK = "test"
KEPT = config_map("a") | {"protect": True, "retainOnDelete": True}
LIFTED = config_map("a") | {"retainOnDelete": True}
"""After a destroy that was cut off."""
FREE = config_map("a")
OFF, ON = {"protect": False}, {"protect": True}


@pytest.fixture
def destroyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the protection was to be lifted first, of each destroy that was begun."""
    begun: list[bool] = []
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(session, "destroy", lambda *_, protected: begun.append(protected))
    return begun


def _stands(profile: str, overrides: object, *resources: dict[str, Any]) -> None:
    settings = {"profile": profile, "overrides": overrides}
    configuration.rewrite(STACK, {"config": {f"huiju:{key}": value for key, value in settings.items() if value}})
    store.open_store().write(checkpoint.key(STACK), state(*resources))


def _down(*words: str) -> Result:
    return CliRunner().invoke(app, ["down", "--stack", STACK, *words])


TWICE = ("--destroy-protected", STACK)


@pytest.mark.parametrize(
    ("profile", "overrides", "resource"),
    [
        ("prod", None, KEPT),
        ("prod", None, LIFTED),
        ("local", ON, KEPT),
        ("local", '{"protect": true}', KEPT),
        # Changed in the file, and not applied yet.
        ("local", None, KEPT),
        ("prod", OFF, KEPT),
    ],
)
def test_a_protected_stack_is_destroyed_when_it_is_named_twice_and_its_volumes_stay(
    destroyed: list[bool], profile: str, overrides: object, resource: dict[str, Any]
) -> None:
    _stands(profile, overrides, resource)
    for words in ((), ("--yes",), ("--destroy-protected", "another")):
        said = _down(*words).exception
        assert isinstance(said, UserError)
        assert "add --destroy-protected test to destroy it; its volumes stay" in str(said)
    assert not destroyed
    assert _down(*TWICE).exit_code == 0
    assert destroyed == [True]


@pytest.mark.parametrize(("profile", "overrides"), [("local", None), ("prod", OFF)])
def test_a_stack_that_is_not_protected_is_not_said_to_keep_its_volumes(
    destroyed: list[bool], profile: str, overrides: object
) -> None:
    _stands(profile, overrides, FREE)
    said = _down(*TWICE).exception
    assert isinstance(said, UserError)
    assert "its volumes go with it" in str(said)
    assert not destroyed
    assert _down(*TWICE, "--yes").exit_code == _down("--yes").exit_code == 0
    assert destroyed == [False, False]


def test_protection_that_was_asked_for_and_never_applied_promises_nothing(destroyed: list[bool]) -> None:
    _stands("local", ON, FREE)
    assert "its volumes would go: `huiju up` marks it" in str(_down("--yes").exception)
    assert "its volumes go with it" in str(_down(*TWICE).exception)
    assert not destroyed
    assert _down(*TWICE, "--yes").exit_code == 0


def test_where_nothing_stands_nothing_is_asked(destroyed: list[bool]) -> None:
    _stands("prod", None)
    assert _down().exit_code == 0
    assert destroyed == [True]


@pytest.mark.parametrize(
    ("profile", "overrides", "asked"),
    [("local", None, False), ("prod", OFF, False), ("prod", None, True), ("local", ON, True)],
)
def test_while_the_state_cannot_be_read_the_file_counts(
    destroyed: list[bool], profile: str, overrides: object, asked: bool
) -> None:
    _stands(profile, overrides)
    store.open_store().write(checkpoint.key(STACK), b"{")
    assert protection.of(STACK) == Protection(asked, marked=asked, kept=asked)
    assert _down("--yes").exit_code == int(asked)
    assert destroyed == ([] if asked else [False])


@pytest.mark.parametrize(("profile", "overrides"), [("prod", "{"), ("prod", {"protekt": True}), ("proud", None)])
def test_cells_that_are_none_are_said(destroyed: list[bool], profile: str, overrides: object) -> None:
    _stands(profile, overrides, KEPT)
    assert "`profile` or `overrides` is wrong" in str(_down(*TWICE).exception)
    assert not destroyed
