"""How many people of the roster are of some tiers today, at some schools or anywhere; numbers only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final

import psycopg

from ops.rosters.importing import Connect, keeper

_COUNT: Final = """
SELECT count(DISTINCT r.person) FROM roles r JOIN people p ON p.id = r.person
WHERE p.enabled AND r.tier = ANY(%(tiers)s) AND %(today)s BETWEEN r.begins AND r.ends
AND (%(schools)s::text[] IS NULL OR r.place = ANY(%(schools)s))
"""


@dataclass(frozen=True)
class Group:
    """Whoever is of one of some tiers, at one of some schools where there are any named."""

    tiers: tuple[str, ...]
    schools: tuple[str, ...] | None = None
    """Codes, of offices of districts too; None: wherever they are."""


def count(connect: Connect, groups: Iterable[Group], today: date) -> dict[Group, int]:
    """People in each group, everybody once, however many roles they have; read as the keeper, who writes nothing here.

    Raises `UserError` as `importing.keeper` does.
    """
    with keeper(connect) as connection:
        connection.execute("SET TRANSACTION READ ONLY")
        return {each: _one(connection, each, today) for each in dict.fromkeys(groups)}


def _one(connection: psycopg.Connection, group: Group, today: date) -> int:
    schools = None if group.schools is None else list(group.schools)
    about = {"tiers": list(group.tiers), "schools": schools, "today": today}
    found: tuple[int] | None = connection.execute(_COUNT, about).fetchone()
    return found[0] if found else 0
