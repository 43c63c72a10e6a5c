"""What the publisher asks for: one lesson, its facts and its ladder. Everything in it is data; nothing of it reaches a shell."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from .errors import PackagingError

SLUG = re.compile(r"[a-z0-9][a-z0-9-]{2,62}")
CONTENT_HASH = re.compile(r"[0-9a-f]{64}")
TEXT_LIMIT = 300
"""Longest title or name, in characters: it must fit a list and a listing object of bounded size."""


@dataclass(frozen=True)
class Rung:
    """One rendition: its folder's name, the box it fits in (pixels) and its video bit rate (kbit/s, the cap),
    and the quality aimed at below the cap (x264's CRF, smaller is finer)."""

    name: str
    width: int
    height: int
    kbps: int
    crf: int


@dataclass(frozen=True)
class Request:
    """A checked request; ``about`` is the lesson's facts as they go into ``lesson.json``."""

    id: str
    content_hash: str
    recipe: str
    about: dict[str, Any]
    rungs: tuple[Rung, ...]
    segment_seconds: int
    keyframe_seconds: int
    chunk_seconds: int
    audio_kbps: int
    preset: str
    fps_limit: int
    thumbnail_seconds: int | None = None
    """Seconds from one small picture of the time line to the next; None: there are none."""
    download: str | None = None
    """Name of the rung that may be taken away; None: nothing may."""

    @property
    def media(self) -> str:
        """Key prefix of this lesson's media; a new file or a new ladder never overwrites a segment that a cache may hold."""
        return f"{self.id}/{self.content_hash}/"


def _positive(value: object, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= 100_000:  # noqa: PLR2004 - no box, rate or span is larger
        raise PackagingError(f"the request's {what} must be a whole number from 1 to 100000, not {value!r}")
    return value


def _about(raw: object) -> dict[str, Any]:
    if not isinstance(raw, dict) or not isinstance(raw.get("title"), str) or not raw["title"].strip():
        raise PackagingError("the request has no title")
    long = [key for key, value in raw.items() if isinstance(value, str) and len(value) > TEXT_LIMIT]
    if long:
        raise PackagingError(f"the lesson's {long[0]} is longer than {TEXT_LIMIT} characters")
    return raw


def _matching(raw: dict[str, Any], key: str, pattern: re.Pattern[str]) -> str:
    value = raw.get(key)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise PackagingError(f"the request's {key} {value!r} is not of the form {pattern.pattern}")
    return value


def _rung(row: dict[str, Any]) -> Rung:
    return Rung(_matching(row, "name", SLUG), *(_positive(row[key], key) for key in ("width", "height", "kbps", "crf")))


def parse(text: str) -> Request:
    """The request in ``text`` (JSON); raises :class:`PackagingError` for anything that is not one."""
    try:
        raw = json.loads(text)
        ladder = raw["ladder"]
        rungs = sorted((_rung(row) for row in ladder["rungs"]), key=lambda rung: (rung.height, rung.kbps))
        spans = {
            key: _positive(ladder[key], key)
            for key in ("segment_seconds", "keyframe_seconds", "chunk_seconds", "audio_kbps", "fps_limit")
        }
        every = ladder.get("thumbnail_seconds")
        preset = _matching(ladder, "preset", re.compile(r"[a-z]{4,9}"))
        about = raw["about"]
    except (ValueError, KeyError, TypeError) as error:
        raise PackagingError(f"the packaging request cannot be read: {error!r}") from error
    if len({rung.name for rung in rungs}) != len(rungs):
        raise PackagingError("two rungs of the ladder have the same name")
    if (
        not rungs
        or spans["segment_seconds"] % spans["keyframe_seconds"]
        or spans["chunk_seconds"] % spans["segment_seconds"]
    ):
        raise PackagingError("the ladder needs a rung, segments of whole keyframe spans and chunks of whole segments")
    return Request(
        id=_matching(raw, "id", SLUG),
        content_hash=_matching(raw, "content_hash", CONTENT_HASH),
        recipe=_matching(raw, "recipe", re.compile(r"[0-9a-f]{8,64}")),
        about=_about(about),
        rungs=tuple(rungs),
        preset=preset,
        thumbnail_seconds=None if every is None else _positive(every, "thumbnail_seconds"),
        download=None if raw.get("download") is None else _matching(raw, "download", SLUG),
        **spans,
    )
