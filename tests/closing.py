"""The end of several runs of pytest as one: what failed in any of them, and their counts and seconds added up in pytest's own form."""

from __future__ import annotations

import datetime
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

LINE = re.compile(r"^=+ (?P<counts>(?:\d+ [a-z]+,? ?)+) in (?P<seconds>[0-9.]+)s.*=+$")
BROKEN = re.compile(r"^(?:FAILED|ERROR) (?P<test>\S+::.+?)(?P<why> - .*)?$")
"""A line of pytest's short summary. Where `CI` is set pytest gives the whole reason; some lines name the test alone."""
WIDTH = 80
RULER = "====="
"""At least this on each side, however long the counts: by it a reader knows the line."""
REASON_CHARACTERS = 400
PARTS, AGAIN = ("live", "fast", "cluster"), "-again"
"""Names of the files in which `local/test.sh` keeps what each part prints, and what the names end with of those that try what failed."""
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
    found: dict[str, str] = {}
    for line in output:
        if row := BROKEN.match(line.strip()):
            found[row["test"]] = max(found.get(row["test"], ""), row[0][:REASON_CHARACTERS], key=len)
    return list(found.values())


def once_more(output: Iterable[str]) -> Iterator[str]:
    """What a run printed whose failures were tried again: they are reruns, and how they ended says the run that tried them."""
    for line in output:
        counted = re.sub(r"(\d+) (?:failed|errors?)", r"\1 rerun", line) if LINE.match(line.strip()) else line
        yield re.sub("^(?:FAILED|ERROR) ", "RERUN ", counted)


def printed(folder: Path) -> list[str]:
    """What the parts of `local/test.sh` printed into ``folder``."""
    lines: list[str] = []
    for name in PARTS:
        first, again = (folder / each for each in (name, f"{name}{AGAIN}"))
        found = first.read_text().splitlines() if first.exists() else []
        lines += [*once_more(found), *again.read_text().splitlines()] if again.exists() else found
    return lines


if __name__ == "__main__":
    every = printed(Path(sys.argv[1]))
    for failure in broken(every):
        print(failure)
    if end := closing(every):
        print(end)
