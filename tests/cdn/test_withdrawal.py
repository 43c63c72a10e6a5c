"""A withdrawn lesson leaves every connected cache at once, and one that is cut off when its tokens end, and for good when it is back.

Everything is the kit's own: what `huiju lesson rm` does to store and caches, the boxes' keepers, real caches and a real object store.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.cdn import network
from benchmarks.cdn.lab import DOMAIN, ISSUER, SCHOOLS_PORT, Lab, cookie, signed
from benchmarks.cdn.material import Lesson, body
from benchmarks.cdn.request import Place, ask
from derive import lesson as lessons_of
from derive import video_token, withdrawal
from ops.cdns import purging
from ops.lessons import library
from services.packager.store import IMMUTABLE, MASTER, Bucket
from tests.cdn import platform
from tests.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.proof, pytest.mark.timeout(1800)]
CACHED = {"Cache-Control": "only-if-cached"}
LONGEST = 300.0
"""Seconds within which what happens by itself has happened on a machine that does much else; how long it took is told."""
TOKEN_SECONDS = 10


def published(lessons: Bucket, lesson: Lesson) -> dict[str, bytes]:
    """Put the lesson into the store; its segments by path, and the file to take away at last."""
    rung = lesson.rung(0)
    paths = (*lesson.paths(rung), f"{video_token.download_path(lesson.id)}{rung.id}.mp4")
    segments = {path: body(path, lesson.size(rung)) for path in paths}
    for path, data in segments.items():
        lessons.put(path.removeprefix(lessons_of.public_path("")), data, IMMUTABLE)
    record = json.dumps({"id": lesson.id, "title": lesson.name}).encode()
    lessons.put(lessons_of.record_key(lesson.id), record, MASTER)
    return segments


def showing(code: str, lesson: Lesson, path: str) -> dict[str, str]:
    """The header of who plays the lesson at the school for an hour, or takes it away, whichever the path wants."""
    if not path.startswith(video_token.download_path(lesson.id)):
        return cookie(code, lesson)
    return signed(video_token.download_claims(ISSUER, code, lesson.id, int(time.time()) + 3600))


def inner(lab: Lab) -> dict[str, Place]:
    """Where each cache gives what it has to whoever may ask without a token: its name -> a door of that."""
    return {
        "shield": Place(network.ROOT, network.ORIGIN, SCHOOLS_PORT, DOMAIN),
        **{district: lab.edge_door(district) for district in lab.edges},
        **{code: replace(cache.health, tls=False) for code, cache in lab.schools.items()},
    }


def held(door: Place, paths: Sequence[str]) -> int:
    """How many of the paths the cache has; nobody else is asked."""
    return sum(ask(door, path, CACHED, "HEAD").status == 200 for path in paths)


def fill(lab: Lab, lesson: Lesson, segments: dict[str, bytes]) -> None:
    """Every school watches it and takes it away, so that all levels hold it."""
    for code in lab.schools:
        for path, data in segments.items():
            assert ask(lab.door(code), path, showing(code, lesson, path)).data == data, (code, path)
    assert {name: held(door, list(segments)) for name, door in inner(lab).items()} == dict.fromkeys(
        inner(lab), len(segments)
    )


def until_none(doors: dict[str, Place], paths: Sequence[str], began: float) -> dict[str, float]:
    """Seconds from ``began`` after which each of the caches had nothing of it."""
    gone = dict[str, float]()

    def looked() -> bool:
        gone.update(
            {
                name: time.monotonic() - began
                for name, door in doors.items()
                if name not in gone and not held(door, paths)
            }
        )
        return len(gone) == len(doors)

    until(looked, f"all of {sorted(doors)} gave it up", LONGEST, 0.1)
    return gone


def plays_until_its_token_ends(lab: Lab, code: str, lesson: Lesson, segments: dict[str, bytes]) -> int:
    """A classroom of the school goes on with a token of some seconds, is given what it asks for until then and nothing from then on."""
    ends, path = int(time.time()) + TOKEN_SECONDS, next(iter(segments))
    shown, given = signed(video_token.claims(ISSUER, code, lesson.id, ends)), 0
    while True:
        before = time.time()
        answer = ask(lab.door(code), path, shown)
        if answer.status != 200:
            break
        assert answer.data == segments[path]
        assert before < ends + 1, "the token has ended"
        given += 1
        time.sleep(0.1)
    assert answer.status == 403 and time.time() >= ends, "not before its end"
    assert {ask(lab.door(code), each, shown).status for each in segments} == {403}
    return given


def test_a_withdrawn_lesson_leaves_connected_caches_at_once_and_one_cut_off_with_its_tokens(
    lab: Lab, tmp_path: Path, proof: Callable[[str, str], None]
) -> None:
    lesson, other = Lesson(lab.city, "withdrawn", 3), Lesson(lab.city, "not withdrawn", 2)
    *connected, away = lab.schools
    with platform.store(lab, tmp_path / "store") as (uploads, lessons), platform.keepers(lab, tmp_path):
        segments, others = published(lessons, lesson), published(lessons, other)
        fill(lab, lesson, segments)
        fill(lab, other, others)
        lab.cut(away)
        try:
            near = {name: door for name, door in inner(lab).items() if name != away}
            began, gone = time.monotonic(), dict[str, float]()
            watching = threading.Thread(target=lambda: gone.update(until_none(near, list(segments), began)))
            watching.start()
            library.remove(uploads, lessons, lesson.id, withdrawal.kept(lab.city))
            purging.pods(platform.doors(lab), purging.paths_of(lessons, lesson.id))
            watching.join()
            assert set(gone) == set(near), "a connected cache still has it"
            for code in connected:
                statuses = {ask(lab.door(code), path, showing(code, lesson, path)).status for path in segments}
                assert statuses == {404}, (code, statuses)
            assert held(inner(lab)[away], list(segments)) == len(segments), "nobody can tell it"
            given = plays_until_its_token_ends(lab, away, lesson, segments)
            assert given, "until then it plays"
        finally:
            lab.join(away)
        back = until_none({away: inner(lab)[away]}, list(segments), time.monotonic())[away]
        assert {ask(lab.door(away), path, showing(away, lesson, path)).status for path in segments} <= {404, 502, 504}
        assert not any(held(door, list(segments)) for door in inner(lab).values()), "and nobody has it again"
        assert {held(door, list(others)) for door in inner(lab).values()} == {len(others)}, (
            "no other lesson is given up"
        )
    slowest = {
        "shield": gone["shield"],
        f"{len(lab.edges)} edges": max(gone[each] for each in lab.edges),
        f"{len(connected)} schools": max(gone[each] for each in connected),
    }
    took = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in slowest.items())
    says = (
        f"nothing of it left after: {took}; a school without its link: {given} requests given until its token of "
        f"{TOKEN_SECONDS} s ended, 0 afterwards, nothing of it left {back:.1f} s after the link came back"
    )
    print(says)
    proof("a lesson that all caches hold is withdrawn, in network namespaces, keepers asking every 5 s", says)
