"""Who publishes a lesson, puts another in its place or takes it away is on the audit record before anything of it is done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from catalog import load_named
from catalog.errors import UserError
from derive import lesson
from ops.cdns import doors, purging
from ops.cli import app
from ops.lessons import captions, indexing, job, library, place, publish, replacing, wish
from ops.lessons.place import Place
from services.packager import index
from services.packager.store import Bucket
from tests.media import Store, store
from tests.ops.recorded import in_the_way, kept, told, under_way

__all__ = ["store"]
OLD, NEW = "l-" + "a" * 16, "l-" + "b" * 16
SCHOOL = load_named("tiny").schools[0].code
SPOKEN = "WEBVTT\n\n00:00.000 --> 00:01.000\nhello\n"


class Acts:
    """Stand-ins for what the commands do, which note whether a deed was noted then."""

    def __init__(self) -> None:
        self.seen: list[bool] = []
        self.fails: BaseException | None = None

    def __call__(self, *_: Any) -> Any:
        self.seen.append(under_way())
        if self.fails:
            raise self.fails
        return NEW


@pytest.fixture
def acts(unshipped: None, store: Store, monkeypatch: pytest.MonkeyPatch) -> Acts:
    """A stack with one lesson."""
    uploads, lessons = store.pair()
    about = {
        "title": "分数",
        "school": {"code": SCHOOL, "name": {"zh": "校"}},
        "licence": {"id": "x", "name": {"zh": "证"}},
    }
    record = {"id": OLD, "seconds": 2, "master": f"{OLD}/h/master.m3u8", "renditions": [], **about}
    lessons.put(f"{OLD}/lesson.json", json.dumps(record).encode(), "")
    found = Acts()

    @contextmanager
    def buckets(_: Place) -> Iterator[tuple[Bucket, Bucket]]:
        yield uploads, lessons

    monkeypatch.setattr(Place, "buckets", buckets)
    monkeypatch.setattr(place, "of_stack", lambda name: Place(name, {}, None, None))
    monkeypatch.setattr(indexing, "follow", lambda *_: None)
    monkeypatch.setattr(doors, "of", lambda _: [])
    monkeypatch.setattr(wish, "probe", lambda *_: SimpleNamespace(seconds=2))
    monkeypatch.setattr(purging, "pods", lambda *_: {})
    for module, name in ((publish, "publish"), (replacing, "replace"), (library, "remove"), (job, "remove_of")):
        monkeypatch.setattr(module, name, found)
    monkeypatch.setattr(captions, "publish", lambda *_: {"id": found()})
    monkeypatch.setattr(index, "rebuild", lambda _: None)
    return found


@pytest.fixture
def film(tmp_path: Path) -> Path:
    (tmp_path / "李老师.mp4").write_bytes(b"a film")
    (tmp_path / "a.vtt").write_text(SPOKEN)
    return tmp_path / "李老师.mp4"


def huiju(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["lesson", *map(str, words)])


def commands(film: Path) -> dict[tuple[str, str], list[str | Path]]:
    """What is on record -> as typed."""
    own = lesson.lesson_id(lesson.content_hash(film), SCHOOL)
    about = ["--title", "分数", "--teacher", "李老师", "--school", SCHOOL]
    return {
        ("lesson-publish", own): ["publish", film, *about],
        ("lesson-replace", OLD): ["replace", OLD, film],
        ("lesson-captions", OLD): ["captions", OLD, "--add", f"zh={film.parent / 'a.vtt'}"],
        ("lesson-rm", OLD): ["rm", OLD, "--yes"],
    }


def test_each_is_noted_first_by_the_lesson_s_id_and_says_how_it_ended(acts: Acts, film: Path) -> None:
    wanted = commands(film)
    for words in wanted.values():
        done = huiju(*words)
        assert done.exit_code == 0, done.output + repr(done.exception)
    assert told() == [(*each, "done") for each in wanted]
    assert len(acts.seen) == len(wanted) + 1 and all(acts.seen)
    assert not any(word in repr(kept()) for word in ("李老师", "分数", str(film)))
    assert kept()[1].facts["by"] == NEW
    for error, outcome in ((UserError("the store does not answer"), "failed"), (KeyboardInterrupt(), "interrupted")):
        acts.fails, before = error, len(kept())
        for words in wanted.values():
            huiju(*words)
        assert told()[before:] == [(*each, outcome) for each in wanted]


def test_what_cannot_be_noted_is_not_done(acts: Acts, film: Path) -> None:
    in_the_way()
    for words in commands(film).values():
        assert "nothing was done" in str(huiju(*words).exception)
    assert not acts.seen


def test_what_is_refused_or_only_shown_is_no_deed(acts: Acts, film: Path) -> None:
    for words in (
        ["publish", film, "--title", "分数", "--school", "李老师"], ["replace", "李老师", film], ["rm", "李老师", "--yes"],
        ["rm", NEW, "--yes"], ["rm", OLD], ["captions", OLD, "--add", "zh=none"],
    ):  # fmt: skip
        assert huiju(*words).exit_code == 1, words
    for words in (["show", OLD, "--json"], ["captions", OLD]):
        assert huiju(*words).exit_code == 0
    assert (kept(), acts.seen) == ([], [])
