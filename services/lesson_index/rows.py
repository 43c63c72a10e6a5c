"""What is in the index: rows from records, and the ways in which the table follows the object store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.lesson_index.table import LESSONS

Record = Mapping[str, Any]
"""A lesson.json."""
WRITERS = 0x1E55
"""The advisory lock of whoever writes the index."""


def row(record: Record) -> dict[str, Any]:
    """The row of one record. Raises KeyError or ValueError for what is no record of a lesson."""
    return {
        "id": str(record["id"]),
        "school": str(record["school"]["code"]),
        "title": str(record["title"]),
        "teacher": record.get("teacher"),
        "subject": record.get("subject"),
        "licence": (record.get("licence") or {}).get("id"),
        "seconds": float(record["seconds"]),
        "bytes": record.get("bytes"),
        "published": datetime.fromisoformat(str(record["published"])),
        "record": dict(record),
    }


def is_whole(record: Record) -> bool:
    """Whether it says all that a row needs, in a form that a row can hold."""
    try:
        row(record)
    except (KeyError, TypeError, ValueError, AttributeError):
        return False
    return True


class Rebuilt(NamedTuple):
    """What a rebuild found and did."""

    there: int
    """Lessons in the object store."""
    written: int
    gone: int
    """Rows taken out."""
    unreadable: list[str]
    """Ids of records that lack what a row needs; they have none."""

    def __str__(self) -> str:
        lines = [f"{self.there} lessons: {self.written} written, {self.gone} taken out"]
        if self.unreadable:
            lines.append(f"passed over, their lesson.json is no whole record: {', '.join(sorted(self.unreadable))}")
        return "\n".join(lines)


def put(connection: sa.Connection, record: Record) -> bool:
    """Write the row of a record that is in the object store; whether it was new or another. A row that is right is not touched."""
    _alone(connection)
    return _put(connection, record)


def forget(connection: sa.Connection, lesson: str) -> bool:
    """Take out a lesson whose record is gone from the object store; whether it was in."""
    _alone(connection)
    return connection.execute(LESSONS.delete().where(LESSONS.c.id == lesson)).rowcount > 0


def rebuild(connection: sa.Connection, read: Callable[[], Iterable[Record]]) -> Rebuilt:
    """Make the table say what the records say. One record that is not whole keeps none of the others out.

    ``read`` looks at the object store only when nobody else writes here: whoever changes a record meanwhile writes its row afterwards.
    """
    _alone(connection)
    whole: list[Record] = []
    broken: list[Record] = []
    for record in read():
        (whole if is_whole(record) else broken).append(record)
    ids = [str(record["id"]) for record in whole]
    gone = connection.execute(LESSONS.delete().where(LESSONS.c.id.not_in(ids))).rowcount
    unreadable = [str(record.get("id")) for record in broken]
    return Rebuilt(len(whole) + len(broken), sum(_put(connection, record) for record in whole), gone, unreadable)


def listed(connection: sa.Connection) -> list[dict[str, Any]]:
    """Every record, newest first, then by id: the order of the list that viewers see."""
    newest = sa.select(LESSONS.c.record).order_by(LESSONS.c.published.desc(), LESSONS.c.id)
    return [dict(record) for record in connection.execute(newest).scalars()]


def _put(connection: sa.Connection, record: Record) -> bool:
    values = row(record)
    statement = insert(LESSONS).values(values)
    update = {name: statement.excluded[name] for name in values if name != "id"}
    differs = LESSONS.c.record.is_distinct_from(statement.excluded.record)
    upsert = statement.on_conflict_do_update(index_elements=["id"], set_=update, where=differs)
    # Not kept for an INSERT otherwise.
    return connection.execute(upsert, execution_options={"preserve_rowcount": True}).rowcount > 0


def _alone(connection: sa.Connection) -> None:
    """Wait until nobody else writes the index, and keep it so until this transaction ends."""
    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(WRITERS)))
