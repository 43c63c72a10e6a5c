"""What alembic runs: the migrations over the connection that it is handed."""

from __future__ import annotations

from alembic import context

from services.lesson_index.table import LESSONS

context.configure(connection=context.config.attributes["connection"], target_metadata=LESSONS.metadata)
with context.begin_transaction():
    context.run_migrations()
