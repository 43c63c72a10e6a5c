"""What a staged roster would change: who comes, who differs, who is not in it any more. Only looks; `merging` writes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

import psycopg

from catalog.roster import RosterRole
from ops.rosters import linking

ADDED, CHANGED, REMOVED = "added", "changed", "removed"
MOST_REMOVED: Final = 0.05
"""Share of those whom a roster speaks for that it may switch off without being asked. Google's directory sync stops at the same 5 % unless
told otherwise ("If no delete limit is specified, the default is 5%", Directory Sync administration guide). Once a year more is right: every
summer a sixth (primary schools) to a third (schools of three years) of the pupils leave."""
MOST_OF_A_SCHOOL: Final = 0.5
"""The same for one school of many, whose loss would be lost among the others: no summer takes more than a third of it."""
FEW: Final = 20
"""People of a school below which its own share says nothing: of three families of a village school two may move."""

_MAKE: Final = (
    # One row each, whatever the files repeat.
    """CREATE TEMPORARY TABLE want_roles ON COMMIT DROP AS
       SELECT person, place, role, min(tier) AS tier, bool_or(main) AS main, begins, max(ends) AS ends
       FROM new_roles GROUP BY person, place, role, begins""",
    """CREATE TEMPORARY TABLE want_enrolments ON COMMIT DROP AS
       SELECT person, class, role, min(school) AS school, begins, max(ends) AS ends
       FROM new_enrolments GROUP BY person, class, role, begins""",
    # Whom the register does not let sign in guards nobody: what they agreed to goes with the link.
    """CREATE TEMPORARY TABLE want_guardians ON COMMIT DROP AS
       SELECT DISTINCT g.guardian, g.child FROM new_guardians g JOIN new_people p ON p.id = g.guardian AND p.enabled""",
    # Of a pupil whom this roster has as something else alone, how old they are is said by the school where they are one.
    """CREATE TEMPORARY TABLE want_people ON COMMIT DROP AS
       SELECT p.id, p.enabled, k.elsewhere, CASE WHEN k.elsewhere THEN o.minor_until ELSE b.minor_until END AS minor_until
       FROM new_people p LEFT JOIN new_births b USING (id) LEFT JOIN people o USING (id)
       LEFT JOIN (SELECT DISTINCT person FROM roles WHERE role = %(pupil)s AND place <> ALL(%(places)s)) there ON there.person = p.id
       LEFT JOIN (SELECT DISTINCT person FROM new_roles WHERE role = %(pupil)s) here ON here.person = p.id
       CROSS JOIN LATERAL (SELECT there.person IS NOT NULL AND here.person IS NULL AS elsewhere) k""",
    "ALTER TABLE want_people ADD PRIMARY KEY (id)",
    "CREATE INDEX ON want_roles (person)",
    "CREATE INDEX ON want_enrolments (person)",
    "CREATE INDEX ON want_guardians (child)",
    "ANALYZE want_people, want_roles, want_enrolments, want_guardians",
)
_REMOVED: Final = """
CREATE TEMPORARY TABLE touched ON COMMIT DROP AS
SELECT p.id AS person, 'removed' AS what FROM people p
WHERE p.left_at IS NULL AND NOT EXISTS (SELECT FROM want_people w WHERE w.id = p.id)
  AND EXISTS (SELECT FROM roles r WHERE r.person = p.id AND r.place = ANY(%(places)s))
  AND NOT EXISTS (SELECT FROM roles r WHERE r.person = p.id AND r.place <> ALL(%(places)s) AND r.place <> ALL(%(nowhere)s))
