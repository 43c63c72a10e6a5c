"""A small register as plain rows, put into a real PostgreSQL, and what follows from it on a day, not by our own readers."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta

import psycopg
from psycopg.errors import ForeignKeyViolation

from catalog import City
from derive.questions import Person, Thing
from local import postgresql
from tests.roster_server import Server

FIRST, LAST = date.min, date.max


@dataclass(frozen=True)
class Held:
    """That something holds from a first to a last day, both included."""

    what: str
    """Tier of a role; id of a class."""
    where: str
    """Code of a school or an office."""
    begins: date = FIRST
    ends: date = LAST

    def on(self, day: date) -> bool:
        return self.begins <= day <= self.ends


@dataclass(frozen=True)
class Agreed:
    """What somebody agreed to about a pupil, from a first to a last day, both included."""

    by: str
    """Name."""
    begins: date
    ends: date = LAST
    withdrawn: bool = False


@dataclass(frozen=True)
class Seated:
    """A paid seat, from a first to a last day, both included."""

    licence: str
    begins: date
    ends: date = LAST
    withdrawn: bool = False


@dataclass(frozen=True)
class Member:
    """Somebody of the register."""

    name: str
    roles: tuple[Held, ...]
    classes: tuple[Held, ...] = ()
    children: tuple[str, ...] = ()
    """Names."""
    linked_as: tuple[str, ...] = ("parent",)
    """As what the register has them where their children are pupils."""
    minor_until: date | None = None
    read_before: bool = False
    """Whether the roster was last read when the age of consent was lower by a year."""
    enabled: bool = True
    consents: tuple[Agreed, ...] = ()
    """About them."""
    seats: tuple[Seated, ...] = ()

    @property
    def id(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_OID, self.name))


@dataclass(frozen=True)
class Register:
    """Everybody, and the day on which most of what changes does."""

    city: City
    change: date
    members: dict[str, Member] = field(default_factory=dict)
    subjects: tuple[Member, ...] = ()
    """Of whom everybody asks: all but those who are there for a tier's sake."""

    def asking(self, member: Member, day: date) -> Person | None:
        """Who they are on that day, as they would sign in; None for who cannot."""
        held = next((each for each in member.roles if each.on(day)), None)
        if not member.enabled or held is None:
            return None
        tier = next(each for each in self.city.tiers if each.id == held.what)
        school = (held.where,) if held.where in self.city.by_code else ()
        # An id of a class is one only within its school: whoever acts as somebody of one is in no class of another.
        classes = tuple(each.what for each in member.classes if each.on(day) and each.where == held.where)
        children = tuple(self.members[name].id for name in member.children)
        district = next((each.id for each in self.city.districts if each.division_code == held.where), None)
        return Person(member.id, held.what, school, classes, children, district, city=tier.scope == "city")

    def consented(self, pupil: Member, day: date) -> bool:
        """Whether a parent or guardian of theirs agrees on that day; who is a relative as well is so to nobody knows whom."""
        return any(
            pupil.name in (by := self.members[each.by]).children
            and by.linked_as in {("parent",), ("guardian",), ("guardian", "parent")}
            and each.begins <= day <= each.ends
            and not each.withdrawn
            for each in pupil.consents
        )

    def seated(self, member: Member, licence: str | None, day: date) -> bool:
        """Whether they hold a seat of the licence on that day."""
        return member.enabled and any(
            each.licence == licence and each.begins <= day <= each.ends and not each.withdrawn for each in member.seats
        )

    def profiles(self, member: Member, day: date) -> Iterator[Thing]:
        """The profile of a pupil as of each school and class; nothing of anybody else."""
        grown = not member.read_before and (member.minor_until is None or member.minor_until <= day)
        agreed = grown or self.consented(member, day)
        schools = [each.where for each in member.roles if each.on(day) and each.what == "student"]
        for number, code in enumerate(schools):
            yield Thing(f"{member.id}-{number}", "pupil-profile", code, member.id, consent=agreed)
        for each in member.classes:
            if each.on(day) and each.where in schools:
                yield Thing(
                    f"{member.id}-{each.what}", "pupil-profile", each.where, member.id, each.what, consent=agreed
                )


