"""What is played of a lesson, by its record and what lies in the bucket."""

from __future__ import annotations

from typing import Any

from derive import lesson_media, lesson_parcel

ID = "l-" + "a" * 16
NEW, OLD = f"{ID}/h/r2", f"{ID}/h/r1"
RECORD: dict[str, Any] = {
    "id": ID, "recipe": "r2", "master": f"{ID}/h/master.m3u8", "renditions": [{"name": "low"}, {"name": "high"}],
    "captions": [
        {"lang": "en", "path": f"{NEW}/captions-en-2.m3u8", "vtt": f"{NEW}/captions-en-2.vtt"},
        {"lang": "zh", "path": f"{OLD}/captions-zh-1.m3u8", "vtt": f"{OLD}/captions-zh-1.vtt"},
    ],
}  # fmt: skip
SPOKEN = [row[name] for row in RECORD["captions"] for name in ("path", "vtt")]
PLAYED = [*SPOKEN, f"{NEW}/low/0.m4s", f"{NEW}/high/0.m4s", f"{NEW}/sound/0.m4s"]
LEFT = [f"{OLD}/low/0.m4s", f"{OLD}/captions-en-0.vtt", f"{ID}/~download/film.mp4", f"{ID}/live/0.m4s"]


def test_captions_that_were_kept_when_a_lesson_was_packaged_anew_are_played_and_nothing_else_of_the_old_one_is() -> (
    None
):
    found = lesson_media.played(RECORD, iter([*PLAYED, *LEFT]))
    assert list(found) == PLAYED
    assert [found[key] for key in SPOKEN] == [key.rpartition("/")[2] for key in SPOKEN]


def test_kept_captions_are_in_the_night_s_fetch_and_on_a_stick_in_every_rendition() -> None:
    listing = [RECORD["master"], *PLAYED, *LEFT]
    shared = {each.key for each in lesson_media.of(RECORD, ((key, 1) for key in listing)).shared}
    assert shared == {RECORD["master"], *SPOKEN, f"{NEW}/sound/0.m4s"}
    for renditions in ([], ["low"], ["high"]):
        assert set(SPOKEN) < set(lesson_parcel.chosen(RECORD, listing, renditions))
