"""What runs in the cluster: ``python3 -m services.roster READER KEEPER SCHOOL`` brings the tables and everybody's rights up to date.

The database is the one that libpq's service file names, signed in as its owner; the words are the names of its other roles.
"""

from __future__ import annotations

import sys
import time

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from services.roster import migrate
from services.roster.policies import Roles

ATTEMPTS, PAUSE = 30, 2.0
"""The database may be failing over: a minute in all."""


def main(reader: str, keeper: str, school: str) -> None:
    """Migrate, waiting for the database; its last refusal is raised."""
    # An empty address: libpq finds everything in its service file.
    engine = sa.create_engine("postgresql+psycopg://", poolclass=sa.NullPool)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with engine.begin() as connection:
                migrate.upgrade(connection, Roles(reader, keeper, school))
            break
        except OperationalError as error:
            if attempt == ATTEMPTS:
                raise
            print(f"waiting for the database: {str(error.orig).strip()}", flush=True)
            time.sleep(PAUSE)
    print(f"the roster is at {migrate.newest()}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
