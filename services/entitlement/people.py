"""One person of the roster: what they are today, and the children in their care. Read as the role that sees one person at a time.

Days count where the city is: whoever asks says which day it is there. Nothing is remembered between two questions, so who is switched
off is nobody from the next one on; and while the roster cannot be read, nobody is anybody.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from queue import Empty, LifoQueue
from typing import Any, Protocol
from uuid import UUID

import psycopg

from derive import capacities, database, guardians

LOG = logging.getLogger(__package__)
LINES = 4
"""Connections of one process: a question takes milliseconds, and the server has a hundred for everybody."""
WAIT_SECONDS = 2.0
"""How long a question waits for one of them."""
PATIENCE = {
    "connect_timeout": 2,
    "tcp_user_timeout": 3000,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 2,
    "options": "-c statement_timeout=2000",
}
"""Seconds and ms after which a server that does not answer is away: the person in front of the screen waits as long."""


UNREADABLE = "roster-unreadable"
"""Reason where it is not known who anybody is, rather than that somebody is nobody."""


class PersonError(Exception):
    """Nobody can be said to be there; its one argument is the reason's code."""


@dataclass(frozen=True)
class _Lasting:
    """What holds from a first to a last day, both included; None: no bound."""

    begins: date | None
    ends: date | None

    def holds(self, today: date) -> bool:
        """Whether it holds on that day."""
        return (self.begins is None or self.begins <= today) and (self.ends is None or today <= self.ends)


@dataclass(frozen=True)
class Role(_Lasting):
    """What somebody is at a place."""

    place: str
    """Code of the school, or of the district or city."""
    tier: str | None
    """None: no tier follows from it."""
    main: bool
    """Whether it is what they are first of all."""


@dataclass(frozen=True)
class Enrolment(_Lasting):
    """That somebody is in a class, as long as the class is held."""

    group: str
    school: str


@dataclass(frozen=True)
class Consent(_Lasting):
    """That somebody who looks after them agrees; one that was withdrawn is none."""

    roles: tuple[str, ...]
    """As what the register has that person, where the pupil is one."""


@dataclass(frozen=True)
class Seat(_Lasting):
    """A paid seat; one that was withdrawn is none."""

    licence: str
    """Id."""


@dataclass(frozen=True)
class Found:
    """What the roster has of one person."""

    id: str
    enabled: bool
    guarded_until: date | None
    """Day from which a guardian has no say any more; None: none has. By the age ``guarded_below``."""
    roles: tuple[Role, ...]
    """Main ones first."""
    enrolments: tuple[Enrolment, ...]
    children: tuple[Found, ...] = ()
    """In this person's care; theirs are not looked up."""
    consents: tuple[Consent, ...] = ()
    """Of whoever looks after them, not withdrawn; not all of them count."""
    seats: tuple[Seat, ...] = ()
    """Their own, not withdrawn; of children they are not looked up."""
    guarded_below: int = 0
    """The age below which a guardian had a say when they were last read; 0: not known."""

    def guarded(self, today: date, below: int) -> bool:
        """Whether a guardian has a say about whoever is younger than ``below``. Who was read by a smaller age may be."""
        return self.guarded_below < below or (self.guarded_until is not None and today < self.guarded_until)

    def agreed(self, today: date, below: int, by: Collection[str]) -> bool:
        """Whether no guardian has a say, or one of them agrees; ``by``: as what the register has whoever may."""
        return not self.guarded(today, below) or any(
            each.holds(today) and guardians.may_agree(each.roles, by) for each in self.consents
        )

    def schools(self, today: date) -> tuple[str, ...]:
        """Where they are something on that day, the main place first: codes of schools and offices."""
        return tuple(dict.fromkeys(each.place for each in self.roles if each.holds(today)))

    def classes(self, today: date) -> tuple[Enrolment, ...]:
        """The classes that they are in on that day."""
        return tuple(each for each in self.enrolments if each.holds(today))

    def seated(self, today: date) -> tuple[Seat, ...]:
        """The seats that they hold on that day."""
        return tuple(each for each in self.seats if each.holds(today))


@dataclass(frozen=True)
class Identity:
    """What a session says of a person."""

    tier: str
    school: str | None
    """Code; None: they are at no school, but at an office or with a partner."""
    district: str | None = None
    """Id of the district at whose office they are."""
    partner: str | None = None
    """Id of the partner that they work for."""


class Places(Protocol):
    """Which places the city has."""

    @property
    def schools(self) -> Mapping[str, Any]:
        """By their codes."""

    @property
    def offices(self) -> Mapping[str, str]:
        """Division code -> id of the district."""


def placed(tier: str, place: str | None, city: Places, partner: str | None = None) -> Identity:
    """Somebody at ``place``, the code of a school or a district's division code; what the city does not have is no place."""
    code = place or ""
    return Identity(tier, code if code in city.schools else None, city.offices.get(code), partner)


def identities(found: Found | None, today: date, city: Places) -> tuple[Identity, ...]:
    """Everything that a session may say of them on that day: main roles first, none twice, one without a tier never; one at least.

    Raises `PersonError`: `person-unknown`, `person-left` or `person-without-role`.
    """
    if found is None:
        raise PersonError("person-unknown")
    if not found.enabled:
        raise PersonError("person-left")
    theirs = capacities.capacities((each.tier, each.place, each.holds(today)) for each in found.roles)
    if not theirs:
        raise PersonError("person-without-role")
    # Two places that the city does not have are one: a session names neither.
    return tuple(dict.fromkeys(placed(tier, place, city) for tier, place in theirs))


