"""The sample lesson: made on the spot, the same bytes each time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from catalog import load_named
from catalog.errors import UserError
from ops import sample_lesson
from services.packager.probe import probe


def test_the_same_tools_make_the_same_bytes_and_a_lesson_of_the_right_length(tmp_path: Path) -> None:
    made = [tmp_path / "one.mp4", tmp_path / "two.mp4"]
    for target in made:
        sample_lesson.render(target)
    assert made[0].read_bytes() == made[1].read_bytes()
    source = probe(made[0], 60)
    assert (source.width, source.height, source.fps, source.has_audio) == (1280, 720, 25, True)
    assert 25 < source.seconds < 50
    assert sorted(tmp_path.iterdir()) == made, "nothing else is left"


def test_two_clones_that_make_it_at_once_do_not_write_into_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other clone makes the same file while this one is at work on it."""
    places: list[Path] = []

    def encode(folder: Path, drawing: str, spans: Sequence[tuple[float, float]], target: Path) -> None:
        places.append(target)
        if len(places) == 1:
            sample_lesson.render(tmp_path / "lesson.mp4")
        target.write_bytes(b"whole")

    monkeypatch.setattr(sample_lesson, "_encode", encode)
    monkeypatch.setattr(sample_lesson, "_speak", lambda *_: 1.0)
    sample_lesson.render(tmp_path / "lesson.mp4")
    assert places[0] != places[1]
    assert (tmp_path / "lesson.mp4").read_bytes() == b"whole"


def test_it_is_made_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    rendered: list[Path] = []

    def render(target: Path) -> None:
        rendered.append(target)
        target.touch()

    monkeypatch.setattr(sample_lesson, "render", render)
    assert sample_lesson.file() == sample_lesson.file()
    assert len(rendered) == 1


def test_a_missing_program_is_named_with_what_to_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.sample_lesson.shutil.which", lambda name: None if name == "espeak-ng" else "/bin/true")
    with pytest.raises(UserError, match=r"needs espeak-ng: apt-get install .*--no-lesson"):
        sample_lesson.render(tmp_path / "x.mp4")


def test_its_school_leads_an_alliance() -> None:
    city = load_named("tiny")
    assert sample_lesson.school(city) in {code for alliance in city.alliances for code in alliance.leading}
    assert sample_lesson.school(city.model_copy(update={"alliances": ()})) == city.schools[0].code
