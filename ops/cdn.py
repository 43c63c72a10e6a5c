"""``huiju cdn``: what links carry, what boxes fetch in the night, how far they are; have the caches hold a lesson, or give it up."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from catalog import City, load_named, names
from catalog.errors import UserError
from derive import link_budget, video_token, withdrawal
from derive.prefetch import Night, Plan, crossing, refusal, refusals, sentence
from infra.plan import ports
from loadtests import lesson_week
from loadtests.replay import Replay
from ops import school_codes
from ops.accesses import deployed
from ops.audits import deeds
from ops.audits.deeds import Deed
from ops.cdns import (
    budgets,
    doors,
    link_samples,
    measured,
    nights,
    places,
    plan_table,
    progress,
    purging,
    rights,
    standing,
    timetable,
    warming,
    week_table,
)
from ops.cdns.bars import Bars
from ops.console import console
from ops.lessons import library, place

app = typer.Typer(
    no_args_is_help=True, help="The video CDN: what links carry, what boxes fetch in the night, what the caches hold."
)
CityName = Annotated[str, typer.Option("--city", envvar="CITY", help="A city of catalog/data/, or a folder.")]
Stack = Annotated[str, typer.Option(help="The stack whose platform is meant.")]
School = Annotated[str | None, typer.Option(metavar="CODE", help="This school only.")]
Measured = Annotated[
    Path | None,
    typer.Option(
        "--measured", metavar="FILE", help="Rates as measured, CSV or YAML: school, mbps. The slower one counts."
    ),
]
MeasuredLive = Annotated[
    bool,
    typer.Option(
        "--measured-live",
        help="Rates as the schools' boxes last measured them, asked of the running platform's Prometheus.",
    ),
]
MEBI = 2**20
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@app.command(name="budget")
def budget_command(  # noqa: PLR0917  # typer makes options of them
    city: CityName = "tiny",
    school: School = None,
    measured_file: Measured = None,
    measured_live: MeasuredLive = False,
    timetable_file: Annotated[
        Path | None,
        typer.Option(
            "--timetable",
            metavar="FILE",
            help="Beside them the recorded lessons of a day that no night brings; the same file as for `plan`.",
        ),
    ] = None,
    without_boxes: Annotated[bool, typer.Option("--without-boxes", help="As if no school had a box.")] = False,
    as_json: AsJson = False,
    stack: Annotated[
        str, typer.Option(help="With --measured-live or --timetable: the stack whose platform is asked.")
    ] = "local",
) -> None:
    """Whether the links carry the live classes that are promised. Exit code 1 where one cannot, with what would fit.

    With --timetable also the recorded lessons of that day that no night brings; nothing is published.
    """
    facts = load_named(city)
    known(facts, school)
    told = measured.read(measured_file, facts) if measured_file else {}
    day = timetable.read(timetable_file, facts) if timetable_file else None
    samples = _samples(_of(facts, stack), facts) if measured_live else {}
    rates = link_samples.slowest(told, samples)
    plans = _plans(Night(facts, day.day, rates, not without_boxes), day, _of(facts, stack)) if day else ()
    recorded = crossing(facts, day.day, day.showings, plans) if day else ()
    links = link_budget.Budget(facts, rates, not without_boxes, recorded)
    verdicts = [each for each in (*links.districts(), *links.schools()) if school in {None, each.id}]
    if as_json:
        typer.echo(json.dumps(budgets.document(facts, verdicts, samples), ensure_ascii=False, indent=2))
    else:
        shown = [each for each in verdicts if school or each.streams or not each.fits]
        console().print(budgets.table(facts, shown, samples))
        for said in (sentence(facts, plan) for plan in plans if plan.left_out and school in {None, plan.school}):
            console().print(Text(said, style="yellow"))
        console().print(Text(budgets.summary(verdicts, day.day if day else None)))
        if measured_live:
            console().print(Text(link_samples.summary(facts, samples)))
        _refuse([refusal(facts, each, plans) for each in verdicts if not each.fits])
    if not all(each.fits for each in verdicts):
        raise typer.Exit(1)


@app.command(name="plan")
def plan_command(  # noqa: PLR0917  # typer makes options of them
    timetable_file: Annotated[
        Path, typer.Argument(metavar="TIMETABLE", help="CSV or YAML: date, school, period, lesson, classes; one day.")
    ],
    school: School = None,
    publish: Annotated[
        bool, typer.Option("--publish/--preview", help="Hand the plans to the boxes, or only show them.")
    ] = False,
    partial: Annotated[
        bool, typer.Option("--partial", help="Leave out what neither night nor day carries, or nobody may watch.")
    ] = False,
    replace_day: Annotated[
        bool, typer.Option("--replace-day", help="Also where plans of another day end whose night is not over.")
    ] = False,
    measured_file: Measured = None,
    measured_live: MeasuredLive = False,
    stack: Stack = "local",
) -> None:
    """What each school's box fetches in the night before. Interrupted, the same command goes on.

    Where lessons that no night brings do not fit beside the live classes either, nothing is published and the exit code is 1: change
    the timetable, or add --partial.
    """
    where = place.of_stack(stack)
    city = load_named(where.city)
    known(city, school)
    day = timetable.read(timetable_file, city)
    told = measured.read(measured_file, city) if measured_file else {}
    night = Night(city, day.day, link_samples.slowest(told, _samples(where, city) if measured_live else {}))
    bars = Bars(Console(stderr=True))
    # Before the lessons are looked up: what is withdrawn from here on is newer than the plans.
    now = datetime.now(UTC)
    with where.buckets() as (_, lessons), bars.progress:
        deployed.tell(where, city)
        may = rights.Rights.of(city, where.stack)
        found = nights.find(day, lessons, may, bars.step, partial=partial, school=school)
        plans = [plan for plan in night.plans(found.showings, found.media) if school in {None, plan.school}]
        there = nights.of_bucket(lessons)
        in_force = standing.of(city, there, now)
        ends = standing.ending(in_force, plans, whole=school is None)
        tight, written = refusals(night, found.showings, plans), None
        refused = bool(tight) and not partial
        if publish and not refused:
            nights.refuse_late(plans, now, city.timezone)
            if not replace_day:
                standing.refuse_other_day(ends, day.day)
            facts = deeds.given(school=school, plans=sum(not plan.why for plan in plans))
            with deeds.noted(where, Deed("cdn-plan", f"plans/{day.day}", facts)):
                written = nights.publish(night, plans, there, lessons, now, bars.step, whole=school is None)
    console().print(plan_table.table(city, plans))
    for said in filter(None, (sentence(city, plan) for plan in plans)):
        console().print(Text(said, style="yellow"))
    if said := standing.sentence(ends):
        console().print(Text(f"{'published' if written else 'publishing'}: {said}", style="yellow"))
    console().print(Text(plan_table.outcome(plans, written, refused=refused)))
    if refused:
        _refuse(tight)
        raise typer.Exit(1)
    for said in (*found.left_out, *tight):
        console().print(Text(f"accepted: {said}", style="yellow"))


@app.command(name="cancel")
def cancel_command(
    school: School = None,
    publish: Annotated[
        bool, typer.Option("--publish/--preview", help="Tell the boxes, or only show what would end.")
    ] = False,
    stack: Stack = "local",
) -> None:
    """Take back the plans whose night is not over, without others in their place. What boxes fetched already stays."""
    where = place.of_stack(stack)
    city = load_named(where.city)
    known(city, school)
    now, bars = datetime.now(UTC), Bars(Console(stderr=True))
    with where.buckets() as (_, lessons), bars.progress:
        there = nights.of_bucket(lessons)
        found = [each for each in standing.of(city, there, now) if school in {None, each.school}]
        if publish and found:
            with deeds.noted(where, Deed("cdn-cancel", "plans", deeds.given(school=school, plans=len(found)))):
                nights.take_back(city, found, there, lessons, now, bars.step)
    if not found:
        typer.echo("no plan is in force: nothing to take back")
        return
    for each in found:
        typer.echo(f"{each.school}  {city.school(each.school).name.zh}  {each.day}  {each.version}")
    done = "taken back" if publish else "nothing was taken back: add --publish to tell the boxes"
    typer.echo(f"the plans of {standing.days(found)}: {done}")


@app.command(name="status")
def status_command(school: School = None, as_json: AsJson = False, stack: Stack = "local") -> None:
    """How far each school's box is with its plan, its last word, how much it serves from its cache, and what it heard of withdrawals."""
    where = place.of_stack(stack)
    city = load_named(where.city)
    known(city, school)
    with where.buckets() as (_, lessons):
        plans = nights.of_bucket(lessons)
        withdrawn = withdrawal.moments(withdrawal.entries(lessons.read_json(withdrawal.KEY)))
    now = datetime.now(UTC).timestamp()
    with where.forwarded(names.MONITORING, names.PROMETHEUS, ports.PROMETHEUS) as url:
        said = progress.ask(url, city, now)
    rows = [each for each in progress.of(city, plans, said, now, withdrawn) if school in {None, each.school}]
    if as_json:
        typer.echo(json.dumps(progress.document(rows), ensure_ascii=False, indent=2))
        return
    console().print(progress.table(city, rows))
    console().print(Text(progress.summary(rows)))


