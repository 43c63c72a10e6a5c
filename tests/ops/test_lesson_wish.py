"""Wrong input to `huiju lesson publish`: one clear error each, all at once, before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog import City, load_named
from catalog.errors import UserError
from ops.lessons.wish import TEXT_LIMIT, Wish, about, problems
from tests.media import record


@pytest.fixture(scope="module")
def city() -> City:
    return load_named("tiny")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("wish") / "lesson.mp4", seconds=1)


def _wish(city: City, video: Path, **changes: object) -> Wish:
    good = {"file": video, "title": "分数", "school": city.schools[0].code}
    return Wish(**{**good, **changes})  # type: ignore[arg-type]


def test_a_good_wish_has_no_problem(city: City, video: Path) -> None:
    assert list(problems(_wish(city, video, teacher="李老师", subject="数学", licence=city.licences[0].id), city)) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"file": Path("/nowhere/lesson.mp4")}, "does not exist"),
        ({"file": Path("/")}, "is not a file"),
        ({"file": Path(__file__)}, "not a video"),
        ({"title": "   "}, "--title is empty"),
        ({"title": "x" * (TEXT_LIMIT + 1)}, f"{TEXT_LIMIT} are allowed"),
        ({"title": "one\ntwo"}, "line end"),
        ({"title": "hidden\u200e"}, "invisible"),
        ({"teacher": ""}, "--teacher is empty"),
        ({"subject": "a\x00b"}, "--subject"),
        ({"subject": "数学课"}, "--subject '数学课' is not in the catalog; it has for instance 数学"),
        ({"school": "0000000000"}, "--school '0000000000' is not in the catalog"),
        ({"captions": ("zh=/nowhere/a.vtt",)}, "/nowhere/a.vtt: it cannot be read: No such file"),
        ({"licence": "opn-sharing"}, "it has for instance open-sharing"),
    ],
)
def test_each_wrong_value_is_one_clear_line(city: City, video: Path, changes: dict[str, object], said: str) -> None:
    (line,) = problems(_wish(city, video, **changes), city)
    assert said in line
    assert "\n" not in line


@pytest.mark.parametrize(("word", "kept"), [("mathematics", "数学"), ("Mathematics ", "Mathematics"), ("数学", "数学")])
def test_a_subject_is_one_of_the_citys_and_its_id_is_said_in_words(
    city: City, video: Path, word: str, kept: str
) -> None:
    assert about(_wish(city, video, subject=word), city)["subject"] == kept


def test_a_city_that_names_no_subjects_takes_any_and_so_does_a_lesson_that_has_one_already(
    city: City, video: Path
) -> None:
    assert about(_wish(city, video, subject="棋类"), city.model_copy(update={"subjects": ()}))["subject"] == "棋类"
    assert about(_wish(city, video, subject="棋类", replaces=True), city)["subject"] == "棋类"


@pytest.mark.parametrize("title", ["x" * TEXT_LIMIT, "<script>alert(1)</script>", "$(rm -rf /) `x` ' \"", "{{ 7*7 }}"])
def test_a_title_may_be_anything_readable_since_it_is_only_ever_data(city: City, video: Path, title: str) -> None:
    assert about(_wish(city, video, title=title), city)["title"] == title


def test_an_empty_file_is_said(city: City, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    assert [line for line in problems(_wish(city, tmp_path / "empty.mp4"), city) if "is empty" in line]


def test_all_problems_are_told_at_once(city: City) -> None:
    with pytest.raises(UserError) as caught:
        about(Wish(Path("/nowhere"), "", "1", licence="x"), city)
    assert len(str(caught.value).splitlines()) == 5


def test_without_a_licence_the_narrowest_is_taken(city: City, video: Path) -> None:
    taken = about(_wish(city, video), city)["licence"]["id"]
    chosen = next(row for row in city.licences if row.id == taken)
    assert all(len(chosen.uses) <= len(row.uses) for row in city.licences if not row.seats and not row.window)


def test_what_is_bought_is_never_taken_unasked(city: City, video: Path) -> None:
    bought = [row.id for row in city.licences if row.seats]
    assert bought
    assert about(_wish(city, video), city)["licence"]["id"] not in bought
    assert about(_wish(city, video, licence=bought[0]), city)["licence"]["id"] == bought[0]
