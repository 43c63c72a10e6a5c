"""Ids in a staged roster that another register has given to something else: it is refused, whatever options it is given.

Registers number what they have each for itself. In the database an id of a class is one class, so a second register with the same id would
move the first one's class to its own school, and the first one's next file would move it back. An id of a person is one person: two pupils
under it would be each other's schools and classes to whoever looks after either. That one pupil was born in two months shows it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from uuid import UUID

import psycopg

from catalog import City
from catalog.roster import RosterRole
from derive.pseudonym import Pseudonyms
from ops.rosters.checking import Checked
from ops.rosters.findings import Findings, RosterError
from ops.rosters.form import CLASSES, USERS

# The classes of a school that the city has no more are nobody's: its register may go on under the code of another.
_CLAIMED: Final = "SELECT n.id, c.school FROM new_classes n JOIN classes c USING (id) WHERE c.school = ANY(%s)"
_TWO: Final = """
SELECT p.id, min(r.place) FROM people p
JOIN roles r ON r.person = p.id AND r.role = %(pupil)s AND r.place = ANY(%(others)s) AND r.ends >= %(today)s
LEFT JOIN new_births b ON b.id = p.id
CROSS JOIN LATERAL (SELECT CASE WHEN p.minor_until > %(today)s THEN p.minor_until END AS before) known
WHERE EXISTS (SELECT FROM new_roles n WHERE n.person = p.id AND n.role = %(pupil)s)
  AND p.guarded_below = %(below)s AND known.before IS DISTINCT FROM b.minor_until
  AND known.before IS DISTINCT FROM 'infinity' AND b.minor_until IS DISTINCT FROM 'infinity'
GROUP BY p.id
"""
"""Pupils of this roster who are pupils of another school with another month of birth, where both registers say one: all that is kept of it
is until when a guardian has a say."""


def refuse(
    connection: psycopg.Connection, found: Checked, city: City, places: Collection[str], pseudonyms: Pseudonyms
) -> None:
    """Raise `RosterError` with every id of the staged roster, which speaks for ``places``, that is something else at another school."""
    others, findings = sorted(set(city.by_code) - set(places)), Findings()
    _classes(connection, found, others, findings)
    _people(connection, found, others, pseudonyms, findings)
    if findings:
        raise RosterError(findings)


def _classes(connection: psycopg.Connection, found: Checked, others: list[str], findings: Findings) -> None:
    claimed = connection.execute(_CLAIMED, (others,)).fetchall()
    for line, school in sorted((found.places.lines[CLASSES.file, identity], school) for identity, school in claimed):
        message = (
            f"is the id of a class of {school} already, for which this file does not speak: have the register give its classes ids "
            "that no other has, with the school's code in front; where that class did move here, take in the other file without it first"
        )
        findings.add(CLASSES.file, line, "sourcedId", message, "claimed")


def _people(
    connection: psycopg.Connection, found: Checked, others: list[str], pseudonyms: Pseudonyms, findings: Findings
) -> None:
    about = {"pupil": RosterRole.STUDENT.value, "others": others, "today": found.today, "below": found.grown}
    two: dict[UUID, str] = dict(connection.execute(_TWO, about).fetchall())
    for line, (identity, *_) in found.read(USERS) if two else ():
        if school := two.get(pseudonyms.of(identity)):
            message = (
                f"is the id of a pupil of {school} too, for which this file does not speak, and who was born in another month: where "
                "they are two people, have a register give its people ids that no other has; where they are one, mend the date in "
                "demographics.csv of the file that has it wrong, and if that is the other one, take it in without them first"
            )
            findings.add(USERS.file, line, "sourcedId", message, "two people")
