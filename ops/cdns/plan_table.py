"""`huiju cdn plan` on paper: a row for each school's night."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from catalog import City
from derive.prefetch import Plan
from ops.cdns.nights import Written

HEADS = ("", "school", "", "lessons", "rendition", "objects", "GB", "of the night", "at Mbit/s", "version")


def table(city: City, plans: Iterable[Plan]) -> Table:
    """One row a school."""
    found = Table(*HEADS, box=None, pad_edge=False)
    for plan in plans:
        found.add_row(*_cells(city, plan))
    return found


def outcome(plans: Sequence[Plan], written: Written | None, *, refused: bool = False) -> str:
    """What was done, or how to do it."""
    whole = sum(plan.bytes for plan in plans) / 1e9
    if refused:
        how = "change the timetable, or accept with --partial that these lessons are left out"
        return f"{len(plans)} plans, {whole:.1f} GB; nothing was published: {how}"
    if written is None:
        return f"{len(plans)} plans, {whole:.1f} GB; nothing was published: add --publish to hand them to the boxes"
    done = f"{len(written.new)} plans published, {len(written.same)} were there already"
    return f"{done}, {len(written.cancelled)} taken back; {whole:.1f} GB in all"


def _cells(city: City, plan: Plan) -> tuple[Text, ...]:
    whole = len(plan.lessons) + len(plan.left_out)
    mark = (
        Text("● all", style="green") if not plan.left_out else Text(f"● {len(plan.left_out)} left out", style="yellow")
    )
    cells = (
        plan.school,
        city.school(plan.school).name.zh,
        f"{len(plan.lessons)} of {whole}",
        plan.rendition or "none",
        f"{len(plan.items)}",
        f"{plan.bytes / 1e9:.2f}",
        f"{plan.bytes / plan.room:.0%}" if plan.room else "none",
        f"{plan.kbps / 1000:.1f}",
        plan.version,
    )
    return (mark, *map(Text, cells))
