"""The ``huiju`` command: every module named here is one sub-command, imported only when it is asked for."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperCommand, TyperGroup

from catalog.errors import UserError

COMMANDS = {
    "access": "Who may do what and why, and sessions for trying it out",
    "account": "Accounts of staff and partners, and who of the roster may no longer sign in",
    "audit": "The record of what was decided and done: verify, follow, hand on",
    "catalog": "Check, show and extend the city's facts",
    "cdn": "What links carry, what boxes fetch in the night, what the caches hold",
    "cluster": "The embedded Kubernetes cluster",
    "coverage": "Which schools the platform reaches",
    "database": "How the database is, a backup now, and a restore beside the live one",
    "doctor": "What is missing here, and the command that mends it",
    "down": "Destroy the platform of this clone",
    "env": "Print the shell settings that make plain `pulumi up` work",
    "images": "Build, push and load the container images",
    "lesson": "Publish and list lessons",
    "live": "Stream a class live: start, stop, list, show",
    "load": "Capacity plan and load tests by the school timetable",
    "logs": "Find log lines in the store where they are kept",
    "parcel": "The packages that school boxes install from, and lessons on a stick",
    "roster": "The people of the city's schools, from OneRoster 1.2 files",
    "school": "School boxes: enrol and provision them, make trial ones here",
    "secrets": "Rotate the stack's secrets",
    "status": "Every component, its URL and its health",
    "toolchain": "Resolve, build and verify the tools the kit runs",
    "up": "Provision the platform on this machine or on a given cluster",
    "upgrade": "Upgrade the platform's own versions, or roll them back",
}
"""Sub-command -> help line. The module is ``ops.<name>`` and holds ``app``, a Typer application."""


class LazyGroup(TyperGroup):
    """A group that imports a sub-command's module on first use, so that ``huiju --help`` stays quick."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401  # the type is private to typer
        """Names of the sub-commands, sorted."""
        return sorted(COMMANDS)

    listing = False
    """Whether the sub-commands are only listed, for which their help lines are enough."""

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401  # the types are private to typer
        """The list of sub-commands, without importing them."""
        self.listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self.listing = False

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401  # the types are private to typer
        """The sub-command called ``cmd_name``, or None."""
        if cmd_name not in COMMANDS:
            return None
        if self.listing:
            return TyperCommand(cmd_name, help=COMMANDS[cmd_name])
        command = typer.main.get_command(importlib.import_module(f"ops.{cmd_name}").app)
        command.name, command.short_help = cmd_name, COMMANDS[cmd_name]
        # Completion is installed for the whole command; typer offers it again in each part.
        command.params = [each for each in command.params if each.name not in {"install_completion", "show_completion"}]
        return command


app = typer.Typer(cls=LazyGroup, no_args_is_help=True, help="huiju (汇聚): a city's education platform as code.")


@app.callback()
def root() -> None:
    """huiju (汇聚): a city's education platform as code."""


def main() -> None:
    """Entry point: run the command, show what went wrong outside the kit as one clear message and exit 1."""
    try:
        app()
    except (UserError, OSError) as error:
        Console(stderr=True, soft_wrap=True).print(Text.assemble(("error: ", "bold red"), message(error)))
        sys.exit(1)


def message(error: UserError | OSError) -> str:
    """What to tell the user; `OSError` is what the system refused to any part of the kit."""
    from ops.phases import FULL, full_disk

    if isinstance(error, OSError) and error.errno in FULL:
        return full_disk(error)
    return str(error) or type(error).__name__