def make(city: City, change: date) -> Register:
    """Pupils of every state, their parents, and somebody of every tier at each of two schools and at an office."""
    one, two = city.schools[0].code, city.schools[3].code
    office, before = city.districts[0].division_code, change - timedelta(days=1)
    found = [
        Member("young", (Held("student", one),), (Held("class-1", one),), minor_until=date(2040, 1, 1)),
        Member("old", (Held("student", one),), (Held("class-1", one),)),
        Member("read-before", (Held("student", one),), (Held("class-1", one),), read_before=True),
        Member("comes-of-age", (Held("student", one),), (Held("class-2", one),), minor_until=change),
        Member("moves", (Held("student", one, ends=before), Held("student", two, change)), (
            Held("class-1", one, ends=before), Held("class-3", two, change))),
        Member("guest", (Held("student", one),), (Held("class-3", two),)),
        Member("away", (Held("student", one),), (Held("class-1", one),), enabled=False),
        Member("left", (Held("student", one, ends=before),), (Held("class-1", one),)),
        *(Member(name, (Held("student", one),), (Held("class-1", one),), minor_until=date(2040, 1, 1), consents=given)
          for name, given in _consents(change).items()),
        Member("mother", (Held("parent", one),), children=("young", "moves", "away", *_consents(change))),
        Member("father", (Held("parent", two),), children=("old", "left", "of-the-other")),
        Member("grandmother", (Held("parent", one),), children=tuple(_consents(change)), linked_as=("relative",)),
        Member("aunt", (Held("parent", one),), children=tuple(_consents(change)), linked_as=("guardian", "relative")),
        Member("uncle", (Held("parent", two),), children=tuple(_consents(change)), linked_as=("guardian",)),
        Member("new-teacher", (Held("teacher", one, change),), (Held("class-1", one, change),)),
        Member("teacher-of-two", (Held("teacher", one), Held("teacher", two)), (Held("class-1", one), Held("class-3", two))),
        Member("teacher-and-mother", (Held("teacher", one), Held("parent", two), Held("school-staff", one, ends=before)), (
            Held("class-1", one),), children=("guest",)),
    ]  # fmt: skip
    subjects = tuple(found)
    for tier in city.tiers:
        for place in (one, two, office):
            group = {one: "class-1", two: "class-3"}.get(place)
            found.append(Member(f"{tier.id}-{place}", (Held(tier.id, place),)))
            if group:
                found.append(Member(f"{tier.id}-{group}", (Held(tier.id, place),), (Held(group, place),)))
    for name, held, seats in _seats(city, change + timedelta(days=1)):
        found.append(Member(f"{SEATED}{name}", (Held(held, one),), seats=seats, enabled=name != "away"))
    return Register(city, change, {each.name: each for each in found}, subjects)


SEATED = "seat-"
"""How the names of those begin who are there for a seat's sake."""


def _seats(city: City, change: date) -> Iterator[tuple[str, str, tuple[Seated, ...]]]:
    """Name, tier and seats of people of whom some hold one of a licence that counts them, before a day, on it, or on both."""
    [bought] = [each.id for each in city.licences if each.seats]
    before, other = change - timedelta(days=1), city.licences[0].id
    held = (Seated(bought, before),)
    states = {
        "held": held,
        "none": (),
        "not-yet": (Seated(bought, change),),
        "until-then": (Seated(bought, before, before),),
        "again": (Seated(bought, before, before), Seated(bought, change, change)),
        "withdrawn": (Seated(bought, before, withdrawn=True),),
        "of-another": (Seated(other, before),),
        "away": held,
    }
    yield from ((name, "student", seats) for name, seats in states.items())
    yield from ((f"{tier}-held", tier, held) for tier in ("teacher", "parent"))


