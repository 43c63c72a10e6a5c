"""Run ffmpeg, follow its progress, and turn its failure into one line."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable

from .errors import NO_SPACE, RETRY, PackagingError

ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
"""Nothing of ours: ffmpeg reads a stranger's file and must not hold the store's keys."""


def failure(status: int, log: str) -> PackagingError:
    """The error for an ffmpeg that ended with ``status``."""
    if "No space left on device" in log:
        return PackagingError("not enough working space: the folder filled up while encoding", NO_SPACE)
    if status < 0:
        return PackagingError(f"the encoder was stopped by signal {-status}; is the Job's memory limit too low?", RETRY)
    reason = (log.strip().splitlines() or ["no reason given"])[0]
    return PackagingError(f"the video is damaged or cannot be encoded (ffmpeg: {reason[:300]})")


def run(command: list[str], on_frame: Callable[[int], None] = lambda _: None, *, source: int | None = None) -> None:
    """Run ``command`` (with ``-progress pipe:1``); ``on_frame`` hears the number of frames done. ``source`` is what ``pipe:0`` reads."""
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, stdin=source, stdout=subprocess.PIPE, stderr=errors, text=True, env=ENVIRONMENT
        )
        try:
            for line in process.stdout or ():
                key, _, value = line.strip().partition("=")
                if key == "frame" and value.isdigit():
                    on_frame(int(value))
            status = process.wait()
        finally:
            process.kill()
            process.wait()
        if status:
            errors.seek(0)
            raise failure(status, errors.read(100_000))
