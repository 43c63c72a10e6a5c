"""Room to work in: the Job's folder is bounded, and a full one is said in a sentence with figures."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import NO_SPACE, PackagingError

MIB = 1 << 20
MARGIN = 16 * MIB
"""Left free for logs and for what ffmpeg rounds up."""


def available(folder: Path) -> int:
    """Bytes that may still be written: what the volume has free, within the limit that the Job's manifest sets on the folder."""
    limit = int(os.environ.get("PACKAGER_WORK_BYTES") or 0)
    used = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
    free = shutil.disk_usage(folder).free
    return min(free, limit - used) if limit else free


def full(needed: int, left: int) -> PackagingError:
    """The error for a folder that is too small."""
    return PackagingError(
        f"not enough working space: packaging this lesson needs {needed / MIB:.0f} MiB and {left / MIB:.0f} MiB are left",
        NO_SPACE,
    )


def require(folder: Path, needed: int) -> None:
    """Raise unless ``needed`` bytes and a margin fit into ``folder``."""
    left = available(folder)
    if left < needed + MARGIN:
        raise full(needed + MARGIN, max(0, left))


@contextmanager
def explained(folder: Path, needed: int) -> Iterator[None]:
    """Turn the operating system's "no space left" into :func:`full`."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise full(needed, available(folder)) from error
