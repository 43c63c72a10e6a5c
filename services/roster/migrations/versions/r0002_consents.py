"""What guardians agreed to: for whom, from which day and how long, and who wrote it down.

A consent hangs on the link between pupil and guardian. Where there is none it cannot be written, and with the link it goes, whether the
pupil left, the guardian did, or only stopped being one. The register's next import writes no link anew that stays (`ops.rosters.merging`).
"""

from __future__ import annotations

from alembic import op

revision = "r0002"
down_revision = "r0001"

STATEMENTS = (
    """CREATE TABLE consents (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        pupil uuid NOT NULL,
        guardian uuid NOT NULL,
        begins date NOT NULL CHECK (isfinite(begins)),
        ends date NOT NULL DEFAULT 'infinity' CHECK (ends >= begins),
        recorded_at timestamptz NOT NULL DEFAULT now(),
        recorded_by text NOT NULL,
        withdrawn_at timestamptz,
        withdrawn_by text,
        CHECK ((withdrawn_at IS NULL) = (withdrawn_by IS NULL)),
        CONSTRAINT consents_of_guardians
        FOREIGN KEY (guardian, pupil) REFERENCES guardians (guardian, child) ON DELETE CASCADE
    )""",
    "COMMENT ON COLUMN consents.ends IS 'The last day; infinity: until no guardian has a say.'",
    "COMMENT ON COLUMN consents.recorded_by IS 'Who, as the cluster and the machine know them.'",
    "COMMENT ON COLUMN consents.withdrawn_at IS 'From when on it counts no more: taken back, or another took its place; NULL: neither.'",
    "CREATE INDEX consents_pupil ON consents (pupil)",
    "CREATE INDEX consents_guardian ON consents (guardian, pupil)",
)


def upgrade() -> None:
    """Make the table."""
    for words in STATEMENTS:
        op.execute(words)


def downgrade() -> None:
    """Drop it. No register has what is in it: every consent would have to be taken again."""
    op.execute("DROP TABLE consents")
