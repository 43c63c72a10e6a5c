"""``huiju roster``: the people of the city's schools, from OneRoster 1.2 files."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from catalog import City, load_named, names
from catalog.errors import UserError
from catalog.roster import RosterRole
from derive.first_sign_in import MOST_SLIPS
from derive.moments import today
from ops import account, school_codes
from ops.accounts import reaching as identity_service
from ops.audits import deeds
from ops.audits.deeds import Deed
from ops.console import console
from ops.lessons import place
from ops.phases import Phases
from ops.rosters import consenting, holders, importing, reaching, sample, seat_list, seating, slip_pages, telling
from ops.rosters.checking import UNDER, Checked
from ops.rosters.checking import check as look
from ops.rosters.consenting import Wish
from ops.rosters.form import CLASSES, FAMILY, ORGS, ROLES, USERS
from ops.rosters.importing import Given, Outcome
from ops.rosters.person import Person
from ops.rosters.rows import Encoding
from ops.rosters.slips import Wanted, slips
from ops.rosters.source import Source

app = typer.Typer(no_args_is_help=True, help="The people of the city's schools, from OneRoster 1.2 files.")
File = Annotated[
    Path, typer.Argument(metavar="FILE", help="A zip archive of OneRoster's CSV files, or a folder with them.")
]
Schools = Annotated[
    str, typer.Option(metavar="CITY", help="The city whose schools are meant: one of catalog/data/, or a folder.")
]
InEncoding = Annotated[Encoding, typer.Option(help="How the files are encoded; the standard wants UTF-8.")]
Stack = Annotated[str, typer.Option(help="Pulumi stack.")]
A_DAY = timedelta(days=1)
"""How far before an import its people may have been switched off: clocks differ, and a file is read for a while."""
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


@dataclass(frozen=True)
class Counts:
    """People of one school in a roster, beside what the catalog counts."""

    school: str
    pupils: int
    teachers: int
    family: int
    catalog_students: int
    catalog_teachers: int


@app.command(name="check")
def check_command(
    file: File, schools: Schools = "tiny", encoding: InEncoding = Encoding.UTF8, as_json: AsJson = False
) -> None:
    """Look at everything in a roster and write nothing. All problems are shown at once; exit code 1 when there is one.

    It asks no platform. What the roster would change there, and then the change itself: `huiju roster diff`, `huiju roster import`.
    """
    city, source = load_named(schools), Source(file)
    try:
        found = look(source, city, today(city.timezone), encoding)
        rows = counts(city, found)
    finally:
        source.close()
    if as_json:
        typer.echo(
            json.dumps({"rows": found.rows, "schools": [asdict(each) for each in rows]}, ensure_ascii=False, indent=2)
        )
        return
    console().print(_table(city, rows))
    people, classes, under = found.rows[USERS.file], found.rows.get(CLASSES.file, 0), found.ages.count(UNDER)
    young = f"{under:,} of them under {found.grown}"
    typer.echo(f"{people:,} people, {young}; {classes:,} classes; {found.rows[ORGS.file]:,} orgs")
    typer.echo("no problem found; nothing was written")


def counts(city: City, found: Checked) -> list[Counts]:
    """How many belong to each school that the roster names, by what they are there."""
    people: Counter[tuple[str, str]] = Counter()
    for _, (_, _, _, _, role, _, _, org) in found.read(ROLES):
        kind = "family" if role in FAMILY else role
        people[found.places.schools.get(org, ""), kind] += 1
    named = [school for school in city.schools if school.code in set(found.places.schools.values())]
    return [
        Counts(
            each.code,
            people[each.code, RosterRole.STUDENT],
            people[each.code, RosterRole.TEACHER],
            people[each.code, "family"],
            each.students,
            each.teachers,
        )
        for each in named
    ]


def _table(city: City, rows: list[Counts]) -> Table:
    table = Table(
        "School", "", "Pupils", "of the catalog's", "Teachers", "of the catalog's", "Parents", box=None, pad_edge=False
    )
    for each in rows:
        cells = (each.pupils, each.catalog_students, each.teachers, each.catalog_teachers, each.family)
        table.add_row(each.school, Text(city.school(each.school).name.zh), *(f"{cell:,}" for cell in cells))
    return table


@app.command(name="sample")
def sample_command(
    out: Annotated[Path, typer.Option(metavar="DIR", help="A new folder, or a new file that ends in .zip.")],
    schools: Schools = "tiny",
) -> None:
    """Write a made-up roster of a city's schools: as many pupils, teachers and classes as its catalog counts."""
    city = load_named(schools)
    made = sample.write(city, out, today(city.timezone))
    typer.echo(f"{made['users']:,} people of {len(city.schools)} schools, all made up, in {out}")


