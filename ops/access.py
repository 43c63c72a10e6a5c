"""``huiju access``: who may do what, why somebody may or may not, and sessions for trying things out.

People sign in through Keycloak. Minted sessions are for trials and load tests: whoever can read the stack's secrets can be anybody.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import jwt
import typer
from rich.console import Console
from rich.text import Text

from catalog import City, load_named, names
from catalog.access import Scope
from catalog.errors import UserError
from derive import keys, questions, session_token
from derive.moments import today
from ops import given_files, school_codes
from ops.accesses import asking, deployed, difference, kubeconfig, page, persons, states, table, why
from ops.audits import deeds
from ops.audits.deeds import Deed
from ops.console import console
from ops.lessons import library, place
from ops.lessons.place import Place
from ops.rosters import counting, reaching
from ops.rosters.person import Person as Known
from policies.access import document
from services.entitlement import reasons
from services.entitlement.rules import Decision, Lesson, Person, Rules

out = console()
app = typer.Typer(
    no_args_is_help=True,
    help="Who may do what, and sessions for trials and load tests: whoever can read the stack's secrets can be anybody.",
)

TierOption = Annotated[str, typer.Option("--tier", metavar="TIER", help="A tier of the catalog (tiers.yaml).")]
School = Annotated[str | None, typer.Option("--school", metavar="CODE", help="The person's school.")]
District = Annotated[
    str | None, typer.Option("--district", metavar="ID", help="The district that the person works for.")
]
Partner = Annotated[str | None, typer.Option("--partner", metavar="ID", help="The partner that the person works for.")]
Hours = Annotated[float, typer.Option(help=f"How long it lasts; {session_token.MOST_HOURS} at most.")]
CityName = Annotated[str, typer.Option("--city", envvar="CITY", metavar="CITY", help="The city whose facts count.")]
Stack = Annotated[str, typer.Option(help="The stack whose platform is meant.")]


MINTING = "session-mint"
"""On record: what was done."""


@dataclass(frozen=True)
class Wish:
    """Who somebody wants to be, and for how long."""

    tier: str
    school: str | None
    hours: float
    district: str | None = None
    partner: str | None = None


def problems(wish: Wish, city: City) -> list[str]:
    """Everything that is wrong with the wish, one line each."""
    found = []
    tiers = [tier.id for tier in city.tiers]
    if wish.tier not in tiers:
        found.append(asking.unknown("tier", wish.tier, tiers))
    if wish.school is not None and wish.school not in city.by_code:
        found.append(school_codes.unknown(wish.school, city))
    places = (
        ("district", wish.district, [each.id for each in city.districts]),
        ("partner", wish.partner, [each.id for each in city.partners]),
    )
    found += [
        asking.unknown(what, name, known) for what, name, known in places if name is not None and name not in known
    ]
    if not 0 < wish.hours <= session_token.MOST_HOURS:
        found.append(f"--hours is more than 0 and at most {session_token.MOST_HOURS}, not {wish.hours:g}")
    return found


def mint(  # noqa: PLR0917
    wish: Wish, city: City, issuer: str, seed: str, epoch: int = 1, subject: str | None = None
) -> str:
    """A session token; without ``subject`` of somebody new. Raises `UserError` with every problem of the wish."""
    if found := problems(wish, city):
        raise UserError("no session was made:\n  " + "\n  ".join(found))
    claims = session_token.claims(
        issuer, wish.tier, subject or secrets.token_hex(8), int(time.time()), wish.hours,
        school=wish.school, district=wish.district, partner=wish.partner,
    )  # fmt: skip
    key = keys.pem(keys.private_key(seed, keys.SESSION, epoch))
    return jwt.encode(claims, key, keys.ALGORITHM, headers={"kid": keys.key_id(keys.SESSION, epoch)})


def token_for(where: Place, wish: Wish, subject: str | None = None) -> str:
    """A session token of the platform ``where``; `UserError` when the stack's secrets cannot be read."""
    from ops.stack import configuration, renewal

    seed = configuration.read_secrets(where.stack).get("accessKey")
    if seed is None:
        raise UserError(f"stack {where.stack} has no accessKey yet: run `huiju up --stack {where.stack}`")
    return mint(wish, load_named(where.city), where.url, seed, renewal.ring(where.stack).signs, subject)


def given_out(where: Place, wish: Wish) -> str:
    """A session token that is on record before anybody has it: it opens what its tier may, a second factor or not."""
    subject = secrets.token_hex(8)
    made = token_for(where, wish, subject)
    places = {"school": wish.school, "district": wish.district, "partner": wish.partner}
    facts: dict[str, str | int] = {"tier": wish.tier, "hours": f"{wish.hours:g}"}
    facts |= {what: name for what, name in places.items() if name}
    deeds.done(where, Deed(MINTING, deeds.session(subject), facts))
    return made


