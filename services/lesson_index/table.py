"""The one table: a row for each published lesson, its record whole and what is searched or sorted by beside it."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

LESSONS = sa.Table(
    "lessons",
    sa.MetaData(),
    sa.Column("id", sa.Text, primary_key=True, comment="The lesson's id."),
    sa.Column("school", sa.Text, nullable=False, index=True, comment="Code of the school that gives it."),
    sa.Column("title", sa.Text, nullable=False, comment="What viewers see."),
    sa.Column("teacher", sa.Text, comment="Who teaches."),
    sa.Column("subject", sa.Text, comment="What is taught."),
    sa.Column("licence", sa.Text, comment="Id of the licence that it is shared under."),
    sa.Column("seconds", sa.Double, nullable=False, comment="Length, s."),
    sa.Column("bytes", sa.BigInteger, comment="Size of all renditions together, bytes."),
    sa.Column("published", sa.DateTime(timezone=True), nullable=False, index=True, comment="When it first appeared."),
    sa.Column("record", JSONB, nullable=False, comment="lesson.json as it is in the object store."),
)
"""As the newest migration leaves it; a test compares the two."""
