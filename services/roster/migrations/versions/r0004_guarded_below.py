"""By which age it was worked out until when a guardian has a say about somebody.

The age is the city's to raise. Of a birth date nothing else is kept, so what was worked out by a smaller one says nothing any more of who
lies between the two: whoever asks takes them for guarded until a roster that has them is taken in anew. 0 is smaller than any.
"""

from __future__ import annotations

from alembic import op

revision = "r0004"
down_revision = "r0003"

STATEMENTS = (
    "ALTER TABLE people ADD guarded_below smallint NOT NULL DEFAULT 0",
    "COMMENT ON COLUMN people.guarded_below IS 'Age by which minor_until was worked out; 0: not known.'",
)


def upgrade() -> None:
    """Add it; of everybody who is here it is not known."""
    for words in STATEMENTS:
        op.execute(words)


def downgrade() -> None:
    """Drop it."""
    op.execute("ALTER TABLE people DROP guarded_below")
