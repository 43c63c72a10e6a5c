"""Buffer traces as a drawing and in words."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.cdn.players import Player

REPORT = Path(__file__).resolve().parents[2] / (
    "docs/images" if os.environ.get("HUIJU_CAMPAIGN") == "full" else "out/cdn"
)
"""Where drawings go: a full run's beside its words in `docs/proofs.md`."""
WIDTH, HEIGHT, EDGE = 720, 240, 30
COLUMNS = 330
"""Of the drawing: one for every two points of its width."""
COLOURS = {"lowest": "#c2410c", "median": "#1f6feb"}
Trace = Sequence[tuple[float, float]]


def columns(trace: Trace, longest: float) -> list[float | None]:
    """The lowest buffer of one player in each column; where it says nothing new, as before; None before its start."""
    found: list[float | None] = [None] * COLUMNS
    for x, y in trace:
        at = min(COLUMNS - 1, int(x / longest * COLUMNS))
        before = found[at]
        found[at] = y if before is None else min(before, y)
    for at in range(1, COLUMNS):
        found[at] = found[at - 1] if found[at] is None else found[at]
    return found


def lines(traces: Iterable[Trace], longest: float) -> dict[str, list[float]]:
    """Of all players in each column: the lowest buffer, and the median."""
    players = [columns(each, longest) for each in traces]
    rows = [[each for each in row if each is not None] or [0.0] for row in zip(*players, strict=True)]
    return {"lowest": [min(row) for row in rows], "median": [statistics.median(row) for row in rows]}


def drawing(traces: Sequence[Trace], title: str) -> str:
    """An SVG: seconds in the players' buffers over the seconds since their first segment."""
    points = [point for each in traces for point in each] or [(1.0, 1.0)]
    longest, fullest = max(x for x, _ in points) or 1, max(y for _, y in points) or 1

    def at(column: float, y: float) -> str:
        wide, high = column / COLUMNS * (WIDTH - 2 * EDGE), y / fullest * (HEIGHT - 2 * EDGE)
        return f"{EDGE + wide:.0f},{HEIGHT - EDGE - high:.1f}"

    drawn = "".join(
        f'<polyline fill="none" stroke="{COLOURS[name]}" points="{" ".join(at(x, y) for x, y in enumerate(line))}"/>\n'
        for name, line in lines(traces, longest).items()
    )
    axis = f'<polyline fill="none" stroke="#555" points="{at(0, fullest)} {at(0, 0)} {at(COLUMNS, 0)}"/>\n'
    legend = "".join(
        f'<text x="{WIDTH - EDGE - 70 * place}" y="18" text-anchor="end" fill="{colour}">{name}</text>\n'
        for place, (name, colour) in enumerate(COLOURS.items())
    )
    words = (
        f'<text x="{EDGE}" y="18">{title}</text>\n'
        f'<text x="2" y="{EDGE + 4}">{fullest:.0f} s</text>\n'
        f'<text x="{WIDTH - EDGE}" y="{HEIGHT - 10}" text-anchor="end">{longest:.0f} s</text>\n'
    )
    size = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" style="background:#fff"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">\n'
    return f"{head}{words}{legend}{axis}{drawn}</svg>\n"


def words(players: Sequence[Player]) -> str:
    """One line: how full the buffers were after the start, and who stood still."""
    lows = sorted(min(y for x, y in each.buffer.trace if x > 0) for each in players if len(each.buffer.trace) > 1)
    still = sum(each.buffer.stalled > 0 for each in players)
    return f"{len(players)} players, {still} stood still; lowest buffer {lows[0]:.1f} s, median of the lowest {lows[len(lows) // 2]:.1f} s"


def keep(name: str, players: Sequence[Player], title: str) -> str:
    """Write the drawing; how `docs/proofs.md` leads to it."""
    REPORT.mkdir(parents=True, exist_ok=True)
    path = REPORT / f"buffers-{name}.svg"
    path.write_text(drawing([each.buffer.trace for each in players], title), encoding="utf-8")
    return f"[buffers](images/{path.name})"
