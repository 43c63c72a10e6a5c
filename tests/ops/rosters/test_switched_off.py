"""A guardian whom the register does not let sign in is none, and nothing that they agreed to stands; asked of a real PostgreSQL."""

from __future__ import annotations

from pathlib import Path

from tests.ops.rosters import small
from tests.ops.rosters.test_importing import FIRST, PARENT, PUPIL, SECOND, agreed, consents, counts, edit, only
from tests.roster_server import HASHES, Server

LINKS = f"SELECT FROM guardians WHERE guardian = '{HASHES.of(PARENT)}'"


def test_another_schools_file_switches_a_guardian_off_everywhere(server: Server, folder: Path, tmp_path: Path) -> None:
    server.take(only(folder, FIRST))
    agreed(server)
    other = only(small.written(tmp_path / "other"), SECOND)
    users, roles = small.read(other, "users"), small.read(other, "roles")
    parent = next(row for row in users if row["sourcedId"].startswith("p"))
    role = next(row for row in roles if row["userSourcedId"] == parent["sourcedId"])
    small.write(other, "users", [*users, {**parent, "sourcedId": PARENT, "enabledUser": "false"}])
    small.write(other, "roles", [*roles, {**role, "sourcedId": "more", "userSourcedId": PARENT}])
    server.take(other)
    assert (server.all(LINKS), consents(server)) == ([], [])


def test_what_an_earlier_import_left_of_one_ends_with_the_next_one_of_the_same_files(
    server: Server, folder: Path
) -> None:
    edit(folder, "users", "sourcedId", PARENT, enabledUser="false")
    server.take(folder)
    with server.connect("postgres") as connection:
        words = "INSERT INTO guardians (guardian, child, roles) VALUES (%s, %s, '{parent}')"
        connection.execute(words, (HASHES.of(PARENT), HASHES.of(PUPIL)))
    agreed(server)
    assert counts(server.take(folder)) == (0, 2, 0)
    assert (server.all(LINKS), consents(server)) == ([], [])
    assert server.take(folder).difference is None, "and then there is nothing to do"