@app.command()
def token(
    tier: TierOption,
    *,
    school: School = None,
    district: District = None,
    partner: Partner = None,
    hours: Hours = 1.0,
    stack: Stack = "local",
) -> None:
    """Print a session token. Who holds it is that person until it ends: do not put it into a file or a chat.

    That it was made goes on the audit record first.
    """
    typer.echo(given_out(place.of_stack(stack), Wish(tier, school, hours, district, partner)))


@app.command(name="sign-in")
def sign_in(
    tier: TierOption,
    *,
    school: School = None,
    district: District = None,
    partner: Partner = None,
    hours: Hours = 8.0,
    stack: Stack = "local",
) -> None:
    """Print an address that signs a browser in when it is opened. Whoever opens it is that person until it ends: do not pass it on.

    That it was made goes on the audit record first.
    """
    where = place.of_stack(stack)
    # After the # it is never sent to a server, so it is in no log.
    typer.echo(f"{where.url}/#sign-in={given_out(where, Wish(tier, school, hours, district, partner))}")


app.command(kubeconfig.MAKING)(kubeconfig.command)


@app.command()
def explain(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="ID | TIER ACTION RESOURCE", help="A lesson, as `huiju lesson list` shows it; or a cell."
        ),
    ],
    *,
    tier: Annotated[
        str | None, typer.Option("--tier", metavar="TIER", help="Of a lesson's reader; without it: the public.")
    ] = None,
    person: Annotated[
        str | None,
        typer.Option(
            "--person",
            metavar="ID",
            help="Of a lesson's reader: somebody of the roster, as they are today; `-` asks for the register's id.",
        ),
    ] = None,
    school: School = None,
    stack: Stack = "local",
    city: CityName = "tiny",
    district: District = None,
    partner: Partner = None,
    owner: Annotated[
        str | None, typer.Option(metavar="CODE", help="The resource's school; without it the person's.")
    ] = None,
    near: Annotated[
        str | None, typer.Option(metavar="own|child|class", help="The person and the pupil whose data they are.")
    ] = None,
    age: Annotated[int | None, typer.Option(min=0, max=120, help="The pupil's age; without it: not known.")] = None,
    consent: Annotated[bool, typer.Option("--consent", help="A parent or guardian of the pupil agreed.")] = False,
    licence: Annotated[
        str | None, typer.Option(metavar="ID", help="The licence that the resource stands under.")
    ] = None,
    published: Annotated[
        str | None, typer.Option(metavar="DAY", help="When it was published; without it: just now.")
    ] = None,
    subject: Annotated[str | None, typer.Option(metavar="WORD", help="What it teaches, by id or name.")] = None,
    seat: Annotated[bool, typer.Option("--seat", help="The person holds a paid seat.")] = False,
    at: Annotated[str | None, typer.Option(metavar="DAY", help="The moment that is meant; without it: now.")] = None,
) -> None:
    """Say whether somebody may play a lesson, or do something with any class of resources, and why; exit code 1 when not.

    ID: the lesson's record is read from the platform and judged as the entitlement service does; a second line says whether it may be
    taken away. Who is several things (a teacher who is a parent) is judged as each of them.

    TIER ACTION RESOURCE: the compiled policies decide; without any option about the person or the resource it says what the tier may do
    with whose.
    """
    given = asking.Given(school, district, partner, owner, near, age, consent, licence, published, seat, subject, at)
    if len(words) == 1:
        allowed = _lesson(words[0], tier, person, given, stack)
    elif len(words) == CELL and tier is None and person is None:
        allowed = _cell(load_named(city), words, given)
    else:
        raise UserError(
            "give a lesson's ID, or three words: TIER ACTION RESOURCE, and then neither --tier nor --person"
        )
    raise typer.Exit(0 if allowed else 1)


CELL = 3
"""Words that name a cell: a tier, an action, a class of resources."""


def _lesson(lesson_id: str, tier: str | None, somebody: str | None, given: asking.Given, stack: str) -> bool:
    asking.of_record(given)
    if somebody is not None and (tier or given.school or given.district or given.partner):
        raise UserError("--person says who it is: leave out --tier, --school, --district and --partner")
    if somebody is None and tier is None and (given.school or given.district or given.partner):
        raise UserError(
            "without --tier or --person the public is meant, which is of no school, district or partner: say --tier, or leave out "
            "--school, --district and --partner"
        )
    where = place.of_stack(stack)
    city = load_named(where.city)
    moment = asking.when(city, given.at)
    known = persons.found(where, somebody) if somebody is not None else None
    who = persons.persons(known, city) if known else (_person(city, tier, given),)
    with where.buckets() as (_, lessons):
        lesson = library.facts(library.record(lessons, lesson_id), lesson_id)
    deployed.tell(where, city)
    # All are said, also after a yes.
    answers = [_say(city, each, lesson, moment, known) for each in who]
    return any(answers)


