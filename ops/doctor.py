"""``huiju doctor``: what is missing here, and the command that mends it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from local.doctor import Finding, State, examine
from ops.console import console

app = typer.Typer(help="What is missing here, and the command that mends it.")

STYLES = {State.OK: "green", State.WARNING: "yellow", State.MISSING: "bold red", State.UNUSED: "dim"}


def table(findings: list[Finding]) -> Table:
    """The findings as a table; texts are shown as they are, never read as markup."""
    rows = Table("", "what", "state", "detail", "to mend, type", box=None, pad_edge=False)
    area = ""
    for row in findings:
        heading = row.area if row.area != area else ""
        cells = (Text(cell, overflow="fold") for cell in (row.detail, row.mend))
        rows.add_row(heading, row.name, Text(row.state, STYLES[row.state]), *cells)
        area = row.area
    return rows


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False) -> None:
    """Look at this machine without changing it; exits 1 when something needed is missing."""
    findings = examine()
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in findings], indent=1))
    else:
        console().print(table(findings))
    missing = sum(row.state is State.MISSING for row in findings)
    if missing:
        typer.echo(f"{missing} needed thing(s) missing", err=True)
        raise typer.Exit(1)
