"""A parcel of lessons, made and applied: a viewer plays it with the link down, and nothing of a stick that was tampered with gets in."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from catalog import load_named
from catalog.errors import UserError
from derive import lesson, lesson_parcel, withdrawal
from local import paths
from ops.parcels import signing, stick
from services.packager.store import MASTER, Bucket
from tests import box_cache
from tests.box_cache import LESSON, OTHER, Box, Keeper, Platform, token

Stand = tuple[Platform, Box, Keeper]
LOW, HIGH = "v360-365", "v720-3000"
LICENCES = load_named("tiny").licences


class Body:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def read(self, size: int = -1) -> bytes:
        size = len(self.content) if size < 0 else size
        found, self.content = self.content[:size], self.content[size:]
        return found


class Store(Bucket):
    """The objects of the platform, as the bucket of lessons has them; counts what is fetched."""

    def __init__(self, platform: Platform) -> None:
        self.name, self.objects_, self.got = "lessons", platform.objects, list[str]()
        self.s3 = SimpleNamespace(get_object=self._get_object)

    def objects(self, prefix: str) -> Iterator[tuple[str, int, str]]:
        for path, (body, _) in self.objects_.items():
            if path.startswith(f"/lessons/{prefix}"):
                yield path.removeprefix("/lessons/"), len(body), f'"{hash(body)}"'

    def get(self, key: str) -> tuple[bytes, str] | None:
        found = self.objects_.get(f"/lessons/{key}")
        return (found[0], "") if found else None

    def _get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        self.got.append(Key)
        if f"/lessons/{Key}" not in self.objects_:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        body, cache = self.objects_[f"/lessons/{Key}"]
        return {"Body": Body(body), "ContentType": "video/mp4", "CacheControl": cache}


@pytest.fixture
def stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stand]:
    monkeypatch.setattr(paths, "state_dir", lambda: tmp_path / "state")
    with box_cache.standing(LESSON, OTHER) as found:
        (found[2].box.folder.parent / "parcels.asc").write_text(signing.public_key())
        yield found


def made(platform: Platform, to: Path, *lessons: str, renditions: tuple[str, ...] = ()) -> Store:
    store = Store(platform)
    stick.make(store, dict.fromkeys(lessons or (LESSON,), renditions), to, lambda *_: None, LICENCES)
    return store


def files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / lesson_parcel.MEDIA).rglob("*") if path.is_file())


def playable(box: Box, lesson: str) -> set[int]:
    """What a viewer gets for every file of the lesson."""
    return {box.school("GET", path, token(lesson))[0] for path in box_cache.lesson(lesson)}


def test_a_lesson_from_a_stick_plays_with_the_link_down_and_only_with_a_token(stand: Stand, tmp_path: Path) -> None:
    platform, box, keeper = stand
    made(platform, tmp_path / "stick")
    platform.down()
    done = keeper.apply(tmp_path / "stick")
    assert done.returncode == 0, done.stdout + done.stderr
    for path, (body, _) in box_cache.lesson(LESSON).items():
        assert box.school("GET", path, token(LESSON)) == (200, body)
        assert box.school("GET", path, token(OTHER))[0] in (
            {200} if path.endswith(("lesson.json", "poster.jpg")) else {403}
        )
    (segment,) = [path for path in box_cache.lesson(LESSON) if path.endswith(f"{HIGH}/1.m4s")]
    assert box.school("GET", segment)[0] == box.school("GET", segment, token(LESSON, -1))[0] == 403
    assert 200 not in playable(box, OTHER)
    again = keeper.apply(tmp_path / "stick")
    count = len(box_cache.lesson(LESSON))
    assert f"0 files put in, {count} were there" in again.stdout


def test_a_withdrawal_of_a_form_that_the_box_does_not_know_is_said_and_keeps_no_lesson_out(
    stand: Stand, tmp_path: Path
) -> None:
    platform, box, keeper = stand
    row = {"id": OTHER, "at": "2026-11-29T05:00:00Z", "paths": [f"/lessons/{OTHER}/+new/0.m4s"]}
    platform.objects[f"/lessons/{withdrawal.KEY}"] = box_cache.document({"lessons": [row]})
    made(platform, tmp_path / "stick")
    platform.down()
    done = keeper.apply(tmp_path / "stick")
    assert (done.returncode, done.stderr.count("1 paths are not given up")) == (0, 1), done.stdout + done.stderr
    assert playable(box, LESSON) == {200}


def test_without_a_link_a_lesson_plays_for_a_week_and_on_when_its_stick_is_applied_again(
    stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the docs for technicians say it; the answers that the stick gives are dated back, as if they lay there for so long."""
    platform, box, keeper = stand
    made(platform, tmp_path / "stick")
    platform.down()
    monkeypatch.syspath_prepend(str(box_cache.FILES))
    from keeper import cache  # type: ignore[import-not-found]
    from keeper import stick as taking

    found = taking.listed(taking.signed(tmp_path / "stick", box.folder.parent / "parcels.asc"))
    rows = [row for row in found["lessons"][0]["files"] if row["cache"] == MASTER]
    assert [row["path"].rpartition("/")[2] for row in rows] == ["master.m3u8", "lesson.json"]

    def answers(days: float) -> set[int]:
        with monkeypatch.context() as patch:
            patch.setattr(taking, "formatdate", lambda **how: formatdate(time.time() - days * 86_400, **how))
            for row in rows:
                assert taking.put(cache.Cache(f"http://127.0.0.1:{box.local}"), tmp_path / "stick", row)
        return {box.school("GET", row["path"], token(LESSON))[0] for row in rows}

    assert answers(7.1) == {502}
    assert answers(6.9) == {200}
    done = keeper.apply(tmp_path / "stick")
    count = len(box_cache.lesson(LESSON))
    assert f"{count} files put in, 0 were there" in done.stdout, (
        "before it is too late: they are past their age, and given still"
    )
    assert playable(box, LESSON) == {200}


