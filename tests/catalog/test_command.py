"""``huiju catalog``: what it prints for people and for programs, and how it ends."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from catalog import load, load_named
from ops.cli import main


class Result(NamedTuple):
    """How a command ended."""

    code: object
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``huiju catalog`` with these words."""

    def command(*words: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["huiju", "catalog", *words])
        monkeypatch.delenv("CITY", raising=False)
        with pytest.raises(SystemExit) as end:
            main()
        shown = capsys.readouterr()
        return Result(end.value.code, shown.out, shown.err)

    return command


ROW = (
    "--code=2990100099", "--zh=河湾村小学", "--en=Hewan Village Primary School", "--district=hills", "--kind=primary",
    "--locality=village", "--students=30", "--teachers=3", "--classes=2", "--devices=6", "--mbps=20", "--wave=townships",
)  # fmt: skip


def test_check_without_a_city_checks_every_worked_one(run: Run) -> None:
    result = run("check")
    assert result.code == 0
    assert "neijiang" in result.out
    assert "320" in result.out
    assert load_named("tiny").digest[:12] in result.out


def test_check_warns_of_what_is_over_and_still_ends_well(run: Run, tiny: Path) -> None:
    file = tiny / "access.yaml"
    text = file.read_text(encoding="utf-8")
    old = text.replace("starts: 2026-09-01\n    ends: 2027-07-31", "starts: 2026-09-01\n    ends: 2026-09-30", 1)
    assert old != text
    file.write_text(old, encoding="utf-8")
    result = run("check", str(tiny))
    assert result.code == 0
    said = " ".join(result.out.split())
    assert "warning:" in said and "agreements[0].ends: ended on 2026-09-30" in said
    [city] = json.loads(run("check", "--json", str(tiny)).out)
    assert [each["key"] for each in city["warnings"]] == ["agreements[0].ends"]


def test_check_shows_sound_cities_and_all_problems_of_the_others_and_exits_1(run: Run, tiny: Path) -> None:
    (tiny / "more.yaml").write_text("nonsense: 1\nfurther: 2\n")
    result = run("check", "tiny", str(tiny))
    assert result.code == 1
    assert "ok" in result.out
    assert "2 problems" in result.err
    assert "more.yaml:1:nonsense" in result.err
    assert "more.yaml:2:further" in result.err


def test_check_for_programs_lists_places(run: Run, tiny: Path) -> None:
    (tiny / "more.yaml").write_text("nonsense: 1\n")
    result = run("check", "tiny", str(tiny), "--json")
    sound, broken = json.loads(result.out)
    assert result.code == 1
    assert (sound["ok"], sound["counts"]["schools"]) == (True, 6)
    assert not broken["ok"]
    [problem] = broken["problems"]
    assert (problem["line"], problem["key"]) == (1, "nonsense")
    assert json.loads(run("check", "tiny", "--json").out)[0]["digest"] == load_named("tiny").digest


@pytest.mark.parametrize("name", ["tinny", "./nowhere", ""])
def test_a_city_that_is_not_there_is_one_error(name: str, run: Run) -> None:
    for command in ("check", "show"):
        result = run(command, name)
        assert result.code == 1
        assert result.err.count("error:") == 1
        assert len(result.err.splitlines()) == 2, "nothing else was read"


def test_show_tells_of_districts_waves_alliances_and_services(run: Run) -> None:
    result = run("show", "tiny")
    city = load_named("tiny")
    assert result.code == 0
    rows = [(row.id, row.name.zh) for row in city.districts] + [(row.id, row.name.zh) for row in city.waves]
    rows += [(row.id, row.name.zh) for row in city.alliances] + [(row.id, row.name.zh) for row in city.services]
    assert all(identity in result.out and name in result.out for identity, name in rows)


def test_show_of_a_district_lists_its_schools(run: Run) -> None:
    result = run("show", "tiny", "--district", "hills")
    assert all(school.code in result.out for school in load_named("tiny").by_district["hills"])
    assert load_named("tiny").by_district["east"][0].code not in result.out


def test_show_of_a_school_names_its_alliances_and_roles(run: Run) -> None:
    result = run("show", "tiny", "--school", "3990100003")
    assert "primary-one (node), junior-one (node)" in result.out


@pytest.mark.parametrize("words", [("--district", "hils"), ("--school", "2990100009")])
def test_show_of_something_unknown_tells_what_was_meant(words: tuple[str, str], run: Run) -> None:
    result = run("show", "tiny", *words)
    assert result.code == 1
    assert "did you mean" in result.err


def test_show_for_programs_is_the_catalog_itself(run: Run) -> None:
    city = load_named("tiny")
    assert json.loads(run("show", "tiny", "--json").out) == city.model_dump(mode="json")
    assert json.loads(run("show", "tiny", "--school", "2990100006", "--json").out)["students"] == 46
    assert len(json.loads(run("show", "tiny", "--district", "east", "--json").out)) == 3


def test_schema_prints_what_editors_use(run: Run) -> None:
    assert "required" not in json.loads(run("schema").out)
    assert "schools" in json.loads(run("schema", "--whole").out)["required"]


def test_new_school_is_written_once_and_then_refused(run: Run, tiny: Path) -> None:
    first = run("new-school", str(tiny), *ROW)
    assert first.code == 0
    assert "+  - code: " in first.out
    school = load(tiny).school("2990100099")
    assert school.uplink
    assert (school.students, school.uplink.contracted_mbps, school.provenance) == (30, 20, "official")
    second = run("new-school", str(tiny), *ROW)
    assert second.code == 1
    assert "already taken" in second.err


def test_a_dry_run_shows_the_change_and_writes_nothing(run: Run, tiny: Path) -> None:
    before = {file: file.read_bytes() for file in tiny.iterdir()}
    result = run("new-school", str(tiny), *ROW, "--dry-run")
    assert result.code == 0
    assert "+  - code: " in result.out
    assert {file: file.read_bytes() for file in tiny.iterdir()} == before


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("--zh=$(id)", "a Chinese name has"),
        ("--en=a\nb: c", "an English name has"),
        ("--code=12", "ten digits"),
        ("--students=0", "must be at least 1"),
        ("--mbps=-1", "must be more than 0"),
        ("--district=east\n", "lower-case letters"),
    ],
)
def test_a_row_that_cannot_be_is_refused_with_all_its_mistakes(word: str, said: str, run: Run, tiny: Path) -> None:
    before = (tiny / "schools.yaml").read_bytes()
    option = word.split("=", maxsplit=1)[0]
    result = run("new-school", str(tiny), *(each for each in ROW if not each.startswith(option)), word, "--teachers=0")
    assert result.code == 1
    assert said in result.err
    assert "teachers: 0 must be at least 1" in result.err
    assert (tiny / "schools.yaml").read_bytes() == before


def test_two_things_asked_for_at_once_are_not_answered_by_one(run: Run) -> None:
    said = run("show", "tiny", "--school", "2990100001", "--district", "east")
    assert said.code == 1
    assert "give one of them" in said.err
