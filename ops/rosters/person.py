"""One person of the roster, as the platform sees them: read as the reader, who sees one at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from derive.capacities import capacities
from services.roster.policies import PERSON

_PERSON = """
SELECT enabled, minor_until > current_date AS minor, since::text, left_at::text,
    left_at IS NULL AND guarded_below < %(below)s OR coalesce(minor_until = 'infinity', false) AS unknown
FROM people WHERE id = %(who)s
"""
_ROLES = "SELECT place, role, tier, main, begins::text, ends::text FROM roles WHERE person = %s ORDER BY main DESC, place, role, begins"
_CLASSES = """
SELECT e.class, e.school, e.role, e.begins::text, e.ends::text FROM enrolments e WHERE person = %s ORDER BY school, class, role, begins
"""
_CONSENTS = """
SELECT pupil::text, guardian::text, roles, begins::text, ends::text, recorded_at::text, recorded_by, withdrawn_at::text, withdrawn_by
FROM consents WHERE pupil = %(who)s OR guardian = %(who)s ORDER BY pupil, id
"""
_SEATS = """
SELECT licence, begins::text, ends::text, given_at::text, given_by, withdrawn_at::text, withdrawn_by
FROM seats WHERE person = %s ORDER BY licence, id
"""


@dataclass(frozen=True)
class Person:
    """Everything that is kept of somebody; days as text, ``infinity`` where the register has no bound."""

    id: str
    enabled: bool
    minor: bool | None
    """Whether a guardian has a say; None: it is not known, which counts as yes."""
    since: str
    left_at: str | None
    roles: tuple[dict[str, Any], ...]
    """`place`, `role`, `tier`, `main`, `begins`, `ends`."""
    classes: tuple[dict[str, Any], ...]
    """`class`, `school`, `role`, `begins`, `ends`."""
    children: tuple[str, ...]
    """Whom they look after, also as a relative."""
    guardians: tuple[str, ...]
    """Who looks after them, also as a relative."""
    consents: tuple[dict[str, Any], ...] = ()
    """Given for them or by them: `pupil`, `guardian`, `roles` (as what the register has the guardian), `begins`, `ends`, `recorded_at`,
    `recorded_by`, `withdrawn_at` and `withdrawn_by`, the last two None while it is not withdrawn."""
    seats: tuple[dict[str, Any], ...] = ()
    """Paid seats of theirs: `licence`, `begins`, `ends`, `given_at`, `given_by`, `withdrawn_at` and `withdrawn_by`, as with consents."""
    linked_as: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Each of `children` and `guardians` -> as what the register has the adult of the two, where the child is a pupil; empty: not known."""

    def capacities(self, day: date) -> tuple[tuple[str, str], ...]:
        """Tier and place of each of their roles that leads to a tier on that day, the main one before others."""
        now = day.isoformat()
        # As text `-infinity` comes before every day and `infinity` after.
        return capacities((each["tier"], each["place"], each["begins"] <= now <= each["ends"]) for each in self.roles)

    def today(self, day: date) -> tuple[str, str] | None:
        """The first of them; None: they are nothing."""
        return next(iter(self.capacities(day)), None)


def read(connection: psycopg.Connection, identity: UUID, below: int = 0) -> Person | None:
    """The person with this id; None when there is none. Who was read by a smaller age than ``below`` may be a minor: it is not known."""
    connection.execute("SELECT set_config(%s, %s, true)", (PERSON, str(identity)))
    with connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(_PERSON, {"who": identity, "below": below}).fetchone()
        if found is None:
            return None
        roles = tuple(cursor.execute(_ROLES, (identity,)).fetchall())
        classes = tuple(cursor.execute(_CLASSES, (identity,)).fetchall())
        consents = tuple(cursor.execute(_CONSENTS, {"who": identity}).fetchall())
        seats = tuple(cursor.execute(_SEATS, (identity,)).fetchall())
        links = cursor.execute("SELECT guardian, child, roles FROM guardians ORDER BY guardian, child").fetchall()
    minor = None if found["unknown"] else bool(found["minor"])
    return Person(
        str(identity), found["enabled"], minor, found["since"], found["left_at"], roles, classes,
        tuple(str(each["child"]) for each in links if each["guardian"] == identity),
        tuple(str(each["guardian"]) for each in links if each["child"] == identity),
        consents, seats,
        {str(each["child"] if each["guardian"] == identity else each["guardian"]): tuple(each["roles"]) for each in links},
    )  # fmt: skip
