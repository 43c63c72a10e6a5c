"""``huiju load``: what a school day asks of the platform, and load tests that replay a part of it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from catalog import load_named
from catalog.errors import UserError
from loadtests.verdict import Exit
from local import paths
from ops.console import console
from ops.lessons import place
from ops.loads import following, incluster, local, orders, sessions, tables

app = typer.Typer(no_args_is_help=True, help="Capacity plan and load tests by the school timetable.")
CityName = Annotated[str, typer.Option("--city", envvar="CITY", help="A city of catalog/data/, or a folder.")]
Stack = Annotated[str, typer.Option(help="The stack whose platform is meant.")]


@app.command(name="plan")
def plan_command(
    city: CityName = "tiny",
    cache: Annotated[
        list[float] | None, typer.Option(help="Share of a school's segments that its cache serves; may be repeated.")
    ] = None,
    sources: Annotated[bool, typer.Option("--sources", help="Also show the figures behind it.")] = False,
) -> None:
    """What the busiest moments of a school day ask of the platform: requests and megabits per second."""
    ratios = [0.0, 0.9] if cache is None else cache
    if not all(0 <= ratio <= 1 for ratio in ratios):
        raise UserError("--cache takes a share from 0 to 1")
    out = console()
    out.print(tables.capacity(load_named(city), ratios))
    if sources:
        out.print(tables.sources())


@app.command(name="run")
def run_command(
    *,
    minutes: Annotated[float, typer.Option(help="Length of the run.")] = 2,
    scale: Annotated[float, typer.Option(help="Size of the load: 1 is the whole city.")] = 1,
    at: Annotated[str, typer.Option(metavar="HH:MM", help="Middle of the window; without it the sign-in peak.")] = "",
    span: Annotated[float, typer.Option(help="Length of the window, minutes of the school day.")] = 30,
    lesson: Annotated[list[str] | None, typer.Option(metavar="ID", help="Play this lesson; may be repeated.")] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Processes of the load generator here; without it as many as it takes.")
    ] = None,
    in_cluster: Annotated[bool, typer.Option("--in-cluster", help="Make the load from pods of the cluster.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="With --in-cluster: worker pods.")] = 2,
    seed: Annotated[int, typer.Option(help="Another seed, other people.")] = 1,
    report: Annotated[Path | None, typer.Option(help="Where the HTML report goes.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be run, and run nothing.")] = False,
    city: Annotated[str | None, typer.Option("--city", help="For --dry-run: another city than the stack's.")] = None,
    stack: Stack = "local",
) -> None:
    """Replay a part of the school day against the platform, and judge it by the city's targets.

    Exit codes: 0 every target is met, 1 one is missed, 2 the run is broken, 3 one could not be judged and none is missed.
    """
    out = console()
    wish = orders.Wish(minutes, scale, at, span, seed, tuple(lesson or ()))
    try:
        where = None if dry_run and city else place.of_stack(stack)
        facts = load_named(city or (where.city if where else "tiny"))
        run = orders.plan(facts, wish)
        told = orders.expected(facts, run)
        count = processes or min(orders.processes(told), os.cpu_count() or 1)
        crew = f"{workers} worker pods" if in_cluster else f"{count} process{'es' if count > 1 else ''} here"
        out.print(tables.run(facts, run, told, crew))
        for where_to, (asked, passes) in orders.beyond(facts, run).items():
            out.print(Text(tables.BEYOND.format(where=where_to, asked=asked, passes=passes), style="yellow"))
        if dry_run or where is None:
            return
        file = (report or _report()).resolve()
        order = orders.order(where, facts, wish, address=incluster.address() if in_cluster else None)
        tokens = sessions.minted(where, facts, run)
        if in_cluster:
            result = incluster.run(where, order, tokens, workers, report=file, console=out)
        else:
            result = local.run(order, tokens, count, file, out)
        _conclude(result, file, out)
    except (UserError, OSError) as error:  # a full disk has judged no target
        out.print(Text.assemble(("error: ", "bold red"), str(error)))
        raise typer.Exit(Exit.BROKEN) from error
    raise typer.Exit(result.exit)


@app.command(name="clean")
def clean_command(stack: Stack = "local") -> None:
    """Take away what a run inside the cluster left behind when it was cut off, or one that is under way."""
    typer.echo(
        "the load test's namespace is gone" if incluster.clean(place.of_stack(stack)) else "there was nothing to clean"
    )


def _report() -> Path:
    return paths.ROOT / "out" / "load" / time.strftime("%Y%m%d-%H%M%S") / "report.html"


def _conclude(result: following.Result, file: Path, out: Console) -> None:
    """The table, what to know about it, and where the report is."""
    if result.verdicts:
        out.print(tables.verdicts(result.verdicts))
    if result.bottleneck:
        out.print(Text(result.bottleneck, style="yellow"))
    if result.broken:
        out.print(
            Text.assemble(("the run is broken: ", "bold red"), result.broken, f"; see {file.with_suffix('.log')}")
        )
    following.keep(result, file)
    if file.exists():
        out.print(Text(f"report: {_shown(file)}"))


def _shown(file: Path) -> str:
    return os.path.relpath(file) if file.is_relative_to(Path.cwd()) else str(file)
