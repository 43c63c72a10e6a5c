"""What the commands say: differences in numbers, and one person by ids. No name, and no id of a register, is ever in it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from typing import Any
from uuid import UUID

import psycopg
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from catalog import City
from catalog.errors import UserError
from derive.guardians import may_agree
from derive.pseudonym import Pseudonyms
from ops.rosters import consenting
from ops.rosters.difference import ADDED, CHANGED, REMOVED, Difference
from ops.rosters.importing import Outcome, too_many
from ops.rosters.person import Person, read

ASK = "-"
"""In the place of a person: their id in the register is asked for."""
KINDS = (ADDED, CHANGED, REMOVED)
AGREEING = ("may_not_agree_any_more", "may_agree_now")
"""Links between pupils and adults that stay, as data."""


def outcome(done: Outcome, console: Console) -> None:
    """What a run did, or would have done."""
    if done.difference is None:
        console.print(
            f"nothing to do: this roster is in since {done.at:%Y-%m-%d %H:%M:%S} in {done.at and done.at.tzinfo}"
        )
        return
    found = done.difference
    if found.lines:
        console.print(_table(found))
    counts = ", ".join(f"{found.count(what):,} {what}" for what in KINDS)
    console.print(f"people: {counts}; classes: {found.classes:,} added, changed or removed")
    if found.silenced or found.heard:
        console.print(
            f"links between pupils and adults: in {found.silenced:,} the adult may not agree any more, in {found.heard:,} they may now; "
            "`huiju roster consent --list` shows the consents that do not count"
        )
    if not done.written:
        if found.too_many:
            console.print(too_many(found), style="yellow")
        console.print("nothing was written")


def as_data(done: Outcome) -> dict[str, Any]:
    """The same for programs."""
    found = done.difference
    if found is None:
        people = dict.fromkeys(KINDS, 0)
        return {
            "same": True,
            "people": people,
            "classes": 0,
            "places": [],
            "too_many": False,
            **dict.fromkeys(AGREEING, 0),
        }
    rows = [{"place": place, "role": role, **counts} for (place, role), counts in _rows(found).items()]
    people = found.counts()
    return {
        "same": found.nothing,
        "people": people,
        "classes": found.classes,
        "places": rows,
        "too_many": found.too_many,
        **dict(zip(AGREEING, (found.silenced, found.heard), strict=True)),
    }


def counted(done: Outcome) -> dict[str, str | int]:
    """The same for the audit record: how many, and not where."""
    found = as_data(done)
    return {**found["people"], **{each: found[each] for each in ("classes", *AGREEING)}}


def _rows(found: Difference) -> dict[tuple[str, str], dict[str, int]]:
    rows: dict[tuple[str, str], dict[str, int]] = {}
    for line in found.lines:
        rows.setdefault((line.place, line.role), dict.fromkeys(KINDS, 0))[line.what] = line.people
    return rows


def _table(found: Difference) -> Table:
    table = Table("Place", "Role", *(what.capitalize() for what in KINDS), box=None, pad_edge=False)
    for (place, role), counts in _rows(found).items():
        table.add_row(place, role, *(f"{counts[what]:,}" for what in KINDS))
    return table


def identity(given: str, key: Callable[[], Pseudonyms], whose: str = "") -> UUID:
    """The id that is meant, ``whose`` when more than one is asked for.

    A register's id is read from the terminal or standard input: everybody on the machine sees an argument.
    """
    if given == ASK:
        what = f"id of the {whose} in the register" if whose else "id in the register"
        asked = typer.prompt(what, hide_input=True) if sys.stdin.isatty() else sys.stdin.readline().strip()
        return key().of(asked)
    try:
        return UUID(given)
    except ValueError:
        raise UserError(
            f"this is no id of the platform{f' for the {whose}' if whose else ''}: give one, or `{ASK}` to be asked for the id in the "
            "register, which then stands in no history"
        ) from None


def identities() -> tuple[str, ...]:
    """Ids in the register, one a line, asked for until an empty one. Raises `UserError` when there is none."""
    if sys.stdin.isatty():
        asked = iter(
            lambda: typer.prompt("id in the register (empty: that is all)", default="", show_default=False), ""
        )
    else:
        asked = iter(sys.stdin.read().splitlines())
    if found := tuple(each.strip() for each in asked if each.strip()):
        return found
    raise UserError("no id was given: type one a line, as the register spells it")


def look_up(connection: psycopg.Connection, who: UUID, below: int = 0) -> Person:
    """The person, as `read` finds them. Raises `UserError` when there is none."""
    person = read(connection, who, below)
    if person is None:
        raise UserError(f"{who} is nobody here: the roster that names them was never taken in")
    return person


def person(known: Person, city: City, console: Console) -> None:
    """Everything that is kept of somebody."""
    state = (
        f"switched off since {known.left_at}"
        if known.left_at
        else "may sign in"
        if known.enabled
        else "may not sign in"
    )
    say: dict[bool | None, str] = {
        True: "a guardian has a say",
        False: "no guardian has a say",
        None: "a guardian has a say (age unknown)",
    }
    console.print(f"{known.id}  here since {known.since}, {state}, {say[known.minor]}")
    for each in known.roles:
        school = city.by_code.get(each["place"])
        tier = each["tier"] or "no tier"
        console.print(
            Text(f"  {tier} as {each['role']} of {each['place']} {school.name.zh if school else ''}{_span(each)}")
        )
    for each in known.classes:
        console.print(Text(f"  class {each['class']} of {each['school']} as {each['role']}{_span(each)}"))
    by = city.minors.guardian_consent_by
    for what, listed in (("child", known.children), ("guardian", known.guardians)):
        for other in listed:
            roles = known.linked_as.get(other, ())
            held = f" as {' and '.join(roles)}" if roles else ""
            console.print(Text(f"  {what} {other}{held}{'' if may_agree(roles, by) else ', who may not agree'}"))
    consents(known, by, console)
    seats(known, console)


def seats(known: Person, console: Console) -> None:
    """Every paid seat that they hold or held."""
    for each in known.seats:
        until = "as long as the licence holds" if each["ends"] == consenting.LAST else f"until {each['ends']}"
        ended = f", withdrawn {each['withdrawn_at']} by {each['withdrawn_by']}" if each["withdrawn_at"] else ""
        given = f"given {each['given_at']} by {each['given_by']}"
        console.print(Text(f"  seat of {each['licence']} from {each['begins']} {until}, {given}{ended}"))


def consents(known: Person, by: Collection[str], console: Console) -> None:
    """Every consent that was given for them, or by them; ``by``: as what the register has whoever may agree."""
    for each in known.consents:
        of = f"of {each['guardian']}" if each["pupil"] == known.id else f"for {each['pupil']}"
        console.print(Text(f"  consent {of} {_consent(each, by)}"))


def void(found: Collection[dict[str, Any]], by: Collection[str], console: Console) -> None:
    """Consents that stand and do not count, and what to do about them."""
    for each in found:
        console.print(Text(f"  consent of {each['guardian']} for {each['pupil']} {_consent(each, by)}"))
    console.print(f"{len(found):,} consents stand and do not count")
    if found:
        console.print(
            "until a parent or guardian agrees (`huiju roster consent PUPIL --guardian ID`), nobody sees what takes a consent. One counts "
            "again as soon as the register says that its giver is a parent or guardian and was taken in; `--withdraw` puts it away",
            soft_wrap=True,
        )


def _consent(each: dict[str, Any], by: Collection[str]) -> str:
    until = "until no guardian has a say" if each["ends"] == consenting.LAST else f"until {each['ends']}"
    recorded = f"recorded {each['recorded_at']} by {each['recorded_by']}"
    ended = f", withdrawn {each['withdrawn_at']} by {each['withdrawn_by']}" if each["withdrawn_at"] else ""
    if not ended and not may_agree(each["roles"], by):
        ended = f"; does not count: {consenting.not_theirs(each['roles'], by)}"
    return f"from {each['begins']} {until}, {recorded}{ended}"


def _span(row: dict[str, Any]) -> str:
    first, last = row["begins"].removeprefix("-"), row["ends"]
    return "" if (first, last) == ("infinity", "infinity") else f", {first} .. {last}".replace("infinity", "")
