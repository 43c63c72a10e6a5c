"""What many people of the roster are today, read as the reader, who sees one at a time: many questions under way at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Final
from uuid import UUID

import psycopg

from derive.capacities import capacities
from services.roster.policies import PERSON

AT_ONCE: Final = 500
"""Questions whose answers are not read yet; more only fill buffers."""
_ONE: Final = """
SELECT p.enabled, r.tier, r.place FROM people p LEFT JOIN roles r ON r.person = p.id AND %(today)s BETWEEN r.begins AND r.ends
WHERE p.id = %(who)s ORDER BY r.main DESC, r.place, r.role, r.begins
"""


@dataclass(frozen=True)
class Holder:
    """Somebody, as far as a seat goes."""

    enabled: bool
    capacities: tuple[tuple[str, str], ...]
    """Tier and place of what they are today, the main one first."""

    @property
    def tiers(self) -> tuple[str, ...]:
        """The tiers that they are of today."""
        return tuple(dict.fromkeys(tier for tier, _ in self.capacities))


def read(connection: psycopg.Connection, people: Iterable[UUID], today: date) -> dict[UUID, Holder]:
    """Those of them who are there."""
    found, rest = {}, iter(people)
    while some := list(islice(rest, AT_ONCE)):
        with connection.transaction(), connection.pipeline():
            asked = [(who, _ask(connection, who, today)) for who in some]
            answers = [(who, cursor.fetchall()) for who, cursor in asked]
        found.update({who: _holder(rows) for who, rows in answers if rows})
    return found


def _ask(connection: psycopg.Connection, who: UUID, today: date) -> psycopg.Cursor:
    connection.execute("SELECT set_config(%s, %s, true)", (PERSON, str(who)))
    return connection.execute(_ONE, {"who": who, "today": today})


def _holder(rows: list[tuple[bool, str | None, str | None]]) -> Holder:
    held = ((tier, place, True) for _, tier, place in rows if place)
    return Holder(rows[0][0], capacities(held))
