"""Reading the parts' logs."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from catalog.errors import UserError
from local.cluster.layout import Layout, layout


def names(layout: Layout) -> list[str]:
    """Parts that have a log."""
    return sorted(path.stem for path in layout.logs.glob("*.log"))


def file(layout: Layout, part: str) -> Path:
    """The log of a part; :class:`UserError` names those that there are."""
    if part not in names(layout):
        known = ", ".join(names(layout)) or "none: the cluster was never started"
        raise UserError(f"no log of a part called {part!r}; there are: {known}.")
    return layout.logs / f"{part}.log"


def tail(layout: Layout, part: str, lines: int) -> list[str]:
    """The last lines of a part's log; empty when it has none."""
    path = layout.logs / f"{part}.log"
    if not path.exists():
        return []
    with path.open(errors="replace") as text:
        return [line.rstrip("\n") for line in deque(text, maxlen=lines)]


def follow(layout: Layout, part: str) -> Iterator[str]:
    """New lines of a part's log as they come, for ever; goes on when the log is cut."""
    path = file(layout, part)
    place = path.stat().st_size
    while True:
        if path.stat().st_size < place:
            place = 0
        with path.open(errors="replace") as text:
            text.seek(place)
            for line in text:
                yield line.rstrip("\n")
            place = text.tell()
        time.sleep(0.3)


def logs(part: str, lines: int = 200) -> tuple[str, ...]:
    """The last lines of a part's log of this clone's cluster."""
    where = layout()
    file(where, part)
    return tuple(tail(where, part, lines))
