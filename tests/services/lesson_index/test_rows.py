"""A record becomes a row, and what is no record does not."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from services.lesson_index import bucket, migrate, rows
from services.lesson_index.table import LESSONS

RECORD: dict[str, Any] = {
    "id": "l-aaaaaaaaaaaaaaaa",
    "title": "认识分数",
    "school": {"code": "2990100001", "name": {"zh": "东区实验小学", "en": "East District Primary School"}},
    "licence": {"id": "school-year", "name": {"zh": "本学年", "en": "School year"}},
    "seconds": 42.5,
    "bytes": 1024,
    "published": "2026-11-24T18:20:40Z",
}


def test_a_record_becomes_a_row_with_all_of_it_beside() -> None:
    row = rows.row(RECORD)
    assert row["published"] == datetime(2026, 11, 24, 18, 20, 40, tzinfo=UTC)
    assert (row["school"], row["licence"], row["teacher"], row["record"]) == ("2990100001", "school-year", None, RECORD)
    assert set(row) == set(LESSONS.columns.keys())


@pytest.mark.parametrize("missing", ["id", "title", "school", "seconds", "published"])
def test_what_every_lesson_has_is_asked_for(missing: str) -> None:
    with pytest.raises(KeyError, match=missing):
        rows.row({key: value for key, value in RECORD.items() if key != missing})


@pytest.mark.parametrize(
    "record",
    [
        {"id": "x"},
        {**RECORD, "school": "2990100001"},
        {**RECORD, "published": "yesterday"},
        {**RECORD, "seconds": None},
    ],
)
def test_what_is_no_whole_record_is_known_and_named(record: dict[str, Any]) -> None:
    assert rows.is_whole(RECORD)
    assert not rows.is_whole(record)
    said = str(rows.Rebuilt(2, 1, 0, [record["id"]]))
    assert said.splitlines()[1].endswith(f": {record['id']}")


def test_text_of_a_record_is_never_part_of_the_statement() -> None:
    planted = {**RECORD, "title": "'); DROP TABLE lessons; --"}
    statement = sa.insert(LESSONS).values(rows.row(planted)).compile(dialect=postgresql.dialect())  # type: ignore[no-untyped-call]
    assert "DROP TABLE" not in str(statement)
    assert planted["title"] in statement.params.values()


def test_the_newest_migration_is_known() -> None:
    assert migrate.newest() == "r0001"


class Store:
    """An S3 client with these objects, as far as the index asks."""

    class exceptions:  # noqa: N801  # boto3's own name
        class NoSuchKey(Exception):  # noqa: N818
            pass

    def __init__(self, objects: dict[str, bytes | None]) -> None:
        self.objects = objects

    def get_paginator(self, _: str) -> Store:
        return self

    def paginate(self, **_: str) -> list[dict[str, Any]]:
        return [{"Contents": [{"Key": key}]} for key in self.objects] + [{}]

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        body = self.objects[Key]
        if body is None:
            raise self.exceptions.NoSuchKey(Key)
        return {"Body": io.BytesIO(body)}


def test_records_are_found_and_all_else_is_passed_over() -> None:
    objects = {
        "l-a/lesson.json": json.dumps(RECORD).encode(),
        "l-b/lesson.json": None,  # removed between the list and the look
        "l-c/lesson.json": b"{",
        "l-d/lesson.json": b"[]",
        "l-e/lesson.json": b"{}",
        "l-f/hash/lesson.json": json.dumps(RECORD).encode(),
        "index.json": b"{}",
    }
    assert list(bucket.records(Store(objects), "lessons")) == [RECORD]
