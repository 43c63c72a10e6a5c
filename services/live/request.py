"""What is asked for: one class, its facts and how it is made. Everything in it is data; nothing of it reaches a shell."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.packager import request as packager
from services.packager.errors import PackagingError
from services.packager.request import Rung

SOUND = "sound"
"""The track without pictures; the others are named after their rung."""


@dataclass(frozen=True)
class Request:
    """A checked request. Times are aware; ``packaging`` is what the packager is told of the recording, but for its hash."""

    id: str
    about: dict[str, Any]
    started: str
    until: datetime
    segment_seconds: int
    window_segments: int
    rejoin_seconds: int
    recorded: bool
    ingest_kbps: int
    """What the teacher's program is asked to send at most; 0 where a class was started before that was said."""
    fps: int
    audio_kbps: int
    rungs: tuple[Rung, ...]
    packaging: dict[str, Any]
    promised: dict[str, str]
    """School code -> the rendition that it is promised."""

    @property
    def folder(self) -> str:
        """Key prefix of everything live."""
        return f"{self.id}/live/"

    @property
    def master(self) -> str:
        """Key of the master playlist."""
        return f"{self.folder}master.m3u8"

    @property
    def tracks(self) -> tuple[str, ...]:
        """Names of all tracks, the sound last."""
        return (*(rung.name for rung in self.rungs), SOUND)

    def recording(self, content_hash: str, lacks: dict[str, float] | None = None) -> packager.Request:
        """The packager's request for the recording with this content, and what the record says that it ``lacks``."""
        live = {
            "state": "ended",
            "master": self.master,
            "started": self.started,
            "segment_seconds": self.segment_seconds,
        }
        about = {**self.about, "live": {**live, **({"recording": lacks} if lacks else {})}}
        return packager.parse(
            json.dumps({"id": self.id, "content_hash": content_hash, "about": about, **self.packaging})
        )


def parse(text: str) -> Request:
    """The request in ``text`` (JSON); raises :class:`PackagingError` for anything that is not one."""
    try:
        raw = json.loads(text)
        keys = ("segment_seconds", "window_segments", "rejoin_seconds", "audio_kbps")
        # What both have is checked where it is checked for recordings.
        checked = packager.parse(
            json.dumps(
                {
                    "id": raw["id"],
                    "content_hash": "0" * 64,
                    "about": raw["about"],
                    "recipe": raw["packaging"]["recipe"],
                    "ladder": {**raw["packaging"]["ladder"], "rungs": raw["rungs"]},
                }
            )
        )
        return Request(
            id=checked.id,
            about=checked.about,
            started=str(raw["started"]),
            until=datetime.fromisoformat(raw["until"]).astimezone(),
            recorded=bool(raw["recorded"]),
            ingest_kbps=int(raw.get("ingest_kbps", 0)),
            fps=int(raw["frames_per_second"]),
            rungs=checked.rungs,
            packaging=dict(raw["packaging"]),
            # A class that was started before the upgrade and runs on has none.
            promised=dict(raw.get("promised", {})),
            **{key: int(raw[key]) for key in keys},
        )
    except (ValueError, KeyError, TypeError) as error:
        raise PackagingError(f"the request for a live class cannot be read: {error!r}") from error
