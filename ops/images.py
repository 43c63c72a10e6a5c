"""``huiju images``: build the container images and bring them to where pods run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
import yaml
from rich.table import Table

from catalog.errors import UserError
from local import images, settings
from local.images import context, inventory, sbom, targets
from local.images.report import to_stderr
from ops.console import console

app = typer.Typer(no_args_is_help=True)
out = console()
Names = Annotated[list[str] | None, typer.Argument(help="Images; all when none is named")]


@app.callback()
def root() -> None:
    """The container images: local/images.yaml names them all."""


@app.command("list")
def show(as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False) -> None:
    """Every image, whether it is built, and its reference."""
    rows = inventory.rows()
    if as_json:
        typer.echo(json.dumps([row.as_json() for row in rows], ensure_ascii=False))
        return
    table = Table("image", "built", "MiB", "seconds", "digest", "for", box=None)
    for row in rows:
        size, seconds = (f"{row.mebibytes:.0f}", f"{row.seconds:.0f}") if row.built else ("", "")
        table.add_row(
            row.name, "yes" if row.built else "no", size, seconds, row.reference.rpartition(":")[2][:12], row.title
        )
    out.print(table)


@app.command()
def build(names: Names = None) -> None:
    """Build what is missing, changed or damaged, and print the references."""
    for image in images.build(names).values():
        typer.echo(image.reference)


@app.command()
def load(
    names: Names = None,
    target: Annotated[targets.Target, typer.Option(help="Kind of cluster")] = targets.Target.EMBEDDED,
    cluster: Annotated[str, typer.Option(help="Name of the kind or k3d cluster")] = "",
) -> None:
    """Build what is missing and import it into a cluster's own image store."""
    for reference in images.load(target, names, cluster).values():
        typer.echo(reference)


@app.command()
def push(
    registry: Annotated[
        str, typer.Argument(help="HOST/PATH or HOST:PORT/PATH; default: images.registry of the settings")
    ] = "",
    name: Annotated[list[str] | None, typer.Option(help="Only these images")] = None,
    plain_http: Annotated[bool, typer.Option("--plain-http", help="The registry speaks no TLS")] = False,
) -> None:
    """Copy the images to a registry and print the stack settings that use them."""
    where = registry or settings.load().images.registry
    if not where:
        raise UserError("no registry: type `huiju images push HOST/PATH`, or set images.registry in the settings file.")
    pushed = images.push(where, name, tls=not plain_http)
    typer.echo(yaml.safe_dump({"config": {"huiju:images": pushed}}, sort_keys=True), nl=False)


@app.command("sbom")
def bill(
    name: Annotated[str, typer.Argument(help="Image")],
    as_json: Annotated[bool, typer.Option("--json", help="The CycloneDX document itself")] = False,
) -> None:
    """What is inside an image, with versions; written when it was built."""
    file = inventory.built(name).sbom
    if as_json:
        typer.echo(file.read_text(encoding="utf-8"), nl=False)
        return
    table = Table("kind", "name", "version", box=None)
    for component in sbom.read(file):
        table.add_row(component.kind, component.name, component.version)
    out.print(table)


@app.command("context")
def export(
    name: Annotated[str, typer.Argument(help="Image")],
    folder: Annotated[Path, typer.Argument(help="New folder")],
) -> None:
    """Write an image's complete build context, for a builder of your own."""
    if folder.exists() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty: name a new folder.")
    context.gather(name, folder, to_stderr)
    out.print(context.recipe(name, folder))


@app.command()
def clean() -> None:
    """Delete every cached image, of this clone or any other; the next build makes them again."""
    out.print(f"{inventory.clean() / 2**20:.0f} MiB freed")
