"""Writing what differs: one transaction, after `difference` has said who is touched.

A link to a guardian that stays is never written anew: the consents that were given by it would go with the old one. As what the register
has the guardian is changed in its place, and in the consents with it. Whoever left, or may not sign in, is no guardian, so that theirs go.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import psycopg

from ops.rosters.difference import Difference

_STEPS: Final = (
    ("classes", """
     INSERT INTO classes SELECT id, school, begins, ends FROM new_classes
     ON CONFLICT (id) DO UPDATE SET school = excluded.school, begins = excluded.begins, ends = excluded.ends
     WHERE (classes.school, classes.begins, classes.ends) IS DISTINCT FROM (excluded.school, excluded.begins, excluded.ends)"""),
    ("people", """
     INSERT INTO people (id, enabled, minor_until)
     SELECT w.id, w.enabled, w.minor_until FROM want_people w JOIN touched t ON t.person = w.id
     ON CONFLICT (id) DO UPDATE SET enabled = excluded.enabled, minor_until = excluded.minor_until, left_at = NULL"""),
    # Also of whom nothing differs: until when a guardian has a say is by this age now, where it is this roster that says it.
    ("people", """
     UPDATE people SET guarded_below = %(below)s FROM want_people w
     WHERE w.id = people.id AND NOT w.elsewhere AND people.guarded_below <> %(below)s"""),
    ("people", """
     UPDATE people SET enabled = false, minor_until = NULL, left_at = now()
     FROM touched t WHERE t.person = people.id AND t.what = 'removed'"""),
    ("roles", """
     DELETE FROM roles USING touched t
     WHERE t.person = roles.person AND (roles.place = ANY(%(places)s) OR roles.place = ANY(%(nowhere)s))"""),
    ("roles", """
     INSERT INTO roles (person, place, role, tier, main, begins, ends)
     SELECT w.person, w.place, w.role, w.tier, w.main, w.begins, w.ends FROM want_roles w JOIN touched USING (person)
     ON CONFLICT (person, place, role, begins) DO UPDATE SET tier = excluded.tier, main = excluded.main, ends = excluded.ends"""),
    ("enrolments", """
     DELETE FROM enrolments USING touched t
     WHERE t.person = enrolments.person AND (enrolments.school = ANY(%(places)s) OR t.what = 'removed')"""),
    ("enrolments", """
     INSERT INTO enrolments (person, class, role, school, begins, ends)
     SELECT w.person, w.class, w.role, w.school, w.begins, w.ends FROM want_enrolments w JOIN touched USING (person)
     ON CONFLICT (person, class, role, begins) DO UPDATE SET school = excluded.school, ends = excluded.ends"""),
    ("guardians", """
     DELETE FROM guardians g USING touched t WHERE t.person = g.child
     AND (t.what = 'removed' OR EXISTS (SELECT FROM want_people w WHERE w.id = g.child))
     AND NOT EXISTS (SELECT FROM want_guardians w WHERE (w.guardian, w.child) = (g.guardian, g.child))"""),
    # Also where the child is of a school for which this roster does not speak.
    ("guardians", "DELETE FROM guardians g USING people p WHERE p.id = g.guardian AND NOT p.enabled"),
    ("guardians", """
     INSERT INTO guardians (guardian, child, roles)
     SELECT w.guardian, w.child, l.roles FROM want_guardians w JOIN want_links l USING (guardian, child)
     JOIN touched t ON t.person = w.child
     ON CONFLICT DO NOTHING"""),
    # Also of whom nothing differs; consents follow by themselves.
    ("guardians", """
     UPDATE guardians g SET roles = w.roles FROM want_links w
     WHERE (w.guardian, w.child) = (g.guardian, g.child) AND g.roles <> w.roles"""),
    ("classes", """
     DELETE FROM classes c WHERE c.school = ANY(%(places)s) AND NOT EXISTS (SELECT FROM new_classes n WHERE n.id = c.id)
     AND NOT EXISTS (SELECT FROM enrolments e WHERE e.class = c.id)"""),
)  # fmt: skip
"""Table, and what is done to it, in an order that no reference stands against."""
_RECORD: Final = """
INSERT INTO imports (by, file, catalog, key, places, counts)
VALUES (%(by)s, %(file)s, %(catalog)s, %(key)s, %(places)s, %(counts)s)
"""


def merge(connection: psycopg.Connection, places: Sequence[str], nowhere: Sequence[str], below: int) -> None:
    """Bring the roster's tables to what was staged; ``below`` is the age below which a guardian has a say."""
    about = {"places": list(places), "nowhere": list(nowhere), "below": below}
    for _, words in _STEPS:
        connection.execute(words, about)


def record(connection: psycopg.Connection, done: Difference, places: Sequence[str], said: dict[str, str]) -> None:
    """Note that a roster was taken in: ``said`` has `by`, `file`, `catalog` and `key`."""
    counts = json.dumps({**done.counts(), "classes": done.classes})
    connection.execute(_RECORD, {**said, "places": list(places), "counts": counts})
