"""`huiju cdn` and lessons that may not be watched: refused before anything is written or fetched, or left out where that is accepted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from catalog.errors import UserError
from ops import access, cdn
from ops.accesses import deployed
from ops.cdns import warming
from ops.cdns.warming import Warmed
from ops.lessons import library
from services.packager.store import Bucket
from tests.media import store
from tests.ops.cdns.test_commands import LESSON, RUNNER, TOWNSHIP, VILLAGE, caches, lessons, put_record, timetable

__all__ = ["caches", "lessons", "store"]

SHUT, COUNTY = "l-" + "b" * 16, "3990100004"


@pytest.fixture
def shut(lessons: Bucket) -> Bucket:
    """Beside the open lesson another school's, which is for that school alone."""
    put_record(lessons, SHUT, COUNTY, "own-school")
    lessons.put(f"{SHUT}/h/r/v234-145/00000.m4s", b"x" * 1000, "")
    return lessons


def rows(folder: Path, *of: tuple[str, str, str]) -> str:
    """A timetable with these (school, period, lesson)."""
    file = folder / "day.csv"
    lines = [f"2027-06-30,{school},{period},{lesson},1" for school, period, lesson in of]
    file.write_text("\n".join(["date,school,period,lesson,classes", *lines]) + "\n")
    return str(file)


def test_what_may_not_be_watched_is_refused_with_all_else_before_anything_is_written(
    shut: Bucket, tmp_path: Path
) -> None:
    missing = "l-" + "z" * 16
    file = rows(
        tmp_path,
        (VILLAGE, "p1", LESSON),
        (VILLAGE, "p2", SHUT),
        (TOWNSHIP, "p3", SHUT),
        (VILLAGE, "p3", missing),
    )
    for words in (["plan", file], ["plan", file, "--publish"], ["budget", "--timetable", file]):
        done = RUNNER.invoke(cdn.app, words)
        assert isinstance(done.exception, UserError), done.output
        said = str(done.exception).splitlines()
        assert said[0] == "day.csv has 3 problems:", said
        assert [line.partition(" ")[2].partition("day.csv")[2].split(" ")[0] for line in said[1:4]] == [
            ":3:lesson:", ":4:lesson:", ":5:lesson:"
        ]  # fmt: skip
        assert f"{SHUT} may not be watched in {VILLAGE}" in said[1]
        assert f"{SHUT} may not be watched in {TOWNSHIP}" in said[2]
        assert "leave out with --partial" in said[4]
        assert done.stdout == "", "no table beside it"
    assert not list(shut.objects("plans/"))


def test_the_command_that_a_refusal_names_says_why(shut: Bucket, tmp_path: Path) -> None:
    done = RUNNER.invoke(cdn.app, ["plan", rows(tmp_path, (VILLAGE, "p2", SHUT))])
    found = re.search(r"`huiju access (explain [^`]*)`", str(done.exception))
    assert found and "--at 2027-06-30T09:20" in found[1]
    told = RUNNER.invoke(access.app, found[1].split())
    assert told.exit_code == 1, (told.output, told.exception)
    en, zh = told.stdout.splitlines()[1:3]
    assert en.strip() in str(done.exception)
    assert zh.strip() in str(done.exception)


def test_what_may_not_be_watched_is_left_out_where_that_is_accepted(shut: Bucket, tmp_path: Path) -> None:
    words = ["plan", rows(tmp_path, (VILLAGE, "p1", LESSON), (VILLAGE, "p2", SHUT)), "--partial"]
    shown = RUNNER.invoke(cdn.app, words)
    assert (shown.exit_code, list(shut.objects("plans/"))) == (0, []), shown.output
    done = RUNNER.invoke(cdn.app, [*words, "--publish"])
    assert done.exit_code == 0, done.output
    assert "accepted: " in done.stdout and f"{SHUT} may not be watched" in " ".join(done.stdout.split())
    plan = shut.read_json(f"plans/{VILLAGE}.json")
    assert plan and plan["lessons"] == {LESSON: "v234-145"}
    assert {item["lesson"] for item in plan["items"]} == {LESSON}


def test_a_school_that_may_watch_nothing_has_its_plan_taken_back_and_a_day_of_nothing_is_no_day(
    shut: Bucket, tmp_path: Path
) -> None:
    assert RUNNER.invoke(cdn.app, ["plan", timetable(tmp_path, "2027-06-30"), "--publish"]).exit_code == 0
    before = shut.read_json(f"plans/{VILLAGE}.json")
    for words, of in (
        ([], [(VILLAGE, "p2", SHUT)]),
        (["--school", VILLAGE], [(VILLAGE, "p2", SHUT), (TOWNSHIP, "p2", LESSON)]),
    ):
        done = RUNNER.invoke(cdn.app, ["plan", rows(tmp_path, *of), "--partial", "--publish", *words])
        assert "none of it may be watched: `huiju cdn cancel`" in str(done.exception), done.output
        assert shut.read_json(f"plans/{VILLAGE}.json") == before
    file = rows(tmp_path, (VILLAGE, "p2", SHUT), (TOWNSHIP, "p2", LESSON))
    done = RUNNER.invoke(cdn.app, ["plan", file, "--partial", "--publish"])
    assert "1 plans published, 0 were there already, 1 taken back" in done.stdout, done.output


@pytest.mark.usefixtures("caches")
def test_warming_refuses_what_a_school_may_not_watch(shut: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[object]()

    def warm(*words: object) -> list[Warmed]:
        asked.append(words)
        return [Warmed("a", 1, 1.0, "")]

    monkeypatch.setattr(warming, "warm", warm)
    done = RUNNER.invoke(cdn.app, ["warm", SHUT, "--school", VILLAGE])
    assert "so no cache needs it" in str(done.exception), done.output
    assert asked == []
    for words in ([SHUT], [SHUT, "--school", COUNTY], [LESSON, "--school", VILLAGE]):
        assert RUNNER.invoke(cdn.app, ["warm", *words]).exit_code == 0
    assert len(asked) == 3


@pytest.mark.usefixtures("caches")
def test_a_damaged_record_is_named_by_the_id_that_was_asked_for(shut: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "record", lambda *_: {})
    said = RUNNER.invoke(cdn.app, ["warm", LESSON]).exception
    assert isinstance(said, UserError) and f"the record of {LESSON} makes no sense" in str(said)


@pytest.mark.usefixtures("caches")
def test_that_the_platform_decides_by_other_rules_is_said_beside_every_answer(
    shut: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warming, "warm", lambda *_: [Warmed("a", 1, 1.0, "")])
    file = rows(tmp_path, (VILLAGE, "p1", LESSON))
    for words, command in (
        (["plan", file], cdn.app),
        (["budget", "--timetable", file], cdn.app),
        (["warm", LESSON], cdn.app),
        (["explain", LESSON], access.app),
    ):
        for digest, told in ((None, False), ("f" * 64, True)):
            monkeypatch.setattr(deployed, "_deployed", lambda _, found=digest: found)
            done = RUNNER.invoke(command, words)
            assert done.exit_code == 0, (words, done.output, done.exception)
            assert ("and the platform decides by others (ffffffffffff)" in done.stderr) is told, words