@app.command(name="week")
def week_command(
    city: CityName = "tiny",
    days: Annotated[int, typer.Option(min=1, max=7, help="Only so many school days of it.")] = 7,
    seed: Annotated[int, typer.Option(help="Another seed, another timetable.")] = 1,
) -> None:
    """A made-up week replayed through the caches, with and without fetching ahead: hits, bytes and peaks of links."""
    facts = load_named(city)
    shows = lesson_week.shows(facts, lesson_week.first_monday(facts), seed)
    kept = sorted({show.day for show in shows})[:days]
    replay = Replay(facts, tuple(show for show in shows if show.day in kept))
    console().print(week_table.table(replay, replay.run(ahead=False), replay.run(ahead=True)))


@app.command(name="purge")
def purge_command(
    lesson_id: Annotated[str | None, typer.Argument(metavar="[LESSON]", help="All of this lesson.")] = None,
    path: Annotated[
        list[str] | None, typer.Option(metavar="PATH", help="Only this path of a lesson; may be repeated.")
    ] = None,
    stack: Stack = "local",
) -> None:
    """Have every cache give a lesson up: the shield, the districts' edges, the schools' boxes. It stays published."""
    if (lesson_id is None) == (not path):
        raise UserError("name a lesson, or paths of it with --path")
    named = lesson_id or _lesson(path or [])
    where, bars = place.of_stack(stack), Bars(Console(stderr=True))
    with where.buckets() as (_, lessons):
        paths = path or purging.paths_of(lessons, named)
        with bars.progress, deeds.noted(where, Deed("cdn-purge", named, {"paths": len(paths)})):
            keep = withdrawal.kept(load_named(where.city))
            held = purging.everywhere(where, lessons, named, paths, keep, bars.step)
    typer.echo(purging.told(paths, held))


