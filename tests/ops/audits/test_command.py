"""`huiju audit` over a folder: a table and exit 1 for damages, what happened, and an export without people."""

from __future__ import annotations

import errno
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from catalog.errors import UserError
from derive import access_log
from derive import audit as records_of
from derive.access_log import Access
from derive.audit import Entry, Kind, Record, Who
from ops import audit
from tests.derive.test_audit import NO_RECORDS, NOW, planted, segments

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
    return chained(entries)


def chained(entries: list[Entry]) -> list[Record]:
    """One chain of these."""
    head, found = records_of.begin(records_of.writer_id(NOW, "pod")), []
    for entry in entries:
        found.append(records_of.follow(head, entry, NOW))
        head = found[-1].head
    return found


def kept(folder: Path, found: list[Record]) -> Path:
    """A folder with the segments of a chain."""
    for key, text in segments(found, size=3).items():
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(text)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return kept(tmp_path / "kept", chain())


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


@pytest.mark.parametrize("number", range(len(NO_RECORDS)))
def test_one_planted_record_hides_no_other_damage(folder: Path, number: int) -> None:
    first, last = sorted(folder.glob("*/*"))
    first.write_bytes(planted(chain()[0], number) + b"".join(map(records_of.line, chain()[1:3])))
    last.write_bytes(last.read_bytes().replace(b"sign-in-needed", b"sign-in-wanted"))
    found = run("verify", "--from", folder)
    assert isinstance(found.exception, SystemExit) and found.exit_code == 1
    assert found.output.count("the record was edited") == 2, found.output
    for words in (
        ["trace", "--school", "0000000001"],
        ["trace", "--refused", "--json"],
        ["export", "--for", "evaluators"],
    ):
        assert run(*words, "--from", folder).exit_code == 0


def test_nothing_that_a_record_or_a_key_says_is_obeyed_by_a_terminal(tmp_path: Path) -> None:
    odd = "\x1b[2J\u202e[red]"
    (entry,) = chained([Entry(Kind.REFUSAL, "play", odd, odd, "p", Who(odd, odd, odd))])
    where = kept(tmp_path / "kept", [entry])
    elsewhere = records_of.follow(records_of.begin(odd), entry.entry, NOW)
    (where / "\x1b[2J.jsonl").write_bytes(b"")
    (where / f"{entry.writer}/{2:012d}.jsonl").write_bytes(records_of.line(elsewhere))
    for words in (["verify"], ["trace", "--refused"]):
        said = run(*words, "--from", where).output
        assert "\\u001b[2J" in said and "\x1b" not in said and "\u202e" not in said, said
    assert "[red]" in said, "and nothing is lost"


def test_a_trace_of_somebody_shows_what_was_done_to_their_account(tmp_path: Path) -> None:
    done = Entry(Kind.ACCOUNT, "account-disable", "account/alice", "done", "p", Who(None, None, "an-operator"))
    kept(tmp_path / "kept", chained([done]))
    for who, shown in (("alice", True), ("an-operator", True), ("bob", False)):
        found = run("trace", "--from", tmp_path / "kept", "--who", who)
        assert found.exit_code == 0 and ("account-disable" in found.output) is shown, found.output


def test_a_trace_of_a_minted_session_s_subject_shows_that_it_was_minted(tmp_path: Path) -> None:
    done = Entry(Kind.TOKEN, "session-mint", "session/0a1b", "done", "p", Who(None, None, "an-operator"), {"tier": "t"})
    kept(tmp_path / "kept", chained([done]))
    for who, shown in (("0a1b", True), ("an-operator", True), ("bob", False)):
        found = run("trace", "--from", tmp_path / "kept", "--who", who)
        assert found.exit_code == 0 and ("session-mint" in found.output) is shown, found.output


def numbers(*words: str | Path) -> list[int]:
    return [each["sequence"] for each in json.loads(run("trace", *words, "--json").output)]


