"""What leaves a lesson that stays, as it is typed: caches keep it for a year, so it is deleted and given up by each of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from catalog import load_named
from catalog.errors import UserError
from derive import withdrawal
from ops.cdns import doors, purging
from ops.cli import app
from ops.lessons import indexing, library, place, publish, withdrawing
from ops.lessons.place import Place
from ops.lessons.wish import Wish
from services.packager.store import IMMUTABLE, Bucket
from tests.media import Store, store

__all__ = ["store"]
LESSON = "l-" + "a" * 16
FOLDER = f"{LESSON}/h/r"
SPOKEN = "WEBVTT\n\n00:00.000 --> 00:01.000\n{}\n"
DOWNLOAD = f"{LESSON}/~download/h-r-v.mp4"


@dataclass
class Caches:
    """Those in the cluster: what they were told to give up, and whether it was in the store or known to the boxes by then."""

    lessons: Bucket
    purged: list[list[str]] = field(default_factory=list)
    stored: set[str] = field(default_factory=set)
    told: list[str] = field(default_factory=list)
    followed: list[bool] = field(default_factory=list)
    """One for each change of the list."""
    away = ""
    """Why one cannot be purged; empty where all can."""
    unknown = ""
    """Why nobody knows which there are."""

    def of(self, _: Place) -> list[Any]:
        if self.unknown:
            raise UserError(self.unknown)
        return []

    def pods(self, _: Sequence[Any], paths: Sequence[str], *_step: object) -> dict[str, int]:
        self.purged.append(list(paths))
        self.stored |= {path for path in paths if versions(self.lessons, path.removeprefix("/lessons/"))}
        self.told += [path for row in announced(self.lessons) for path in row["paths"]]
        if self.away:
            raise UserError(f"{self.away}\nonce they answer: `{purging.command(paths)}`")
        return {"shield/1": len(paths), "edge/1": 1}


def versions(lessons: Bucket, key: str) -> list[str]:
    """Every version that the store has of a key, deletions too."""
    found = lessons.s3.list_object_versions(Bucket=lessons.name, Prefix=key)
    return [row["VersionId"] for name in ("Versions", "DeleteMarkers") for row in found.get(name, [])]


def announced(lessons: Bucket) -> list[dict[str, Any]]:
    """What the boxes read."""
    return [dict(row) for row in withdrawal.entries(lessons.read_json(withdrawal.KEY))]


@pytest.fixture
def lessons(unshipped: None, store: Store, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """A stack with one lesson, with captions in Yi and a file to take away of another time."""
    uploads, found = store.pair()
    row = {"lang": "ii", "name": "ꆈꌠꉙ", "path": f"{FOLDER}/captions-ii-0.m3u8", "vtt": f"{FOLDER}/captions-ii-0.vtt"}
    record = {
        "id": LESSON,
        "content_hash": "h",
        "recipe": "r",
        "seconds": 2,
        "master": f"{LESSON}/h/master.m3u8",
        "captions": [row],
        "title": "Tea",
    }
    for key in (row["path"], row["vtt"], DOWNLOAD):
        for text in (b"before", b"now"):
            found.put(key, text, IMMUTABLE)
    found.put(record["master"], b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nr/v/index.m3u8\n", "")  # type: ignore[arg-type]
    found.put(f"{LESSON}/lesson.json", json.dumps(record).encode(), "")

    @contextmanager
    def buckets(_: Place) -> Iterator[tuple[Bucket, Bucket]]:
        yield uploads, found

    monkeypatch.setattr(Place, "buckets", buckets)
    monkeypatch.setattr(place, "of_stack", lambda name: Place(name, {"city": "tiny"}, None, None))
    return found


@pytest.fixture
def caches(lessons: Bucket, monkeypatch: pytest.MonkeyPatch) -> Caches:
    found = Caches(lessons)
    monkeypatch.setattr(doors, "of", found.of)
    monkeypatch.setattr(purging, "pods", found.pods)
    monkeypatch.setattr(indexing, "follow", lambda *_: found.followed.append(True))
    return found


def captions(*words: str) -> Result:
    return CliRunner().invoke(app, ["lesson", "captions", LESSON, *words])


OLD = [f"/lessons/{FOLDER}/captions-ii-0.{end}" for end in ("m3u8", "vtt")]


def test_captions_that_are_taken_away_leave_the_store_and_every_cache(lessons: Bucket, caches: Caches) -> None:
    done = captions("--remove", "ii")
    assert done.exit_code == 0, done.output
    assert caches.purged == [OLD]
    assert not caches.stored, "a cache that is asked meanwhile would fetch it again"
    assert sorted(caches.told) == OLD, "an interrupted run can be finished by `huiju cdn purge`"
    assert [(row["id"], row["kind"], row["paths"]) for row in announced(lessons)] == [(LESSON, "purged", OLD)]
    assert "2 paths: 3 copies given up in 2 caches; the boxes were told, and one without a link" in done.output


def test_captions_that_others_take_the_place_of_leave_every_cache_and_the_others_stay(
    lessons: Bucket, caches: Caches, tmp_path: Path
) -> None:
    (tmp_path / "a.vtt").write_text(SPOKEN.format("hello"))
    for _ in range(2):
        assert captions("--add", f"ii={tmp_path / 'a.vtt'}").exit_code == 0
    assert caches.purged == [OLD], "the same again gives nothing up"
    (row,) = (lessons.read_json(f"{LESSON}/lesson.json") or {})["captions"]
    assert all(versions(lessons, row[name]) for name in ("path", "vtt"))
    assert [row["paths"] for row in announced(lessons)] == [OLD]


@pytest.mark.parametrize("how", ["away", "unknown"])
def test_a_cache_that_could_not_be_reached_is_said_and_the_boxes_and_the_list_are_told_all_the_same(
    lessons: Bucket, caches: Caches, how: str
) -> None:
    setattr(caches, how, "the cluster does not answer")
    said = str(captions("--remove", "ii").exception)
    assert "2 files of" in said and "the cluster does not answer" in said
    assert said.endswith(f"`huiju cdn purge --path {OLD[0]} --path {OLD[1]}`")
    assert [row["paths"] for row in announced(lessons)] == [OLD]
    assert caches.followed == [True]
    assert not any(versions(lessons, path.removeprefix("/lessons/")) for path in OLD)
    setattr(caches, how, "")
    words = said.rpartition("`huiju ")[2].rstrip("`").split(" ")
    assert CliRunner().invoke(app, words).exit_code == 0
    assert caches.purged[-1] == OLD


def test_what_is_deleted_is_purged_though_the_boxes_cannot_be_told(
    lessons: Bucket, caches: Caches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(withdrawing, "TRIES", 0)
    said = str(captions("--remove", "ii").exception)
    assert "changes faster" in said and "`huiju cdn purge --path" in said
    assert caches.purged == [OLD] and not caches.stored
    assert not announced(lessons)


def test_what_a_kit_of_before_only_deleted_is_given_up_with_the_lesson(lessons: Bucket, caches: Caches) -> None:
    lessons.delete([path.removeprefix("/lessons/") for path in OLD])
    assert CliRunner().invoke(app, ["cdn", "purge", LESSON]).exit_code == 0
    library.remove(lessons, lessons, LESSON, timedelta(days=1))
    (row,) = announced(lessons)
    for named in (caches.purged[0], row["paths"]):
        assert set(OLD) < set(named)


class Watch:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def step(self, name: str, done: int, total: int) -> None: ...

    def say(self, text: str) -> None:
        self.said.append(text)


def test_a_file_to_take_away_that_a_licence_ends_leaves_every_cache(lessons: Bucket, caches: Caches) -> None:
    record, watch = lessons.read_json(f"{LESSON}/lesson.json"), Watch()
    assert record
    wish = Wish(Path("film.mp4"), "Tea", "0000000001", None, None, None, ())
    for _ in range(2):
        publish._finish(place.of_stack("local"), load_named("tiny"), lessons, record, wish, watch)
    assert caches.purged == [[f"/lessons/{DOWNLOAD}"]]
    assert not caches.stored and not versions(lessons, DOWNLOAD)
    assert [row["paths"] for row in announced(lessons)] == [[f"/lessons/{DOWNLOAD}"]]
    assert [line.partition(":")[0] for line in watch.said] == ["1 paths"]
    assert caches.followed == [True] * 2


def test_a_file_to_take_away_goes_also_where_the_new_captions_are_refused(lessons: Bucket, caches: Caches) -> None:
    record = lessons.read_json(f"{LESSON}/lesson.json")
    assert record
    wish = Wish(Path("film.mp4"), "Tea", "0000000001", None, None, None, ("ii=none.vtt",))
    with pytest.raises(UserError, match="its captions are not"):
        publish._finish(place.of_stack("local"), load_named("tiny"), lessons, record, wish, Watch())
    assert caches.purged == [[f"/lessons/{DOWNLOAD}"]]
