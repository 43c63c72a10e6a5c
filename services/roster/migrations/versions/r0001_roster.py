"""The tables: people under keyed hashes, what they are where, classes and who is in them, who looks after whom, what was taken in.

Nothing here names anybody. A person's id is a keyed hash of the id in the register, and the key is not in the database. Of a birth date
only the day is kept from which a guardian has no say any more, and only while it is to come. Bounds that the register leaves open are
infinite. Who may see which rows stands in `services.roster.policies`.
"""

from __future__ import annotations

from alembic import op

revision = "r0001"
down_revision = None

SPAN = "begins date NOT NULL DEFAULT '-infinity', ends date NOT NULL DEFAULT 'infinity'"
STATEMENTS = (
    """CREATE TABLE people (
        id uuid PRIMARY KEY,
        enabled boolean NOT NULL,
        minor_until date,
        since timestamptz NOT NULL DEFAULT now(),
        left_at timestamptz
    )""",
    "COMMENT ON COLUMN people.enabled IS 'Whether the register lets them sign in.'",
    "COMMENT ON COLUMN people.minor_until IS 'Day from which a guardian has no say; infinity: not known, so never; NULL: none has.'",
    "COMMENT ON COLUMN people.since IS 'When they first came.'",
    "COMMENT ON COLUMN people.left_at IS 'When they were switched off; NULL: they are here.'",
    f"""CREATE TABLE roles (
        person uuid NOT NULL REFERENCES people (id),
        place text NOT NULL,
        role text NOT NULL,
        tier text,
        main boolean NOT NULL,
        {SPAN},
        PRIMARY KEY (person, place, role, begins)
    )""",
    "COMMENT ON COLUMN roles.place IS 'Code of the school, or of the district or city.'",
    "COMMENT ON COLUMN roles.role IS 'What they are there, in the word of the register.'",
    "COMMENT ON COLUMN roles.tier IS 'The access tier that follows; NULL: none does.'",
    "COMMENT ON COLUMN roles.main IS 'Whether it is what they are first of all.'",
    "CREATE INDEX roles_place ON roles (place)",
    f"CREATE TABLE classes (id text PRIMARY KEY, school text NOT NULL, {SPAN})",
    "COMMENT ON COLUMN classes.id IS 'Id in the register.'",
    "CREATE INDEX classes_school ON classes (school)",
    f"""CREATE TABLE enrolments (
        person uuid NOT NULL REFERENCES people (id),
        class text NOT NULL REFERENCES classes (id),
        role text NOT NULL,
        school text NOT NULL,
        {SPAN},
        PRIMARY KEY (person, class, role, begins)
    )""",
    "COMMENT ON COLUMN enrolments.school IS 'The school of the class.'",
    "CREATE INDEX enrolments_class ON enrolments (class)",
    "CREATE INDEX enrolments_school ON enrolments (school)",
    """CREATE TABLE guardians (
        guardian uuid NOT NULL REFERENCES people (id),
        child uuid NOT NULL REFERENCES people (id),
        PRIMARY KEY (guardian, child)
    )""",
    "CREATE INDEX guardians_child ON guardians (child)",
    """CREATE TABLE imports (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT now(),
        by text NOT NULL,
        file text NOT NULL,
        catalog text NOT NULL,
        key text NOT NULL,
        places text[] NOT NULL,
        counts jsonb NOT NULL
    )""",
    "COMMENT ON COLUMN imports.by IS 'Who, as the cluster and the machine know them.'",
    "COMMENT ON COLUMN imports.file IS 'Digest of the roster, sha256.'",
    "COMMENT ON COLUMN imports.catalog IS 'Digest of the catalog that it was read by.'",
    "COMMENT ON COLUMN imports.key IS 'What tells the key of the hashes from another one.'",
    "COMMENT ON COLUMN imports.places IS 'Schools, districts and city that it speaks for.'",
    "COMMENT ON COLUMN imports.counts IS 'People added, changed and switched off.'",
)


def upgrade() -> None:
    """Make them."""
    for words in STATEMENTS:
        op.execute(words)


def downgrade() -> None:
    """Drop them: the registers have everything."""
    for table in ("imports", "guardians", "enrolments", "classes", "roles", "people"):
        op.execute(f"DROP TABLE {table}")
