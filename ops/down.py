"""`huiju down`: take the platform away, and with `--cluster` the embedded cluster too."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from catalog.errors import UserError
from ops.phases import Phases
from ops.stack import configuration, placing, protection, session
from ops.stack.protection import Protection

app = typer.Typer()


@app.command()
def down(
    stack: Annotated[str, typer.Option(help="Pulumi stack.")] = "local",
    with_cluster: Annotated[bool, typer.Option("--cluster", help="Stop the embedded cluster afterwards.")] = False,
    destroy_protected: Annotated[
        str,
        typer.Option(
            metavar="STACK", help="Name a protected stack once more to destroy it; what is marked to stay, stays."
        ),
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    break_lock: Annotated[bool, typer.Option("--break-lock", help="Clear a lock that another host holds.")] = False,
) -> None:
    """Destroy the platform: every object that the stack made, lessons included."""
    phases = Phases()
    if configuration.file(stack).exists():
        found = protection.of(stack)
        if placing.holds_anything(stack):
            _agree(stack, found, named=destroy_protected == stack, yes=yes)
        session.destroy(session.Wanted(stack=stack, break_lock=break_lock), phases, protected=found.counts)
    if with_cluster:
        from local import cluster

        with phases.phase("cluster down"):
            cluster.down(phases.now)


def _agree(stack: str, found: Protection, *, named: bool, yes: bool) -> None:
    """Raises `UserError` where more has to be typed before the stack is destroyed, and `typer.Abort` where the answer is no."""
    if found.counts and not named:
        raise UserError(f"stack {stack!r} is protected: add --destroy-protected {stack} to destroy it{_volumes(found)}")
    if yes or (named and found.kept):
        return
    if sys.stdin.isatty():
        typer.confirm(f"Destroy the platform of stack {stack!r}, its lessons included?", abort=True)
    elif named:
        # Whoever types it counts on the volumes.
        raise UserError(
            f"nothing of stack {stack!r} is marked to stay: its volumes go with it. Add --yes where you mean that"
        )


def _volumes(found: Protection) -> str:
    if found.kept:
        return "; its volumes stay"
    return ". Nothing that stands is marked to stay yet, so its volumes would go: `huiju up` marks it"
