"""`huiju parcel make` for lessons, as it is typed: what is asked for is what is made, and what cannot be is said in words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from catalog.errors import UserError
from ops import parcel
from ops.lessons.place import Place
from ops.parcels import making, publishing, signing, stick
from services.packager.store import Bucket
from tests.media import Store, store
from tests.ops.recorded import in_the_way, kept, told, under_way

__all__ = ["store"]

RUNNER = CliRunner()
ONE, TWO, LIVE, SCHOOL = "l-" + "a" * 16, "l-" + "b" * 16, "l-" + "c" * 16, "2990100006"
LOW, HIGH = "v360-365", "v720-3000"


def published(bucket: Bucket, lesson: str, *names: str, **more: Any) -> None:
    record = {
        "id": lesson, "title": "Tea", "master": f"{lesson}/h/master.m3u8", "renditions": [{"name": each} for each in names],
        "licence": {"id": "school-year"},
    }  # fmt: skip
    bucket.put(f"{lesson}/lesson.json", json.dumps({**record, **more}).encode(), "")
    bucket.put(f"{lesson}/h/master.m3u8", b"#EXTM3U\n", "")
    for name in names:
        bucket.put(f"{lesson}/h/r/{name}/0.m4s", f"{lesson} {name}".encode(), "")


@pytest.fixture
def lessons(store: Store, unshipped: None, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """Two recorded lessons, one of them without the large rendition, and a live class."""
    uploads, bucket = store.pair()
    published(bucket, ONE, LOW, HIGH, recipe="r")
    published(bucket, TWO, LOW, recipe="r")
    published(bucket, LIVE, LOW, live={"state": "live"})

    @contextmanager
    def buckets(self: Place) -> Iterator[tuple[Bucket, Bucket]]:
        yield uploads, bucket

    monkeypatch.setattr(Place, "buckets", buckets)
    monkeypatch.setattr("ops.lessons.place.of_stack", lambda stack: Place(stack, {"city": "tiny"}, None, None))
    monkeypatch.setattr(signing, "sign", lambda text: text)
    return bucket


def planned(lessons: Bucket, *tracks: tuple[str, str]) -> None:
    """The school's plan of these tracks of lessons."""
    items = [{"path": f"/lessons/{each}/h/r/{track}/0.m4s", "lesson": each} for each, track in tracks]
    lessons.put(f"plans/{SCHOOL}.json", json.dumps({"items": items}).encode(), "")


def make(to: Path, *words: str) -> Mapping[str, set[str]]:
    """Lesson -> the renditions on the stick."""
    done = RUNNER.invoke(parcel.app, ["make", "--to", str(to), *words])
    if isinstance(done.exception, UserError):
        raise done.exception
    assert done.exit_code == 0, (done.output, done.exception)
    found = json.loads((to / "manifest.asc").read_text())["lessons"]
    return {each["id"]: {row["path"].split("/")[-2] for row in each["files"]} & {LOW, HIGH} for each in found}


def test_lessons_come_in_all_renditions_or_in_those_that_are_named_spaces_or_not(
    lessons: Bucket, tmp_path: Path
) -> None:
    assert make(tmp_path, "--lessons", f"{ONE}, {TWO}") == {ONE: {LOW, HIGH}, TWO: {LOW}}
    assert make(tmp_path, "--lessons", ONE, "--renditions", HIGH) == {ONE: {HIGH}}
    assert make(tmp_path, "--lessons", f"{ONE},{TWO}", "--renditions", f"{HIGH}, {LOW}") == {
        ONE: {LOW, HIGH},
        TWO: {LOW},
    }


def test_a_rendition_that_no_lesson_has_is_refused_with_what_was_probably_meant(
    lessons: Bucket, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"no lesson has the rendition 'v720-300' \(did you mean `v720-3000`\?\)"):
        make(tmp_path, "--lessons", ONE, "--renditions", f"{LOW},v720-300")
    with pytest.raises(UserError, match="has none of the renditions"):
        make(tmp_path, "--lessons", f"{ONE},{TWO}", "--renditions", HIGH)
    assert not (tmp_path / "manifest.asc").exists()


def test_what_no_stick_can_hold_is_said_of_each_lesson_at_once(lessons: Bucket, tmp_path: Path) -> None:
    published(lessons, TWO, LOW)
    with pytest.raises(UserError) as refused:
        make(tmp_path, "--lessons", f"{ONE},{TWO},{LIVE}", "--renditions", "v1")
    assert [line.split(": ")[0] for line in str(refused.value).splitlines()] == [
        f"{TWO} “Tea” has no packaging that is played now",
        f"{LIVE} “Tea” is a live class",
        f"no lesson has the rendition 'v1'; there are {LOW}, {HIGH}",
    ]