def _cell(city: City, words: list[str], given: asking.Given) -> bool:
    tier, action, resource = words
    meant, of = asking.cell(city, tier, action, resource)
    if given.anything:
        answer = why.particular(city, of, asking.question(city, tier, meant, of, given))
    else:
        answer = why.general(city, of, tier, meant)
    console = Console(soft_wrap=True, highlight=False)
    console.print(
        Text("allowed 允许" if answer.allowed else "refused 不允许", style="green" if answer.allowed else "yellow")
    )
    for zh, en in (*answer.lines, *why.given(city, of, tier, meant)):
        console.print(Text(f"  {zh}\n  {en}"))
    return answer.allowed


@app.command()
def matrix(
    city: Annotated[
        str, typer.Argument(envvar="CITY", metavar="[CITY]", help="A city of catalog/data/, or a folder.")
    ] = "tiny",
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page for reading and printing.")
    ] = None,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write a table for a spreadsheet.")] = None,
) -> None:
    """Show who may do what with whose, in both languages: here, as a page, as a table."""
    facts = load_named(city)
    if html is None and csv is None:
        out.print(table.terminal(facts))
    wanted = [(option, file) for option, file in (("--html", html), ("--csv", csv)) if file is not None]
    for option, file in wanted:
        given_files.writable(option, file)
    for option, file in wanted:
        text = page.html(facts) if option == "--html" else table.csv_text(facts)
        given_files.write(option, file, text, newline="")
        out.print(Text(f"written: {file}"))


@app.command()
def diff(
    old: Annotated[
        str, typer.Argument(metavar="OLD", help="A city, a folder (with a slash, as ./mine), or a git revision.")
    ],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The same.")],
    city: CityName = "tiny",
    people: Annotated[
        str | None,
        typer.Option(
            "--people", metavar="STACK", help="Say how many people of this stack's roster each change is about."
        ),
    ] = None,
) -> None:
    """Say which tiers and schools gain or lose what between two states of the facts, and how many people that is.

    What nobody's rights differ by is left out.
    """
    found = difference.changes(states.state(old, city), states.state(new, city))
    counts = _counted(found, people) if people else {}
    for change in found:
        style = {"+": "green", "-": "red", "~": "yellow"}[change.sign]
        number = counts.get(change.whom) if change.whom else None
        zh, en = ("", "") if number is None else (f"；{number:,} 人", f"; {number:,} people")
        said = f"{change.said[1]}{en}\n  {change.said[0]}{zh}"
        out.print(Text.assemble((f"{change.sign} {change.section}: ", style), said))
    if not found:
        out.print(Text("nobody’s rights differ 无人的权限有变化"))


def _counted(found: Iterable[difference.Change], stack: str) -> dict[counting.Group, int]:
    """How many people each change is about. Numbers only, so it is no deed to anybody."""
    where = place.of_stack(stack)
    with reaching.connecting(where, names.ROLE_ROSTER_KEEPER) as connect:
        return counting.count(
            connect, (each.whom for each in found if each.whom), today(load_named(where.city).timezone)
        )


def _person(city: City, tier: str | None, given: asking.Given) -> Person:
    public = next((each.id for each in city.tiers if each.scope is Scope.PUBLIC), None)
    if tier is None:
        return Person(public, signed_in=False)
    if found := problems(Wish(tier, given.school, 1.0, given.district, given.partner), city):
        raise UserError("\n".join(found))
    return Person(tier, given.school, district=given.district, partner=given.partner)


def _say(city: City, person: Person, found: Lesson, moment: datetime | None = None, known: Known | None = None) -> bool:
    """Print the decisions about playing and taking away at ``moment``, or now, with the seats of whom it is; whether playing was a yes."""
    console = Console(soft_wrap=True, highlight=False)
    rules, now = Rules(document.document(city)), moment or datetime.now(UTC)
    who = " of ".join(filter(None, (person.tier or "the public", person.school, person.district, person.partner)))
    console.print(Text(f"{who}, {found.id} of {found.school} under {found.licence}: "), end="")
    seat = persons.seat_until(known, found.licence, rules, now) if known else 0
    playing = rules.decide(person, found, now, seat=seat)
    console.print(_said(playing, "play", rules.zone))
    # A class that is live has nothing to take away yet, whoever asks.
    if found.live_until is None:
        taking = rules.decide(person, found, now, questions.downloading, seat)
        missing = taking.allowed and found.download is None
        console.print(_said(Decision("no-file-to-take-away") if missing else taking, "take it away", rules.zone))
    return playing.allowed


def _said(decision: Decision, what: str, zone: ZoneInfo) -> Text:
    if decision.allowed and decision.until:
        why = ", as everybody may" if decision.public else ""
        ends = f"{decision.until.astimezone(zone):%Y-%m-%d %H:%M}"
        return Text(f"may {what}{why}, a token lasts until {ends} in {zone}", style="green")
    said = reasons.text(decision.reason or "", decision.facts)
    return Text(f"may not {what} ({said['reason']})\n  {said['en']}\n  {said['zh']}", style="yellow")