@app.command(name="import")
def import_command(
    file: File,
    *,
    stack: Stack = "local",
    encoding: InEncoding = Encoding.UTF8,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look, compare, and write nothing.")] = False,
    allow_removals: Annotated[
        bool, typer.Option("--allow-removals", help="Switch off however many are not in the file any more.")
    ] = False,
) -> None:
    """Take a roster in: who is new comes, who differs is changed, who is not in it any more is switched off. All of it or nothing.

    That it is taken in goes on the audit record first, in numbers. It asks the platform, also with --dry-run; `huiju roster check` looks
    at the files alone.
    """
    phases = Phases()
    done = _taken(file, stack, encoding, phases, removals=allow_removals, dry=dry_run)
    telling.outcome(done, phases.console)
    if not dry_run:
        _deprovision(stack, done, phases)


@app.command(name="diff")
def diff_command(
    file: File, stack: Stack = "local", encoding: InEncoding = Encoding.UTF8, as_json: AsJson = False
) -> None:
    """What a roster would change, in numbers by school and role; nothing is written, and nobody is named."""
    done = _taken(file, stack, encoding, Phases(Console(stderr=True, soft_wrap=True)), removals=False, dry=True)
    if as_json:
        typer.echo(json.dumps(telling.as_data(done), ensure_ascii=False, indent=2))
        return
    telling.outcome(done, console())


@app.command(name="slips")
def slips_command(
    file: File,
    *,
    school: Annotated[str, typer.Option(metavar="CODE", help="Whose people get slips.")],
    group: Annotated[
        str | None, typer.Option("--class", metavar="ID", help="Only this class, with its teachers and the parents.")
    ] = None,
    only: Annotated[
        bool, typer.Option("--only", help="Only those whose ids in the register are typed, one a line, when asked.")
    ] = False,
    number: Annotated[
        int, typer.Option(min=1, max=MOST_SLIPS, help="Which slip of theirs it is: 2 for one that replaces the first.")
    ] = 1,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Writes FILE.csv and FILE.html; without it slips-CODE here.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Put new files in the place of old ones.")] = False,
    stack: Stack = "local",
    encoding: InEncoding = Encoding.UTF8,
) -> None:
    """Write slips with one-time codes by which people make their accounts, to print and cut: FILE.html, and FILE.csv beside it.

    They hold names, so only you can read the files. Print them, hand them out, and delete them; the same command makes them again. That
    they are made goes on the audit record first, in numbers.

    Examples: `huiju roster slips roster.zip --school CODE --class ID` for a class; a lost slip, or a forgotten password: add
    `--only --number 2`, which ends slip 1 as soon as slip 2 is used.
    """
    source = Source(file)
    try:
        where = place.of_stack(stack)
        city = load_named(where.city)
        if school not in city.by_code:
            raise UserError(school_codes.unknown(school, city))
        found = look(source, city, today(city.timezone), encoding)
        people = telling.identities() if only else ()
        of = "people" if only else "class" if group else "school"
        deed = Deed("roster-slips", f"school/{school}", {"file": source.digest(), "of": of, "number": number})
        with deeds.noted(where, deed):
            made = slips(found, city, Wanted(school, group, people, number), reaching.roster_key(where))
            stem = out or Path(f"slips-{school}")
            page = slip_pages.page(made, city, city.school(school), where.url)
            files = {
                stem.with_name(f"{stem.name}.csv"): slip_pages.table(made),
                stem.with_name(f"{stem.name}.html"): page,
            }
            slip_pages.write(files, force=force)
            deed.facts["slips"] = len(made)
    finally:
        source.close()
    typer.echo(
        f"{len(made):,} slips in {' and '.join(map(str, files))}; only you can read them, so delete them when they are printed"
    )