def test_a_school_s_plan_is_put_on_a_stick_in_its_own_renditions_unless_others_are_named(
    lessons: Bucket, tmp_path: Path
) -> None:
    planned(lessons, (TWO, LOW), (TWO, "sound"), (ONE, HIGH))
    assert make(tmp_path, "--school", SCHOOL) == {TWO: {LOW}, ONE: {HIGH}}
    assert make(tmp_path, "--school", SCHOOL, "--renditions", LOW) == {TWO: {LOW}, ONE: {LOW}}
    assert make(tmp_path, "--school", SCHOOL, "--lessons", ONE) == {ONE: {LOW, HIGH}, TWO: {LOW}}


def test_a_school_without_a_plan_and_a_plan_that_is_too_old_are_refused(lessons: Bucket, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"there is no plan of {SCHOOL}"):
        make(tmp_path, "--school", SCHOOL)
    planned(lessons, (ONE, "v1"))
    with pytest.raises(UserError, match=f"is older than what is played of {ONE}"):
        make(tmp_path, "--school", SCHOOL)
    for words in (["--lessons", ONE], ["--to", str(tmp_path)]):
        assert "needs --lessons or --school" in str(RUNNER.invoke(parcel.app, ["make", *words]).exception)


def test_what_goes_on_a_stick_is_on_record_by_its_ids_before_it_is_fetched(
    lessons: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    real = stick.make

    def noted(*given: Any) -> stick.Made:
        seen.append(under_way())
        return real(*given)

    monkeypatch.setattr(stick, "make", noted)
    planned(lessons, (TWO, LOW))
    make(tmp_path, "--school", SCHOOL, "--lessons", ONE)
    with pytest.raises(UserError, match="there is no lesson"):
        make(tmp_path, "--lessons", f"{ONE},a-name")
    with pytest.raises(UserError, match="there is no plan"):
        make(tmp_path, "--school", "a-name")
    assert seen == [True, True]
    assert told() == [("parcel-make", "parcel/lessons", "done"), ("parcel-make", "parcel/lessons", "failed")]
    facts = [{key: value for key, value in each.facts.items() if key != "begun"} for each in kept()]
    assert facts == [{"lessons": f"{ONE} {TWO}", "school": SCHOOL}, {"lessons": ONE}]
    in_the_way()
    with pytest.raises(UserError, match="nothing was done"):
        make(tmp_path / "other", "--lessons", ONE)
    assert not (tmp_path / "other").exists()


def test_that_boxes_are_given_other_packages_is_on_record_before_they_are_sent(
    lessons: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, seen = tmp_path / "parcels", list[bool]()
    (folder / "p-1").mkdir(parents=True)
    (folder / making.CURRENT).write_text('{"id": "p-1"}')
    (folder / "p-1" / making.MANIFEST).write_text(making.Parcel("p-1", "2026-11-30T00:00:00Z", ()).text())

    def publish(*_: Any) -> int:
        seen.append(under_way())
        return 0

    monkeypatch.setattr(making, "folder", lambda: folder)
    monkeypatch.setattr(publishing, "bucket_of", lambda _: nullcontext(lessons))
    monkeypatch.setattr(publishing, "publish", publish)
    assert RUNNER.invoke(parcel.app, ["publish"]).exit_code == 0
    assert (seen, told()) == ([True], [("parcel-publish", "parcel/p-1", "done")])
    in_the_way()
    assert "nothing was done" in str(RUNNER.invoke(parcel.app, ["publish"]).exception)
    assert len(seen) == 1


def test_lessons_whose_licences_do_not_let_them_go_offline_are_refused_all_at_once_with_the_licences(
    lessons: Bucket, tmp_path: Path
) -> None:
    published(lessons, ONE, LOW, recipe="r", licence={"id": "own-school"})
    published(lessons, LIVE, LOW, recipe="r", licence={"id": "gone"})
    to = tmp_path / "stick"
    with pytest.raises(UserError) as refused:
        make(to, "--lessons", f"{ONE},{TWO},{LIVE}")
    assert str(refused.value) == (
        f"no stick takes what its licence does not let go offline: {ONE} “Tea” (own-school, 仅限本校 In its own school only), "
        f"{LIVE} “Tea” (gone, which the city does not have): name others with --lessons, or publish these under a licence "
        "that allows `offline` (open-sharing, school-year)"
    )
    assert not to.exists(), "nothing was fetched"
    assert make(to, "--lessons", TWO) == {TWO: {LOW}}


def test_a_school_s_plan_of_lessons_that_may_only_be_streamed_goes_on_no_stick(lessons: Bucket, tmp_path: Path) -> None:
    published(lessons, ONE, LOW, recipe="r", licence={"id": "bought-course"})
    planned(lessons, (ONE, LOW), (TWO, LOW))
    with pytest.raises(UserError, match=f"offline: {ONE} “Tea” .bought-course"):
        make(tmp_path / "stick", "--school", SCHOOL)
