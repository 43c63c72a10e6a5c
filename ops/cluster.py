"""``huiju cluster``: the embedded Kubernetes cluster of this clone."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from local import cluster, paths
from local.cluster import log_files
from local.cluster.layout import layout
from ops.console import console

app = typer.Typer(no_args_is_help=True)
out = console()
COLOURS = {"running": "green", "starting": "yellow", "failing": "red", "stopped": "dim"}


def _progress(text: str) -> None:
    out.print(f"[dim]{time.strftime('%H:%M:%S')}[/dim] {text}")


@app.callback()
def root() -> None:
    """The embedded Kubernetes cluster of this clone."""


@app.command()
def up() -> None:
    """Start it, or mend what is broken; quick when it is up."""
    out.print(f"kubeconfig: {cluster.up(_progress)}")


@app.command()
def down() -> None:
    """Stop it; its data stay."""
    cluster.down(_progress)


@app.command()
def reset(yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False) -> None:
    """Stop it and delete its data."""
    if not yes:
        typer.confirm(f"Delete every object, volume and key of the cluster in {paths.cluster_dir()}?", abort=True)
    cluster.reset(_progress)


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="For programs")] = False) -> None:
    """Show its processes. Exit code 1 when one is not running."""
    parts = cluster.status()
    if as_json:
        typer.echo(json.dumps([asdict(part) for part in parts]))
    else:
        table = Table("part", "state", "pid", "since", "detail", box=None)
        for part in parts:
            since = time.strftime("%F %T", time.localtime(part.since)) if part.since else ""
            colour = COLOURS[part.state]
            table.add_row(part.name, f"[{colour}]{part.state}[/{colour}]", str(part.pid or ""), since, part.detail)
        out.print(table)
    if any(part.state != "running" for part in parts):
        raise typer.Exit(1)


@app.command()
def logs(
    part: Annotated[str | None, typer.Argument(help="Part; without it, the parts are listed")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many of the last lines")] = 100,
) -> None:
    """Show a part's log."""
    if part is None:
        typer.echo("\n".join(log_files.names(layout())))
        return
    typer.echo("\n".join(cluster.logs(part, lines)))
    for line in log_files.follow(layout(), part) if follow else ():
        typer.echo(line)


@app.command()
def verify(context: Annotated[str | None, typer.Option(help="A context of your kubeconfig")] = None) -> None:
    """Prove with two pods that the cluster in use enforces NetworkPolicies. Exit code 1 when it is not proven."""
    verdict = cluster.verify_network_policies(cluster.target(context))
    out.print(f"network policies: {verdict}")
    if verdict != "enforced":
        raise typer.Exit(1)
