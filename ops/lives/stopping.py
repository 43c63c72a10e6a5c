"""End a class: its service is told to, and packages the recording; where it cannot be told any more, the players are."""

from __future__ import annotations

from typing import Any

from catalog import names
from derive import lesson, live
from ops.lessons import job, library
from ops.lessons.place import Place
from ops.lives.running import Class
from services.live.request import SOUND
from services.live.window import END, LIFETIME
from services.packager import index
from services.packager.store import INDEX, Bucket


def tell(place: Place, found: Class) -> bool:
    """Tell the service that class has ended; False when none runs."""
    pod = job.pod_of(place, names.live_class(found.id))
    if pod is None or pod["status"].get("phase") != "Running" or job.condition(found.job):
        return False
    place.kubectl("exec", str(pod["metadata"]["name"]), "-n", live.SPACE, "--", "sh", "-c", "kill -TERM 1")
    return True


def end(lessons: Bucket, record: dict[str, Any], *, comes: bool = False) -> None:
    """End playlists and record from here, so that no player waits for a service that is gone, or for a recording that does not come."""
    for track in (*(row["name"] for row in record["renditions"]), SOUND):
        key = f"{record['id']}/live/{track}/index.m3u8"
        found = lessons.get(key)
        if found and END not in found[0].decode().splitlines():
            lessons.put(key, found[0] + f"{END}\n".encode(), LIFETIME)
    ended = {**record, "live": {**record["live"], "state": "ended", **({} if comes else {"recorded": False})}}
    lessons.put(lesson.record_key(record["id"]), index.record_body(ended), INDEX)
    index.rebuild(lessons)


def tidy(place: Place, lessons: Bucket, lesson_id: str, record: dict[str, Any]) -> int:
    """Take away what only served the class: its Job, address and passphrase, and its segments where there is a recording; objects."""
    job.remove(place, names.live_class(lesson_id))
    return library.purge(lessons, f"{lesson_id}/live/") if "content_hash" in record else 0
