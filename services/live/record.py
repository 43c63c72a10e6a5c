"""What everybody is told of the class: its record, its master playlist and the list of lessons. Written when it begins and ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from services.live import window
from services.live.request import SOUND, Request
from services.packager import fragments, index, playlists
from services.packager.playlists import Segment, Track
from services.packager.request import Rung
from services.packager.store import INDEX, MASTER, Bucket

OVER: Final = 1.25
"""How much busier than the rung's rate a segment may be (``encode.BURST``)."""
LIVE, ENDED = "live", "ended"


def master(request: Request, headers: Mapping[str, bytes]) -> str:
    """The master playlist; ``headers`` are the tracks' own. Rates are the planned ones, since nothing is measured yet."""
    sound = Track(SOUND, playlists.AAC_LC, (_planned(request.audio_kbps, 1),))
    videos = [
        Track(
            rung.name, fragments.avc_codec(headers[rung.name]), (_planned(rung.kbps, OVER),), rung.width, rung.height, request.fps
        )
        for rung in request.rungs
    ]  # fmt: skip
    return playlists.master(tuple(videos), sound)


def _planned(kbps: int, over: float) -> Segment:
    return Segment("", 1.0, int(kbps * 125 * over), "")


def begin(bucket: Bucket, request: Request, headers: Mapping[str, bytes]) -> None:
    """Show the class: the master playlist first, then the record, then the list."""
    bucket.put(request.master, master(request, headers).encode(), MASTER)
    _write(bucket, record(request, LIVE, 0.0))
    index.rebuild(bucket)


def end(bucket: Bucket, request: Request, seconds: float) -> None:
    """Say that class has ended, after so long."""
    _write(bucket, record(request, ENDED, seconds))
    index.rebuild(bucket)


def unrecorded(bucket: Bucket, request: Request) -> None:
    """Say that no recording will come after all, where anybody has been told of the class."""
    found = read(bucket, request)
    if "live" in found:
        _write(bucket, {**found, "live": {**found["live"], "recorded": False}})
        index.rebuild(bucket)


def read(bucket: Bucket, request: Request) -> dict[str, Any]:
    """The record as it is; empty where there is none yet."""
    return bucket.read_json(index.record_key(request.id)) or {}


def record(request: Request, state: str, seconds: float) -> dict[str, Any]:
    """``lesson.json`` of a class in this state, with everything that a recorded lesson's has too."""
    live = {
        "state": state,
        "master": request.master,
        "started": request.started,
        "until": window.stamp(request.until),
        "segment_seconds": request.segment_seconds,
        # Whether a recording is to come: pages promise one. Records of older releases do not say.
        "recorded": request.recorded,
    }
    return {
        "id": request.id, **request.about, "published": request.started, "seconds": round(seconds, 3), "bytes": 0, "sound": True,
        "width": request.rungs[-1].width, "height": request.rungs[-1].height, "master": request.master,
        "renditions": [_rendition(request, rung) for rung in request.rungs], "promised": request.promised, "live": live,
    }  # fmt: skip


def _rendition(request: Request, rung: Rung) -> dict[str, Any]:
    return {"name": rung.name, "width": rung.width, "height": rung.height, "fps": request.fps, "average_bps": rung.kbps * 1000,
            "peak_bps": int(rung.kbps * 1000 * OVER), "segments": 0}  # fmt: skip


def _write(bucket: Bucket, facts: dict[str, Any]) -> None:
    bucket.put(index.record_key(facts["id"]), index.record_body(facts), INDEX)
