"""`huiju logs`: find lines that pods printed, in the object store where they are kept."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from catalog.errors import UserError
from catalog.problems import shown
from ops.lessons import place
from ops.log_lines import LATE, Wanted, lines

app = typer.Typer()
_AGE = re.compile(r"^(\d+)([mhd])$")
_MINUTES = {"m": 1, "h": 60, "d": 1440}
MOST_DAYS = 36_525
"""The oldest age that is taken, 100 years: nothing here is as old, and no moment lies before the calendar begins."""


@app.command()
def logs(
    *,
    grep: Annotated[str, typer.Option(metavar="TEXT", help="Only lines that hold this text.")] = "",
    namespace: Annotated[str, typer.Option(help="Only of pods in this namespace.")] = "",
    pod: Annotated[str, typer.Option(help="Only of pods whose name begins so.")] = "",
    since: Annotated[str, typer.Option(metavar="AGE", help="How far back: 30m, 6h, 90d.")] = "1h",
    until: Annotated[str, typer.Option(metavar="AGE", help="Up to which age; 0m is now.")] = "0m",
    stack: Annotated[str, typer.Option(help="The stack whose platform is meant.")] = "local",
) -> None:
    """Print kept log lines, oldest first: time, namespace, pod, text."""
    now = datetime.now(UTC)
    wanted = Wanted(now - age(since), now - age(until), grep, namespace, pod)
    for line in lines(place.of_stack(stack), wanted):
        typer.echo(line)
    if now - wanted.until > LATE:
        typer.echo(
            "not among these: lines that the store took more than a day late; `--until 0m` looks there, too", err=True
        )


def age(text: str) -> timedelta:
    """`90d` as a duration. Raises `UserError` for anything else."""
    found = _AGE.match(text)
    if not found:
        raise UserError(f"{shown(text)} is no age; write for instance 30m, 6h or 90d")
    # Bounded before it is a number: Python makes none of 5,000 digits.
    minutes = int(found[1].lstrip("0")[:12] or 0) * _MINUTES[found[2]]
    if minutes > MOST_DAYS * _MINUTES["d"]:
        raise UserError(f"{shown(text)} is older than anything here: {MOST_DAYS}d, 100 years, is the most")
    return timedelta(minutes=minutes)
