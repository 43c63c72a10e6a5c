"""The second pass over a roster: what is stored of it, streamed into tables of the one transaction, gone with it whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, timedelta
from typing import Final

import psycopg
from psycopg import sql

from catalog import City
from catalog.errors import UserError
from catalog.roster import RosterRole
from derive.pseudonym import Pseudonyms
from ops.rosters.checking import BIT, Checked
from ops.rosters.form import CLASSES, DEMOGRAPHICS, ENROLLMENTS, ROLES, USERS, Form, day
from ops.rosters.places import Span
from ops.rosters.rows import Row

Stored = tuple[str | date | bool | None, ...]
FIRST, LAST = "-infinity", "infinity"
"""The bounds of what the register leaves open, as PostgreSQL writes them."""
TABLES: Final = {
    "new_people": "id uuid, enabled boolean",
    "new_births": "id uuid, minor_until date",
    "new_roles": "person uuid, place text, role text, tier text, main boolean, begins date, ends date",
    "new_classes": "id text, school text, begins date, ends date",
    "new_enrolments": "person uuid, class text, role text, school text, begins date, ends date",
    "new_guardians": "guardian uuid, child uuid",
}
"""Table -> its columns."""
EVERY = 20_000
"""Rows between two words of progress."""
CHANGED: Final = "the files changed while they were read: nothing was written; run the same command again"
Say = Callable[[str], None]


class Stage:
    """One roster on its way."""

    def __init__(self, found: Checked, city: City, pseudonyms: Pseudonyms) -> None:
        self.found, self.city, self.hash = found, city, pseudonyms.hexadecimal
        self.read = dict.fromkeys(found.rows, 0)

    def fill(self, connection: psycopg.Connection, say: Say) -> int:
        """Make the tables and fill them; how many rows. Raises `UserError` when the files are no longer what was checked."""
        streams = {
            "new_people": self._people(), "new_births": self._births(), "new_roles": self._roles(),
            "new_classes": self._classes(), "new_enrolments": self._enrolments(), "new_guardians": self._guardians(),
        }  # fmt: skip
        total = sum(copied(connection, table, TABLES[table], rows, say) for table, rows in streams.items())
        read = (USERS, ROLES, DEMOGRAPHICS, CLASSES, ENROLLMENTS)
        if any(self.read.get(form.file, 0) != self.found.rows.get(form.file, 0) for form in read):
            raise UserError(CHANGED)
        return total

    def places(self) -> list[str]:
        """What the roster speaks for: the schools that it names, and a district or the city when it names all its schools."""
        schools = set(self.found.places.schools.values())
        if set(self.city.by_code) <= schools:
            return sorted([*schools, *(each.division_code for each in self.city.districts), self.city.division_code])
        districts = [
            each.division_code
            for each in self.city.districts
            if (own := {school.code for school in self.city.by_district[each.id]}) and own <= schools
        ]
        return sorted([*schools, *districts])

    def _rows(self, form: Form) -> Iterator[Row]:
        count = 0
        for row in self.found.read(form):
            count += 1
            yield row
        self.read[form.file] = count

    def _people(self) -> Iterator[Stored]:
        return ((self.hash(row.cells[0]), row.cells[2] == "true") for row in self._rows(USERS))

    def _births(self) -> Iterator[Stored]:
        """Of whom a guardian has a say: until the month after the birthday; of pupils whose birth is unknown always."""
        pupil, age = BIT[RosterRole.STUDENT], self.city.minors.guardian_consent_below
        known = set[int]()
        for _, (identity, _, born) in self._rows(DEMOGRAPHICS):
            position = self.found.of(identity)
            if born and position is not None and (birth := day(born)):
                known.add(position)
                until = grown(birth, age)
                if until > self.found.today:
                    yield self.hash(identity), until
        for row in self.found.read(USERS):
            position = self.found.of(row.cells[0])
            if position is not None and position not in known and self.found.roles[position] & pupil:
                yield self.hash(row.cells[0]), LAST

    def _roles(self) -> Iterator[Stored]:
        orgs = self.found.places.orgs
        for _, (_, _, user, kind, role, begins, ends, org) in self._rows(ROLES):
            place, main = orgs[org], kind == "primary"
            tier = self.city.tier_at(place, role)
            yield self.hash(user), place, role, tier.id if tier else None, main, *_bounds((day(begins), day(ends)))

    def _classes(self) -> Iterator[Stored]:
        for row in self._rows(CLASSES):
            school, span = self.found.places.classes[row.cells[0]]
            yield row.cells[0], school, *_bounds(span)

    def _enrolments(self) -> Iterator[Stored]:
        classes = self.found.places.classes
        for _, (_, _, group, _, user, role, begins, ends) in self._rows(ENROLLMENTS):
            school, (first, last) = classes[group]
            span = (day(begins) if begins else first, day(ends) if ends else last)
            yield self.hash(user), group, role, school, *_bounds(span)

    def _guardians(self) -> Iterator[Stored]:
        of, family = self.found.of, self.found.family
        for _, (identity, _, _, agents) in self.found.read(USERS):
            for agent in (each.strip() for each in agents.split(",")) if agents else ():
                one, other = of(identity), of(agent)
                if one is not None and other is not None:
                    pair = (identity, agent) if family(one, other) else (agent, identity)
                    yield self.hash(pair[0]), self.hash(pair[1])


def grown(born: date, age: int) -> date:
    """The first day of the month after somebody is ``age`` years old: all that is kept of a birth date."""
    return (date(born.year + age, born.month, 1) + timedelta(days=32)).replace(day=1)


def _bounds(span: Span) -> tuple[date | str, date | str]:
    return span[0] or FIRST, span[1] or LAST


def copied(connection: psycopg.Connection, table: str, columns: str, rows: Iterable[Stored], say: Say) -> int:
    """Make the table ``table`` of this transaction, stream rows into it, and count them."""
    name, count = sql.Identifier(table), 0
    connection.execute(sql.SQL("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DROP").format(name, sql.SQL(columns)))
    with connection.cursor() as cursor, cursor.copy(sql.SQL("COPY {} FROM STDIN").format(name)) as copy:
        for row in rows:
            copy.write_row(row)
            count += 1
            if count % EVERY == 0:
                say(f"{table.removeprefix('new_')}: {count:,} rows")
    connection.execute(sql.SQL("ANALYZE {}").format(name))
    return count
