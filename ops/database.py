"""``huiju database``: how the database is, a backup now, and a restore beside the live one."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import groupby
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from catalog.errors import UserError
from ops.console import console
from ops.databases import drill, state
from ops.databases.backup import backup as take
from ops.databases.comparing import Rows, Verdict
from ops.databases.state import State
from ops.lessons import place

app = typer.Typer(no_args_is_help=True, help="How the database is, a backup now, and a restore beside the live one.")
Stack = Annotated[str, typer.Option(help="The stack whose platform is meant.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the restored instances.")]


@app.command()
def status(as_json: AsJson = False, stack: Stack = "local") -> None:
    """Instances, archive and backups, and from when on a moment can be restored."""
    now = state.read(place.of_stack(stack).kubectl)
    if as_json:
        typer.echo(json.dumps(asdict(now), default=str, indent=2))
        return
    out = console()
    for name, value in _facts(now).items():
        out.print(Text.assemble((f"{name:<12}", "dim"), value))
    out.print(_backups(now))


def _facts(now: State) -> dict[str, str]:
    moments = "no backup yet: `huiju database backup` makes one"
    if now.earliest and now.latest:
        age = state.span(datetime.now(UTC) - now.latest)
        moments = f"any moment since {now.earliest:%Y-%m-%d %H:%M} UTC; the last base backup is {age} old"
    archive = {True: "write-ahead logs are archived", False: now.archiving_says, None: "not yet"}[now.archiving]
    archive = f"{now.archive}: {archive}"
    return {
        "instances": f"{now.ready}/{now.wanted} ready, {now.primary or 'none'} writes ({now.phase})",
        "archive": archive,
        "restorable": moments,
    }


def _backups(now: State) -> Table:
    table = Table("Backup", "State", "Ended (UTC)", "", box=None, pad_edge=False)
    for each in now.backups:
        ended = f"{each.stopped:%Y-%m-%d %H:%M:%S}" if each.stopped else ""
        table.add_row(Text(each.name), each.phase, ended, Text(each.error))
    return table


@app.command()
def backup(stack: Stack = "local") -> None:
    """Make a base backup now; one is made every night by itself."""
    where, out = place.of_stack(stack), console()
    begun = time.monotonic()
    with out.status("backing up ...") as shown:
        name = take(where, shown.update)
    typer.echo(f"{name} completed in {time.monotonic() - begun:.0f} s")


@app.command()
def restore(
    name: Name = "restored",
    at: Annotated[datetime | None, typer.Option(help="Up to this moment (UTC); without it to the newest.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the restored instances running.")] = False,
    stack: Stack = "local",
) -> None:
    """Restore the backups beside the live database, compare every row, and take the copy away again; no live row is ever touched."""
    where, out = place.of_stack(stack), console()
    begun = time.monotonic()
    with out.status("reading the live rows ..."):
        before = drill.begin(where, name, at.replace(tzinfo=UTC) if at else None)
    try:
        with out.status("restoring ...") as shown:
            drill.wait(where, name, shown.update)
        seconds = time.monotonic() - begun
        with out.status("comparing ..."):
            rows = drill.compare(where, name, before)
    except BaseException:
        if not keep:
            drill.remove(where, name)
        raise
    out.print(_compared(rows))
    typer.echo(f"{name} was ready after {seconds:.0f} s")
    if keep:
        typer.echo(f"it stays: `huiju database remove {name}` takes it away")
    else:
        drill.remove(where, name)
    if not at and any(each.verdict is Verdict.DIFFERS for each in rows):
        raise UserError(
            "the restored rows are not the live ones: rows of the last minutes may not have been archived in time; try again"
        )


def _compared(rows: list[Rows]) -> Table:
    """A line for each database, and one for each of its tables that is not the same."""
    table = Table("Database", "Table", "Rows live", "Rows restored", "", box=None, pad_edge=False)
    for name, group in groupby(rows, key=lambda each: each.table.database):
        mine = list(group)
        same = [each for each in mine if each.verdict is Verdict.SAME]
        live, restored = (str(sum(side)) for side in ([each.live for each in same], [each.restored for each in same]))
        table.add_row(name, f"{len(same)} of {len(mine)}", live, restored, Verdict.SAME)
        for each in mine:
            if each.verdict is not Verdict.SAME:
                table.add_row(name, Text(each.table.name), str(each.live), str(each.restored), each.verdict)
    return table


@app.command()
def remove(name: Name = "restored", stack: Stack = "local") -> None:
    """Take restored instances away again, with their volumes; the live ones are refused."""
    drill.remove(place.of_stack(stack), name)
    typer.echo(f"{name} removed")
