"""Giving paid seats of a licence, and taking them back: judged by catalog and roster, then all of it in one transaction or nothing.

How many there are is the catalog's affair, and how many are given the database's. Whoever gives any holds the licence's lock until their
transaction ends, so that two who give at once count one after the other; and no roster is taken in meanwhile, which would change who may
sign in. Somebody who is switched off holds no seat. Theirs comes back with them, unless the seats ran out: then the one that was given
first of such is passed on, so that there are never more seats than the licence has, whoever comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple
from uuid import UUID

import psycopg
from psycopg.errors import ForeignKeyViolation

from catalog import City
from catalog.access import Licence
from catalog.errors import UserError
from catalog.wording import did_you_mean
from derive import audit
from ops.audits import runs
from ops.audits.deeds import Deed
from ops.rosters.consenting import LAST, last_day
from ops.rosters.holders import Holder
from ops.rosters.importing import ALONE, Connect, keeper
from ops.rosters.named import Key, named
from services.roster.policies import SEAT

BUSY: Final = (
    "a roster is being taken in, or seats of this licence are given: nothing was changed; again when it is done"
)
MEANWHILE: Final = "somebody left the roster meanwhile: nothing was changed; run the same command again"
LOCK: Final = 0x5EA7
"""Beside the licence's hash, the advisory lock of whoever gives seats of it."""
MOST_SAID: Final = 100
"""Problems of one command that are listed."""
Look = Callable[[Collection[UUID]], Mapping[UUID, Holder]]


@dataclass(frozen=True)
class Wish:
    """What was asked for, as typed."""

    licence: str
    people: tuple[str, ...] = ()
    file: Path | None = None
    until: str | None = None
    withdraw: bool = False


class Seat(NamedTuple):
    """A seat that is neither withdrawn nor over."""

    person: UUID
    enabled: bool
    """Whether its holder may sign in; else nobody holds it."""
    ends: str
    """Its last day, or `LAST`."""


@dataclass(frozen=True)
class Meant:
    """What it comes to."""

    licence: Licence
    people: tuple[UUID, ...]
    today: date
    """In the city."""
    until: str = LAST
    withdraw: bool = False

    @property
    def number(self) -> int:
        """How many seats the licence has."""
        return self.licence.seats.number if self.licence.seats else 0


@dataclass(frozen=True)
class Change:
    """What is to be done about seats as they stand, and what is done already."""

    new: tuple[UUID, ...]
    """Who gets one."""
    ended: tuple[UUID, ...]
    """Whose seat ends: it is withdrawn, or another takes its place."""
    already: int
    """Of how many of those named nothing is to be done."""
    passed_on: int
    """Seats of people who are switched off that go to others."""
    given: int
    """How many are held before it."""
    held: int
    """How many are held after it."""
    lacking: int = 0
    """How many more are asked for than are free."""

    @property
    def people(self) -> tuple[UUID, ...]:
        """Everybody whose seat changes."""
        return tuple(dict.fromkeys((*self.new, *self.ended)))


def licence(city: City, name: str) -> Licence:
    """The licence with seats that is meant. Raises `UserError`."""
    known = {each.id: each for each in city.licences}
    if name not in known:
        raise UserError(f"there is no licence {name!r}{did_you_mean(name, list(known))}; there are: {', '.join(known)}")
    if known[name].seats is None:
        counted = ", ".join(each.id for each in city.licences if each.seats) or "none"
        raise UserError(f"the licence {name} has no seats, so nobody needs one; of those that have: {counted}")
    return known[name]


def change(meant: Meant, seats: Sequence[Seat]) -> Change:
    """What follows from the seats of the licence as they stand. Pure."""
    ends = {each.person: each.ends for each in seats}
    given = sum(each.enabled for each in seats)
    if meant.withdraw:
        ended = tuple(each for each in meant.people if each in ends)
        those = set(ended)
        fewer = sum(each.enabled for each in seats if each.person in those)
        return Change((), ended, len(meant.people) - len(ended), 0, given, given - fewer)
    new = tuple(each for each in meant.people if ends.get(each) != meant.until)
    ended = tuple(each for each in new if each in ends)
    held, already = given + len(new) - len(ended), len(meant.people) - len(new)
    if held == given:
        return Change(new, ended, already, 0, given, held)
    passed_on = max(0, len(seats) + held - given - meant.number)
    return Change(new, ended, already, passed_on, given, held, max(0, held - meant.number))


def judged(  # noqa: PLR0917
    wish: Wish, city: City, today: date, key: Key, look: Look, stands: Callable[[Licence], Sequence[Seat]]
) -> tuple[Meant, Change]:
    """What is meant, and what it comes to. Raises `UserError` with everything that is wrong with it."""
    wrong = last_day(wish.until, today, withdraw=wish.withdraw)
    people, more = named(wish.people, wish.file, key)
    wrong += more
    if not people and not more:
        wrong.append("nobody is named: give ids, or a file with --from, or look with --list")
    found = look(people.keys())
    try:
        meant = licence(city, wish.licence)
    except UserError as error:
        raise _refused([str(error), *wrong, *_strangers(people, found)]) from error
    wrong += _strangers(people, found)
    if not wish.withdraw:
        wrong += _unfit(people, found, meant)
    until = date.fromisoformat(wish.until).isoformat() if wish.until and not wrong else LAST
    asked = Meant(meant, tuple(people), today, until, wish.withdraw)
    done = change(asked, stands(meant))
    if wrong or done.lacking:
        raise _refused([*wrong, *([_lacking(asked, done)] if done.lacking else [])])
    return asked, done