@app.command(name="show")
def show_command(
    person: Annotated[
        str,
        typer.Argument(
            metavar="PERSON", help="Id on the platform; `-` asks for the register's id, which is not shown."
        ),
    ],
    stack: Stack = "local",
    as_json: AsJson = False,
) -> None:
    """Everything that the platform keeps of one person: tiers, schools, classes, children and guardians, by their ids.

    That you look goes on the audit record first: look where you have to.
    """
    where = place.of_stack(stack)
    city, identity = load_named(where.city), telling.identity(person, lambda: reaching.pseudonyms(where))
    with (
        reaching.connecting(where, names.reader_role(names.DATABASE_ROSTER)) as connect,
        connect() as connection,
        deeds.noted(where, Deed("roster-show", deeds.profile(identity))),
    ):
        found = telling.look_up(connection, identity, city.minors.guardian_consent_below)
    if as_json:
        typer.echo(json.dumps(asdict(found), ensure_ascii=False, indent=2))
        return
    telling.person(found, city, console())


Pupil = Annotated[
    str | None,
    typer.Argument(metavar="[PUPIL]", help="Id on the platform; `-` asks for the register's id, which is not shown."),
]
Listed = Annotated[
    bool,
    typer.Option(
        "--list", help="Show every consent that there is or was; without PUPIL those, of everybody, that do not count."
    ),
]


@app.command(name="consent")
def consent_command(
    pupil: Pupil = None,
    *,
    guardian: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Who agrees, or `-` to be asked; needed only where several may."),
    ] = None,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="They agree no longer, from now on; without --guardian: none does.")
    ] = False,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="The last day; without it as long as a guardian has a say.")
    ] = None,
    listed: Listed = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look, and change nothing.")] = False,
    stack: Stack = "local",
) -> None:
    """Record that a guardian agrees that school and teachers see what the platform keeps of a pupil, or that they do no longer.

    Record what you hold in writing. It counts from today, is on the audit record, and outlasts imports; it ends when the pupil leaves,
    or the register does not name the guardian any more. A parent or guardian agrees, by the register's own word, and no other relative.

    Examples: `huiju roster consent PUPIL --until 2027-08-31`; `huiju roster consent PUPIL --withdraw`; `huiju roster consent --list`.
    """
    if pupil is None:
        _void(stack, Wish("", guardian, until, withdraw, listed))
        return
    where, wish = place.of_stack(stack), Wish(pupil, guardian, until, withdraw, listed)
    city, key = load_named(where.city), cache(lambda: reaching.pseudonyms(where))
    by = city.minors.guardian_consent_by
    with reaching.connecting(where, names.reader_role(names.DATABASE_ROSTER)) as connect, connect() as connection:

        def look_up(who: UUID) -> Person:
            with deeds.noted(where, Deed("consent-list", deeds.profile(who))) if listed else nullcontext():
                return telling.look_up(connection, who, city.minors.guardian_consent_below)

        known, meant = consenting.judged(
            wish,
            today(city.timezone),
            by,
            lambda given, whose: telling.identity(given, key, whose),
            look_up,
        )
    if listed:
        telling.consents(known, by, console())
        typer.echo(f"{len(known.consents):,} consents")
        return
    if not (meant.done or dry_run):
        who = reaching.who(where)
        with (
            reaching.connecting(where, names.ROLE_ROSTER_KEEPER) as connect,
            deeds.noted(where, consenting.deed(meant)),
        ):
            consenting.write(connect, meant, who)
    typer.echo(consenting.told(meant, dry=dry_run))


def _void(stack: str, wish: Wish) -> None:
    """The consents that do not count, of everybody. Raises `UserError` where something else was wished about nobody."""
    if wish != Wish("", None, None, listed=True):
        raise UserError("about whom? name the PUPIL; without one, --list alone shows the consents that do not count")
    where = place.of_stack(stack)
    city, deed = load_named(where.city), Deed("consent-list", deeds.CONSENTS)
    by = city.minors.guardian_consent_by
    with reaching.connecting(where, names.ROLE_ROSTER_KEEPER) as connect, deeds.noted(where, deed):
        found = consenting.void(connect, today(city.timezone), by)
        deed.facts["consents"] = len(found)
    telling.void(found, by, console())


