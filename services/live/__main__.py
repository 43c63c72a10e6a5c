"""Entry point of a live class's Job: one request in, one class streamed and packaged; a failure is one line and the pod's message."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from services.live.broadcast import Broadcast
from services.live.request import parse
from services.live.srt import Listener, SrtError
from services.packager.__main__ import fail
from services.packager.errors import RETRY, PackagingError
from services.packager.progress import say
from services.packager.store import Bucket, client

LOST = "no recording comes of this class: people saw it, and nothing of it is left on the disk of its pod or among what was streamed live"
"""Said without a code that fails: Kubernetes would try six times in ten minutes what no try brings back, and then take the words away."""


def _stream() -> None:
    request = parse(os.environ.get("LIVE_REQUEST", ""))
    uploads = os.environ.get("PACKAGER_UPLOADS") or "uploads"
    lessons = os.environ.get("PACKAGER_LESSONS") or "lessons"
    work = Path(os.environ.get("LIVE_WORK") or "/work")
    broadcast = Broadcast(
        request, Bucket(client(), uploads), Bucket(client(), lessons), Bucket(client(), lessons), work
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: broadcast.stop())
    passphrase = Path(os.environ["LIVE_PASSPHRASE_FILE"]).read_text(encoding="utf-8").strip()
    listener = Listener(int(os.environ.get("LIVE_PORT") or "8890"), passphrase)
    try:
        broadcast.run(listener)
    finally:
        listener.close()
    recorded = broadcast.package()
    if broadcast.seen and request.recorded and not recorded:
        fail(LOST, 0)
    say(done={"id": request.id, "recorded": recorded})


def main() -> int:
    """Stream what ``LIVE_REQUEST`` asks for; the exit code says whether another try may help (1) or not (64, 74)."""
    try:
        _stream()
    except PackagingError as error:
        return fail(str(error), error.code)
    except SrtError as error:
        return fail(f"nothing can be taken in: {error}", RETRY)
    except Exception as error:  # whatever it is, the operator gets one line and the kubelet tries again
        return fail(f"{type(error).__name__}: {' '.join(str(error).split())}", RETRY)
    return 0


if __name__ == "__main__":
    sys.exit(main())
