"""As what the register has the adult of each link between a pupil and whoever looks after them: who may agree about the pupil hangs on it.

A register says who belongs together, and what each is at which school, but not what the one is to the other. So a link has every word that
the adult has at the schools where the pupil is one (`parent`, `guardian`, `relative`), and, where they have none there, those that they
have elsewhere. `derive.guardians` says what follows.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import psycopg

from catalog.roster import RosterRole
from ops.rosters.form import FAMILY

_MAKE: Final = """
CREATE TEMPORARY TABLE want_links ON COMMIT DROP AS
WITH links AS (
    TABLE want_guardians
    UNION
    SELECT g.guardian, g.child FROM guardians g
    WHERE (g.guardian IN (SELECT person FROM touched WHERE what <> 'removed')
        OR g.child IN (SELECT person FROM touched WHERE what <> 'removed'))
      AND NOT EXISTS (SELECT FROM want_people w WHERE w.id = g.child)
),
held AS (
    SELECT person, place, role FROM want_roles
    UNION
    SELECT person, place, role FROM roles
    WHERE place <> ALL(%(places)s) AND person IN (SELECT guardian FROM links UNION SELECT child FROM links)
)
SELECT l.guardian, l.child, coalesce(
    array_agg(DISTINCT a.role ORDER BY a.role) FILTER (WHERE p.person IS NOT NULL),
    array_agg(DISTINCT a.role ORDER BY a.role) FILTER (WHERE a.person IS NOT NULL),
    '{}'
) AS roles
FROM links l
LEFT JOIN held a ON a.person = l.guardian AND a.role = ANY(%(family)s)
LEFT JOIN held p ON (p.person, p.place, p.role) = (l.child, a.place, %(pupil)s)
GROUP BY l.guardian, l.child
"""
"""Of every link that the roster names, and of those of other schools' pupils that it has to do with, as they will be."""


def may_agree(column: str) -> str:
    """`derive.guardians.may_agree` of a column of the roster's tables, as SQL with the parameter ``by``."""
    return f"({column} <@ %(by)s::text[] AND {column} <> '{{}}')"


_TURNED: Final = f"""
SELECT count(*) FILTER (WHERE was AND NOT now), count(*) FILTER (WHERE now AND NOT was) FROM (
    SELECT {may_agree("g.roles")} AS was, {may_agree("w.roles")} AS now FROM guardians g JOIN want_links w USING (guardian, child)
) stay
"""  # noqa: S608  # our own columns


def find(connection: psycopg.Connection, places: Sequence[str]) -> None:
    """Make the table ``want_links`` of this transaction, of what is staged and ``touched``."""
    about = {"places": list(places), "family": [each.value for each in FAMILY], "pupil": RosterRole.STUDENT.value}
    connection.execute(_MAKE, about)
    connection.execute("ANALYZE want_links")


def turned(connection: psycopg.Connection, by: Collection[str]) -> tuple[int, int]:
    """Of links that stay: in how many the adult may not agree any more, and in how many they may now; ``by``: as what they may."""
    lost, gained = connection.execute(_TURNED, {"by": [str(each) for each in by]}).fetchone() or (0, 0)
    return lost, gained