def _refused(wrong: Sequence[str]) -> UserError:
    rest = [f"... and {len(wrong) - MOST_SAID:,} more"] if len(wrong) > MOST_SAID else []
    return UserError("\n".join([*wrong[:MOST_SAID], *rest, "nothing was changed"]))


def _strangers(people: Mapping[UUID, str], found: Mapping[UUID, Holder]) -> list[str]:
    return [
        f"{where}: {who} is nobody here: the roster that names them was never taken in"
        for who, where in people.items()
        if who not in found
    ]


def _unfit(people: Mapping[UUID, str], found: Mapping[UUID, Holder], of: Licence) -> Iterable[str]:
    """Who could not use a seat."""
    for who, where in people.items():
        if (one := found.get(who)) is None:
            continue
        if not one.enabled:
            yield f"{where}: {who} may not sign in: the register has them switched off"
        elif not set(one.tiers) & set(of.tiers):
            what = ", ".join(one.tiers) or "of no tier"
            yield f"{where}: {who} is {what} today, and {of.id} is for {', '.join(of.tiers)}"


def _lacking(meant: Meant, done: Change) -> str:
    free, more = max(0, meant.number - done.given), done.held - done.given
    return f"{more:,} seats are asked for and {free:,} are free: {meant.licence.id} has {meant.number:,}, {done.given:,} are given"


_STANDING: Final = """
SELECT person, enabled, ends::text FROM seats WHERE licence = %s AND withdrawn_at IS NULL AND ends >= %s ORDER BY id
"""
_ALONE: Final = "SELECT pg_advisory_xact_lock_shared(%s), pg_advisory_xact_lock(%s, hashtext(%s))"
_END: Final = """
UPDATE seats SET withdrawn_at = now(), withdrawn_by = %(by)s
WHERE licence = %(licence)s AND person = ANY(%(ended)s) AND withdrawn_at IS NULL AND ends >= %(today)s
"""
_MOVE: Final = """
UPDATE seats SET withdrawn_at = now(), withdrawn_by = %(by)s WHERE id IN (
    SELECT id FROM seats WHERE licence = %(licence)s AND NOT enabled AND withdrawn_at IS NULL AND ends >= %(today)s
    ORDER BY id LIMIT %(passed_on)s
)
"""
_GIVE: Final = """
INSERT INTO seats (licence, person, begins, ends, given_by)
SELECT %(licence)s, who, %(today)s, %(until)s, %(by)s FROM unnest(%(new)s::uuid[]) who
"""


def standing(connection: psycopg.Connection, of: Licence, today: date) -> list[Seat]:
    """The seats of a licence that are neither withdrawn nor over, as the keeper sees them."""
    return [Seat(*row) for row in connection.execute(_STANDING, (of.id, today)).fetchall()]


def stand(connect: Connect, of: Licence, today: date) -> list[Seat]:
    """The same, in a transaction of their own."""
    with keeper(connect, SEAT, BUSY) as connection:
        return standing(connection, of, today)


def write(connect: Connect, meant: Meant, by: str) -> Change:
    """Do it as the keeper, by the seats as they stand then. Raises `UserError` where there are too few, or the roster changed meanwhile."""
    try:
        with keeper(connect, SEAT, BUSY) as connection:
            # A statement of its own: what it waited for has to be seen by the next.
            connection.execute(_ALONE, (ALONE, LOCK, meant.licence.id))
            done = change(meant, standing(connection, meant.licence, meant.today))
            if done.lacking:
                raise _refused([_lacking(meant, done)])
            about = {"licence": meant.licence.id, "today": meant.today, "until": meant.until, "by": by}
            about |= {"new": list(done.new), "ended": list(done.ended), "passed_on": done.passed_on}
            for words in (_END, _MOVE, _GIVE):
                connection.execute(words, about)
    except ForeignKeyViolation as error:
        raise UserError(MEANWHILE) from error
    return done


def listing(of: Licence) -> Deed:
    """How it goes on the audit record that somebody looked at the ids of who holds its seats."""
    return Deed("seat-list", f"{runs.SEATS}/{of.id}")


def deed(meant: Meant, done: Change) -> Deed:
    """How it goes on the audit record: one deed to the licence's seats, with everybody's id on the platform."""
    return Deed(
        "seat-withdraw" if meant.withdraw else "seat-give", f"{runs.SEATS}/{meant.licence.id}", facts(meant, done)
    )


def facts(meant: Meant, done: Change) -> dict[str, str | int]:
    """What it says of itself."""
    found: dict[str, str | int] = {audit.PEOPLE: " ".join(map(str, done.people)), "seats": len(done.people)}
    if not meant.withdraw:
        found |= {"until": meant.until, "passed_on": done.passed_on}
    return found


def told(meant: Meant, done: Change, *, dry: bool) -> str:
    """What was done, or would have been."""
    would, many = ("would be" if dry else "are"), len(done.people)
    seats = f"{many:,} seats of {meant.licence.id} {would} "
    if meant.withdraw:
        what = f"{seats}withdrawn" + (f"; {done.already:,} of those named hold none" if done.already else "")
    else:
        how = "for as long as the licence holds" if meant.until == LAST else f"until {meant.until}"
        what = f"{seats}given, {how}" + (f"; {done.already:,} of those named hold one already" if done.already else "")
        if done.passed_on:
            what += f"; {done.passed_on:,} of people who are switched off {would} passed on"
    left = f"; {done.held:,} of {meant.number:,} {would} given, {meant.number - done.held:,} free"
    return f"{what}{left}; nothing was changed" if dry or not many else f"{what}{left}"
