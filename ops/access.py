"""``huiju access``: who may do what, why somebody may or may not, and sessions for trying things out.

Signing in like this is a stand-in until the city's accounts come in through Keycloak: whoever can read the stack's secrets can be anybody.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import jwt
import typer
from rich.console import Console
from rich.text import Text

from catalog import City, load_named
from catalog.access import Scope
from catalog.errors import UserError
from catalog.wording import did_you_mean
from derive import keys, session_token
from ops.accesses import asking, difference, page, states, table, why
from ops.console import console
from ops.lessons import library, place
from ops.lessons.place import Place
from policies.access import document
from services.entitlement import reasons, records
from services.entitlement.rules import Person, Rules

out = console()
app = typer.Typer(
    no_args_is_help=True,
    help="Who may do what, and sessions for trying it out. Signing in with a minted token is a stand-in until Keycloak does it.",
)

TierOption = Annotated[str, typer.Option("--tier", metavar="TIER", help="A tier of the catalog (tiers.yaml).")]
School = Annotated[str | None, typer.Option("--school", metavar="CODE", help="The person's school.")]
Hours = Annotated[float, typer.Option(help=f"How long it lasts; {session_token.MOST_HOURS} at most.")]
CityName = Annotated[str, typer.Option("--city", envvar="CITY", metavar="CITY", help="The city whose facts count.")]
Stack = Annotated[str, typer.Option(help="The stack whose platform is meant.")]


@dataclass(frozen=True)
class Wish:
    """Who somebody wants to be, and for how long."""

    tier: str
    school: str | None
    hours: float


def problems(wish: Wish, city: City) -> list[str]:
    """Everything that is wrong with the wish, one line each."""
    found = []
    tiers = [tier.id for tier in city.tiers]
    if wish.tier not in tiers:
        found.append(f"there is no tier {wish.tier!r}{did_you_mean(wish.tier, tiers)}; there are: {', '.join(tiers)}")
    if wish.school is not None and wish.school not in city.by_code:
        found.append(f"there is no school {wish.school!r} in {city.id}: `huiju catalog show` lists them")
    if not 0 < wish.hours <= session_token.MOST_HOURS:
        found.append(f"--hours is more than 0 and at most {session_token.MOST_HOURS}, not {wish.hours:g}")
    return found


def mint(wish: Wish, city: City, issuer: str, seed: str, epoch: int = 1) -> str:
    """A session token. Raises `UserError` with every problem of the wish."""
    if found := problems(wish, city):
        raise UserError("no session was made:\n  " + "\n  ".join(found))
    claims = session_token.claims(
        issuer, wish.tier, secrets.token_hex(8), int(time.time()), wish.hours, school=wish.school
    )
    key = keys.pem(keys.private_key(seed, keys.SESSION, epoch))
    return jwt.encode(claims, key, keys.ALGORITHM, headers={"kid": keys.key_id(keys.SESSION, epoch)})


def token_for(where: Place, wish: Wish) -> str:
    """A session token of the platform ``where``; `UserError` when the stack's secrets cannot be read."""
    from ops.stack import configuration, renewal

    seed = configuration.read_secrets(where.stack).get("accessKey")
    if seed is None:
        raise UserError(f"stack {where.stack} has no accessKey yet: run `huiju up --stack {where.stack}`")
    return mint(wish, load_named(where.city), where.url, seed, renewal.ring(where.stack).signs)


@app.command()
def token(tier: TierOption, school: School = None, hours: Hours = 1.0, stack: Stack = "local") -> None:
    """Print a session token. Who holds it is that person until it ends: do not put it into a file or a chat."""
    typer.echo(token_for(place.of_stack(stack), Wish(tier, school, hours)))


