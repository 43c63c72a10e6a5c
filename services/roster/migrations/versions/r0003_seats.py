"""Paid seats: of which licence, whose, from which day and how long, and who gave them.

How many a licence has stands in the catalog; whoever gives one counts first, alone (`ops.rosters.seating`). Whether its holder may sign in
stands with the seat, and the database itself keeps it so: a seat of somebody who is switched off is free without a line of code that could
forget it, and is theirs again with them unless it was passed on meanwhile. It also lets seats be counted without seeing anybody.
"""

from __future__ import annotations

from alembic import op

revision = "r0003"
down_revision = "r0002"

STATEMENTS = (
    "ALTER TABLE people ADD CONSTRAINT people_enabled UNIQUE (id, enabled)",
    """CREATE TABLE seats (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        licence text NOT NULL,
        person uuid NOT NULL,
        enabled boolean NOT NULL DEFAULT true,
        begins date NOT NULL CHECK (isfinite(begins)),
        ends date NOT NULL DEFAULT 'infinity' CHECK (ends >= begins),
        given_at timestamptz NOT NULL DEFAULT now(),
        given_by text NOT NULL,
        withdrawn_at timestamptz,
        withdrawn_by text,
        CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
        CONSTRAINT seats_of_people
        FOREIGN KEY (person, enabled) REFERENCES people (id, enabled) ON UPDATE CASCADE ON DELETE CASCADE
    )""",
    "COMMENT ON COLUMN seats.licence IS 'Its id in the catalog.'",
    "COMMENT ON COLUMN seats.enabled IS 'Whether the register lets its holder sign in; else it is free.'",
    "COMMENT ON COLUMN seats.ends IS 'The last day; infinity: as long as the licence holds.'",
    "COMMENT ON COLUMN seats.given_by IS 'Who, as the cluster and the machine know them.'",
    "COMMENT ON COLUMN seats.withdrawn_at IS 'From when on it is theirs no more: withdrawn, passed on, or given anew; NULL: none of it.'",
    "CREATE INDEX seats_person ON seats (person)",
    "CREATE INDEX seats_licence ON seats (licence)",
)


def upgrade() -> None:
    """Make the table."""
    for words in STATEMENTS:
        op.execute(words)


def downgrade() -> None:
    """Drop it. No register has what is in it: every seat would have to be given again."""
    op.execute("DROP TABLE seats")
    op.execute("ALTER TABLE people DROP CONSTRAINT people_enabled")
