"""What the Job says while it works: one JSON object a line, for the publisher's progress bar and for a reader of the log."""

from __future__ import annotations

import json
import sys


def say(**facts: object) -> None:
    """Print one line."""
    sys.stdout.write(json.dumps(facts, ensure_ascii=False) + "\n")
    sys.stdout.flush()


class Progress:
    """Percent of the whole, said once for each whole percent, never going back."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._said = 100 if quiet else -1

    def show(self, share: float, step: str) -> None:
        """``share`` of the whole (0 to 1) is done; ``step`` says what is being worked on."""
        percent = min(100, int(share * 100))
        if percent > self._said:
            self._said = percent
            say(percent=percent, step=step)