def test_somebody_is_followed_by_the_roster_s_id_and_by_the_subject_alike(tmp_path: Path) -> None:
    by_roster, subject, other = Who("t", "s", "roster-1"), Who("t", "s", "sub-1"), Who("t", "s", "sub-2")
    entries = [
        Entry(Kind.GRANT, "first-sign-in", "account", "made", None, by_roster),
        Entry(Kind.GRANT, "sign-in", "session", "allowed", "p", subject, {"person": "roster-1"}),
        Entry(Kind.GRANT, "view", "mine", "allowed", "p", subject),
        Entry(Kind.ACCOUNT, "account-disable", "account/sub-1", "done", "p", Who(None, None, "an-operator")),
        # An outside provider may have named anybody: what was refused joins nobody to anybody.
        Entry(Kind.REFUSAL, "sign-in", "session", "provider-differs", "p", other, {"person": "roster-1"}),
        # The account was made anew.
        Entry(Kind.GRANT, "sign-in", "session", "allowed", "p", Who("t", "s", "sub-3"), {"person": "roster-1"}),
    ]
    folder = kept(tmp_path / "kept", chained(entries))
    for who in ("roster-1", "sub-1"):
        assert numbers("--from", folder, "--who", who) == [1, 2, 3, 4, 6]
    assert numbers("--from", folder, "--who", "sub-2") == [5]


def test_who_looked_at_what_is_kept_of_a_pupil_is_followed_by_its_class_and_id(tmp_path: Path) -> None:
    teacher = Who("t", "s", "sub-1")
    entries = [
        Entry(Kind.GRANT, "view", "pupil-profile/p-1", "allowed", "p", teacher),
        Entry(Kind.REFUSAL, "view", "pupil-profile/p-2", "profile-out-of-reach", "p", teacher),
        Entry(Kind.GRANT, "play", LESSON, "allowed", "p", teacher),
    ]
    folder = kept(tmp_path / "kept", chained(entries))
    assert numbers("--from", folder, "--resource", "pupil-profile/p-1") == [1]
    assert numbers("--from", folder, "--resource", LESSON) == numbers("--from", folder, "--lesson", LESSON) == [3]


def test_whose_row_an_operator_looked_at_is_followed_by_the_person_and_a_lesson_also_where_it_is_named_beside(
    tmp_path: Path,
) -> None:
    operator, teacher = Who(None, None, "an-operator"), Who("t", "s", "sub-1")
    other = "l-" + "b" * 16
    entries = [
        Entry(Kind.DEED, "roster-show", "pupil-profile/p-1", "done", "p", operator),
        Entry(Kind.ACCOUNT, "consent-give", "pupil-profile/p-1", "done", "p", operator, {"guardian": "p-2"}),
        Entry(Kind.GRANT, "view", "pupil-profile/p-1", "allowed", "p", teacher),
        Entry(Kind.DEED, "lesson-replace", LESSON, "done", "p", operator, {"by": other}),
        Entry(Kind.DEED, "parcel-make", "parcel/lessons", "done", "p", operator, {"lessons": f"l-x {other}"}),
        # The account by which they sign in.
        Entry(Kind.GRANT, "sign-in", "session", "allowed", "p", Who("t", "s", "sub-2"), {"person": "p-1"}),
    ]
    folder = kept(tmp_path / "kept", chained(entries))
    assert numbers("--from", folder, "--who", "p-1") == numbers("--from", folder, "--who", "sub-2") == [1, 2, 6]
    assert numbers("--from", folder, "--resource", "pupil-profile/p-1") == [1, 2, 3]
    assert numbers("--from", folder, "--who", "an-operator") == [1, 2, 4, 5]
    assert numbers("--from", folder, "--lesson", LESSON) == [4]
    assert numbers("--from", folder, "--lesson", other) == [4, 5]
    shown = run("trace", "--from", folder, "--who", "p-1").output
    assert "roster-show" in shown


def test_a_cache_s_line_is_whose_the_permission_was() -> None:
    def line(name: str, status: int = 200) -> Access:
        row = dict.fromkeys(access_log._TRAFFIC_SERVER, "-") | {"access_log": "cache", "time": "1795852800.007"}
        row |= {
            "method": "GET",
            "path": f"/lessons/{LESSON}/h/1.m4s",
            "status": str(status),
            "permission": name,
            "bytes": "1",
            "ms": "1",
        }
        found = access_log.parse(json.dumps(row))
        assert found
        return found

    alice, facts = Who("t-one", None, "alice"), {"permission": "hXFn0R32UHpg"}
    entries = [Entry(kind, "play", LESSON, "allowed", "p", alice, facts) for kind in (Kind.TOKEN, Kind.GRANT)]
    head = records_of.begin(records_of.writer_id(NOW, "pod"))
    held = audit.permissions(records_of.follow(head, each, NOW) for each in entries)
    wanted = audit.Wanted(None, "alice", None, refused=False)
    assert held == {"hXFn0R32UHpg"}
    assert [wanted.sees(line(name), held) for name in ("hXFn0R32UHpg", "AcQ0dfOaZDaw", "-")] == [True, False, False]
    assert not wanted.sees(line("hXFn0R32UHpg", 403), held), "anybody can show that name, and nothing was opened"
    about = audit.Wanted(LESSON, None, None, refused=True)
    assert about.sees(line("hXFn0R32UHpg", 403)), "it is still found by what was asked for"
    assert not audit.permissions([])


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


