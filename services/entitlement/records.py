"""Lessons' records, read from the object store with the service's own account and remembered for a moment."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from derive import video_token
from derive.lesson import REPLACED
from services.entitlement.rules import Lesson

FRESH_SECONDS = 30.0
"""A withdrawn or changed lesson is noticed after that long; a class that opens one lesson asks the store once."""
ABSENT_SECONDS = 2.0
"""A lesson that was just published is found after that long, although somebody asked for it before."""
MOST = 4096
"""Records remembered at once; about 1 kB each."""
ENDED = "ended"
"""State of a live class after which it is a recorded lesson; in any other it is taken for live, which fewer people may watch."""
RENDITION = re.compile(r"[a-z0-9][a-z0-9-]*")
MISSING = frozenset({"NoSuchKey", "404", "NotFound"})
CONFIG = Config(
    connect_timeout=2, read_timeout=3, retries={"max_attempts": 2}, max_pool_connections=40, s3={"addressing_style": "path"}
)  # fmt: skip


class UnreadableError(Exception):
    """The record could not be read or makes no sense: nothing is played."""


def parse(text: bytes) -> Lesson | None:
    """The facts of a record as it is stored; None for one that only names the lesson that took its place.

    Raises `UnreadableError` for one that lacks any fact.
    """
    try:
        record = json.loads(text)
    except ValueError as error:
        raise UnreadableError(f"{type(error).__name__}: {error}") from error
    return None if isinstance(record, dict) and REPLACED in record else facts(record)


def facts(record: Any) -> Lesson:  # noqa: ANN401  # any JSON
    """The facts of a record. Raises `UnreadableError` for one that lacks any."""
    try:
        published = datetime.fromisoformat(record["published"])
        away = record.get("download") or {"path": None, "bytes": None}
        found = Lesson(
            record["id"],
            record["school"]["code"],
            record["licence"]["id"],
            published,
            record["master"],
            away["path"],
            away["bytes"],
            _live_until(record),
            named(record.get("promised")),
            subject if isinstance(subject := record.get("subject"), str) else "",
        )
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableError(f"{type(error).__name__}: {error}") from error
    times = [each for each in (published, found.live_until) if each is not None]
    if any(each.tzinfo is None for each in times) or not all(
        isinstance(each, str) for each in (found.school, found.licence, found.master)
    ):
        raise UnreadableError("a fact of the record is of the wrong kind")
    if found.download is not None and not _in_its_folder(found.id, found.download):
        raise UnreadableError("what the record gives to take away lies elsewhere")
    return found


def _in_its_folder(lesson_id: str, path: object) -> bool:
    folder = f"{lesson_id}/{video_token.DOWNLOAD}/"
    return isinstance(path, str) and path.startswith(folder) and "/" not in path.removeprefix(folder)


def _live_until(record: Any) -> datetime | None:  # noqa: ANN401  # any JSON
    """When a class that is live now ends at the latest; None for every other lesson."""
    live = record.get("live")
    return datetime.fromisoformat(live["until"]) if live and live["state"] != ENDED else None


def named(found: object) -> dict[str, str]:
    """What of ``found`` names a rendition. It is advice: whatever else is there counts for nothing."""
    rows = found.items() if isinstance(found, dict) else ()
    return {key: name for key, name in rows if isinstance(name, str) and RENDITION.fullmatch(name)}


def s3_fetch(bucket: str, most: int | None = None) -> Callable[[str], bytes | None]:
    """Fetches an object of ``bucket``, or its first ``most`` bytes, by its key; None when there is none.

    The account is in the SDK's own files.
    """
    client: Any = boto3.client("s3", config=CONFIG)
    part = {} if most is None else {"Range": f"bytes=0-{most - 1}"}

    def fetch(key: str) -> bytes | None:
        try:
            return bytes(client.get_object(Bucket=bucket, Key=key, **part)["Body"].read())
        except ClientError as error:
            if error.response["Error"]["Code"] in MISSING:
                return None
            raise UnreadableError(str(error)) from error
        except BotoCoreError as error:
            raise UnreadableError(str(error)) from error

    return fetch


@dataclass(frozen=True)
class _Seen:
    at: float
    lesson: Lesson | None


class Records:
    """Lessons by id. ``fetch`` gives the object under a key, ``clock`` seconds that only grow."""

    def __init__(self, fetch: Callable[[str], bytes | None], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch, self._clock = fetch, clock
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        self._lock = threading.Lock()

    def lesson(self, lesson_id: str, key: str) -> Lesson | None:
        """The lesson ``lesson_id``, whose record has this key; None when there is none. Raises `UnreadableError`."""
        now = self._clock()
        with self._lock:
            seen = self._seen.get(lesson_id)
        if seen and now - seen.at < (FRESH_SECONDS if seen.lesson else ABSENT_SECONDS):
            return seen.lesson
        found = self._fetch(key)
        lesson = parse(found) if found is not None else None
        if lesson and (lesson.id != lesson_id or not lesson.master.startswith(f"{lesson_id}/")):
            raise UnreadableError(f"the record under {key} is of {lesson.id!r} and plays {lesson.master!r}")
        with self._lock:
            self._seen[lesson_id] = _Seen(now, lesson)
            self._seen.move_to_end(lesson_id)
            while len(self._seen) > MOST:
                self._seen.popitem(last=False)
        return lesson
