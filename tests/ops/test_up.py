"""The options of `huiju up`, before anything is begun."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog.errors import UserError
from local import paths
from ops.cli import app
from ops.stack import configuration, session


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[session.Wanted]:
    """What would have been provisioned, from a clone whose stacks `hand` and `made` have settings."""
    wanted: list[session.Wanted] = []
    monkeypatch.setattr(session, "provision", lambda *words, **_: wanted.append(words[0]))
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    (tmp_path / "Pulumi.hand.yaml").write_text("config:\n  huiju:city: tiny\n")
    configuration.rewrite("made", {})
    return wanted


@pytest.mark.parametrize(
    "words",
    [("--city", "neijiang"), ("--profile", "prod"), ("--override", "replicas=1"), ("--database-from", "postgres")],
)
def test_an_option_that_a_file_of_a_person_settles_is_refused_by_its_name(
    begun: list[session.Wanted], words: tuple[str, ...]
) -> None:
    done = CliRunner().invoke(app, ["up", "--preview", "--stack", "hand", *words])
    assert isinstance(done.exception, UserError)
    assert f"Pulumi.hand.yaml is written by hand and settles {words[0]}" in str(done.exception)
    assert not begun
    assert CliRunner().invoke(app, ["up", "--preview", "--stack", "made", *words]).exit_code == 0
    assert begun


def test_a_city_of_the_environment_is_no_option(begun: list[session.Wanted]) -> None:
    done = CliRunner().invoke(app, ["up", "--preview", "--stack", "hand"], env={"CITY": "neijiang"})
    assert done.exit_code == 0
    assert begun
