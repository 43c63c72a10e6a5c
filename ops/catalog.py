"""``huiju catalog``: check, show and extend the city's facts."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from rich.console import RenderableType
from rich.syntax import Syntax
from rich.text import Text

from catalog import CatalogError, City, Problem, find, load, named, noticed
from catalog.errors import UserError
from catalog.extending import add_school
from catalog.generate import schemas
from catalog.problems import displayed, shown
from catalog.school import Locality, Medium, School, SchoolKind
from catalog.types import Provenance
from catalog.wording import did_you_mean, sentence
from derive.moments import today
from ops.catalog_tables import city_tables, district_table, result_table, school_table
from ops.console import console

app = typer.Typer(no_args_is_help=True)
out = console()

Where = Annotated[str, typer.Argument(metavar="CITY", help="A city of catalog/data/, or the path of a folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs")]


@app.callback()
def root() -> None:
    """Check, show and extend the city's facts."""


@app.command()
def check(
    cities: Annotated[
        list[str] | None, typer.Argument(metavar="[CITY]...", help="Default: every city of catalog/data/.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Load a city and check every fact. All problems are shown at once; exit code 1 when there is one.

    What is over or not yet signed today is told as a warning, with file and line; it changes no exit code.
    """
    results = {name: _checked(name) for name in cities or named()}
    problems = [
        problem for result in results.values() if isinstance(result, CatalogError) for problem in result.problems
    ]
    if as_json:
        typer.echo(
            json.dumps([_as_data(name, result) for name, result in results.items()], ensure_ascii=False, indent=2)
        )
        raise typer.Exit(1 if problems else 0)
    sound = {name: result for name, result in results.items() if isinstance(result, City)}
    if sound:
        out.print(result_table(sound))
        for problem in (each for name, city in sound.items() for each in _noticed(name, city)):
            out.print(Text.assemble(("warning: ", "yellow"), str(problem)))
    if problems:
        raise CatalogError(problems)


def _checked(name: str) -> City | CatalogError:
    try:
        return load(find(name))
    except CatalogError as error:
        return error


def _noticed(name: str, city: City) -> tuple[Problem, ...]:
    """What to tell about a sound city today, where the city is."""
    return noticed(find(name), today(city.timezone))


def _as_data(name: str, result: City | CatalogError) -> dict[str, Any]:
    if isinstance(result, City):
        counts = {key: len(value) for key, value in result if isinstance(value, tuple)}
        warnings = [_placed(each) for each in _noticed(name, result)]
        found = {"city": name, "ok": True, "digest": result.digest, "counts": counts}
        return {**found, "problems": [], "warnings": warnings}
    return {"city": name, "ok": False, "problems": [_placed(each) for each in result.problems]}


def _placed(problem: Problem) -> dict[str, Any]:
    where = {"file": displayed(problem.file), "line": problem.line, "key": problem.key}
    return {**where, "message": problem.message}


@app.command()
def show(
    city: Annotated[
        str, typer.Argument(envvar="CITY", metavar="[CITY]", help="A city of catalog/data/, or a folder.")
    ] = "tiny",
    district: Annotated[str | None, typer.Option("--district", metavar="ID", help="Its schools.")] = None,
    school: Annotated[
        str | None, typer.Option("--school", metavar="CODE", help="One school, with its alliances.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show a city, the schools of a district, or one school. Checks the city first."""
    if school is not None and district is not None:
        raise UserError("--school and --district ask for two different things: give one of them")
    facts = load(find(city))
    chosen: object
    table: RenderableType
    if school is not None:
        _known(school, facts.by_code, f"schools of {city}")
        chosen, table = facts.school(school).model_dump(mode="json"), school_table(facts, school)
    elif district is not None:
        _known(district, facts.by_district, f"districts of {city}")
        chosen, table = (
            [s.model_dump(mode="json") for s in facts.by_district[district]],
            district_table(facts, district),
        )
    else:
        chosen, table = facts.model_dump(mode="json"), city_tables(facts)
    if as_json:
        typer.echo(json.dumps(chosen, ensure_ascii=False, indent=2))
    else:
        out.print(table)


def _known(wanted: str, known: dict[str, Any], what: str) -> None:
    if wanted not in known:
        some = f"; there are: {', '.join(known)}" if len(known) <= 30 else ""  # noqa: PLR2004  # more is no help
        raise UserError(f"{shown(wanted)} is not one of the {what}{did_you_mean(wanted, known, most=len(known))}{some}")


@app.command()
def schema(
    whole: Annotated[
        bool, typer.Option("--whole", help="Of a whole city, as `huiju catalog show --json` prints it.")
    ] = False,
) -> None:
    """Print the JSON Schema of a city's YAML files, which editors complete and check by."""
    name = "city.schema.json" if whole else "catalog.schema.json"
    typer.echo(json.dumps(schemas()[name], ensure_ascii=False, indent=2))


@app.command("new-school")
def new_school(
    city: Where,
    *,
    code: Annotated[str, typer.Option(help="National school code, ten digits.")],
    zh: Annotated[str, typer.Option(help="Chinese name.")],
    en: Annotated[str, typer.Option(help="English name.")],
    district: Annotated[str, typer.Option(help="Id of its district.")],
    kind: Annotated[SchoolKind, typer.Option(help="How it is registered.")],
    locality: Annotated[Locality, typer.Option(help="How rural its place is.")],
    students: Annotated[int, typer.Option(help="Enrolled students.")],
    teachers: Annotated[int, typer.Option(help="Full-time teachers.")],
    classes: Annotated[int, typer.Option(help="Classes.")],
    wave: Annotated[str, typer.Option(help="Id of the wave in which it joins.")],
    devices: Annotated[int, typer.Option(help="Working computers and tablets of students.")] = 0,
    mbps: Annotated[float | None, typer.Option(help="Contracted rate, Mbit/s; left out: no link.")] = None,
    medium: Annotated[Medium, typer.Option(help="What carries the link.")] = Medium.FIBRE,
    provenance: Annotated[Provenance, typer.Option(help="Where the figures come from.")] = Provenance.OFFICIAL,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the change, write nothing.")] = False,
) -> None:
    """Append a school to its district's file. The row is checked with the whole city before anything is written."""
    row = {
        "code": code, "name": {"zh": zh, "en": en}, "district": district, "kind": kind, "locality": locality,
        "students": students, "teachers": teachers, "classes": classes, "devices": devices,
        "uplink": None if mbps is None else {"contracted_mbps": mbps, "medium": medium},
        "wave": wave, "provenance": provenance,
    }  # fmt: skip
    change = add_school(find(city), _school(row))
    out.print(Syntax(change.diff(), "diff", background_color="default"))
    if dry_run:
        out.print("dry run: nothing was written")
    else:
        change.write()
        out.print(f"added to [bold]{displayed(change.file)}[/bold]")


def _school(row: dict[str, Any]) -> School:
    try:
        return School.model_validate_json(json.dumps(row))
    except ValidationError as error:
        wrong = [
            f"  {'.'.join(map(str, each['loc']))}: {sentence(each, School)}" for each in error.errors(include_url=False)
        ]
        raise UserError(
            "\n".join(["this is no school that the catalog can hold; nothing was written:", *wrong])
        ) from error
