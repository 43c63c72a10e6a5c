"""What runs in the cluster: ``python3 -m services.lesson_index READER BUCKET`` brings tables and rows up to date.

The database is the one that libpq's service file names, the store that of the AWS files. READER is the role that may read.
"""

from __future__ import annotations

import sys
import time

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from services.lesson_index import bucket, migrate, rows

ATTEMPTS, PAUSE = 30, 2.0
"""The database may be failing over: a minute in all."""


def connected(engine: sa.Engine) -> sa.Connection:
    """A connection, waited for; the last refusal is raised."""
    for _ in range(ATTEMPTS - 1):
        try:
            return engine.connect()
        except OperationalError as error:
            print(f"waiting for the database: {str(error.orig).strip()}", flush=True)
            time.sleep(PAUSE)
    return engine.connect()


def main(reader: str, lessons: str) -> None:
    """Migrate, then rebuild the index from the records in the bucket ``lessons``."""
    # An empty address: libpq finds everything in its service file.
    engine = sa.create_engine("postgresql+psycopg://", poolclass=sa.NullPool)
    with connected(engine) as connection, connection.begin():
        migrate.upgrade(connection, reader)
    s3 = bucket.client()
    with connected(engine) as connection, connection.begin():
        done = rows.rebuild(connection, lambda: bucket.records(s3, lessons))
    print(done, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
