"""``huiju env``: the shell settings that make plain ``pulumi up`` and ``kubectl`` work in this clone."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer

from ops.schools import ansible
from ops.stack import engine

app = typer.Typer(help='Print shell settings: eval "$(huiju env)"')


class Shell(StrEnum):
    """Whose syntax to print."""

    SH = "sh"
    FISH = "fish"
    CSH = "csh"


def _sh(name: str, value: str) -> str:
    return f"export {name}={shlex.quote(value)}"


def _fish(name: str, value: str) -> str:
    words = value.split(":") if name == "PATH" else [value]
    return f"set -gx {name} " + " ".join("'" + word.replace("\\", "\\\\").replace("'", "\\'") + "'" for word in words)


def _csh(name: str, value: str) -> str:
    # csh expands ! even inside single quotes.
    return f"setenv {name} " + shlex.quote(value).replace("!", "\\!")


SYNTAX: dict[Shell, Callable[[str, str], str]] = {Shell.SH: _sh, Shell.FISH: _fish, Shell.CSH: _csh}


def lines(variables: dict[str, str], shell: Shell) -> list[str]:
    """The settings as lines of ``shell``, each value quoted so that nothing in it is run."""
    return [SYNTAX[shell](name, value) for name, value in sorted(variables.items())]


@app.command()
def env(
    shell: Annotated[Shell, typer.Option(help="Syntax of the lines.")] = Shell.SH,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead.")] = False,
) -> None:
    """Print PATH, Pulumi's backend, home and passphrase file, and the embedded cluster's kubeconfig, for this clone.

    Use it as  eval "$(huiju env)"  and then plain pulumi and kubectl; fish: huiju env --shell fish | source.
    """
    variables = {**engine.shell(), **ansible.variables()}
    typer.echo(json.dumps(variables, indent=1, sort_keys=True) if as_json else "\n".join(lines(variables, shell)))
