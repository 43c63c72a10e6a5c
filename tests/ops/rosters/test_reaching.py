"""The way to the roster's database: what fails on it is told as that, and what a roster has wrong is told whole."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import psycopg
import pytest
from psycopg.errors import InvalidDatetimeFormat

from catalog import names
from catalog.errors import UserError
from derive import database
from derive.pseudonym import Pseudonyms
from ops.lessons.place import Place
from ops.rosters import reaching
from ops.rosters.staging import copied
from tests.roster_server import KEEPER, Server

ROLE = names.ROLE_ROSTER_KEEPER
SECRETS = {
    names.role_secret(ROLE): database.client_files(names.DATABASE_ROSTER, ROLE, "secret", "an authority"),
    names.ROSTER_KEY_SECRET: {"key": "the-key-of-the-stack"},
}


class Reached(Place):
    """A cluster with the Secrets that the plan makes, in which nothing listens."""

    down = False

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        if words[:2] == ("auth", "whoami"):
            return "operator@example\n"
        if words[2] not in SECRETS:
            raise UserError("not found\nis it up?")
        return json.dumps({"data": {key: b64encode(text.encode()).decode() for key, text in SECRETS[words[2]].items()}})

    @contextmanager
    def forwarded(self, service: str, name: str, port: int) -> Iterator[str]:
        assert (service, name, port) == (names.DATABASE, "postgres-rw", database.PORT)
        if self.down:
            raise UserError("postgres-rw cannot be reached: no pod\nis it running?")
        yield "http://127.0.0.1:1"


def place(kind: type[Reached] = Reached) -> Reached:
    return kind("test", {}, None, None)


def test_what_is_wrong_with_a_roster_is_told_to_the_last_line() -> None:
    said = "the roster has 2 problems:\n  one\n  two\nnothing was written"
    with pytest.raises(UserError) as refused, reaching.connecting(place(), ROLE):
        raise UserError(said)
    assert str(refused.value) == said


def test_a_database_that_is_not_there_is_told_with_what_to_do() -> None:
    class Down(Reached):
        down = True

    for where in (place(Down), place()):
        with (
            pytest.raises(UserError, match="the database does not answer") as refused,
            reaching.connecting(where, ROLE) as connect,
        ):
            connect()
        assert "Nothing was written" in str(refused.value)
        assert "secret" not in str(refused.value)


def test_a_role_without_a_secret_is_told_so() -> None:
    with pytest.raises(UserError, match="not found"), reaching.connecting(place(), "another") as connect:
        connect()


def test_the_key_is_the_stack_s_and_who_is_at_work_is_known_to_the_cluster() -> None:
    assert reaching.pseudonyms(place()).mark() == Pseudonyms("the-key-of-the-stack").mark()
    assert reaching.who(place()).startswith("operator@example (")


@pytest.mark.parametrize(
    ("context", "where"),
    [
        (
            'COPY new_roles, line 7, column begins: "2026-W01-1"',
            "InvalidDatetimeFormat at row 7 of new_roles, column begins",
        ),
        (None, "InvalidDatetimeFormat"),
        ("2026-W01-1", "InvalidDatetimeFormat"),
    ],
)
def test_a_value_that_the_database_does_not_take_is_told_by_its_place_and_never_shown(
    context: str | None, where: str
) -> None:
    class Refused(InvalidDatetimeFormat):
        diag = SimpleNamespace(context=context)  # type: ignore[assignment]

    Refused.__name__ = InvalidDatetimeFormat.__name__
    with pytest.raises(UserError) as told, reaching.connecting(place(), ROLE):
        raise Refused('invalid input syntax for type date: "2026-W01-1"')
    assert f"none of its kind: {where}. Nothing was written" in str(told.value)
    assert "2026-W01-1" not in str(told.value)


def test_the_place_of_a_value_is_what_postgresql_says_of_its_copy(server: Server) -> None:
    rows = [("a", "2026-09-01"), ("b", "2026-W01-1")]
    with server.connect(KEEPER) as connection, pytest.raises(psycopg.DataError) as told:
        copied(connection, "new_days", "id text, begins date", rows, lambda _: None)
    assert reaching._where(told.value) == "InvalidDatetimeFormat at row 2 of new_days, column begins"