Holders = Annotated[
    Path | None,
    typer.Option(
        "--from",
        metavar="FILE",
        help="CSV with a column `person` (ids on the platform) or `sourcedId` (ids in the register).",
    ),
]


@app.command(name="seat")
def seat_command(
    licence: Annotated[str, typer.Argument(metavar="LICENCE", help="Id of a licence of the catalog that has seats.")],
    people: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PERSON]...", help="Ids on the platform; `-` asks for the register's id, which is not shown."
        ),
    ] = None,
    *,
    file: Holders = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take the seats back, from now on.")] = False,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="The last day; without it as long as the licence holds.")
    ] = None,
    listed: Annotated[
        bool, typer.Option("--list", help="Show how many are given, to whom, and what they cost.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look, and change nothing.")] = False,
    stack: Stack = "local",
    as_json: Annotated[bool, typer.Option("--json", help="With --list: for programs, with everybody's id.")] = False,
) -> None:
    """Give paid seats of a licence to people, or take them back: all of them or, where anything is wrong, none.

    It counts from today, is on the audit record, and outlasts imports. Who is switched off holds none until they are back. Who holds one
    already is said; another last day takes the place of the one before.

    Examples: `huiju roster seat bought-course --from class-7a.csv --until 2027-07-31`; `huiju roster seat bought-course --list`.
    """
    wish = seating.Wish(licence, tuple(people or ()), file, until, withdraw)
    if listed and (wish != seating.Wish(licence) or dry_run):
        raise UserError("--list shows what there is: leave the other options out")
    where = place.of_stack(stack)
    city, key = load_named(where.city), cache(lambda: reaching.pseudonyms(where))
    day = today(city.timezone)
    with (
        reaching.connecting(where, names.reader_role(names.DATABASE_ROSTER)) as reading,
        reading() as reader,
        reaching.connecting(where, names.ROLE_ROSTER_KEEPER) as keeping,
    ):
        look, stands = partial(holders.read, reader, today=day), partial(seating.stand, keeping, today=day)
        if listed:
            of = seating.licence(city, licence)
            # Numbers are about nobody, ids are.
            with deeds.noted(where, seating.listing(of)) if as_json else nullcontext():
                seats = stands(of)
                found = seat_list.counted(of, seats, look(each.person for each in seats))
                seat_list.show(found, city, console(), as_json=as_json)
            return
        meant, done = seating.judged(wish, city, day, key, look, stands)
        if done.people and not dry_run:
            by, deed = reaching.who(where), seating.deed(meant, done)
            with deeds.noted(where, deed):
                done = seating.write(keeping, meant, by)
                deed.facts |= seating.facts(meant, done)
    typer.echo(seating.told(meant, done, dry=dry_run))


def _deprovision(stack: str, done: Outcome, phases: Phases) -> None:
    """Let the accounts follow. Also where the same roster is in already: the run that took it in may have been cut off before this."""
    where = place.of_stack(stack)
    if not identity_service.present(where):
        return
    with phases.phase("accounts"):
        try:
            found = account.synced(where, (done.at or datetime.now(UTC)) - A_DAY)
        except UserError as error:
            raise UserError(
                f"the roster is in, but accounts do not follow it yet; `huiju account sync` does it. {error}"
            ) from error
    phases.console.print(account.told(found))


def _taken(file: Path, stack: str, encoding: Encoding, phases: Phases, *, removals: bool, dry: bool) -> Outcome:
    # First: what is wrong with the file is said without a platform.
    source = Source(file)
    try:
        where = place.of_stack(stack)
        city = load_named(where.city)
        given = Given(source, encoding, city, reaching.pseudonyms(where), today(city.timezone))
        by, deed = reaching.who(where), Deed("roster-import", deeds.roster(source.digest()))
        with (
            reaching.connecting(where, names.ROLE_ROSTER_KEEPER) as connect,
            nullcontext() if dry else deeds.noted(where, deed),
        ):
            done = importing.take(given, connect, phases, by=by, removals=removals, dry=dry)
            deed.facts |= telling.counted(done)
        return done
    finally:
        source.close()
