"""Fetch a lesson through the caches in the cluster, so that they hold it before the first school asks."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from catalog import names
from catalog.errors import UserError
from derive import lesson, purging
from ops.cdns.doors import Door
from services.packager.store import Bucket

TRIES, BLOCK = 3, 1 << 16
Step = Callable[[str, int, int], None]
"""Name of a pod, bytes that it holds, bytes in all."""


@dataclass
class Warmed:
    """What came of one pod."""

    name: str
    fetched: int = 0
    """Bytes that it did not hold before."""
    seconds: float = 0.0
    why: str = ""
    """Why it is not all there; empty otherwise."""


def objects(lessons: Bucket, lesson_id: str) -> list[tuple[str, int]]:
    """Path and bytes of all that a lesson consists of. UserError when there is no such lesson."""
    found = [(lesson.public_path(key), size) for key, size, _ in lessons.objects(f"{lesson_id}/")]
    if not lesson.LESSON_ID.fullmatch(lesson_id) or not found:
        raise UserError(f"there is no lesson {lesson_id!r}: `huiju lesson list` shows the published ones")
    return sorted(found)


def through(caches: Sequence[Door], district: str | None = None) -> list[Door]:
    """Whom to ask: the edges, which ask the shield, of one district or of all; the shield where there is no edge."""
    edges = [door for door in caches if door.level == names.DISTRICT_EDGE]
    mine = [door for door in edges if district is None or door.name.startswith(f"{names.edge_namespace(district)}/")]
    return mine or [door for door in caches if door.level == names.SHIELD]


def warm(
    caches: Sequence[Door], wanted: Sequence[tuple[str, int]], step: Step, mbps: float | None = None
) -> list[Warmed]:
    """Have every cache hold ``wanted``, each at ``mbps`` at most; what it holds already costs nothing."""
    with ThreadPoolExecutor(max(1, len(caches))) as workers:
        return list(workers.map(lambda door: _pod(door, wanted, step, mbps), caches))


def _pod(door: Door, wanted: Sequence[tuple[str, int]], step: Step, mbps: float | None) -> Warmed:
    found, at, begun = Warmed(door.name), 0, time.monotonic()
    total, done = sum(size for _, size in wanted), 0
    for _ in range(TRIES):
        try:
            with door.line(purging.PORT) as line:
                while at < len(wanted):
                    found.fetched += _one(line, *wanted[at])
                    done, at = done + wanted[at][1], at + 1
                    step(door.name, done, total)
                    found.seconds = time.monotonic() - begun
                    if mbps:
                        time.sleep(max(0.0, found.fetched * 8 / mbps / 1e6 - found.seconds))
            found.why = ""
            break
        except (OSError, http.client.HTTPException, UserError) as error:
            found.why = str(error) or type(error).__name__
    return found


def _one(line: http.client.HTTPConnection, path: str, size: int) -> int:
    """Bytes that had to be fetched. OSError when the cache does not give it, or not in its size."""
    line.request("HEAD", path, headers={"Cache-Control": "only-if-cached"})
    answer = line.getresponse()
    answer.read()
    if answer.status == http.client.OK and int(answer.headers.get("Content-Length", "-1")) == size:
        return 0
    line.request("GET", path)
    answer = line.getresponse()
    got = 0
    while block := answer.read(BLOCK):
        got += len(block)
    if answer.status != http.client.OK or got != size:
        raise OSError(f"{path}: {answer.status}, {got} of {size} bytes")
    return got
