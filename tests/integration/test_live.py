"""A class on the platform: streamed from outside, watched through the gateway inside the alliance only, and a lesson afterwards."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import m3u8
import pytest
from typer.testing import CliRunner, Result

from catalog import City, names
from catalog.access import Action
from derive import grants
from ops.cli import app
from tests import waiting
from tests.integration import viewer
from tests.integration.conftest import Platform

pytestmark = pytest.mark.integration
PATIENCE = 90
until = partial(waiting.until, seconds=PATIENCE, pause=0.5)


@dataclass(frozen=True)
class Taught:
    """A class that is live: its id, what its start printed, who may and may not watch."""

    id: str
    said: str
    ally: str
    stranger: str
    pupil: str


def huiju(platform: Platform, *words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--stack", platform.stack])


def schools(city: City) -> tuple[str, str, str]:
    """A leading school, one of its alliance, and one that shares none with it."""
    alliance = city.alliances[0]
    leader = alliance.leading[0]
    leagues = [{code for _, code in each.members} for each in city.alliances]
    allies = {code for league in leagues if leader in league for code in league}
    return leader, alliance.node[0], next(each.code for each in city.schools if each.code not in allies)


@pytest.fixture(scope="module")
def taught(platform: Platform) -> Iterator[Taught]:
    city = viewer.city(platform)
    leader, ally, stranger = schools(city)
    pupil = next(
        cell.tier for cell in grants.cells(city) if (cell.resource, cell.action) == (names.RESOURCE_LIVE, Action.LEARN)
    )
    open_licence = city.licences[0].id
    started = huiju(platform, "live", "start", "--title", "直播 $(id)", "--school", leader, "--licence", open_licence)
    assert started.exit_code == 0, started.output
    (lesson,) = re.findall(r"^Class\s+(l-\S+)", started.stdout, re.MULTILINE)
    (address,) = re.findall(r"'(srt://\S+)'", started.stdout)
    picture = ["-f", "lavfi", "-i", "testsrc2=s=640x360:r=25", "-f", "lavfi", "-i", "sine=f=440"]
    words = ["ffmpeg", "-v", "error", "-nostdin", "-re", *picture, "-c:v", "libx264", "-preset", "ultrafast", "-g", "50",
             "-pix_fmt", "yuv420p", "-c:a", "aac", "-f", "mpegts", address]  # fmt: skip
    camera = subprocess.Popen(words)
    try:
        yield Taught(lesson, started.stdout, ally, stranger, pupil)
    finally:
        camera.kill()
        camera.wait()
        huiju(platform, "live", "stop", lesson)
        huiju(platform, "lesson", "rm", lesson, "--yes")


def fetched(platform: Platform, taught: Taught, path: str, cookie: str) -> viewer.Answer:
    return viewer.ask(platform, f"/lessons/{taught.id}/live/{path}", Cookie=cookie)


def test_a_class_is_watched_in_the_alliance_and_nowhere_else_and_becomes_a_lesson(
    platform: Platform, taught: Taught
) -> None:
    friend, foreign = (viewer.session(platform, taught.pupil, code) for code in (taught.ally, taught.stranger))
    allowed = until(lambda: (answer := viewer.play(platform, taught.id, friend)).status == 200 and answer)
    cookie = viewer.cookie(allowed.json["token"])
    assert allowed.json["master"] == f"/lessons/{taught.id}/live/master.m3u8"
    assert viewer.play(platform, taught.id, foreign).json["reason"] == "live-in-alliance-only"
    assert viewer.play(platform, taught.id).json["reason"] == "sign-in-needed"

    master: Any = m3u8.loads(fetched(platform, taught, "master.m3u8", cookie).body.decode())
    rendition = next(row.uri for row in master.playlists if row.stream_info.resolution)
    first: Any = m3u8.loads(fetched(platform, taught, rendition, cookie).body.decode())
    assert not first.is_endlist and first.segments[-1].program_date_time
    segment = f"{rendition.rpartition('/')[0]}/{first.segments[-1].uri}"
    assert fetched(platform, taught, segment, cookie).status == 200
    assert fetched(platform, taught, segment, "").status == 403

    def grown() -> bool:
        now: Any = m3u8.loads(fetched(platform, taught, rendition, cookie).body.decode())
        return bool(now.segments[-1].uri > first.segments[-1].uri)

    until(grown)
    shown = huiju(platform, "live", "show", taught.id)
    assert re.search(r"^State\s+live$", shown.stdout, re.MULTILINE) and "Behind" in shown.stdout
    (word,) = re.findall(r"^Passphrase\s+(\S+)", taught.said, re.MULTILINE)
    log = platform.cluster.kubectl("logs", "-n", "video-library", f"job/{names.live_class(taught.id)}")
    assert word not in shown.stdout + huiju(platform, "live", "list", "--json").stdout + log

    ended = huiju(platform, "live", "stop", taught.id)
    assert ended.exit_code == 0, ended.output
    replay = until(lambda: (answer := viewer.play(platform, taught.id, foreign)).status == 200 and answer)
    assert "/live/" not in replay.json["master"], "the recording, by its licence, which lets everybody play it"
    recorded = viewer.ask(platform, replay.json["master"], Cookie=viewer.cookie(replay.json["token"]))
    assert recorded.status == 200 and b"#EXT-X-STREAM-INF" in recorded.body
    left = platform.cluster.kubectl("get", "service,secret,job", "-n", "video-library", "-o", "name")
    assert names.live_class(taught.id) not in left


@pytest.mark.parametrize("school", ["0000000000", "member"])
def test_who_leads_no_alliance_streams_nothing(platform: Platform, school: str) -> None:
    code = schools(viewer.city(platform))[1] if school == "member" else school
    words = shlex.split(f"live start --title '' --school {code} --licence none")
    refused = huiju(platform, *words)
    assert refused.exit_code != 0
    said = str(refused.exception)
    assert "--title is empty" in said and f"--school {code}" in said.replace("'", "") and "--licence" in said
