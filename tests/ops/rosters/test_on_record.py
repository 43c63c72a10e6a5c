"""Who looks at somebody of the roster, takes one in or prints slips is on the audit record first; nobody's name, id or code is."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from catalog.errors import UserError
from derive.audit import Kind
from ops.accesses import persons
from ops.accounts import reaching as identity_service
from ops.cli import app
from ops.lessons.place import Place
from ops.rosters import importing, reaching, slip_pages, telling
from ops.rosters.source import Source
from tests.ops.recorded import in_the_way, kept, lines, told, under_way
from tests.ops.rosters import small
from tests.roster_server import HASHES, Server

FIRST = small.city().schools[0].code
PUPIL = f"s{FIRST}00000"
PROFILE = f"pupil-profile/{HASHES.of(PUPIL)}"


@pytest.fixture(autouse=True)
def here(stack: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The stack has no identity service, and slips are written into a folder of the test's own."""
    monkeypatch.setattr(identity_service, "present", lambda _: False)
    monkeypatch.setattr(reaching, "roster_key", lambda _: "k" * 40)
    monkeypatch.chdir(tmp_path)


def huiju(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["roster", *words], input=stdin)


def watched(monkeypatch: pytest.MonkeyPatch, module: object, name: str) -> list[bool]:
    """Whether a deed was noted each time that this function was called."""
    seen: list[bool] = []
    real: Callable[..., Any] = getattr(module, name)

    def looks(*given: Any, **more: Any) -> Any:
        seen.append(under_way())
        return real(*given, **more)

    monkeypatch.setattr(module, name, looks)
    return seen


def nobody(folder: Path) -> bool:
    """Whether the record names none of the register's people, by id or by name."""
    users = small.read(folder, "users")
    return not any(row[column] in lines() for row in users for column in ("sourcedId", "familyName", "givenName"))


def test_who_looks_somebody_up_is_on_record_before_they_see_anything(
    server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.take(folder)
    seen = watched(monkeypatch, telling, "look_up")
    assert huiju("show", "-", stdin=f"{PUPIL}\n").exit_code == 0
    assert huiju("show", str(HASHES.of("nobody"))).exit_code == 1
    assert seen == [True, True]
    assert told() == [
        ("roster-show", PROFILE, "done"),
        ("roster-show", f"pupil-profile/{HASHES.of('nobody')}", "failed"),
    ]
    assert nobody(folder) and {each.kind for each in kept()} == {Kind.DEED}
    assert huiju("show", "a-name").exit_code == 1
    assert len(kept()) == 2, "what was typed may be anything, and is not recorded"


def test_whose_rights_are_explained_is_on_record_too(server: Server, folder: Path) -> None:
    server.take(folder)
    assert persons.found(Place("local", {}, None, None), str(HASHES.of(PUPIL)))
    assert told() == [("access-explain", PROFILE, "done")]


def test_a_roster_is_on_record_by_its_digest_and_in_numbers_before_it_is_taken_in(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, about = watched(monkeypatch, importing, "take"), f"roster/{Source(folder).digest()}"
    for words in (["diff", str(folder), "--json"], ["import", str(folder), "--dry-run"]):
        assert huiju(*words).exit_code == 0
    assert (seen, kept()) == ([False, False], []), "a rehearsal is no deed"
    for _ in range(2):
        assert huiju("import", str(folder)).exit_code == 0
    assert seen[2:] == [True, True]
    assert told() == [("roster-import", about, "done")] * 2
    counts = [{key: value for key, value in each.facts.items() if key != "begun"} for each in kept()]
    people, links = len(small.read(folder, "users")), {"may_not_agree_any_more": 0, "may_agree_now": 0}
    assert counts == [
        {"added": people, "changed": 0, "removed": 0, "classes": 4, **links},
        {"added": 0, "changed": 0, "removed": 0, "classes": 0, **links},
    ]
    assert nobody(folder)


def test_a_roster_that_is_refused_is_on_record_as_failed(folder: Path) -> None:
    small.change(folder, "users", 0, givenName="=1+1", userMasterIdentifier="")
    small.change(folder, "roles", 0, userSourcedId="nobody-of-the-file")
    assert huiju("import", str(folder)).exit_code == 1
    assert [(action, why) for action, _, why in told()] == [("roster-import", "failed")]
    assert "nobody-of-the-file" not in lines()


def test_slips_are_on_record_by_school_and_number_before_a_code_is_made(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen = watched(monkeypatch, reaching, "roster_key"), watched(monkeypatch, slip_pages, "write")
    assert huiju("slips", str(folder), "--school", FIRST).exit_code == 0
    only = huiju("slips", str(folder), "--school", FIRST, "--only", "--number", "2", "--force", stdin=f"{PUPIL}\n\n")
    assert only.exit_code == 0, only.output
    assert huiju("slips", str(folder), "--school", FIRST).exit_code == 1, "the files are there"
    assert seen == ([True] * 3, [True] * 3)
    about = {"file": Source(folder).digest()}
    rows = [{key: value for key, value in each.facts.items() if key != "begun"} for each in kept()]
    slips = rows[0].pop("slips")
    assert isinstance(slips, int) and slips > 1
    assert rows == [
        {**about, "of": "school", "number": 1},
        {**about, "of": "people", "number": 2, "slips": 1},
        {**about, "of": "school", "number": 1},
    ]
    assert [(what, why) for _, what, why in told()] == [
        (f"school/{FIRST}", each) for each in ("done", "done", "failed")
    ]
    (row,) = csv.DictReader((tmp_path / f"slips-{FIRST}.csv").read_text(encoding="utf-8-sig").splitlines())
    assert row["code"] not in lines() and nobody(folder)


def test_what_cannot_be_noted_is_not_shown_not_taken_in_and_not_printed(
    server: Server, folder: Path, tmp_path: Path
) -> None:
    in_the_way()
    wanted = [
        ["import", str(folder)], ["slips", str(folder), "--school", FIRST],
        ["show", str(HASHES.of(PUPIL))], ["consent", str(HASHES.of(PUPIL)), "--list"],
    ]  # fmt: skip
    for words in wanted:
        done = huiju(*words)
        assert isinstance(done.exception, UserError) and "nothing was done" in str(done.exception), words
        assert str(HASHES.of(PUPIL)) not in done.stdout
    assert server.all("SELECT count(*) FROM people") == [(0,)]
    assert not list(tmp_path.glob("slips-*"))
