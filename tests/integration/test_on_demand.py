"""What a lesson on demand has beside its pictures, on the running platform: captions, small pictures, a file to take away, a successor.

Two films of a few seconds are packaged; everything is asked for through the gateway.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from catalog import City, names
from catalog.access import Action, Licence, LicenceReach, Use
from derive import withdrawal
from ops.lessons import place
from tests.integration import viewer
from tests.integration.conftest import Platform
from tests.media import ROOT, record

pytestmark = pytest.mark.integration
SPOKEN = "WEBVTT\n\n00:01.000 --> 00:03.000\nhello\n"


def _huiju(*words: str) -> str:
    done = subprocess.run([str(ROOT / ".venv" / "bin" / "huiju"), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _licence(city: City) -> Licence:
    """One that lets lessons be taken away and is for people of the city's schools at least."""
    fitting = [row for row in city.licences if Use.DOWNLOAD in row.uses and row.window is None and row.seats is None]
    return next((row for row in fitting if row.reach == LicenceReach.SCHOOL), fitting[0])


def _tiers(city: City, licence: Licence, action: Action) -> set[str]:
    """Tiers that may do this with lessons of their own school under the licence."""
    (row,) = [each for each in city.resources if each.id == names.RESOURCE_LESSON]
    return {tier for grant in row.grants if action in grant.actions for tier in grant.tiers} & set(licence.tiers)


@dataclass(frozen=True)
class Published:
    """The lesson, and two people of its school: one may take it away, one may only play it."""

    id: str
    takes: str
    plays: str
    folder: Path


@pytest.fixture(scope="module")
def lesson(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    city, folder = viewer.city(platform), tmp_path_factory.mktemp("on-demand")
    licence, school = _licence(city), city.schools[0].code
    takes = _tiers(city, licence, Action.DOWNLOAD)
    plays = _tiers(city, licence, Action.VIEW) - takes
    (folder / "a.vtt").write_text(SPOKEN)
    film = record(folder / "first.mp4", seconds=8)
    about = [
        "--title",
        "on demand",
        "--school",
        school,
        "--licence",
        licence.id,
        "--captions",
        f"en={folder / 'a.vtt'}",
    ]
    made = _huiju("lesson", "publish", str(film), *about, "--stack", platform.stack).split()[0]
    taker, player = (viewer.session(platform, sorted(each)[0], school) for each in (takes, plays))
    yield Published(made, taker, player, folder)
    _huiju("lesson", "rm", made, "--yes", "--stack", platform.stack)


def _record(platform: Platform, lesson_id: str) -> Any:
    answer = viewer.ask(platform, f"/lessons/{lesson_id}/lesson.json")
    assert answer.status == 200
    return answer.json


def _asked(platform: Platform, what: str, lesson_id: str, who: str) -> viewer.Answer:
    headers = {"Authorization": f"Bearer {who}", "X_Token_In_Body": "1"}
    return viewer.ask(platform, f"/access/{what}/{lesson_id}", method="POST", **headers)


def _playing(platform: Platform, lesson: Published, who: str | None = None) -> str:
    answer = _asked(platform, "play", lesson.id, who or lesson.plays)
    assert answer.status == 200, answer.body
    return viewer.cookie(answer.json["token"])


def test_captions_small_pictures_and_the_sound_alone_play_by_the_lesson_s_token(
    platform: Platform, lesson: Published
) -> None:
    found, shown = _record(platform, lesson.id), _playing(platform, lesson)
    assert found["audio_only"]
    master = viewer.ask(platform, f"/lessons/{found['master']}", Cookie=shown).body.decode()
    assert "TYPE=SUBTITLES" in master
    assert master.rstrip().endswith("/sound/index.m3u8")
    paths = [found["captions"][0]["path"], found["captions"][0]["vtt"], found["thumbnails"]["vtt"]]
    for path in paths:
        assert viewer.ask(platform, f"/lessons/{path}", Cookie=shown).status == 200, path
        assert viewer.ask(platform, f"/lessons/{path}").status == 403, path
    assert viewer.ask(platform, f"/lessons/{paths[1]}", Cookie=shown).body.decode() == SPOKEN


def test_the_file_is_for_those_who_may_take_it_away_and_no_token_to_play_opens_it(
    platform: Platform, lesson: Published
) -> None:
    refused = _asked(platform, "download", lesson.id, lesson.plays)
    assert (refused.status, refused.json["reason"]) == (403, "tier-takes-nothing-away")
    answer = _asked(platform, "download", lesson.id, lesson.takes)
    assert answer.status == 200, answer.body
    path, shown = answer.json["path"], viewer.cookie(answer.json["token"])
    assert f"path=/lessons/{lesson.id}/~download/" in answer.headers["set-cookie"].lower()
    for _ in range(2):
        taken = viewer.ask(platform, path, Cookie=shown)
        assert (taken.status, len(taken.body)) == (200, answer.json["bytes"])
        assert taken.headers["content-disposition"] == "attachment"
        assert viewer.ask(platform, path, Cookie=_playing(platform, lesson, lesson.takes)).status == 403
        assert viewer.ask(platform, path).status == 403
    assert viewer.ask(platform, f"/lessons/{_record(platform, lesson.id)['master']}", Cookie=shown).status == 403


def test_captions_come_and_go_without_encoding(platform: Platform, lesson: Published) -> None:
    jobs = ("get", "jobs", "-n", "video-library", "-o", "jsonpath={.items[*].metadata.uid}")
    before = platform.cluster.kubectl(*jobs)
    (lesson.folder / "b.vtt").write_text(SPOKEN.replace("hello", "你好"))
    stack = ("--stack", platform.stack)
    said = _huiju("lesson", "captions", lesson.id, "--add", f"zh={lesson.folder / 'b.vtt'}", *stack)
    assert "中文" in said
    said = _huiju("lesson", "captions", lesson.id, "--remove", "zh", *stack)
    assert "中文" not in said
    assert platform.cluster.kubectl(*jobs) == before


def test_a_corrected_film_takes_the_lesson_s_place(platform: Platform, lesson: Published) -> None:
    film = record(lesson.folder / "second.mp4", seconds=5)
    stack = ("--stack", platform.stack)
    first = _huiju("lesson", "publish", str(film), "--title", "to be corrected", "--school", viewer.city(platform).schools[0].code,
                   *stack).split()[0]  # fmt: skip
    corrected = record(lesson.folder / "third.mp4", seconds=4)
    second = _huiju("lesson", "replace", first, str(corrected), *stack).split()[0]
    try:
        where = place.of_stack(platform.stack)
        with where.buckets() as (_, lessons):
            assert (lessons.read_json(f"{first}/lesson.json") or {})["replaced_by"] == second
            assert (lessons.read_json(f"{second}/lesson.json") or {})["replaces"] == first
            told = {row["id"]: row for row in withdrawal.entries(lessons.read_json(withdrawal.KEY))}
            assert [key for key, _, _ in lessons.objects(f"{first}/")] == [f"{first}/lesson.json"]
        assert any(path.endswith("/master.m3u8") for path in told[first]["paths"])
        assert viewer.ask(platform, f"/lessons/{withdrawal.KEY}").status == 403
        listed = [row["id"] for row in json.loads(_huiju("lesson", "list", "--json", *stack))]
        assert second in listed
        assert first not in listed
    finally:
        for each in (first, second):
            _huiju("lesson", "rm", each, "--yes", *stack)
