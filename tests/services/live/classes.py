"""A live class as a process against a real store, a teacher's program that streams to it, and its playlists as a player reads them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import m3u8

from catalog import load_named
from derive import ladder, live
from local.ports import free_port
from services.packager.store import Bucket
from tests.media import ROOT, Store

LESSON = "l-" + "a" * 16
WORD = "the passphrase of this class"
TINY = load_named("tiny")
ABOUT = {
    "title": "分数 $(HOME)",
    "school": {"code": TINY.schools[0].code, "name": TINY.schools[0].name.model_dump()},
    "licence": {"id": TINY.licences[0].id, "name": TINY.licences[0].name.model_dump()},
}
TRACKS = ("v234-145", "v360-365", "sound")
"""Two renditions, however many the city streams: a test is no longer for it."""
PATIENCE = 60
"""Seconds after which something that should have come will not come."""


def request(**changes: Any) -> dict[str, Any]:
    """What a class is asked for: the city's, with short segments and little patience, so that a test is short."""
    asked = live.request(TINY, LESSON, ABOUT, datetime.now(UTC))
    quick = {"segment_seconds": 1, "rejoin_seconds": 60, "frames_per_second": 10, **changes}
    asked["rungs"] = [row for row in ladder.rungs(TINY) if row["name"] in TRACKS]
    asked["packaging"]["ladder"] = {**ladder.ladder(TINY), "preset": "ultrafast", "rungs": ladder.rungs(TINY)[:1]}
    return {**asked, **quick}


@dataclass
class Class:
    """One class; ``lines`` is what the process said."""

    store: Store
    pair: tuple[Bucket, Bucket]
    work: Path
    asked: dict[str, Any]
    room: int = 0
    """Bytes that its volume takes; 0: as many as the disk has."""
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[str] | None = None

    @property
    def lessons(self) -> Bucket:
        return self.pair[1]

    def start(self) -> None:
        """Start the process, or start it again, and wait until it listens."""
        said = self.log.read_text().count('"waiting"') if self.log.exists() else 0
        self.work.mkdir(exist_ok=True)
        word = self.work.with_suffix(".word")
        word.write_text(f"{WORD}\n")
        own = {"LIVE_REQUEST": json.dumps(self.asked), "LIVE_PASSPHRASE_FILE": str(word), "LIVE_PORT": str(self.port)}
        names = {"PACKAGER_UPLOADS": self.pair[0].name, "PACKAGER_LESSONS": self.pair[1].name}
        place = {
            "LIVE_WORK": str(self.work),
            "PACKAGER_WORK_BYTES": str(self.room),
            "PATH": os.environ["PATH"],
            "HOME": str(self.work),
        }
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.live"],
                cwd=ROOT,
                env={**place, **self.store.variables(), **own, **names},
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )
        process = self.process
        self.wait(lambda: self.log.read_text().count('"waiting"') > said or process.poll() is not None)

    @property
    def log(self) -> Path:
        return self.work.with_suffix(".log")

    def lose(self) -> None:
        """Lose the node: the process, and the disk with it."""
        self.send(signal.SIGKILL)
        self.finish()
        shutil.rmtree(self.work)

    def send(self, number: signal.Signals) -> None:
        assert self.process
        self.process.send_signal(number)

    def finish(self) -> int:
        """The exit code, once it has ended."""
        assert self.process
        return self.process.wait(PATIENCE)

    def playlist(self, track: str) -> Any:
        """A track's playlist, as it is now; None where there is none."""
        found = self.lessons.get(f"{LESSON}/live/{track}/index.m3u8")
        return m3u8.loads(found[0].decode()) if found else None

    def record(self) -> dict[str, Any]:
        return self.lessons.read_json(f"{LESSON}/lesson.json") or {}

    def segments(self) -> int:
        """How many segments the track with the fewest has."""
        lists = [self.playlist(track) for track in TRACKS]
        return min((each.media_sequence or 0) + len(each.segments) if each else 0 for each in lists)

    def wait(self, what: Callable[[], object]) -> None:
        """Wait until ``what`` is so; fails with the log when it never is."""
        deadline = time.monotonic() + PATIENCE
        while not what():
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def said(self, text: str) -> bool:
        return text in self.log.read_text()


@contextmanager
def running(store: Store, work: Path, *, room: int = 0, **changes: Any) -> Iterator[Class]:
    """A class that waits for its teacher; killed at the end, if it still runs."""
    found = Class(store, store.pair(), work / "class", request(**changes), room)
    found.start()
    try:
        yield found
    finally:
        if found.process and found.process.poll() is None:
            found.process.kill()
            found.process.wait()


@contextmanager
def teaching(
    port: int,
    *,
    word: str = WORD,
    sound: bool = True,
    mute: bool = False,
    seconds: float = 60,
    picture: str = "testsrc2=s=640x360",
) -> Iterator[subprocess.Popen[str]]:
    """A teacher's program that sends a test picture, in real time, with key frames that fit no segment; killed at the end.

    One that is ``mute`` announces the sound and sends none of it.
    """
    tone = ["-f", "lavfi", "-i", "sine=f=440"] if sound else []
    dropped = ["-bsf:a", "noise=drop=1", "-max_interleave_delta", "1"] if mute else []
    words = ["ffmpeg", "-v", "error", "-nostdin", "-re", "-f", "lavfi", "-i", f"{picture}:r=10", *tone, "-t", str(seconds),
             "-c:v", "libx264", "-preset", "ultrafast", "-g", "17", "-pix_fmt", "yuv420p", "-c:a", "aac", *dropped, "-f", "mpegts",
             f"srt://127.0.0.1:{port}?passphrase={word}&pbkeylen=32"]  # fmt: skip
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def late(moment: datetime) -> timedelta:
    """How long ago a moment was."""
    return datetime.now(UTC) - moment
