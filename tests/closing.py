"""One closing line for several runs of pytest: their counts and seconds added up, in pytest's own form."""

from __future__ import annotations

import datetime
import re
import sys
from collections import Counter
from collections.abc import Iterable

LINE = re.compile(r"^=+ (?P<counts>(?:\d+ [a-z]+,? ?)+) in (?P<seconds>[0-9.]+)s.*=+$")
WIDTH = 80
ORDER = ("failed", "passed", "skipped", "deselected", "xfailed", "xpassed", "warnings", "error", "rerun")
"""As pytest names them. What one run leaves to the other is deselected in it and no news here."""


def closing(output: Iterable[str]) -> str | None:
    """The line; None when no run closed."""
    counts: Counter[str] = Counter()
    seconds, closed = 0.0, False
    for line in output:
        if found := LINE.match(line.strip()):
            closed, seconds = True, seconds + float(found["seconds"])
            for number, what in re.findall(r"(\d+) ([a-z]+)", found["counts"]):
                counts[{"warning": "warnings", "errors": "error"}.get(what, what)] += int(number)
    del counts["deselected"]
    if not closed:
        return None
    said = ", ".join(f"{counts[what]} {what}" for what in ORDER if counts[what]) or "no tests ran"
    return f" {said} in {seconds:.2f}s ({datetime.timedelta(seconds=round(seconds))}) ".center(WIDTH, "=")


if __name__ == "__main__":
    if line := closing(sys.stdin):
        print(line)
