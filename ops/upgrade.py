"""`huiju upgrade`: the platform's own versions, with a look before, a health check after, and a way back."""

from __future__ import annotations

import sys
import time
from functools import partial
from typing import Annotated

import typer
from rich.table import Table

from catalog.errors import UserError
from ops import health
from ops.console import console
from ops.health import Fact, Verdict
from ops.phases import Phases
from ops.stack import configuration, release, rotation, session, target
from ops.stack.release import Release

app = typer.Typer()
SETTLE_SECONDS = 90
"""How long the platform may take to be healthy after the engine says so: pods that crash do it in the first minute."""


@app.command()
def upgrade(
    stack: Annotated[str, typer.Option(help="Pulumi stack.")] = "local",
    preview: Annotated[bool, typer.Option("--preview", help="Show from what to what, and stop.")] = False,
    rollback: Annotated[bool, typer.Option("--rollback", help="Go back to the release before this one.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Bring the platform to the versions of this checkout; back to the ones before when it is not healthy afterwards."""
    phases = Phases()
    before = next(reversed(release.history(stack)), None)
    if before is None:
        raise UserError(f"stack {stack!r} has never run: huiju up --stack {stack}")
    wanted = release.previous(stack) if rollback else _of_this_checkout(stack, phases)
    changes = release.changes(before, wanted)
    _show(changes, "back to" if rollback else "to")
    if preview or not changes:
        return
    if not yes and sys.stdin.isatty():
        typer.confirm("Go on?", abort=True)
    rotation.resume(phases.say)
    release.put_back(stack, wanted)
    try:
        session.reapply(stack, phases, "rollback" if rollback else "upgrade", partial(_checked, stack, phases))
    except UserError as failure:
        _go_back(stack, before, phases, failure)
    if rollback:
        release.forget_last(stack)
        release.forget_last(stack)
        release.record(stack)


def _of_this_checkout(stack: str, phases: Phases) -> Release:
    """What `huiju up` would put in the stack's file; a file of the user's own says it itself."""
    settings = configuration.settings(stack)
    if configuration.generated(stack):
        with phases.phase("images"):
            references = target.of_settings(settings).deliver(phases.now)
        settings = {**settings, "images": references, **session.manifests()}
    return release.of_settings(settings)


def _show(changes: list[tuple[str, str, str]], heading: str) -> None:
    table = Table("what", "from", heading, box=None)
    for row in changes:
        table.add_row(*row)
    console().print(table if changes else "Nothing to do: these versions run already.")


def _checked(stack: str, phases: Phases) -> None:
    with phases.phase("health"):
        require_health(stack)


def require_health(stack: str) -> None:
    """Wait for a healthy platform. Raises `UserError` naming what is not."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while broken := _broken(stack):
        if time.monotonic() > deadline:
            raise UserError("not healthy: " + "; ".join(f"{fact.component} {fact.detail}" for fact in broken))
        time.sleep(2)


def _broken(stack: str) -> list[Fact]:
    return [fact for fact in health.facts(stack) if fact.verdict is Verdict.BAD]


def _go_back(stack: str, before: Release, phases: Phases, failure: UserError) -> None:
    """Apply the release from before again, and say why."""
    phases.say(f"the upgrade failed, going back: {str(failure).splitlines()[0]}")
    release.put_back(stack, before)
    session.reapply(stack, phases, "upgrade-undone", partial(_checked, stack, phases))
    raise UserError(
        f"the upgrade was rolled back, the platform runs as before. It failed because: {failure}"
    ) from failure
