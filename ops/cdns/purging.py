"""Have every cache in the cluster give a lesson up: the shield's pods, then the edges', at once each."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from catalog.errors import UserError
from derive import lesson, purging, withdrawal
from ops.cdns import doors
from ops.cdns.doors import Door
from ops.lessons import library, withdrawing
from ops.lessons.place import Place
from services.packager.store import Bucket

TRIES = 3
"""A way that is lost in between is opened again, and goes on where it was."""
FEW = 8
"""Paths that are typed one by one."""
Step = Callable[[str, int, int], None]
"""Name of a pod, paths asked, paths in all."""


def quiet(_name: str, _done: int, _total: int) -> None:
    """Nobody watches."""


def pods(caches: Sequence[Door], paths: Sequence[str], step: Step = quiet) -> dict[str, int]:
    """Purge ``paths`` (public ones) from every cache, nearest to the store first: name -> how many it held.

    UserError names those that could not be purged, after all others were.
    """
    held, failed = dict[str, int](), dict[str, str]()
    for level in doors.LEVELS:
        here = [door for door in caches if door.level == level]
        with ThreadPoolExecutor(max(1, len(here))) as workers:
            for door, found in zip(here, workers.map(lambda each: _pod(each, paths, step), here), strict=True):
                if isinstance(found, int):
                    held[door.name] = found
                else:
                    failed[door.name] = found
    if failed:
        said = "; ".join(f"{name}: {why}" for name, why in failed.items())
        raise UserError(f"not every cache could be purged: {said}\nonce they answer: `{command(paths)}`")
    return held


def everywhere(  # noqa: PLR0917  # what a purge has in hand
    where: Place, lessons: Bucket, lesson_id: str, paths: Sequence[str], keep: timedelta, step: Step = quiet
) -> dict[str, int]:
    """Have shield and edges give these paths of a lesson up, as `pods` does, and tell the boxes, also where that failed.

    The boxes last: one that hears of it before may fetch again what a cache that it asks still has. UserError as of `pods`, or where they
    cannot be told.
    """
    try:
        return pods(doors.of(where), paths, step)
    finally:
        keys = [path.removeprefix(lesson.public_path("")) for path in paths]
        withdrawing.announce_purge(lessons, lesson_id, keys, keep)


def command(paths: Sequence[str]) -> str:
    """What an operator types to have these paths, all of one lesson, given up: a whole lesson is fetched again by every school."""
    few = " ".join(f"--path {path}" for path in paths) if len(paths) <= FEW else next(iter(paths)).split("/")[2]
    return f"huiju cdn purge {few}"


def told(paths: Sequence[str], held: Mapping[str, int]) -> str:
    """What came of it, in words; ``held`` as `pods` answers."""
    given_up = f"{len(paths)} paths: {sum(held.values())} copies given up in {len(held)} caches"
    return f"{given_up}; the boxes were told, and one without a link gives its own up when it is back"


def _pod(door: Door, paths: Sequence[str], step: Step) -> int | str:
    """How many of the paths it held, or why it could not be asked."""
    held, at, why = 0, 0, ""
    for _ in range(TRIES):
        try:
            with door.line(purging.PORT) as line:
                while at < len(paths):
                    held += _one(line, paths[at])
                    at += 1
                    step(door.name, at, len(paths))
            return held
        except (OSError, http.client.HTTPException, UserError) as error:
            why = str(error) or type(error).__name__
    return why


def _one(line: http.client.HTTPConnection, path: str) -> bool:
    """Whether it was held. OSError when the cache refuses."""
    line.request(purging.METHOD, path)
    answer = line.getresponse()
    answer.read()
    if answer.status not in (http.client.OK, http.client.NOT_FOUND):
        raise OSError(f"{path}: {answer.status}")
    return answer.status == http.client.OK


def paths_of(lessons: Bucket, lesson_id: str) -> list[str]:
    """Every path of a lesson: those in the store, in any version, and those that were withdrawn of it. UserError when there is none."""
    there = library.keys(lessons, lesson_id) if lesson.LESSON_ID.fullmatch(lesson_id) else set[str]()
    before = withdrawal.entries(lessons.read_json(withdrawal.KEY))
    gone = [path for row in before if row["id"] == lesson_id for path in withdrawal.paths_of(row)]
    if not (there or gone):
        raise UserError(f"there is no lesson {lesson_id!r}: `huiju lesson list` shows the published ones")
    return sorted({*(lesson.public_path(key) for key in there), *gone})
