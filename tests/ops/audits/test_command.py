"""`huiju audit` over a folder: a table and exit 1 for damages, what happened, and an export without people."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from catalog.errors import UserError
from derive import audit as records_of
from derive.audit import Entry, Kind, Record, Who
from ops import audit
from tests.derive.test_audit import NOW, segments

LESSON = "l-" + "a" * 16


def chain() -> list[Record]:
    pupil, teacher = Who("t-one", "0000000001", "alice"), Who("t-two", "0000000002", "bob")
    entries = [
        Entry(Kind.POLICY, "decide-by", "access-rules", "start", "p"),
        Entry(Kind.GRANT, "play", LESSON, "allowed", "p", pupil),
        Entry(Kind.TOKEN, "play", LESSON, "allowed", "p", pupil, {"expires": 1}),
        Entry(Kind.REFUSAL, "play", "=HYPERLINK(1)", "no-such-lesson", "p", teacher),
        Entry(Kind.REFUSAL, "play", LESSON, "sign-in-needed", "p"),
    ]
    head, found = records_of.begin(records_of.writer_id(NOW, "pod")), []
    for entry in entries:
        found.append(records_of.follow(head, entry, NOW))
        head = found[-1].head
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for key, text in segments(chain(), size=3).items():
        (tmp_path / "kept" / key).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "kept" / key).write_bytes(text)
    return tmp_path / "kept"


def run(*words: str | Path) -> Any:
    return CliRunner().invoke(audit.app, [str(each) for each in words])


def test_a_whole_record_is_said_to_be_whole(folder: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    seen.write_text(json.dumps(asdict(chain()[4].head)) + "\n")
    found = run("verify", "--from", folder, "--anchors", seen)
    assert (found.exit_code, found.output) == (0, "5 records of 1 chains, held against 1 ends seen earlier: whole\n")


def test_without_anchors_it_says_what_it_cannot_see(folder: Path) -> None:
    assert "cannot be told" in run("verify", "--from", folder).output


def test_damages_are_named_and_the_exit_code_is_one(folder: Path, tmp_path: Path) -> None:
    last = sorted(folder.glob("*/*"))[-1]
    seen = tmp_path / "seen"
    seen.write_text(json.dumps(asdict(chain()[4].head)) + "\n")
    last.unlink()
    found = run("verify", "--from", folder, "--anchors", seen)
    assert found.exit_code == 1
    assert "it ends with 3, and 5 was seen earlier" in found.output
    answer = run("verify", "--from", folder, "--anchors", seen, "--json")
    assert answer.exit_code == 1
    assert json.loads(answer.output)["sound"] is False


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        (("--lesson", LESSON), [2, 3, 5]),
        (("--who", "alice"), [2, 3]),
        (("--school", "0000000002"), [4]),
        (("--school", "0000000003"), []),
    ],
)
def test_what_happened_is_followed_the_newest_last(folder: Path, words: tuple[str, str], numbers: list[int]) -> None:
    found = run("trace", "--from", folder, *words, "--json")
    assert [each["sequence"] for each in json.loads(found.output)] == numbers
    assert run("trace", "--from", folder, *words).output.count("2026-11-28T07:55:00.000Z") == len(numbers)


@pytest.mark.parametrize("words", [(), ("--lesson", LESSON, "--who", "alice")])
def test_one_thing_is_followed_at_a_time(folder: Path, words: tuple[str, ...]) -> None:
    assert isinstance(run("trace", "--from", folder, *words).exception, UserError)


def test_an_export_names_nobody_and_keeps_people_apart(folder: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("k" * 32)
    words = ("export", "--for", "evaluators", "--from", folder)
    text = run(*words, "--key", key).output
    rows = [json.loads(line) for line in text.splitlines()]
    assert [(row["kind"], row["hour"]) for row in rows] == [
        ("grant", "2026-11-28T07:00Z"),
        ("refusal", "2026-11-28T07:00Z"),
        ("refusal", "2026-11-28T07:00Z"),
    ]
    assert not any(word in text for word in ("alice", "bob", "HYPERLINK", "pod"))
    assert rows[0]["person"] != rows[1]["person"]
    assert rows[2]["person"] is None
    assert run(*words, "--key", key).output == text
    assert run(*words).output != text, "without a key file every export has pseudonyms of its own"


def test_a_short_key_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("short")
    found = run("export", "--for", "evaluators", "--from", folder, "--key", tmp_path / "key")
    assert isinstance(found.exception, UserError)
