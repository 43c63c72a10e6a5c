"""What stops a packaging for good, in one line that a publisher understands."""

from __future__ import annotations

RETRY = 1
"""Exit code of a failure that may pass: killed for memory, for instance."""

BAD_INPUT = 64
"""Exit code: the upload or the request is wrong; trying again changes nothing (EX_USAGE of sysexits.h)."""

NO_SPACE = 74
"""Exit code: the working folder is full or too small; trying again changes nothing (EX_IOERR of sysexits.h)."""


class PackagingError(Exception):
    """One clear line for the publisher, and the exit code that tells the Job whether another try may help."""

    def __init__(self, message: str, code: int = BAD_INPUT) -> None:
        super().__init__(" ".join(message.split()))
        self.code = code
