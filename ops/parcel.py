"""``huiju parcel``: the packages that school boxes install from, and lessons on a stick for schools without a link."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from catalog import load_named
from catalog.errors import UserError
from derive import lesson, school_box
from local.school import material
from ops.audits import deeds
from ops.audits.deeds import Deed
from ops.console import console
from ops.lessons import place
from ops.parcels import carrying, making, publishing, stick
from ops.phases import Phases
from ops.schools import visit

app = typer.Typer(no_args_is_help=True)
Stack = Annotated[str, typer.Option(help="The stack whose platform is meant.")]
MEBI = 2**20


@app.callback()
def root() -> None:
    """What is signed for school boxes: the packages that they install from, and lessons on a stick."""


@app.command(name="make")
def make_command(  # noqa: PLR0917 - typer makes options of them
    refresh: Annotated[bool, typer.Option("--refresh", help="Take today's versions instead of this month's.")] = False,
    lessons: Annotated[
        str, typer.Option("--lessons", metavar="L1,L2", help="A parcel of these lessons instead, for a stick.")
    ] = "",
    school: Annotated[
        str,
        typer.Option(
            "--school", metavar="CODE", help="A parcel of what this school's published plan has, for a stick."
        ),
    ] = "",
    renditions: Annotated[
        str, typer.Option(metavar="R1,R2", help="With lessons: only these renditions; else all, or the plan's.")
    ] = "",
    to: Annotated[Path | None, typer.Option("--to", metavar="DIR", help="With lessons: where the stick is.")] = None,
    stack: Stack = "local",
) -> None:
    """Gather what a box needs, with exact versions, and sign its index; nothing is published.

    With --lessons or --school: gather lessons for a stick instead. `huiju-parcel apply DIR` on the box puts them into its cache.
    """
    if lessons or school or to or renditions:
        _make_lessons(_words(lessons), school, _words(renditions), to, stack)
        return
    phases = Phases()
    with phases.phase("packages"):
        debs = material(school_box.PACKAGES, phases.now, day=time.strftime("%Y-%m-%d") if refresh else "") / "pool"
    with phases.phase("index"):
        parcel = making.make(debs)
    typer.echo(
        f"{parcel.id}  {len(parcel.packages)} packages, {parcel.size / MEBI:.0f} MiB: {making.folder() / parcel.id}"
    )


def _words(text: str) -> list[str]:
    """What stands between commas."""
    return [each.strip() for each in text.split(",") if each.strip()]


def _make_lessons(named: list[str], school: str, renditions: list[str], to: Path | None, stack: str) -> None:
    if not (named or school) or to is None:
        raise UserError("a parcel of lessons needs --lessons or --school, and --to with the folder of the stick")
    phases, where = Phases(), place.of_stack(stack)
    licences = load_named(where.city).licences
    with phases.phase("lessons"), where.buckets() as (_, bucket):
        planned = stick.planned(bucket, school) if school else {}
        asked = dict.fromkeys(named, renditions)
        asked |= {each: renditions or mine for each, mine in planned.items() if each not in asked}
        # What is no id is refused below; until then it may be anything.
        ids = " ".join(each for each in asked if lesson.LESSON_ID.fullmatch(each))
        facts = deeds.given(lessons=ids, school=school if planned else None)
        with deeds.noted(where, Deed("parcel-make", "parcel/lessons", facts)):
            made = stick.make(
                bucket, asked, to, lambda done, total: phases.now(f"{100 * done // max(1, total)} %"), licences
            )
    typer.echo(f"{len(asked)} lessons, {made.files} files, {made.size / MEBI:.0f} MiB: {to}")


@app.command(name="apply")
def apply_command(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A parcel of lessons, as `huiju parcel make` makes it with --lessons.")
    ],
    school: Annotated[str, typer.Option(metavar="CODE", help="The school whose box is to take it.")],
) -> None:
    """Bring a parcel of lessons to a box over its technicians' way in. With a stick in the box itself: `huiju-parcel apply DIR`."""
    carrying.apply(folder, lambda words: visit.command(school, words))


@app.command(name="publish")
def publish_command(stack: Stack = "local") -> None:
    """Bring the parcel that was made last to the platform; new boxes install it. Run again, it goes on where it stopped."""
    current = making.folder() / making.CURRENT
    if not current.exists():
        raise UserError("no parcel is made here yet: `huiju parcel make` first")
    parcel = making.parse((making.folder() / json.loads(current.read_text())["id"] / making.MANIFEST).read_text())
    phases, where = Phases(), place.of_stack(stack)
    with (
        phases.phase("upload"),
        publishing.bucket_of(where) as bucket,
        deeds.noted(where, Deed("parcel-publish", f"parcel/{parcel.id}")),
    ):
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
