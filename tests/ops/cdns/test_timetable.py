"""An operator's timetable: read as it was written, and refused with everything that is wrong with it, each with its line."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from catalog import City, load_named
from catalog.errors import UserError
from ops.cdns import measured, timetable

HEAD = "date,school,period,lesson,classes"
GOOD = "2026-11-30,2990100005,p2,l-aaaaaaaaaaaaaaaa,3"


@pytest.fixture(scope="module")
def tiny() -> City:
    return load_named("tiny")


def written(folder: Path, *rows: str, head: str = HEAD, name: str = "day.csv") -> Path:
    file = folder / name
    file.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return file


def test_a_row_is_a_showing_at_its_school_s_bell(tiny: City, tmp_path: Path) -> None:
    day = timetable.read(written(tmp_path, GOOD), tiny)
    [showing] = day.showings
    assert day.day == date(2026, 11, 30)
    assert (showing.school, showing.lesson, showing.classes) == ("2990100005", "l-" + "a" * 16, 3)
    bells = [datetime.fromtimestamp(moment, UTC).isoformat() for moment in (showing.needed_by, showing.ends)]
    assert bells == ["2026-11-30T01:20:00+00:00", "2026-11-30T02:00:00+00:00"]


def test_yaml_says_the_same_as_csv_with_or_without_quotes(tiny: City, tmp_path: Path) -> None:
    file = tmp_path / "day.yaml"
    file.write_text("- {date: 2026-11-30, school: 2990100005, period: p2, lesson: l-aaaaaaaaaaaaaaaa, classes: 3}\n")
    assert timetable.read(file, tiny).showings == timetable.read(written(tmp_path, GOOD), tiny).showings


def test_a_spreadsheet_s_mark_at_the_beginning_and_empty_lines_are_no_matter(tiny: City, tmp_path: Path) -> None:
    file = written(tmp_path, GOOD, ",,,,", head="\ufeff" + HEAD)
    assert len(timetable.read(file, tiny).showings) == 1


@pytest.mark.parametrize(
    ("row", "place", "says"),
    [
        ("2026-11-29,2990100005,p2,l-aaaaaaaaaaaaaaaa,3", "day.csv:2:date", "no school on 2026-11-29"),
        ("30.11.2026,2990100005,p2,l-aaaaaaaaaaaaaaaa,3", "day.csv:2:date", "write YYYY-MM-DD"),
        ("2026-11-30,2990100099,p2,l-aaaaaaaaaaaaaaaa,3", "day.csv:2:school", "not one of the city's schools"),
        ("2026-11-30,2990100005,p8,l-aaaaaaaaaaaaaaaa,3", "day.csv:2:period", "no period there; there are: p1, "),
        ("2026-11-30,2990100005,p2,lesson one,3", "day.csv:2:lesson", "no lesson id"),
        ("2026-11-30,2990100005,p2,l-aaaaaaaaaaaaaaaa,0", "day.csv:2:classes", "no number of classes"),
        ("2026-11-30,2990100005,p2,l-aaaaaaaaaaaaaaaa,三", "day.csv:2:classes", "no number of classes"),
        (f"2026-11-30,2990100005,p2,l-aaaaaaaaaaaaaaaa,{'9' * 5000}", "day.csv:2:classes", "no number of classes"),
        ("2026-11-30,2990100005,p2,l-aaaaaaaaaaaaaaaa,13", "day.csv:2:classes", "of a school that has 12"),
        ("2026-11-30,2990100005,,l-aaaaaaaaaaaaaaaa,3", "day.csv:2:period", "is missing"),
        (GOOD + ",more", "day.csv:2", "6 cells under 5 columns"),
    ],
)
def test_what_is_wrong_is_said_with_its_line_and_column(
    tiny: City, tmp_path: Path, row: str, place: str, says: str
) -> None:
    with pytest.raises(UserError) as refused:
        timetable.read(written(tmp_path, row), tiny)
    assert f"{place}: " in str(refused.value)
    assert says in str(refused.value)


def test_every_problem_is_said_at_once(tiny: City, tmp_path: Path) -> None:
    rows = ("2026-11-30,1,p2,l-aaaaaaaaaaaaaaaa,3", "2026-11-30,2990100005,p9,x,0", "2026-12-01" + GOOD[10:])
    with pytest.raises(UserError, match=r"day\.csv has 5 problems:"):
        timetable.read(written(tmp_path, *rows), tiny)


def test_a_period_at_two_times_asks_for_the_stage_and_takes_it(tmp_path: Path) -> None:
    city = load_named("neijiang")
    school = next(each for each in city.schools if len(each.stages) == 2 and each.kind == "nine-year")
    row = f"2026-11-30,{school.code},p1,l-aaaaaaaaaaaaaaaa,1"
    with pytest.raises(UserError, match="begins at different times in primary, junior"):
        timetable.read(written(tmp_path, row), city)
    head = f"{HEAD},stage"
    bells = [timetable.read(written(tmp_path, f"{row},{stage}", head=head), city) for stage in school.stages]
    assert bells[0].showings[0].needed_by - bells[1].showings[0].needed_by == 30 * 60
    with pytest.raises(UserError, match="is not taught there"):
        timetable.read(written(tmp_path, f"{row},senior", head=head), city)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (HEAD.encode(), "holds no row"),
        ("日期,学校\n".encode("gb18030"), "CSV UTF-8"),
        (HEAD.replace("lesson", "leson").encode() + b"\n" + GOOD.encode(), "did you mean `lesson`"),
        (b"x" * (17 << 20), "larger than 16 MiB"),
        (HEAD.encode() + b'\n"a', "is no CSV"),
    ],
)
def test_a_file_that_is_no_timetable_says_why(tiny: City, tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "day.csv"
    file.write_bytes(content)
    with pytest.raises(UserError, match=says):
        timetable.read(file, tiny)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("- [1]\n", "group of keys"),
        ("a: 1\n", "list of rows"),
        ("- {a: ", "not valid YAML"),
        ("[" * 3_000, "nested more than"),
        ("- " * 3_000, "nested more than"),
        ("{a: " * 100_000, "nested more than"),
    ],
)
def test_yaml_that_is_no_table_says_why(tiny: City, tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "day.yaml"
    file.write_text(content)
    with pytest.raises(UserError, match=says):
        timetable.read(file, tiny)


def test_of_several_measurements_the_slowest_counts(tiny: City, tmp_path: Path) -> None:
    file = written(tmp_path, "2990100005,18.5", "2990100005,12", "2990100005,15", "2990100006,0", head="school,mbps")
    assert measured.read(file, tiny) == {"2990100005": 12.0, "2990100006": 0.0}


@pytest.mark.parametrize("rate", ["fast", "-1", "nan", "inf", "1e9"])
def test_a_measurement_that_is_no_rate_is_refused_with_every_other(tiny: City, tmp_path: Path, rate: str) -> None:
    with pytest.raises(UserError, match="has 2 problems") as refused:
        measured.read(written(tmp_path, f"2990100005,{rate}", "299,5", head="school,mbps"), tiny)
    assert "is no rate" in str(refused.value)
