"""The end of several runs of pytest as one: what failed in any of them, and their counts and seconds added up in pytest's own form."""

from __future__ import annotations

import datetime
import re
import sys
from collections import Counter
from collections.abc import Iterable

LINE = re.compile(r"^=+ (?P<counts>(?:\d+ [a-z]+,? ?)+) in (?P<seconds>[0-9.]+)s.*=+$")
BROKEN = re.compile(r"^(FAILED|ERROR) \S+::.+$")
"""A line of pytest's short summary. Where `CI` is set pytest gives the whole reason."""
WIDTH = 80
RULER = "====="
"""At least this on each side, however long the counts: by it a reader knows the line."""
REASON_CHARACTERS = 400
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
    line = f" {said} in {seconds:.2f}s ({datetime.timedelta(seconds=round(seconds))}) "
    return f"{RULER}{line}{RULER}".center(WIDTH, "=")


def broken(output: Iterable[str]) -> list[str]:
    """What failed, a line each and once each: the log of an hour ends with it, so nobody has to look for it."""
    lines = (line.strip() for line in output)
    return list(dict.fromkeys(line[:REASON_CHARACTERS] for line in lines if BROKEN.match(line)))


if __name__ == "__main__":
    printed = list(sys.stdin)
    for failure in broken(printed):
        print(failure)
    if line := closing(printed):
        print(line)
