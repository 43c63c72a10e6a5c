"""``huiju parcel``: the packages that school boxes install from."""

from __future__ import annotations

import json
import time
from typing import Annotated

import typer
from rich.table import Table

from catalog.errors import UserError
from derive import school_box
from local.school import material
from ops.console import console
from ops.lessons import place
from ops.parcels import making, publishing
from ops.phases import Phases

app = typer.Typer(no_args_is_help=True)
Stack = Annotated[str, typer.Option(help="The stack whose platform is meant.")]
MEBI = 2**20


@app.callback()
def root() -> None:
    """The packages that school boxes install from: gathered, signed, published."""


@app.command(name="make")
def make_command(
    refresh: Annotated[bool, typer.Option("--refresh", help="Take today's versions instead of this month's.")] = False,
) -> None:
    """Gather what a box needs, with exact versions, and sign its index. Nothing is published."""
    phases = Phases()
    with phases.phase("packages"):
        debs = material(school_box.PACKAGES, phases.now, day=time.strftime("%Y-%m-%d") if refresh else "") / "pool"
    with phases.phase("index"):
        parcel = making.make(debs)
    typer.echo(
        f"{parcel.id}  {len(parcel.packages)} packages, {parcel.size / MEBI:.0f} MiB: {making.folder() / parcel.id}"
    )


@app.command(name="publish")
def publish_command(stack: Stack = "local") -> None:
    """Bring the parcel that was made last to the platform; new boxes install it. Run again, it goes on where it stopped."""
    current = making.folder() / making.CURRENT
    if not current.exists():
        raise UserError("no parcel is made here yet: `huiju parcel make` first")
    parcel = making.parse((making.folder() / json.loads(current.read_text())["id"] / making.MANIFEST).read_text())
    phases = Phases()
    with phases.phase("upload"), publishing.bucket_of(place.of_stack(stack)) as bucket:
        sent = publishing.publish(bucket, parcel, lambda done, total: phases.now(f"{100 * done // max(1, total)} %"))
    typer.echo(f"{parcel.id}  {sent} new objects; boxes are given it at their next run")


@app.command(name="list")
def list_command(
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable, with every package's version.")] = False,
    stack: Stack = "local",
) -> None:
    """The parcels on the platform, the newest first."""
    with publishing.bucket_of(place.of_stack(stack)) as bucket:
        current, parcels = publishing.published(bucket)
    if as_json:
        rows = [
            {"id": each.id, "made": each.made, "current": each.id == current, "versions": each.versions}
            for each in parcels
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("Parcel", "Made", "Packages", "MiB", "")
    for each in parcels:
        table.add_row(
            each.id,
            each.made,
            str(len(each.packages)),
            f"{each.size / MEBI:.0f}",
            "current" if each.id == current else "",
        )
    console().print(
        table if parcels else "No parcel is published yet: `huiju parcel make`, then `huiju parcel publish`"
    )
