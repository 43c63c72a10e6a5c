"""The files by which a client of the database signs in are what libpq reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from psycopg.pq import Conninfo

from catalog import names
from derive import database, keys


def test_libpq_reads_the_service_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = database.client_files("lessons", names.owner_role("lessons"), "secret", "an authority")
    (tmp_path / "service").write_text(files[database.SERVICE_FILE])
    for row in database.client_env("lessons"):
        monkeypatch.setenv(
            row["name"], row["value"].replace(f"{database.MOUNT}/{database.SERVICE_FILE}", f"{tmp_path}/service")
        )
    read = {row.keyword.decode(): row.val.decode() for row in Conninfo.get_defaults() if row.val}
    assert (read["host"], read["port"], read["dbname"]) == (database.host(), str(database.PORT), "lessons")
    assert (read["user"], read["password"], read["sslmode"]) == ("lessons_owner", "secret", "verify-full")
    assert read["sslrootcert"] == f"{database.MOUNT}/{database.AUTHORITY}"


def test_the_operator_finds_the_role_and_its_password() -> None:
    files = database.client_files("lessons", "lessons_reader", "secret", "an authority")
    assert (files["username"], files["password"], files[database.AUTHORITY]) == (
        "lessons_reader",
        "secret",
        "an authority",
    )


def test_roles_have_secrets_that_kubernetes_can_name() -> None:
    assert names.role_secret(names.reader_role("records_2")) == "postgres-records-2-reader"


def test_passwords_are_long_and_each_its_own() -> None:
    found = {keys.password(seed, purpose) for seed in ("s" * 32, "t" * 32) for purpose in ("a", "b")}
    assert len(found) == 4
    assert {len(password) for password in found} == {40}
