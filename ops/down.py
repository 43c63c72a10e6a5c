"""`huiju down`: take the platform away, and with `--cluster` the embedded cluster too."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from catalog.errors import UserError
from ops.phases import Phases
from ops.stack import configuration, session

app = typer.Typer()


@app.command()
def down(
    stack: Annotated[str, typer.Option(help="Pulumi stack.")] = "local",
    with_cluster: Annotated[bool, typer.Option("--cluster", help="Stop the embedded cluster afterwards.")] = False,
    destroy_protected: Annotated[
        str, typer.Option(metavar="STACK", help="Name a protected stack once more to destroy it; its volumes stay.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    break_lock: Annotated[bool, typer.Option("--break-lock", help="Clear a lock that another host holds.")] = False,
) -> None:
    """Destroy the platform: every object that the stack made, lessons included."""
    phases = Phases()
    if configuration.file(stack).exists():
        protected = configuration.settings(stack).get("profile") == "prod"
        if protected and destroy_protected != stack:
            raise UserError(f"stack {stack!r} is protected: add --destroy-protected {stack} to destroy it")
        if not (yes or destroy_protected) and sys.stdin.isatty():
            typer.confirm(f"Destroy the platform of stack {stack!r}, its lessons included?", abort=True)
        session.destroy(session.Wanted(stack=stack, break_lock=break_lock), phases, protected=protected)
    if with_cluster:
        from local import cluster

        with phases.phase("cluster down"):
            cluster.down(phases.now)
