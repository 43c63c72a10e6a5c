"""What the pages say of `huiju secrets rotate` is what the command does: a line that keeps things back leaves the one that it is for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from local import paths
from ops import secrets
from ops.stack import rotation
from tests.architecture.pages import commands, user_pages
from tests.architecture.sources import ROOT, relative

HOW_MANY = {"operations.md": {6: "# all six"}, "operations.zh.md": {6: "# 六样"}}


def things() -> dict[str, str]:
    """Everything that is replaced unless it is kept back: the option's name -> what keeps it back."""
    command = typer.main.get_command(secrets.app).commands["rotate"]  # type: ignore[attr-defined]  # a group of typer's own
    return {
        each.name: each.secondary_opts[0] for each in command.params if each.secondary_opts and each.name != "apply"
    }


def lines() -> Iterator[tuple[str, list[str]]]:
    """Page and options of each line that keeps something back."""
    for page in user_pages():
        for program, words in commands(page.read_text(encoding="utf-8")):
            kept = [word for word in words if word.startswith("--no-")]
            if (program, words[:2]) == ("huiju", ["secrets", "rotate"]) and kept:
                yield relative(page), kept


def test_a_line_that_keeps_things_back_replaces_one_thing_alone() -> None:
    found = list(lines())
    assert len(found) >= 10
    left = [(page, kept, set(things().values()) - set(kept)) for page, kept in found]
    assert not [each for each in left if len(each[2]) != 1]


@pytest.mark.parametrize("page", HOW_MANY)
def test_the_page_says_how_many_things_there_are_and_shows_both_languages_the_same(page: str) -> None:
    text = (ROOT / "docs" / "engineer" / page).read_text(encoding="utf-8")
    assert HOW_MANY[page][len(things())] in text
    shown = [kept for where, kept in lines() if where == f"docs/engineer/{page}"]
    assert shown == [kept for where, kept in lines() if where == "docs/engineer/operations.md"]


@pytest.mark.parametrize(
    ("file", "said"), [("config: {}\n", "Pulumi.prod.yaml is yours"), (None, "there is no Pulumi.prod.yaml")]
)
def test_credentials_that_the_kit_does_not_replace_are_said_to_stay(
    file: str | None, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(rotation, "rotate_passphrase", lambda say: None)
    if file is not None:
        (tmp_path / "Pulumi.prod.yaml").write_text(file)
    answer = CliRunner().invoke(secrets.app, ["rotate", "--stack", "prod"])
    assert answer.exit_code == 0
    assert f"only the passphrase was replaced: {said}" in " ".join(answer.output.split())
