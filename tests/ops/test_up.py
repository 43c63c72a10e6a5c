"""The options of `huiju up`, before anything is begun."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from catalog.errors import UserError
from local import paths
from ops.audits import runs
from ops.cli import app
from ops.phases import Phases
from ops.stack import checkpoint, configuration, session, store
from tests.ops.stack.states import config_map, state

MADE = {"city": "neijiang", "profile": "prod", "overrides": {"replicas": 2, "protect": False}}
"""What the generated file says."""


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[session.Wanted]:
    """What would have been provisioned, from a clone whose stacks `hand` and `made` have settings."""
    wanted: list[session.Wanted] = []
    monkeypatch.setattr(session, "provision", lambda *words, **_: wanted.append(words[0]))
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    (tmp_path / "Pulumi.hand.yaml").write_text("config:\n  huiju:city: tiny\n  huiju:profile: prod\n")
    configuration.rewrite("made", {"config": {f"huiju:{key}": value for key, value in MADE.items()}})
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


@pytest.fixture
def stands(begun: list[session.Wanted]) -> list[session.Wanted]:
    """The same where something of the stacks is there."""
    for stack in ("made", "hand"):
        store.open_store().write(checkpoint.key(stack), state(config_map("a")))
    return begun


def up(*words: str, **env: str) -> str:
    done = CliRunner().invoke(app, ["up", "--preview", "--stack", "made", *words], env={"CITY": None, **env})
    assert done.exit_code == 0, done.output
    return done.output


LINE = "not said, so as stack 'made' has it: city neijiang, profile prod, replicas=2, protect=false"


def test_what_is_not_said_stays_as_the_stack_has_it_with_a_word(stands: list[session.Wanted]) -> None:
    assert LINE in up()
    assert (stands[0].city, stands[0].profile, stands[0].overrides) == tuple(MADE.values())


@pytest.mark.parametrize(
    ("words", "env", "changed"),
    [
        (("--city", "tiny"), {}, {"city": "tiny"}),
        ((), {"CITY": "tiny"}, {"city": "tiny"}),
        (("--profile", "local"), {}, {"profile": "local"}),
        (("--override", "replicas=1"), {}, {"overrides": {"replicas": 1, "protect": False}}),
        (("--override", "protect=null"), {}, {"overrides": {"replicas": 2}}),
        (("--override", "quotas=true"), {}, {"overrides": {"replicas": 2, "protect": False, "quotas": True}}),
    ],
)
def test_what_is_said_counts_and_the_rest_stays(
    stands: list[session.Wanted], words: tuple[str, ...], env: dict[str, str], changed: dict[str, object]
) -> None:
    up(*words, **env)
    assert {"city": stands[0].city, "profile": stands[0].profile, "overrides": stands[0].overrides} == MADE | changed


def test_where_nothing_is_the_usual_counts(begun: list[session.Wanted]) -> None:
    assert "not said" not in up()
    assert (begun[0].city, begun[0].profile, begun[0].overrides) == ("tiny", "local", {})


def test_the_usual_goes_without_saying(stands: list[session.Wanted]) -> None:
    configuration.rewrite("made", {"config": {"huiju:city": "tiny", "huiju:profile": "local"}})
    assert "not said" not in up()
    assert stands


def test_a_file_of_a_person_is_not_gone_by_here(stands: list[session.Wanted]) -> None:
    assert "not said" not in up("--stack", "hand")
    assert stands[0].profile == "local"


@pytest.mark.parametrize(
    ("text", "city"), [("config:\n  huiju:city: neijiang\n", "neijiang"), ("config: {}\n", "tiny"), (None, "tiny")]
)
def test_a_run_is_on_record_with_the_city_that_a_file_of_a_person_names(
    text: str | None, city: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_record: list[str] = []

    @contextmanager
    def watched(of: str, *_: object) -> Iterator[SimpleNamespace]:
        on_record.append(of)
        yield SimpleNamespace()

    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(runs, "watched", watched)
    monkeypatch.setattr(session, "_provisioned", lambda *_, **__: None)
    if text is not None:
        (tmp_path / "Pulumi.prod.yaml").write_text(text)
    session.provision(session.Wanted(stack="prod"), None, Phases())
    assert on_record == [city]


@pytest.mark.parametrize(("stack", "of"), [("local", ""), ("hand", " --stack hand")])
@pytest.mark.parametrize(("found", "first"), [(None, "source .venv/bin/activate, then "), ("/bin/huiju", "")])
def test_what_to_do_next_can_be_typed_in_this_shell(  # noqa: PLR0917
    stack: str,
    of: str,
    found: str | None,
    first: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: found)
    monkeypatch.setattr(configuration, "generated", lambda _: False)
    embedded = SimpleNamespace(embedded=True)
    session.announce(session.Wanted(stack=stack), embedded, Phases())  # type: ignore[arg-type]  # only that is asked of it
    said = " ".join("".join(capsys.readouterr()).split())
    assert f"next {first}huiju status{of} | huiju lesson publish FILE{of} | huiju down{of}" in said
    assert f"huiju access sign-in --tier TIER{of})" in said


@pytest.mark.parametrize(
    ("words", "published"),
    [
        (("--stack", "made"), False),
        (("--stack", "hand"), False),
        (("--stack", "trial"), True),
        (("--stack", "trial", "--no-lesson"), False),
        (("--stack", "made", "--lesson"), True),
    ],
)
def test_the_sample_lesson_is_for_trials_unless_it_is_asked_for(
    begun: list[session.Wanted], monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], published: bool
) -> None:
    configuration.rewrite("trial", {"config": {"huiju:city": "tiny", "huiju:profile": "local"}})
    found: list[session.Wanted] = []
    monkeypatch.setattr(session, "publish_sample", lambda wanted, _: found.append(wanted))
    monkeypatch.setattr(session, "announce", lambda *_: None)
    assert CliRunner().invoke(app, ["up", *words], env={"CITY": None}).exit_code == 0
    assert bool(found) is published
