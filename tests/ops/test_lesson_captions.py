"""Captions: everything wrong is said before anything is sent, and a published lesson gets and loses them without being encoded."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import UserError
from ops.lessons import captions
from ops.lessons.captions import Caption
from services.packager import index
from services.packager.playlists import Segment, Track, master
from services.packager.store import IMMUTABLE, Bucket
from tests.media import Store, download, package, store
from tests.media import record as film

__all__ = ["store"]

GOOD = "WEBVTT\n\nNOTE by hand\n\n1\n00:01.000 --> 00:04.000 line:80%\n分数\n\n00:00:03.500 --> 00:00:05.000\n是什么\n"
SRT = "1\n00:00:01,000 --> 00:00:04,000\nFractions\n\n2\n00:00:04,000 --> 00:00:05,500\nare numbers\n"
ID, RECIPE = "l-" + "a" * 16, "0123456789ab"


def _wrong(
    folder: Path, text: str | bytes, name: str = "a.vtt", lang: str = "zh", seconds: float | None = 10
) -> list[str]:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [line.replace(f"{file}: ", "") for line in captions.read([f"{lang}={file}"], seconds)[1]]


@pytest.mark.parametrize(
    "text", [GOOD, "\ufeff" + GOOD, GOOD.replace("\n", "\r\n"), GOOD.replace("WEBVTT", "WEBVTT - a title")]
)
def test_captions_as_programs_write_them_are_taken(tmp_path: Path, text: str) -> None:
    assert _wrong(tmp_path, text) == []


def test_subrip_becomes_webvtt(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_text("\ufeff" + SRT)
    found, wrong = captions.read([f"en={tmp_path / 'a.srt'}"], 10)
    assert wrong == []
    assert found[0].text.startswith("WEBVTT")
    assert "00:04.000 --> 00:05.500\nare numbers" in found[0].text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: it does not begin with WEBVTT"),
        ("\n\nWEBVTT\n", "line 1: it does not begin with WEBVTT"),
        (SRT, "line 1: it does not begin with WEBVTT"),
        ("WEBVTT\n", "it holds no cue"),
        ("WEBVTT\n\n00:01 --> 00:02\nx\n", "line 3: no times of a cue, such as 00:01.000 --> 00:04.000"),
        ("WEBVTT\n\n00:61.000 --> 01:02.000\nx\n", "line 3: no times of a cue, such as 00:01.000 --> 00:04.000"),
        ("WEBVTT\n\n00:02.000 --> 00:02.000\nx\n", "a cue ends before it begins: line 3"),
        (
            "WEBVTT\n\n00:03.000 --> 00:04.000\nx\n\n00:02.000 --> 00:03.000\ny\n",
            "a cue begins before the one above it: line 6",
        ),
        ("WEBVTT\n\n00:09.000 --> 00:11.001\nx\n", "a cue lies past the end of the film, 10 s: line 3"),
        (
            "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:0\n\n00:01.000 --> 00:02.000\nx\n",
            "line 2: X-TIMESTAMP-MAP moves every cue: export it without",
        ),
        (GOOD.encode("gb18030"), "it is not UTF-8: save it as UTF-8"),
        ("x" * (captions.MOST_BYTES + 1), "it is larger than 2 MiB"),
    ],
)
def test_each_fault_of_a_file_is_one_clear_line(tmp_path: Path, text: str | bytes, said: str) -> None:
    assert _wrong(tmp_path, text) == [said]


def test_a_last_cue_may_be_rounded_past_the_end(tmp_path: Path) -> None:
    assert _wrong(tmp_path, "WEBVTT\n\n00:09.000 --> 00:11.000\nx\n") == []


def test_subrip_without_a_cue_is_said(tmp_path: Path) -> None:
    (said,) = _wrong(tmp_path, "hello\n", "a.srt")
    assert "no SubRip" in said or said == "it holds no cue"


@pytest.mark.parametrize(
    "given", ["zh", "=a.vtt", "zh=", "ZH=a.vtt", "zh_CN=a.vtt", "../x=a.vtt", 'z"=a.vtt', "english=a.vtt"]
)
def test_a_language_is_a_tag(given: str) -> None:
    (said,) = captions.read([given], None)[1]
    assert "is not of the form LANG=FILE" in said


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.vtt").write_text(GOOD)
    given = [f"zh={tmp_path}/a.vtt", f"zh={tmp_path}/a.vtt", f"en={tmp_path}/none.vtt", f"ii={tmp_path}/a.docx", "x"]
    wrong = captions.read(given, 10)[1]
    assert [
        any(part in line for line in wrong) for part in ("given twice", "No such file", ".vtt) or SubRip", "LANG=FILE")
    ] == [True] * 4


@pytest.fixture
def lessons(store: Store) -> Bucket:
    """A published lesson without captions, as any version of the packager left it."""
    bucket, one = store.pair()[1], (Segment("00000.m4s", 6.0, 60_000, "a"),)
    text = master((Track(f"{RECIPE}/v", "avc1.640020", one, 640, 360, 25),), None)
    made = {
        "id": ID,
        "content_hash": "h",
        "recipe": RECIPE,
        "seconds": 6.0,
        "master": f"{ID}/h/master.m3u8",
        "title": "t",
    }
    bucket.put(made["master"], text.encode(), "")  # type: ignore[arg-type]
    bucket.put(f"{ID}/lesson.json", json.dumps(made).encode(), "")
    return bucket


def _record(lessons: Bucket) -> dict[str, Any]:
    found = lessons.read_json(f"{ID}/lesson.json")
    assert found
    return found


def _master(lessons: Bucket) -> str:
    found = lessons.get(f"{ID}/h/master.m3u8")
    assert found
    return found[0].decode()


def test_a_published_lesson_gets_captions_and_loses_them(lessons: Bucket) -> None:
    before, text = _record(lessons), _master(lessons)
    made = captions.publish(
        lessons, before, [Caption("zh", GOOD), Caption("en", GOOD.replace("分数", "Fractions"))], lessons.delete
    )
    assert _record(lessons) == made
    assert [(row["lang"], row["name"]) for row in made["captions"]] == [("en", "English"), ("zh", "中文")]
    for row in made["captions"]:
        assert row["path"].removeprefix(f"{ID}/h/") in _master(lessons)
        found = lessons.s3.get_object(Bucket=lessons.name, Key=row["vtt"])
        assert (found["ContentType"], found["CacheControl"]) == ("text/vtt", IMMUTABLE)
        playlist = lessons.get(row["path"])
        assert playlist and row["vtt"].rpartition("/")[2] in playlist[0].decode()
    captions.publish(lessons, made, [], lessons.delete, ["zh", "en"])
    assert (_record(lessons), _master(lessons)) == (before, text)
    assert not [key for key, _, _ in lessons.objects("") if "captions" in key]


def test_a_correction_has_another_name_and_the_old_one_goes(lessons: Bucket) -> None:
    first = captions.publish(lessons, _record(lessons), [Caption("zh", GOOD)], lessons.delete)
    second = captions.publish(lessons, first, [Caption("zh", GOOD.replace("什么", "啥"))], lessons.delete)
    assert first["captions"][0]["vtt"] != second["captions"][0]["vtt"]
    kept = {key for key, _, _ in lessons.objects("") if "captions" in key}
    assert kept == {second["captions"][0]["path"], second["captions"][0]["vtt"]}
    assert _master(lessons).count("TYPE=SUBTITLES") == 1


def test_the_same_captions_again_change_nothing(lessons: Bucket) -> None:
    made = captions.publish(lessons, _record(lessons), [Caption("zh", GOOD)], lessons.delete)
    assert captions.publish(lessons, made, [Caption("zh", GOOD)], lessons.delete) == made
    assert len([key for key, _, _ in lessons.objects("") if "captions" in key]) == 2


def _meanwhile(monkeypatch: pytest.MonkeyPatch, *others: Callable[[], object]) -> None:
    """Let each of these happen just before a record is written."""
    left, real = list(others), captions._list

    def first(lessons: Bucket, key: str, rows: list[dict[str, str]]) -> None:
        real(lessons, key, rows)
        if left:
            left.pop(0)()

    monkeypatch.setattr(captions, "_list", first)


def test_of_two_who_change_a_lesson_s_captions_at_once_neither_loses_anything(
    lessons: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = captions.publish(lessons, _record(lessons), [Caption("ii", GOOD)], lessons.delete)
    _meanwhile(monkeypatch, lambda: captions.publish(lessons, before, [Caption("zh", GOOD)], lessons.delete, ["ii"]))
    made = captions.publish(lessons, before, [Caption("en", GOOD)], lessons.delete)
    assert [row["lang"] for row in made["captions"]] == ["en", "zh"]
    assert _record(lessons) == made
    assert [f'LANGUAGE="{lang}"' in _master(lessons) for lang in ("en", "zh", "ii")] == [True, True, False]
    named = {key for row in made["captions"] for key in (row["path"], row["vtt"])}
    assert {key for key, _, _ in lessons.objects("") if "captions" in key} == named


def test_who_changes_nothing_takes_no_other_s_captions_out_of_the_master(
    lessons: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = captions.publish(lessons, _record(lessons), [Caption("zh", GOOD)], lessons.delete)

    def first() -> None:
        captions.publish(lessons, before, [Caption("en", GOOD)], lessons.delete)
        captions._list(lessons, before["master"], before["captions"])

    _meanwhile(monkeypatch, first)
    captions.publish(lessons, before, [Caption("zh", GOOD)], lessons.delete)
    assert [row["lang"] for row in _record(lessons)["captions"]] == ["en", "zh"]
    assert 'LANGUAGE="en"' in _master(lessons)


def test_a_lesson_that_is_removed_meanwhile_does_not_come_back(
    lessons: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    _meanwhile(monkeypatch, lambda: lessons.delete([f"{ID}/lesson.json"]))
    with pytest.raises(UserError, match="removed or replaced meanwhile"):
        captions.publish(lessons, _record(lessons), [Caption("zh", GOOD)], lessons.delete)
    assert lessons.read_json(f"{ID}/lesson.json") is None


def test_a_record_that_never_holds_still_is_said(lessons: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "TRIES", 2)
    monkeypatch.setattr(Bucket, "put_if", lambda *_: False)
    with pytest.raises(UserError, match="changes faster than it can be written"):
        captions.publish(lessons, _record(lessons), [Caption("zh", GOOD)], lessons.delete)


def test_what_is_not_there_cannot_be_taken(lessons: Bucket) -> None:
    with pytest.raises(UserError, match="no captions in 'en': it has none"):
        captions.publish(lessons, _record(lessons), [], lessons.delete, ["en"])


def test_a_decoder_finds_the_captions_beside_pictures_and_sound(store: Store, tmp_path: Path) -> None:
    pair = store.pair()
    assert package(store, pair, film(tmp_path / "a.mp4", seconds=3), tmp_path / "work").code == 0
    record = pair[1].read_json("l-test/lesson.json")
    assert record
    text = "WEBVTT\n\n00:01.000 --> 00:02.500\nhello\n"
    captions.publish(pair[1], record, [Caption("en", text)], pair[1].delete)
    files = download(pair[1], "l-test/", tmp_path / "files")
    words = [
        "-strict",
        "-2",
        "-allowed_extensions",
        "ALL",
        "-show_entries",
        "stream=codec_type:stream_tags=language",
        "-of",
        "json",
    ]
    command = ["ffprobe", "-v", "error", *words, str(files / record["master"])]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["streams"]
    assert {row["codec_type"] for row in found} == {"video", "audio", "subtitle"}
    assert [row["tags"]["language"] for row in found if row["codec_type"] == "subtitle"] == ["en"]
