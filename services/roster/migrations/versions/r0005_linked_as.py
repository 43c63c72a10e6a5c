"""As what a register has the adult of each link, and so whoever agreed about a pupil.

Not everybody who looks after a pupil may agree about them: the catalog says which of the register's words may. So the words stand with the
link, those that the adult has at the pupil's schools or, where they have none there, all of theirs. The database itself keeps them so with
each consent, which nobody sees who takes a roster in: nothing is worked out again that could be forgotten, and none is written by who
meanwhile became somebody else.

Of the links that are here it is known by the roles that are here; of whom nothing is known nothing stands there, and who is nothing may
not agree.
"""

from __future__ import annotations

from alembic import op

revision = "r0005"
down_revision = "r0004"

SEEN = ("roles", "guardians", "consents")
"""Tables of which the owner, who is under row-level security too, has to see the rows."""
KNOWN = """
UPDATE guardians SET roles = known.roles FROM (
    WITH adults AS (SELECT DISTINCT person, place, role FROM roles WHERE role IN ('parent', 'guardian', 'relative')),
    pupils AS (SELECT DISTINCT person, place FROM roles WHERE role = 'student')
    SELECT g.guardian, g.child, coalesce(
        array_agg(DISTINCT a.role ORDER BY a.role) FILTER (WHERE p.person IS NOT NULL), array_agg(DISTINCT a.role ORDER BY a.role)
    ) AS roles
    FROM guardians g JOIN adults a ON a.person = g.guardian LEFT JOIN pupils p ON (p.person, p.place) = (g.child, a.place)
    GROUP BY g.guardian, g.child
) known WHERE (known.guardian, known.child) = (guardians.guardian, guardians.child)
"""
STATEMENTS = (
    "ALTER TABLE guardians ADD roles text[] NOT NULL DEFAULT '{}'",
    "COMMENT ON COLUMN guardians.roles IS 'As what the register has the adult where the child is a pupil, in its words; empty: not known.'",
    KNOWN,
    "ALTER TABLE guardians ADD CONSTRAINT guardians_roles UNIQUE (guardian, child, roles)",
    "ALTER TABLE consents ADD roles text[]",
    "COMMENT ON COLUMN consents.roles IS 'As what the register has whoever agreed, as with the link; the catalog says which may.'",
    """UPDATE consents SET roles = g.roles FROM guardians g WHERE (g.guardian, g.child) = (consents.guardian, consents.pupil)""",
    "ALTER TABLE consents ALTER roles SET NOT NULL",
    "ALTER TABLE consents DROP CONSTRAINT consents_of_guardians",
    """ALTER TABLE consents ADD CONSTRAINT consents_of_guardians
        FOREIGN KEY (guardian, pupil, roles) REFERENCES guardians (guardian, child, roles) ON UPDATE CASCADE ON DELETE CASCADE""",
)


def upgrade() -> None:
    """Add them, and read them off the roles that are here."""
    for table in SEEN:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    for words in STATEMENTS:
        op.execute(words)
    for table in SEEN:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    """Drop them; who agreed as what is then asked by nobody."""
    op.execute("ALTER TABLE consents DROP CONSTRAINT consents_of_guardians")
    op.execute("ALTER TABLE consents DROP roles")
    op.execute(
        "ALTER TABLE consents ADD CONSTRAINT consents_of_guardians "
        "FOREIGN KEY (guardian, pupil) REFERENCES guardians (guardian, child) ON DELETE CASCADE"
    )
    op.execute("ALTER TABLE guardians DROP roles")