def identity(found: Found | None, today: date, city: Places) -> Identity:
    """What a session says of them unless they choose: the first. Raises `PersonError` as `identities`."""
    return identities(found, today, city)[0]


class People(Protocol):
    """Who knows the roster."""

    def find(self, person: str) -> Found | None:
        """The person with this id; None when there is none. Raises `PersonError` with `roster-unreadable`."""


class Nobody:
    """Without a roster nobody can be looked up."""

    def find(self, person: str) -> Found | None:
        """See `People`."""
        raise PersonError(UNREADABLE)


class Reader:
    """Looks people up in the database that libpq's files name; ``words`` replace what they say. Safe to use from many threads."""

    def __init__(self, **words: Any) -> None:  # noqa: ANN401  # what libpq takes
        self._lines: LifoQueue[_Line] = LifoQueue()
        for _ in range(LINES):
            self._lines.put(_Line({**PATIENCE, **words}))

    def find(self, person: str) -> Found | None:
        """See `People`."""
        try:
            known = UUID(person)
        except ValueError:
            return None
        try:
            with self._line() as line:
                return line.read(known)
        except (psycopg.Error, OSError, Empty) as error:
            # Its text may hold what was asked for.
            LOG.error("the roster cannot be read: %s %s", type(error).__name__, getattr(error, "sqlstate", None) or "")
            raise PersonError(UNREADABLE) from error

    @contextmanager
    def _line(self) -> Iterator[_Line]:
        line = self._lines.get(timeout=WAIT_SECONDS)
        try:
            yield line
        finally:
            self._lines.put(line)


class _Line:
    """One connection, made when it is needed and again when it broke."""

    def __init__(self, words: dict[str, Any]) -> None:
        self._words = words
        self._connection: psycopg.Connection | None = None

    def read(self, person: UUID) -> Found | None:
        """The person. Raises psycopg.Error."""
        if self._connection is not None:
            try:
                return _read(self._connection, person)
            except psycopg.OperationalError:
                # It may have broken long ago: after a failover the next one leads to the new primary.
                self._connection.close()
        self._connection = connection = psycopg.connect(autocommit=True, **self._words)
        connection.read_only, connection.isolation_level = True, psycopg.IsolationLevel.REPEATABLE_READ
        return _read(connection, person)


_PEOPLE = """
SELECT id::text, enabled, CASE WHEN minor_until = 'infinity' THEN %s ELSE minor_until END, guarded_below FROM people
"""
_ROLES = """
SELECT person::text, nullif(begins, '-infinity'), nullif(ends, 'infinity'), place, tier, main
FROM roles ORDER BY person, main DESC, place, role, begins
"""
_ENROLMENTS = """
SELECT e.person::text, nullif(greatest(e.begins, c.begins), '-infinity'), nullif(least(e.ends, c.ends), 'infinity'), e.class, e.school
FROM enrolments e JOIN classes c ON (c.id, c.school) = (e.class, e.school) ORDER BY e.person, e.school, e.class, e.role, e.begins
"""
"""Of classes that are still their school's: of another one's nothing is known but an id that is the same."""
_CONSENTS = """
SELECT pupil::text, begins, nullif(ends, 'infinity'), roles FROM consents WHERE withdrawn_at IS NULL ORDER BY pupil, begins, id
"""
_SEATS = """
SELECT person::text, begins, nullif(ends, 'infinity'), licence FROM seats WHERE withdrawn_at IS NULL ORDER BY licence, begins, id
"""
_CHILDREN = "SELECT child::text FROM guardians WHERE guardian = %s ORDER BY child"


def _read(connection: psycopg.Connection, person: UUID) -> Found | None:
    """The person and the children in their care: the tables have no other row for who asks like this."""
    with connection.transaction():
        connection.execute("SELECT set_config(%s, %s, true)", (database.ROSTER_PERSON, str(person)))
        people = connection.execute(_PEOPLE, (date.max,)).fetchall()
        roles = connection.execute(_ROLES).fetchall()
        enrolments = connection.execute(_ENROLMENTS).fetchall()
        consents = connection.execute(_CONSENTS).fetchall()
        seats = connection.execute(_SEATS).fetchall()
        children = connection.execute(_CHILDREN, (person,)).fetchall()
    found = {row[0]: _found(row, roles, enrolments, consents, seats) for row in people}
    me = found.get(str(person))
    return replace(me, children=tuple(found[child] for (child,) in children if child in found)) if me else None


def _found(
    row: Sequence[Any],
    roles: Sequence[Sequence[Any]],
    enrolments: Sequence[Sequence[Any]],
    consents: Sequence[Sequence[Any]],
    seats: Sequence[Sequence[Any]],
) -> Found:
    """One person of the rows."""
    one, enabled, until, below = row
    return Found(
        one,
        enabled,
        until,
        tuple(Role(*rest) for person, *rest in roles if person == one),
        tuple(Enrolment(*rest) for person, *rest in enrolments if person == one),
        consents=tuple(Consent(begins, ends, tuple(held)) for pupil, begins, ends, held in consents if pupil == one),
        seats=tuple(Seat(*rest) for person, *rest in seats if person == one),
        guarded_below=below,
    )