@app.command(name="sign-in")
def sign_in(tier: TierOption, school: School = None, hours: Hours = 8.0, stack: Stack = "local") -> None:
    """Print an address that signs a browser in when it is opened. Whoever opens it is that person until it ends: do not pass it on."""
    where = place.of_stack(stack)
    # After the # it is never sent to a server, so it is in no log.
    typer.echo(f"{where.url}/#sign-in={token_for(where, Wish(tier, school, hours))}")


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
    school: School = None,
    stack: Stack = "local",
    city: CityName = "tiny",
    district: Annotated[str | None, typer.Option(metavar="ID", help="The district that the person works for.")] = None,
    partner: Annotated[str | None, typer.Option(metavar="ID", help="The partner that the person works for.")] = None,
    owner: Annotated[
        str | None, typer.Option(metavar="CODE", help="The resource's school; without it the person's.")
    ] = None,
    near: Annotated[
        str | None, typer.Option(metavar="own|child|class", help="The person and the pupil whose data they are.")
    ] = None,
    age: Annotated[int | None, typer.Option(min=0, max=120, help="The pupil's age; without it: not known.")] = None,
    consent: Annotated[bool, typer.Option("--consent", help="The pupil's guardian has agreed.")] = False,
    licence: Annotated[
        str | None, typer.Option(metavar="ID", help="The licence that the resource stands under.")
    ] = None,
    published: Annotated[
        str | None, typer.Option(metavar="DAY", help="When it was published; without it: just now.")
    ] = None,
    seat: Annotated[bool, typer.Option("--seat", help="The person holds a paid seat.")] = False,
    at: Annotated[str | None, typer.Option(metavar="DAY", help="The moment that is meant; without it: now.")] = None,
) -> None:
    """Say whether somebody may play a lesson, or do something with any class of resources, and why; exit code 1 when not.

    ID: the lesson's record is read from the platform and judged as the entitlement service does. TIER ACTION RESOURCE: the compiled
    policies decide; without any option about the person or the resource it says what the tier may do with whose.
    """
    given = asking.Given(school, district, partner, owner, near, age, consent, licence, published, seat, at)
    if len(words) == 1:
        allowed = _lesson(words[0], tier, school, stack)
    elif len(words) == CELL and tier is None:
        allowed = _cell(load_named(city), words, given)
    else:
        raise UserError("give a lesson's ID, or three words: TIER ACTION RESOURCE, and then no --tier")
    raise typer.Exit(0 if allowed else 1)


CELL = 3
"""Words that name a cell: a tier, an action, a class of resources."""


def _lesson(lesson_id: str, tier: str | None, school: str | None, stack: str) -> bool:
    where = place.of_stack(stack)
    city = load_named(where.city)
    person = _person(city, tier, school)
    with where.buckets() as (_, lessons):
        record = library.record(lessons, lesson_id)
    return _say(city, person, record)


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
    for zh, en in answer.lines:
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
    if html is not None:
        html.write_text(page.html(facts), encoding="utf-8")
    if csv is not None:
        csv.write_text(table.csv_text(facts), encoding="utf-8", newline="")
    for file in filter(None, (html, csv)):
        out.print(Text(f"written: {file}"))


@app.command()
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A city, a folder, or a git revision.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The same.")],
    city: CityName = "tiny",
) -> None:
    """Say which tiers and schools gain or lose what between two states of the facts. What nobody's rights differ by is left out."""
    found = difference.changes(states.state(old, city), states.state(new, city))
    for change in found:
        style = {"+": "green", "-": "red", "~": "yellow"}[change.sign]
        out.print(Text.assemble((f"{change.sign} {change.section}: ", style), f"{change.said[1]}\n  {change.said[0]}"))
    if not found:
        out.print(Text("nobody’s rights differ 无人的权限有变化"))


def _person(city: City, tier: str | None, school: str | None) -> Person:
    public = next((each.id for each in city.tiers if each.scope is Scope.PUBLIC), None)
    if tier is None:
        return Person(public, school, signed_in=False)
    if found := problems(Wish(tier, school, 1.0), city):
        raise UserError("\n".join(found))
    return Person(tier, school)


def _say(city: City, person: Person, record: dict[str, Any]) -> bool:
    """Print the decision; whether it was a yes."""
    console = Console(soft_wrap=True, highlight=False)
    try:
        found = records.facts(record)
    except records.UnreadableError as error:
        raise UserError(f"the record of {record['id']} makes no sense: {error}") from error
    decision = Rules(document.document(city)).decide(person, found, datetime.now(UTC))
    who = " of ".join(filter(None, (person.tier or "the public", person.school)))
    console.print(Text(f"{who}, {found.id} of {found.school} under {found.licence}: "), end="")
    if decision.allowed and decision.until:
        why = ", as everybody may" if decision.public else ""
        console.print(
            Text(f"may play{why}, a token lasts until {decision.until.astimezone():%Y-%m-%d %H:%M}", style="green")
        )
        return True
    said = reasons.text(decision.reason or "", decision.facts)
    console.print(Text(f"refused ({said['reason']})\n  {said['en']}\n  {said['zh']}", style="yellow"))
    return False
