"""Bringing the database to the newest form: alembic's migrations, then what its reader may see."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

FOLDER = Path(__file__).parent / "migrations"


def configuration() -> Config:
    """Alembic's settings: where the migrations are."""
    settings = Config()
    settings.set_main_option("script_location", str(FOLDER))
    return settings


def newest() -> str:
    """The revision that this code is written for."""
    return str(ScriptDirectory.from_config(configuration()).get_current_head())


def upgrade(connection: sa.Connection, reader: str) -> None:
    """Run what is missing, in the order written, all or nothing; then let the role ``reader`` read every table, also those to come."""
    settings = configuration()
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")
    role = connection.dialect.identifier_preparer.quote(reader)
    for words in (
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {role}",
    ):
        connection.execute(sa.text(words))
