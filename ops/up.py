"""`huiju up`: from whatever is here to a platform that runs, and a lesson that plays."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

import catalog
from catalog.errors import UserError
from infra.profiles import ProfileName
from ops.phases import Phases
from ops.stack import configuration, overrides, placing, session, target

app = typer.Typer()

City = Annotated[
    str,
    typer.Option(
        "--city",
        envvar="CITY",
        help="Catalog to deploy: a folder of catalog/data/, or a path; of a stack that stands, the one it has.",
    ),
]
Stack = Annotated[str, typer.Option("--stack", help="Pulumi stack.")]
Sample = Annotated[
    bool | None,
    typer.Option(
        "--lesson/--no-lesson",
        help="Publish the sample lesson afterwards; unsaid, in stacks of the profile `local` only.",
    ),
]


SETTLED = ("city", "profile", "override", "database_from")
"""Options that become settings of the stack."""


def refuse_what_is_settled(context: typer.Context, stack: str) -> None:
    """Raises `UserError` for options typed beside a stack file that a person wrote: nothing of them would be done."""
    sources = {name: context.get_parameter_source(name) for name in SETTLED}
    typed = [name for name, source in sources.items() if source and source.name == "COMMANDLINE"]
    if typed and not configuration.generated(stack):
        options = ", ".join(f"--{name.replace('_', '-')}" for name in typed)
        raise UserError(
            f"{configuration.file(stack).name} is written by hand and settles {options}: say it there and leave the option out"
        )


def standing(asked: typer.Context, stack: str) -> dict[str, Any]:
    """What the generated file of a stack that something is there of says otherwise than the options, which nobody gave.

    City and profile are given by an option or by the environment; of cells all are here.
    """
    if not (configuration.file(stack).exists() and configuration.generated(stack) and placing.holds_anything(stack)):
        return {}
    settings = configuration.settings(stack)
    sources = {name: asked.get_parameter_source(name) for name in ("city", "profile")}
    unsaid = [name for name, source in sources.items() if source and source.name.startswith("DEFAULT")]
    kept = {name: settings[name] for name in unsaid if settings.get(name, asked.params[name]) != asked.params[name]}
    return {**kept, "overrides": overrides.cells(settings)}


def chosen(asked: typer.Context, stack: str, cells: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """City, profile and overrides of the run, ``cells`` being those that were said; and in words what nobody said and the stack has."""
    stands = standing(asked, stack)
    kept = {cell: value for cell, value in stands.pop("overrides", {}).items() if cell not in cells}
    own = {cell: value for cell, value in {**kept, **cells}.items() if value is not None}
    words = [f"{name} {value}" for name, value in stands.items()] + [
        f"{cell}={json.dumps(kept[cell])}" for cell in kept
    ]
    said = {name: str(asked.params[name]) for name in ("city", "profile")}
    return {**said, **stands, "overrides": own}, ", ".join(words)


def wants_sample(stack: str) -> bool:
    """Whether it is a trial: in production the sample lesson would stand in the city's library, for everybody."""
    return str(configuration.settings(stack)["profile"]) == ProfileName.LOCAL


@app.command()
def up(
    asked: typer.Context,
    *,
    city: City = "tiny",
    stack: Stack = "local",
    kubeconfig: Annotated[Path | None, typer.Option(help="Use this cluster; nothing is started.")] = None,
    context: Annotated[str | None, typer.Option(help="Context of the kubeconfig; names a cluster to use too.")] = None,
    registry: Annotated[str | None, typer.Option(help="Registry that the named cluster pulls from.")] = None,
    profile: Annotated[
        ProfileName,
        typer.Option(
            help="Row of infra/profiles.py for a generated stack file; of a stack that stands, the one it has."
        ),
    ] = ProfileName.LOCAL,
    override: Annotated[
        list[str] | None,
        typer.Option(
            help="CELL=VALUE of that row, for this stack only, beside those it has; CELL=null: the row's own."
        ),
    ] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Show what would change, and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Accepted for habit's sake; nothing is asked.")] = True,
    refresh: Annotated[bool, typer.Option("--refresh", help="Read every object back first.")] = False,
    database_from: Annotated[
        str | None,
        typer.Option(help="Fill new instances of the database from this archive; `huiju database status` names them."),
    ] = None,
    lesson: Sample = None,
    break_lock: Annotated[bool, typer.Option("--break-lock", help="Clear a lock that another host holds.")] = False,
) -> None:
    """Provision the platform on this machine, or on the cluster that you name.

    City, profile and overrides of a stack that stands stay as they are where you do not say them.
    """
    del yes
    refuse_what_is_settled(asked, stack)
    settings, kept = chosen(asked, stack, overrides.parse(override or ()))
    city = settings["city"]
    if city not in catalog.named():
        city = str(catalog.find(city).resolve())  # the engine runs the program in another folder
    catalog.load(catalog.find(city))
    wanted = session.Wanted(
        stack=stack,
        **{**settings, "city": city},
        refresh=refresh,
        break_lock=break_lock,
        database_from=database_from,
    )
    os.environ["CITY"] = city
    phases = Phases()
    if kept:
        phases.say(f"not said, so as stack {stack!r} has it: {kept}")
    cluster = target.named(kubeconfig, context, registry)
    session.provision(wanted, cluster, phases, preview=preview)
    if preview:
        return
    if wants_sample(stack) if lesson is None else lesson:
        session.publish_sample(wanted, phases)
    phases.keep()
    session.announce(wanted, cluster, phases)