@pytest.mark.parametrize(
    "words", [(), ("--lesson", LESSON, "--who", "alice"), ("--lesson", LESSON, "--resource", "x/y")]
)
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


GROUND: dict[str, str | int] = {
    "grant": "pupil-profile.teacher.view",
    "scope": "class",
    "rule": "teaching",
    "consent": True,
}
BY_AGREEMENT: dict[str, str | int] = {
    "grant": "lesson.guest.view",
    "scope": "agreement",
    "agreement": "pact",
    "licence": "free",
}


@pytest.fixture
def grounded(tmp_path: Path) -> Path:
    """A folder of grants with grounds, one from before there were any, and a refusal that names what only a ground may."""
    teacher = Who("teacher", "0000000002", "bob")
    entries = [
        Entry(Kind.GRANT, "view", "pupil-profile/p-1", "allowed", "p", teacher, GROUND),
        Entry(Kind.GRANT, "play", LESSON, "allowed", "p", teacher, {"place": "0000000002", **BY_AGREEMENT}),
        Entry(Kind.GRANT, "sign-in", "session", "allowed", "p", teacher, {"person": "roster-1", "grant": "roster"}),
        Entry(Kind.GRANT, "play", LESSON, "allowed", "p", teacher),
        Entry(Kind.REFUSAL, "play", LESSON, "out-of-reach", "p", teacher, {"grant": "typed-by-bob"}),
    ]
    return kept(tmp_path / "grounded", chained(entries))


def test_a_trace_says_by_what_ground_somebody_was_let(grounded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.console.WIDTH", 400)
    lines = run("trace", "--from", grounded, "--who", "bob").output.splitlines()
    said = [line.rstrip("│┃| ").rsplit("│", 1)[-1].strip() for line in lines if "2026-11-28" in line]
    assert said == [
        "allowed: pupil-profile.teacher.view class, rule teaching, consent",
        "allowed: lesson.guest.view agreement, agreement pact, licence free",
        "allowed: roster",
        "allowed",
        "out-of-reach",
    ]


def test_an_export_has_the_grounds_and_nothing_else_of_the_facts(grounded: Path) -> None:
    text = run("export", "--for", "evaluators", "--from", grounded).output
    rows = [json.loads(line)["ground"] for line in text.splitlines()]
    assert rows == [GROUND, BY_AGREEMENT, {"grant": "roster"}, {}, None]
    assert not any(word in text for word in ("p-1", "roster-1", "bob", "place"))


def test_a_short_key_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("short")
    found = run("export", "--for", "evaluators", "--from", folder, "--key", tmp_path / "key")
    assert isinstance(found.exception, UserError)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--key", "none/key"), "--key: none/key cannot be read: No such file or directory\n`openssl rand -hex 32 > none/key`"),
        (("--key", "."), "--key: . cannot be read: Is a directory"),
        (("--out", "none/x"), "--out: none/x cannot be written: none is no folder\nmake it (`mkdir -p none`)"),
        (("--out", "."), "--out: . is a folder\nname a file"),
    ],
)  # fmt: skip
def test_an_export_s_file_that_cannot_be_had_is_said_with_its_option_before_the_record_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, str], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    found = run("export", "--for", "evaluators", "--from", "not-looked-at", *words)
    assert isinstance(found.exception, UserError)
    assert str(found.exception).startswith(says)


def test_an_export_s_file_that_may_not_be_written_is_said_with_its_option(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(Path, "write_text", refuse)
    found = run("export", "--for", "evaluators", "--from", folder, "--out", tmp_path / "x").exception
    assert isinstance(found, UserError) and "--out: " in str(found) and "Permission denied\nname a file" in str(found)
