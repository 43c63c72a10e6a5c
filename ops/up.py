"""`huiju up`: from whatever is here to a platform that runs, and a lesson that plays."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

import catalog
from catalog.errors import UserError
from infra.profiles import ProfileName
from ops.phases import Phases
from ops.stack import configuration, overrides, session, target

app = typer.Typer()

City = Annotated[
    str, typer.Option("--city", envvar="CITY", help="Catalog to deploy: a folder of catalog/data/, or a path.")
]
Stack = Annotated[str, typer.Option("--stack", help="Pulumi stack.")]


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
        ProfileName, typer.Option(help="Row of infra/profiles.py for a generated stack file.")
    ] = ProfileName.LOCAL,
    override: Annotated[list[str] | None, typer.Option(help="CELL=VALUE of that row, for this stack only.")] = None,
    preview: Annotated[bool, typer.Option("--preview", help="Show what would change, and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Accepted for habit's sake; nothing is asked.")] = True,
    refresh: Annotated[bool, typer.Option("--refresh", help="Read every object back first.")] = False,
    database_from: Annotated[
        str | None,
        typer.Option(help="Fill new instances of the database from this archive; `huiju database status` names them."),
    ] = None,
    lesson: Annotated[bool, typer.Option(help="Publish the sample lesson afterwards.")] = True,
    break_lock: Annotated[bool, typer.Option("--break-lock", help="Clear a lock that another host holds.")] = False,
) -> None:
    """Provision the platform on this machine, or on the cluster that you name."""
    del yes
    refuse_what_is_settled(asked, stack)
    if city not in catalog.named():
        city = str(catalog.find(city).resolve())  # the engine runs the program in another folder
    catalog.load(catalog.find(city))
    wanted = session.Wanted(
        stack=stack,
        city=city,
        profile=profile.value,
        overrides=overrides.parse(override or ()),
        refresh=refresh,
        break_lock=break_lock,
        database_from=database_from,
    )
    os.environ["CITY"] = city
    phases = Phases()
    cluster = target.named(kubeconfig, context, registry)
    session.provision(wanted, cluster, phases, preview=preview)
    if preview:
        return
    if lesson:
        session.publish_sample(wanted, phases)
    phases.keep()
    session.announce(wanted, cluster, phases)
