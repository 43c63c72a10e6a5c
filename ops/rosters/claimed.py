"""Ids of classes in a staged roster that are classes of schools for which it does not speak: it is refused, and takes nobody's class away.

Registers number their classes each for itself. In the database an id is one class, so a second register with the same id would move the
first one's class to its own school, and the first one's next file would move it back.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import psycopg

from catalog import City
from ops.rosters.checking import Checked
from ops.rosters.findings import Findings, RosterError
from ops.rosters.form import CLASSES

# The classes of a school that the city has no more are nobody's: its register may go on under the code of another.
_CLAIMED: Final = "SELECT n.id, c.school FROM new_classes n JOIN classes c USING (id) WHERE c.school = ANY(%s)"


def refuse(connection: psycopg.Connection, found: Checked, city: City, places: Collection[str]) -> None:
    """Raise `RosterError` with every class of the staged roster, which speaks for ``places``, that is another school's already."""
    others = sorted(set(city.by_code) - set(places))
    claimed = connection.execute(_CLAIMED, (others,)).fetchall()
    findings = Findings()
    for line, school in sorted((found.places.lines[CLASSES.file, identity], school) for identity, school in claimed):
        message = (
            f"is the id of a class of {school} already, for which this file does not speak: have the register give its classes ids "
            "that no other has, with the school's code in front; where that class did move here, take in the other file without it first"
        )
        findings.add(CLASSES.file, line, "sourcedId", message, "claimed")
    if findings:
        raise RosterError(findings)
