"""Entry point of the packaging Job: one request in, one lesson out; a failure is one line, in the log and as the pod's message."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from .errors import PackagingError
from .packaging import Packaging
from .progress import say
from .request import parse
from .store import Bucket, client

TERMINATION_LOG = Path("/dev/termination-log")
"""Kubernetes shows what is in it as the container's message."""


def fail(message: str, code: int) -> int:
    """Say it in the log and as the container's message; the exit code."""
    say(error=message)
    if TERMINATION_LOG.is_file():
        TERMINATION_LOG.write_text(message, encoding="utf-8")
    return code


def main() -> int:
    """Package what ``PACKAGER_REQUEST`` asks for; the exit code says whether another try may help (1) or not (64, 74)."""
    try:
        request = parse(os.environ.get("PACKAGER_REQUEST", ""))
        s3 = client()
        uploads, lessons = (
            Bucket(s3, os.environ.get(key) or name)
            for key, name in (("PACKAGER_UPLOADS", "uploads"), ("PACKAGER_LESSONS", "lessons"))
        )
        record = Packaging(request, uploads, lessons, Path(os.environ.get("PACKAGER_WORK") or "/work")).run()
    except PackagingError as error:
        return fail(str(error), error.code)
    except Exception as error:  # whatever it is, the publisher gets one line and Kubernetes tries again
        return fail(f"{type(error).__name__}: {' '.join(str(error).split())}", 1)
    say(done={key: record[key] for key in ("id", "seconds", "bytes", "master")})
    return 0


if __name__ == "__main__":
    sys.exit(main())