def _consents(change: date) -> dict[str, tuple[Agreed, ...]]:
    """Pupils too young to be seen without: name -> what was agreed about them."""
    before = change - timedelta(days=1)
    return {
        "agreed": (Agreed("mother", before),),
        "not-yet-agreed": (Agreed("mother", change),),
        "agreed-until-then": (Agreed("mother", before, before),),
        "agreed-again": (Agreed("mother", before, before), Agreed("mother", change)),
        "withdrawn": (Agreed("mother", before, withdrawn=True),),
        "of-the-other": (Agreed("mother", before, withdrawn=True), Agreed("father", before)),
        "of-a-relative": (Agreed("grandmother", before),),
        "of-who-is-both": (Agreed("aunt", before),),
        "of-a-relative-and-then-hers": (Agreed("grandmother", before), Agreed("mother", change)),
        "of-a-guardian": (Agreed("uncle", before, change),),
        "of-no-guardian": (Agreed("father", before), Agreed("teacher-of-two", before)),
    }


def fill(register: Register, server: Server) -> None:
    """Put the rows into the database, past all its rules."""
    groups = {(held.what, held.where) for each in register.members.values() for held in each.classes}
    with server.connect(postgresql.ADMINISTRATOR) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO people (id, enabled, minor_until, guarded_below) VALUES (%s, %s, %s, %s)",
            [
                (
                    each.id,
                    each.enabled,
                    each.minor_until,
                    register.city.minors.guardian_consent_below - each.read_before,
                )
                for each in register.members.values()
            ],
        )
        cursor.executemany("INSERT INTO classes (id, school) VALUES (%s, %s)", sorted(groups))
        for each in register.members.values():
            _write(cursor, register, each)
        for pupil in register.members.values():
            for agreed in pupil.consents:
                _agree(connection, pupil, agreed, register.members[agreed.by])
            for seat in pupil.seats:
                _seat(connection, pupil, seat)


def _agree(connection: psycopg.Connection, pupil: Member, agreed: Agreed, by: Member) -> None:
    words = "INSERT INTO consents (pupil, guardian, roles, begins, ends, recorded_by, withdrawn_at, withdrawn_by) "
    words += "VALUES (%s, %s, %s, %s, %s, 'a test', CASE WHEN %s THEN now() END, CASE WHEN %s THEN 'a test' END)"
    ends = "infinity" if agreed.ends is LAST else agreed.ends.isoformat()
    # The database takes none of who is no guardian of theirs.
    with suppress(ForeignKeyViolation), connection.transaction():
        connection.execute(
            words, (pupil.id, by.id, list(by.linked_as), agreed.begins, ends, agreed.withdrawn, agreed.withdrawn)
        )


def _seat(connection: psycopg.Connection, member: Member, seat: Seated) -> None:
    words = "INSERT INTO seats (licence, person, enabled, begins, ends, given_by, withdrawn_at, withdrawn_by) "
    words += "VALUES (%s, %s, %s, %s, %s, 'a test', CASE WHEN %s THEN now() END, CASE WHEN %s THEN 'a test' END)"
    ends = "infinity" if seat.ends is LAST else seat.ends.isoformat()
    about = (seat.licence, member.id, member.enabled, seat.begins, ends, seat.withdrawn, seat.withdrawn)
    connection.execute(words, about)


def _write(cursor: object, register: Register, member: Member) -> None:
    run = cursor.execute  # type: ignore[attr-defined]
    for number, held in enumerate(member.roles):
        words = "INSERT INTO roles (person, place, role, tier, main, begins, ends) VALUES (%s, %s, %s, %s, %s, %s, %s)"
        run(words, (member.id, held.where, held.what, held.what, number == 0, *_span(held)))
    for held in member.classes:
        words = "INSERT INTO enrolments (person, class, role, school, begins, ends) VALUES (%s, %s, 'x', %s, %s, %s)"
        run(words, (member.id, held.what, held.where, *_span(held)))
    for name in member.children:
        words = "INSERT INTO guardians (guardian, child, roles) VALUES (%s, %s, %s)"
        run(words, (member.id, register.members[name].id, list(member.linked_as)))


def _span(held: Held) -> tuple[str, str]:
    begins = "-infinity" if held.begins is FIRST else held.begins.isoformat()
    return begins, "infinity" if held.ends is LAST else held.ends.isoformat()
