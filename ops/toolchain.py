"""``huiju toolchain``: resolve, build and verify the tools the kit runs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from catalog.errors import UserError
from local.toolchain import pins, release, resolve, upkeep
from local.toolchain.download import DownloadError
from local.toolchain.report import to_stderr
from ops.console import console

app = typer.Typer(no_args_is_help=True, help="The tools the kit runs: from PATH, from an official release or built.")

Names = Annotated[list[str] | None, typer.Argument(help="Tools; all when none is named.")]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


@app.command()
def ensure(
    names: Names = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print no paths.")] = False,
) -> None:
    """Make the tools ready; once all are, Go's caches (up to 17 GiB) are dropped."""
    for name in names or pins.load().tools():
        path = resolve.tool(name)
        if not quiet:
            typer.echo(path)
    if not names:
        upkeep.drop_go_caches(to_stderr)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """Every tool: its version and where it comes from."""
    rows = upkeep.states()
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], indent=1))
        return
    table = Table("tool", "version", "from", "path", box=None, pad_edge=False)
    for row in rows:
        table.add_row(row.name, row.version, row.how, row.path or row.detail)
    console().print(table)


@app.command()
def verify() -> None:
    """Hash every cached file against its manifest; exits 1 when something is damaged."""
    faults = upkeep.verify(typer.echo)
    if faults:
        raise UserError(
            "\n".join(["the cache is damaged:", *faults, "Type `huiju toolchain ensure` to make it again."])
        )


@app.command()
def clean(
    everything: Annotated[bool, typer.Option("--all", help="The current tools too.")] = False,
) -> None:
    """Drop old tools, half-made ones, downloads and Go's caches."""
    freed = upkeep.clean(typer.echo, everything)
    typer.echo(f"{freed / 2**30:.1f} GiB freed")


@app.command()
def pin(
    bundle: Annotated[str, typer.Argument(help="Bundle of local/toolchain.yaml with an official release.")],
) -> None:
    """Print the checksum that the release site publishes, to be checked against a second source and committed."""
    row = pins.load().bundles.get(bundle)
    if row is None or row.release is None:
        raise UserError(f"local/toolchain.yaml has no bundle {bundle!r} with a release")
    try:
        typer.echo(f"{release.address(row)}\n{release.published(row)}")
    except DownloadError as error:
        raise UserError(str(error)) from error