@pytest.mark.parametrize(
    "harm", ["a byte", "a file is missing", "a file is cut", "the list", "another's key", "no list"]
)
def test_nothing_of_a_stick_that_is_damaged_or_not_ours_gets_in(stand: Stand, tmp_path: Path, harm: str) -> None:
    platform, box, keeper = stand
    folder = tmp_path / "stick"
    made(platform, folder)
    platform.down()
    victim, manifest = files(folder)[-1], folder / lesson_parcel.MANIFEST
    if harm == "a byte":
        victim.write_bytes(bytes([victim.read_bytes()[0] ^ 1]) + victim.read_bytes()[1:])
    elif harm == "a file is missing":
        victim.unlink()
    elif harm == "a file is cut":
        victim.write_bytes(victim.read_bytes()[:-1])
    elif harm == "the list":
        manifest.write_text(manifest.read_text().replace("public, max-age=60", "public, max-age=61"))
    elif harm == "another's key":
        signing.secret_file().unlink()
        manifest.write_text(signing.sign(lesson_parcel.manifest("2026-11-29T05:00:00Z", [], None)))
    else:
        manifest.unlink()
    done = keeper.apply(folder)
    assert done.returncode == 1 and done.stderr.startswith("huiju-parcel: ")
    assert box.held(list(box_cache.lesson(LESSON))) == []