def _lesson(paths: list[str]) -> str:
    """The one lesson of these paths. UserError when there is none, or more than one."""
    found = {path.split("/")[2] if path.startswith("/lessons/") else "" for path in paths}
    try:
        (named,) = found
        video_token.media_path(named)
    except ValueError:
        raise UserError("paths are spelt /lessons/<lesson>/..., all of one lesson") from None
    return named


@app.command(name="warm")
def warm_command(
    lesson_id: Annotated[str, typer.Argument(metavar="LESSON", help="As `huiju lesson list` shows it.")],
    school: Annotated[
        str | None, typer.Option(metavar="CODE", help="Only the edge that this school's box asks.")
    ] = None,
    mbps: Annotated[float | None, typer.Option(min=0.1, help="Mbit/s for each cache at most.")] = None,
    stack: Stack = "local",
) -> None:
    """Have the caches in the cluster hold a lesson before a school asks. Interrupted, the same command goes on."""
    where, bars = place.of_stack(stack), Bars(Console(stderr=True))
    facts = load_named(where.city)
    known(facts, school)
    with where.buckets() as (_, lessons):
        wanted = warming.objects(lessons, lesson_id)
        of = library.facts(library.record(lessons, lesson_id), lesson_id)
        deployed.tell(where, facts)
        rights.Rights.of(facts, where.stack).refuse(of, school, datetime.now(UTC))
    caches = warming.through(doors.of(where), facts.school(school).district if school else None)
    with deeds.noted(where, Deed("cdn-warm", lesson_id, deeds.given(school=school))):
        with bars.progress:
            found = warming.warm(caches, wanted, bars.step, mbps)
        for each in found:
            rate = each.fetched * 8 / 1e6 / each.seconds if each.seconds else 0.0
            typer.echo(
                f"{each.name}  {each.fetched / MEBI:.1f} MiB fetched, {rate:.1f} Mbit/s{each.why and f'  NOT ALL: {each.why}'}"
            )
        if not found or any(each.why for each in found):
            raise UserError("not every cache holds it: run it again" if found else "no cache runs: `huiju status` says")


@app.command(name="places")
def places_command(stack: Stack = "local") -> None:
    """Where the edge and the gateway of each district with a zone run. Exit code 1 where one is elsewhere, and spares no link."""
    where = place.of_stack(stack)
    found = places.of(where, load_named(where.city))
    for each in found:
        console().print(Text(each.sentence, style="" if each.there else "red"))
    if not found:
        typer.echo("no district has a zone and an edge: nothing has a place of its own")
    if not all(each.there for each in found):
        raise typer.Exit(1)


def _of(city: City, stack: str) -> place.Place:
    """The platform of ``stack``. Raises `UserError` where that is another city's."""
    where = place.of_stack(stack)
    if (theirs := load_named(where.city)).id != city.id:
        raise UserError(
            f"the platform of stack {where.stack} is of the city {theirs.id}, not {city.id}: add --city {where.city}, or --stack"
        )
    return where


def _plans(night: Night, day: timetable.Day, where: place.Place) -> tuple[Plan, ...]:
    """What the boxes would fetch for ``day``, of the lessons in the library of ``where``."""
    bars = Bars(Console(stderr=True))
    with where.buckets() as (_, lessons), bars.progress:
        deployed.tell(where, night.city)
        found = nights.find(day, lessons, rights.Rights.of(night.city, where.stack), bars.step)
    return night.plans(found.showings, found.media)


def _samples(where: place.Place, city: City) -> dict[str, link_samples.Sample]:
    """What the boxes of ``city``, whose platform is at ``where``, measured."""
    with where.forwarded(names.MONITORING, names.PROMETHEUS, ports.PROMETHEUS) as url:
        return link_samples.ask(url, city, datetime.now(UTC).timestamp())


def known(city: City, school: str | None) -> None:
    """Raise `UserError` where ``school`` is given and none of the city's."""
    if school is not None and school not in city.by_code:
        raise UserError(school_codes.unknown(school, city))


def _refuse(sentences: list[str]) -> None:
    out = Console(stderr=True, soft_wrap=True)
    for each in sentences:
        out.print(Text.assemble(("error: ", "bold red"), each))
