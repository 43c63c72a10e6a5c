"""Which classes there are: their Jobs, and what their records and playlists say."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from catalog import names
from catalog.errors import UserError
from derive import lesson, live
from ops.lessons import job
from ops.lessons.place import Place
from services.live import window
from services.packager.store import Bucket

COMPONENT = names.selector(names.VIDEO_LIBRARY, live.COMPONENT)


@dataclass(frozen=True)
class Class:
    """A class: what was asked for, its Job as stored, its record (empty before anything is there to play)."""

    asked: dict[str, Any]
    job: dict[str, Any]
    record: dict[str, Any]

    @property
    def id(self) -> str:
        """The lesson's id."""
        return str(self.asked["id"])

    @property
    def state(self) -> str:
        """One word: waiting, live, ended (its recording is packaged now), packaged or failed (also where no recording came of it)."""
        ended = job.condition(self.job)
        if ended and ended["type"] == "Failed":
            return "failed"
        if "content_hash" in self.record:
            return "packaged"
        if ended and "live" in self.record and self.asked["recorded"]:
            return "failed"  # its Job has ended well, since no other try would bring the recording back
        return str(self.record.get("live", {}).get("state") or ("ended" if ended else "waiting"))


def classes(place: Place, lessons: Bucket) -> list[Class]:
    """Every class whose Job is there, the newest first."""
    selector = ",".join(f"{key}={value}" for key, value in COMPONENT.items())
    jobs = job.get(place, "jobs", "-l", selector).get("items", [])
    found = [(_asked(each), each) for each in jobs]
    known = [Class(asked, each, lessons.read_json(lesson.record_key(asked["id"])) or {}) for asked, each in found]
    return sorted(known, key=lambda each: str(each.asked["started"]), reverse=True)


def find(place: Place, lessons: Bucket, lesson_id: str) -> Class | None:
    """The class with this id, while its Job is there: until a day after it has ended."""
    return next((each for each in classes(place, lessons) if each.id == lesson_id), None)


def one(place: Place, lessons: Bucket, lesson_id: str) -> Class:
    """The class with this id; UserError when there is none."""
    found = find(place, lessons, lesson_id)
    if found is None:
        raise UserError(f"there is no live class {lesson_id!r}: `huiju live list` shows them")
    return found


def behind(lessons: Bucket, found: Class) -> float | None:
    """Seconds from the teacher to what the newest segment begins with; None while there is none."""
    track = found.asked["rungs"][-1]["name"]
    text = lessons.get(f"{found.id}/live/{track}/index.m3u8")
    items = (
        window.read(text[0].decode(), found.asked["window_segments"], found.asked["segment_seconds"]).items
        if text
        else []
    )
    return (datetime.now(UTC) - items[-1].at).total_seconds() if items else None


def _asked(found: dict[str, Any]) -> dict[str, Any]:
    (container,) = found["spec"]["template"]["spec"]["containers"]
    (text,) = [row["value"] for row in container["env"] if row["name"] == "LIVE_REQUEST"]
    return dict(json.loads(text.replace("$$", "$")))