def test_a_file_that_is_changed_after_it_was_looked_through_does_not_get_in(
    stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform, box, keeper = stand
    folder = tmp_path / "stick"
    made(platform, folder)
    monkeypatch.syspath_prepend(str(box_cache.FILES))
    from keeper import cache
    from keeper import stick as taking

    found = taking.listed(taking.signed(folder, box.folder.parent / "parcels.asc"))
    row = next(row for row in found["lessons"][0]["files"] if row["path"].endswith(f"{HIGH}/1.m4s"))
    own = folder / lesson_parcel.MEDIA / row["sha256"][:2] / row["sha256"]
    own.write_bytes(own.read_bytes()[:-1] + b"!")
    with pytest.raises(taking.Bad):
        taking.put(cache.Cache(f"http://127.0.0.1:{box.local}"), folder, row)
    assert box.held([row["path"]]) == []
    assert keeper.process is None


def named(at: datetime) -> withdrawal.Entry:
    """The lesson as withdrawn at that moment."""
    keys = [path.removeprefix(lesson.public_path("")) for path in box_cache.lesson(LESSON)]
    (entry,) = withdrawal.noted([], LESSON, keys, at, timedelta(days=1))
    return entry


def test_a_lesson_that_the_box_knows_as_withdrawn_stays_out_unless_the_parcel_is_newer(
    stand: Stand, tmp_path: Path
) -> None:
    platform, box, keeper = stand
    made(platform, tmp_path / "stick", LESSON, OTHER)
    later = datetime.now(UTC) + timedelta(seconds=2)
    known = {"lessons": [named(later)]}
    keeper.settings()
    row = {**known["lessons"][0], "heard": 0, "rounds": 4}
    (keeper.state / "withdrawn.json").write_text(json.dumps({"x": row}))
    done = keeper.apply(tmp_path / "stick")
    assert f"{LESSON} was withdrawn" in done.stdout
    assert [len(box.held(list(box_cache.lesson(each)))) for each in (LESSON, OTHER)] == [
        0,
        len(box_cache.lesson(OTHER)),
    ]
    row["at"] = "2026-01-01T00:00:00Z"
    (keeper.state / "withdrawn.json").write_text(json.dumps({"x": row}))
    assert keeper.apply(tmp_path / "stick").returncode == 0
    assert len(box.held(list(box_cache.lesson(LESSON)))) == len(box_cache.lesson(LESSON))


def test_a_lesson_that_is_withdrawn_while_a_stick_is_being_made_stays_out_of_the_box(
    stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform, box, keeper = stand
    ends = datetime.now(UTC)
    clock = SimpleNamespace(moment=ends - timedelta(hours=2))
    monkeypatch.setattr(stick, "datetime", SimpleNamespace(now=lambda _: clock.moment))

    def step(done: int, total: int) -> None:
        if done == total:
            clock.moment = ends
            platform.objects["/lessons/withdrawn.json"] = box_cache.document(
                {"lessons": [named(ends - timedelta(hours=1))]}
            )

    stick.make(Store(platform), {LESSON: (), OTHER: ()}, tmp_path / "stick", step, LICENCES)
    done = keeper.apply(tmp_path / "stick")
    assert f"{LESSON} was withdrawn" in done.stdout, done.stdout + done.stderr
    assert box.held(list(box_cache.lesson(LESSON))) == []
    assert len(box.held(list(box_cache.lesson(OTHER)))) == len(box_cache.lesson(OTHER))


def test_a_lesson_that_is_withdrawn_before_its_files_are_copied_is_named_and_nothing_is_signed(
    stand: Stand, tmp_path: Path
) -> None:
    platform, to = stand[0], tmp_path / "stick"
    store = Store(platform)

    def step(done: int, total: int) -> None:
        for path in [path for path in platform.objects if path.startswith(f"/lessons/{OTHER}/")]:
            del platform.objects[path]

    with pytest.raises(UserError, match=f"the lesson {OTHER} was withdrawn.*Run the same command again"):
        stick.make(store, {LESSON: (), OTHER: ()}, to, step, LICENCES)
    assert not (to / lesson_parcel.MANIFEST).exists()
    with pytest.raises(UserError, match=f"there is no lesson '{OTHER}'"):
        stick.make(store, {LESSON: (), OTHER: ()}, to, step, LICENCES)
    before = len(store.got)
    stick.make(store, {LESSON: ()}, to, step, LICENCES)
    assert len(store.got) - before < len(box_cache.lesson(LESSON)), "what was copied is kept"


def test_a_lesson_that_was_only_purged_since_the_parcel_was_made_is_taken(stand: Stand, tmp_path: Path) -> None:
    platform, box, keeper = stand
    made(platform, tmp_path / "stick")
    keeper.settings()
    row = {**named(datetime.now(UTC) + timedelta(seconds=2)), "kind": withdrawal.PURGED, "heard": 0, "rounds": 4}
    (keeper.state / "withdrawn.json").write_text(json.dumps({"x": row}))
    done = keeper.apply(tmp_path / "stick")
    assert (done.returncode, "withdrawn" in done.stdout) == (0, False), done.stdout + done.stderr
    assert len(box.held(list(box_cache.lesson(LESSON)))) == len(box_cache.lesson(LESSON))


def test_a_stick_carries_the_word_of_withdrawals_to_a_box_without_a_link(stand: Stand, tmp_path: Path) -> None:
    platform, box, keeper = stand
    for path in box_cache.lesson(LESSON):
        box.ask("GET", path)
    gone = {"lessons": [named(datetime.now(UTC))]}
    platform.objects["/lessons/withdrawn.json"] = box_cache.document(gone)
    made(platform, tmp_path / "stick", OTHER)
    platform.down()
    assert keeper.apply(tmp_path / "stick").returncode == 0
    assert box.held(list(box_cache.lesson(LESSON))) == []
    assert len(box.held(list(box_cache.lesson(OTHER)))) == len(box_cache.lesson(OTHER))


def test_a_stick_that_was_pulled_out_goes_on_where_it_was(stand: Stand, tmp_path: Path) -> None:
    platform, box, keeper = stand
    made(platform, tmp_path / "stick")
    put = [path for path in box_cache.lesson(LESSON) if path.endswith(".m4s")][:4]
    for path in put:
        box.ask("GET", path)
    done = keeper.apply(tmp_path / "stick")
    assert f"{len(box_cache.lesson(LESSON)) - 4} files put in, 4 were there" in done.stdout


def test_a_smaller_parcel_names_only_the_renditions_that_it_has(stand: Stand, tmp_path: Path) -> None:
    platform, box, keeper = stand
    made(platform, tmp_path / "stick", renditions=(LOW,))
    platform.down()
    assert keeper.apply(tmp_path / "stick").returncode == 0
    (master,) = [path for path in box_cache.lesson(LESSON) if path.endswith("master.m3u8")]
    said = box.school("GET", master, token(LESSON))[1].decode()
    assert (LOW in said, HIGH in said, "sound" in said, "captions" in said) == (True, False, True, True)
    held = box.held(list(box_cache.lesson(LESSON)))
    assert not [path for path in held if HIGH in path]
    assert len([path for path in held if LOW in path]) == len(
        [path for path in box_cache.lesson(LESSON) if LOW in path]
    )


def test_a_parcel_that_is_larger_than_the_cache_is_refused_in_words(stand: Stand, tmp_path: Path) -> None:
    platform, box, keeper = stand
    (path,) = [each for each in platform.objects if each.endswith(f"{LESSON}/cccccccc/r1/{HIGH}/0.m4s")]
    platform.objects[path] = (bytes(70 << 20), platform.objects[path][1])
    made(platform, tmp_path / "stick")
    done = keeper.apply(tmp_path / "stick")
    assert done.returncode == 1 and "must be smaller" in done.stderr
    assert box.held(list(box_cache.lesson(LESSON))) == []


def test_making_one_goes_on_where_it_stopped_and_made_again_fetches_only_entry_points(
    stand: Stand, tmp_path: Path
) -> None:
    platform, _, _ = stand
    folder = tmp_path / "stick"
    first = made(platform, folder)
    assert len(first.got) == len(box_cache.lesson(LESSON))
    (folder / lesson_parcel.MANIFEST).unlink()
    victim = files(folder)[0]
    victim.unlink()
    second = made(platform, folder)
    assert len(second.got) == 2, "the lost file and the master playlist"
    assert victim.exists()
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    assert not [name for name in names if set(name) & set('<>:"|?*\\') or len(name) > 200]


def test_making_a_damaged_stick_again_mends_it_and_looks_at_each_file_once(
    stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform, _, keeper = stand
    folder, looked = tmp_path / "stick", list[str]()
    made(platform, folder, LESSON, OTHER)
    victim = next(file for file in files(folder) if file.stat().st_size > 1000)
    victim.write_bytes(b"!" + victim.read_bytes()[1:])
    real = lesson.content_hash

    def content_hash(path: Path) -> str:
        looked.append(path.name)
        return real(path)

    monkeypatch.setattr(lesson, "content_hash", content_hash)
    assert len(made(platform, folder, LESSON, OTHER).got) == 3, "the damaged file and the master playlists"
    assert len(looked) == len(set(looked)) == len(files(folder)) - 1, (
        "captions of both are one file; so are the masters"
    )
    assert keeper.apply(folder).returncode == 0


@pytest.mark.parametrize(
    "harm",
    [
        lambda line: b"\xff" + line[1:],
        lambda _: b"null",
        lambda _: b'["a", [], {}]',
        lambda line: line.replace(b"video/mp4", b"video/\xffp4"),
        lambda line: line.replace(b"/lessons/", b"/lessonr/"),
        lambda line: line[:-40],
    ],
)
def test_a_note_that_a_damaged_stick_made_another_counts_for_nothing(
    stand: Stand, tmp_path: Path, harm: Callable[[bytes], bytes]
) -> None:
    platform, _, keeper = stand
    folder = tmp_path / "stick"
    made(platform, folder)
    notes = folder / stick.NOTES
    first, *rest = notes.read_bytes().splitlines()
    assert harm(first) != first
    notes.write_bytes(b"\n".join([harm(first), *rest, b""]))
    assert len(made(platform, folder).got) == 2, "what the note was of, and the master playlist"
    done = keeper.apply(folder)
    assert done.returncode == 0, done.stderr


def test_a_file_is_on_the_stick_before_its_note_is(
    stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform, _, _ = stand
    folder, notes, real = tmp_path / "stick", dict[str, str](), os.fsync

    def fsync(number: int) -> None:
        real(number)
        written = hashlib.sha256(Path(f"/proc/self/fd/{number}").read_bytes()).hexdigest()
        notes.setdefault(written, (folder / stick.NOTES).read_text())

    monkeypatch.setattr(os, "fsync", fsync)
    made(platform, folder)
    names = [file.name for file in files(folder)]
    assert len(names) > 10
    assert not [name for name in names if name in notes.get(name, name)]


def test_a_stick_without_room_is_refused_before_anything_is_fetched(
    stand: Stand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform, _, _ = stand
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    store = Store(platform)
    with pytest.raises(UserError, match="MiB free"):
        stick.make(store, {LESSON: ()}, tmp_path / "stick", lambda *_: None, LICENCES)
    assert store.got == []


def test_both_sides_mean_the_same_by_a_stick() -> None:
    taking = (box_cache.FILES / "keeper" / "stick.py").read_text()
    assert (
        f'MANIFEST, MEDIA, FORMAT = "{lesson_parcel.MANIFEST}", "{lesson_parcel.MEDIA}", {lesson_parcel.FORMAT}'
        in taking
    )
