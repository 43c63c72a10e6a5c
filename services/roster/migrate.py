"""Bringing the database to the newest form: alembic's migrations, then who may see what, written anew each time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from services.roster.policies import KEEPS, Roles, policies

FOLDER = Path(__file__).parent / "migrations"
PATIENCE = "10s"
"""How long a table is waited for that an import is writing to. Readers queue behind who waits, so it gives way and is tried again."""


def configuration() -> Config:
    """Alembic's settings: where the migrations are."""
    settings = Config()
    settings.set_main_option("script_location", str(FOLDER))
    return settings


def newest() -> str:
    """The revision that this code is written for."""
    return str(ScriptDirectory.from_config(configuration()).get_current_head())


def upgrade(connection: sa.Connection, roles: Roles) -> None:
    """Run what is missing and set every right, all or nothing, as the tables' owner. Raises `OperationalError` while one is held."""
    connection.execute(sa.text("SELECT set_config('lock_timeout', :patience, true)"), {"patience": PATIENCE})
    settings = configuration()
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")
    for words in _rights(connection, roles):
        connection.execute(sa.text(words))


def _rights(connection: sa.Connection, roles: Roles) -> Iterator[str]:
    quote = connection.dialect.identifier_preparer.quote
    database = quote(str(connection.execute(sa.text("SELECT current_database()")).scalar_one()))
    reader, keeper, school = (quote(name) for name in (roles.reader, roles.keeper, roles.school))
    # By default every role of the server may connect to every database.
    yield f"REVOKE ALL ON DATABASE {database} FROM PUBLIC"
    yield f"GRANT CONNECT ON DATABASE {database} TO {reader}, {keeper}, {school}"
    yield f"GRANT TEMPORARY ON DATABASE {database} TO {keeper}"
    yield f"GRANT USAGE ON SCHEMA public TO {reader}, {keeper}, {school}"
    seen = policies(roles)
    # Every table but alembic's own: one that has no policy yet shows nobody anything.
    for table in sa.inspect(connection).get_table_names():
        if table != "alembic_version":
            yield f"ALTER TABLE {quote(table)} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
            yield f"REVOKE ALL ON {quote(table)} FROM PUBLIC, {reader}, {keeper}, {school}"
    for table, rights in KEEPS.items():
        yield f"GRANT {rights} ON {quote(table)} TO {keeper}"
    for each in seen:
        name, table, role = quote(f"{each.table}_{each.role}"), quote(each.table), quote(each.role)
        yield f"DROP POLICY IF EXISTS {name} ON {table}"
        yield f"CREATE POLICY {name} ON {table} TO {role} USING ({each.rows})"
        if each.role != roles.keeper:
            yield f"GRANT SELECT ON {table} TO {role}"