"""
"""Whoever has no role left once those at the roster's places are gone; one at a place that the city has no more keeps nobody."""
_ROLES: Final = "person, place, role, tier, main, begins, ends"
_ENROLMENTS: Final = "person, class, role, school, begins, ends"
_TOUCHED: Final = f"""
INSERT INTO touched
WITH kept_roles AS (SELECT {_ROLES} FROM roles WHERE place = ANY(%(places)s)),
said_roles AS (
    SELECT {_ROLES} FROM roles r WHERE place = ANY(%(places)s)
    OR EXISTS (SELECT FROM want_roles w WHERE (w.person, w.place, w.role, w.begins) = (r.person, r.place, r.role, r.begins))
),
kept_enrolments AS (SELECT {_ENROLMENTS} FROM enrolments WHERE school = ANY(%(places)s)),
kept_guardians AS (
    SELECT guardian, child FROM guardians
    WHERE EXISTS (SELECT FROM want_people w WHERE w.id = child) OR EXISTS (SELECT FROM touched t WHERE t.person = child)
),
differ AS (
    SELECT w.id AS person FROM want_people w LEFT JOIN people p USING (id)
    WHERE p.id IS NULL OR p.left_at IS NOT NULL OR (p.enabled, p.minor_until) IS DISTINCT FROM (w.enabled, w.minor_until)
    UNION SELECT person FROM (SELECT {_ROLES} FROM want_roles EXCEPT SELECT {_ROLES} FROM said_roles) a
    UNION SELECT person FROM (SELECT {_ROLES} FROM kept_roles EXCEPT SELECT {_ROLES} FROM want_roles) b
    UNION SELECT person FROM (SELECT {_ENROLMENTS} FROM want_enrolments EXCEPT SELECT {_ENROLMENTS} FROM kept_enrolments) c
    UNION SELECT person FROM (SELECT {_ENROLMENTS} FROM kept_enrolments EXCEPT SELECT {_ENROLMENTS} FROM want_enrolments) d
    UNION SELECT unnest(ARRAY[guardian, child]) FROM (TABLE want_guardians EXCEPT TABLE kept_guardians) e
    UNION SELECT unnest(ARRAY[guardian, child]) FROM (TABLE kept_guardians EXCEPT TABLE want_guardians) f
)
SELECT d.person, CASE WHEN p.id IS NULL OR p.left_at IS NOT NULL THEN 'added' ELSE 'changed' END
FROM differ d LEFT JOIN people p ON p.id = d.person
WHERE NOT EXISTS (SELECT FROM touched t WHERE t.person = d.person)
"""  # noqa: S608  # our own columns
"""Whoever differs in anything; a parent also by a child that comes or goes."""
_CLASSES: Final = """
SELECT count(*) FROM (
    (TABLE new_classes EXCEPT SELECT id, school, begins, ends FROM classes)
    UNION ALL
    (SELECT id, school, begins, ends FROM classes WHERE school = ANY(%(places)s) EXCEPT TABLE new_classes)
) differing
"""
_COUNTS: Final = """
WITH kinds AS (
    SELECT DISTINCT ON (person) person, place, role
    FROM (SELECT person, place, role, main FROM want_roles
          UNION ALL
          SELECT r.person, r.place, r.role, r.main FROM roles r
          WHERE NOT EXISTS (SELECT FROM want_people w WHERE w.id = r.person)) every
    ORDER BY person, main DESC, place, role
)
SELECT place, role, what, count(*) FROM touched JOIN kinds USING (person) GROUP BY place, role, what ORDER BY place, role, what
"""
_HERE: Final = """
SELECT r.place, count(DISTINCT r.person) FROM roles r JOIN people p ON p.id = r.person
WHERE p.left_at IS NULL AND r.place = ANY(%(places)s) GROUP BY r.place
"""
_GONE: Final = """
SELECT r.place, count(DISTINCT r.person) FROM roles r JOIN touched t ON t.person = r.person AND t.what = 'removed'
WHERE r.place = ANY(%(places)s) GROUP BY r.place
"""
_SPOKEN_FOR: Final = """
SELECT count(*) FROM people p WHERE p.left_at IS NULL
AND EXISTS (SELECT FROM roles r WHERE r.person = p.id AND r.place = ANY(%(places)s))
"""


@dataclass(frozen=True)
class Line:
    """How many of one kind at one place."""

    place: str
    role: str
    what: str
    """`ADDED`, `CHANGED` or `REMOVED`."""
    people: int


@dataclass(frozen=True)
class Difference:
    """What would change, in numbers."""

    lines: tuple[Line, ...]
    classes: int
    """Classes that come, go or differ."""
    here: int
    """People who are here now and whom the roster speaks for."""
    emptied: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Place that would lose more than its share -> people lost, and people there."""
    silenced: int = 0
    """Links that stay, but in which the adult may not agree about the pupil any more."""
    heard: int = 0
    """Links that stay, in which they may now."""

    def count(self, what: str) -> int:
        """People, all places together."""
        return sum(line.people for line in self.lines if line.what == what)

    def counts(self) -> dict[str, int]:
        """The same by what happens to them."""
        return {what: self.count(what) for what in (ADDED, CHANGED, REMOVED)}

    @property
    def nothing(self) -> bool:
        """Whether there is nothing to do."""
        return not self.lines and not self.classes

    @property
    def too_many(self) -> bool:
        """Whether it would switch off more than a roster may without being asked."""
        return self.count(REMOVED) > self.here * MOST_REMOVED or bool(self.emptied)


def difference(
    connection: psycopg.Connection, places: Sequence[str], nowhere: Sequence[str], by: Collection[str]
) -> Difference:
    """What the staged roster, which speaks for ``places``, would change; ``by``: as what an adult may agree about a pupil.

    For ``nowhere``, places that the city has no more, nobody speaks.
    Who it touches is in the table ``touched`` of this transaction, and what becomes of links in ``want_links``.
    """
    about = {"places": list(places), "nowhere": list(nowhere), "pupil": RosterRole.STUDENT.value}
    for words in _MAKE:
        connection.execute(words, about)
    connection.execute(_REMOVED, about)
    connection.execute(_TOUCHED, about)
    connection.execute("CREATE INDEX ON touched (person)")
    connection.execute("ANALYZE touched")
    linking.find(connection, places)
    lines = tuple(Line(*row) for row in connection.execute(_COUNTS).fetchall())
    (classes,) = connection.execute(_CLASSES, about).fetchone() or (0,)
    (here,) = connection.execute(_SPOKEN_FOR, about).fetchone() or (0,)
    there: dict[str, int] = dict(connection.execute(_HERE, about).fetchall())
    gone: dict[str, int] = dict(connection.execute(_GONE, about).fetchall())
    emptied = {
        place: (lost, there[place])
        for place, lost in gone.items()
        if there[place] >= FEW and lost > there[place] * MOST_OF_A_SCHOOL
    }
    return Difference(lines, classes, here, emptied, *linking.turned(connection, by))
