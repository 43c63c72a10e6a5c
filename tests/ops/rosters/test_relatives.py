"""Whom a register merely calls a relative looks after a pupil and may not agree about them; files, a real PostgreSQL, and the command."""

from __future__ import annotations

import json
from itertools import combinations
from pathlib import Path

import pytest
from psycopg.errors import ForeignKeyViolation
from typer.testing import CliRunner, Result

from catalog.errors import UserError
from catalog.roster import RosterRole
from derive.guardians import may_agree
from ops.accounts import reaching as identity_service
from ops.cli import app
from ops.rosters import linking
from tests.ops.recorded import kept
from tests.ops.rosters import small
from tests.ops.rosters.test_importing import (
    FIRST,
    OTHER_PARENT,
    OTHER_PUPIL,
    PARENT,
    PUPIL,
    SECOND,
    agreed,
    consents,
    edit,
    everything,
    only,
)
from tests.roster_server import HASHES, KEEPER, Server

BY = small.city().minors.guardian_consent_by
TODAY = small.TODAY


@pytest.fixture(autouse=True)
def without_accounts(stack: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stack has no identity service."""
    monkeypatch.setattr(identity_service, "present", lambda _: False)


def of(user: str) -> str:
    return str(HASHES.of(user))


def huiju(*words: str) -> Result:
    return CliRunner().invoke(app, ["roster", *words])


def said(*words: str) -> str:
    done = huiju(*words)
    assert done.exit_code == 0, done.output + repr(done.exception)
    return done.stdout


def joined(folder: Path) -> str:
    """Joins the parent with a pupil of the second school, too; that pupil's id in the register."""
    pupil = next(row["sourcedId"] for row in small.read(folder, "users") if row["sourcedId"].startswith(f"s{SECOND}"))
    row = next(row for row in small.read(folder, "users") if row["sourcedId"] == PARENT)
    edit(folder, "users", "sourcedId", PARENT, agentSourcedIds=f"{row['agentSourcedIds']},{pupil}")
    return str(pupil)


def called(folder: Path, user: str, *roles: str, at: str = FIRST) -> None:
    """The register has them as this at a school, and as nothing else there."""
    rows = small.read(folder, "roles")
    like = next(row for row in rows if row["role"] == "parent")
    others = [row for row in rows if (row["userSourcedId"], row["orgSourcedId"]) != (user, at)]
    mine = [
        {**like, "sourcedId": f"{user}-{at}-{role}", "userSourcedId": user, "role": role, "orgSourcedId": at,
         "roleType": "secondary" if number or at != FIRST else "primary"}
        for number, role in enumerate(roles)
    ]  # fmt: skip
    small.write(folder, "roles", [*others, *mine])


def links(server: Server, user: str = PARENT) -> dict[str, list[str]]:
    """Pupil -> as what the database has this adult with them."""
    found = server.all(f"SELECT child::text, roles FROM guardians WHERE guardian = '{of(user)}'")
    return dict(found)


def held(server: Server) -> list[tuple[list[str], bool]]:
    """Of each consent as what its giver is, and whether it was withdrawn."""
    return server.all("SELECT roles, withdrawn_at IS NOT NULL FROM consents ORDER BY id")


@pytest.mark.parametrize(
    ("roles", "wanted"),
    [
        (("parent",), ["parent"]),
        (("guardian",), ["guardian"]),
        (("relative",), ["relative"]),
        (("relative", "guardian"), ["guardian", "relative"]),
        (("parent", "teacher"), ["parent"]),
    ],
)
def test_a_link_has_the_words_of_the_register(
    server: Server, folder: Path, roles: tuple[str, ...], wanted: list[str]
) -> None:
    called(folder, PARENT, *roles)
    server.take(folder)
    assert links(server)[of(PUPIL)] == wanted
    assert links(server, OTHER_PARENT)[of(OTHER_PUPIL)] == ["parent"], "of nobody else"


def test_what_somebody_is_at_another_school_says_nothing_of_a_pupil_here(server: Server, folder: Path) -> None:
    """A mother here is an aunt there; where she is nothing at the pupil's school, what she is elsewhere counts."""
    other = joined(folder)
    called(folder, PARENT, "relative", at=SECOND)
    server.take(folder)
    assert (links(server)[of(PUPIL)], links(server)[of(other)]) == (["parent"], ["relative"])
    called(folder, PARENT, at=SECOND)
    server.take(folder)
    assert links(server)[of(other)] == ["parent"]


def test_a_school_s_file_changes_what_its_people_are_there_and_leaves_the_other_s(
    server: Server, folder: Path, tmp_path: Path
) -> None:
    pupil = joined(folder)
    called(folder, PARENT, "parent", at=SECOND)
    server.take(folder)
    agreed(server)
    agreed(server, PARENT, pupil)
    first = only(small.written(tmp_path / "first"), FIRST)
    called(first, PARENT, "relative")
    done = server.take(first)
    assert (links(server)[of(PUPIL)], links(server)[of(pupil)]) == (["relative"], ["parent"])
    assert done.difference and (done.difference.silenced, done.difference.heard) == (len(links(server)) - 1, 0)
    assert sorted(roles for roles, _ in held(server)) == [["parent"], ["relative"]]


def test_a_school_s_file_says_it_also_of_a_pupil_elsewhere_where_the_adult_is_nothing(
    server: Server, folder: Path, tmp_path: Path
) -> None:
    pupil = joined(folder)
    server.take(folder)
    assert links(server)[of(pupil)] == ["parent"]
    first = only(small.written(tmp_path / "first"), FIRST)
    called(first, PARENT, "relative")
    server.take(first)
    assert links(server)[of(pupil)] == ["relative"]


def test_a_consent_follows_what_its_giver_is_and_stays_on_record(server: Server, folder: Path) -> None:
    server.take(folder)
    agreed(server)
    before = consents(server)
    for word in ("relative", "guardian"):
        called(folder, PARENT, word)
        assert server.take(folder, dry=True).difference
        server.take(folder)
        assert held(server) == [([word], False)]
        assert consents(server) == before, "nothing of it is lost"
        whole = everything(server)
        assert server.take(folder).difference is None
        assert everything(server) == whole


def test_a_difference_says_how_many_may_agree_no_more_and_how_many_may_now(server: Server, folder: Path) -> None:
    server.take(folder)
    number = len(links(server))
    called(folder, PARENT, "relative")
    for told in (said("diff", str(folder)), said("import", str(folder), "--dry-run"), said("import", str(folder))):
        assert f"in {number} the adult may not agree any more, in 0 they may now; `huiju roster consent --list`" in told
    (record,) = [each for each in kept() if each.action == "roster-import"]
    assert (record.facts["may_not_agree_any_more"], record.facts["may_agree_now"]) == (number, 0)
    called(folder, PARENT, "guardian")
    data = json.loads(said("diff", str(folder), "--json"))
    assert (data["may_not_agree_any_more"], data["may_agree_now"]) == (0, number)
    called(folder, PARENT, "relative")
    data = json.loads(said("diff", str(folder), "--json"))
    assert (data["same"], data["may_not_agree_any_more"], data["may_agree_now"]) == (True, 0, 0)


def test_the_words_as_sql_are_the_rule(server: Server) -> None:
    """The counts and the list ask in SQL what the service asks in Python."""
    words = [each.value for each in (RosterRole.GUARDIAN, RosterRole.PARENT, RosterRole.RELATIVE)]
    sets = [list(each) for size in range(4) for each in combinations(words, size)]
    with server.connect(KEEPER) as connection:
        for roles in sets:
            for by in sets:
                row = connection.execute(
                    f"SELECT {linking.may_agree('%(roles)s::text[]')}", {"roles": roles, "by": by}
                ).fetchone()
                assert row == (may_agree(roles, by),), (roles, by)


@pytest.mark.parametrize(
    ("roles", "why"),
    [
        (("relative",), "the register has them as relative, not as guardian or parent"),
        (("relative", "parent"), "the register has them as parent and relative at the pupil's school, and not of whom"),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_a_relative_agrees_to_nothing(
    server: Server, folder: Path, roles: tuple[str, ...], why: str, named: bool
) -> None:
    called(folder, PARENT, *roles)
    server.take(folder)
    refused = huiju("consent", of(PUPIL), *(("--guardian", of(PARENT)) if named else ()))
    assert refused.exit_code == 1 and isinstance(refused.exception, UserError)
    assert f"{of(PARENT)} may not agree: {why}" in str(refused.exception)
    assert "nothing was changed" in str(refused.exception)
    assert (held(server), [each.action for each in kept()]) == ([], [])
    called(folder, PARENT, "guardian")
    server.take(folder)
    said("consent", of(PUPIL))
    assert held(server) == [(["guardian"], False)]
    assert kept()[-1].facts["roles"] == "guardian"


def test_of_a_parent_and_a_relative_the_parent_agrees_without_being_named(server: Server, folder: Path) -> None:
    edit(folder, "users", "sourcedId", PUPIL, agentSourcedIds=f"{PARENT},{OTHER_PARENT}")
    called(folder, PARENT, "relative")
    server.take(folder)
    assert of(OTHER_PARENT) in said("consent", of(PUPIL))
    shown = said("show", of(PUPIL))
    assert f"guardian {of(PARENT)} as relative, who may not agree" in shown
    assert f"guardian {of(OTHER_PARENT)} as parent\n" in shown
    whole = json.loads(said("show", of(PUPIL), "--json"))
    assert whole["linked_as"] == {of(PARENT): ["relative"], of(OTHER_PARENT): ["parent"]}
    assert [each["roles"] for each in whole["consents"]] == [["parent"]]


def test_an_adult_of_whom_nothing_is_known_agrees_to_nothing(server: Server, folder: Path) -> None:
    server.take(folder)
    with server.connect("postgres") as connection:
        connection.execute("UPDATE guardians SET roles = '{}'")
    assert "take the school's roster in" in str(huiju("consent", of(PUPIL)).exception)


def test_consents_that_do_not_count_are_listed_with_what_to_do_and_can_be_put_away(
    server: Server, folder: Path
) -> None:
    server.take(folder)
    agreed(server)
    agreed(server, OTHER_PARENT, OTHER_PUPIL)
    assert "0 consents stand and do not count" in said("consent", "--list")
    called(folder, PARENT, "relative")
    server.take(folder)
    told = said("consent", "--list")
    assert f"consent of {of(PARENT)} for {of(PUPIL)} from 2026-09-01" in told
    assert "does not count: the register has them as relative" in told and "1 consents stand" in told
    assert of(OTHER_PARENT) not in told and "--guardian ID" in told
    records = [each for each in kept() if each.action == "consent-list"]
    assert [(each.resource, each.facts["consents"]) for each in records] == [("consents", 0), ("consents", 1)]
    assert "does not count: the register has them as relative" in said("consent", of(PUPIL), "--list")
    said("consent", of(PUPIL), "--withdraw")
    assert "0 consents stand" in said("consent", "--list")
    assert (["relative"], True) in held(server), "and it stays on record"


def test_consents_that_are_over_are_not_listed(server: Server, folder: Path) -> None:
    called(folder, PARENT, "relative")
    server.take(folder)
    words = "INSERT INTO consents (pupil, guardian, roles, begins, ends, recorded_by) VALUES (%s, %s, '{relative}', %s, %s, 'a test')"
    with server.connect("postgres") as connection:
        connection.execute(words, (of(PUPIL), of(PARENT), "2026-09-01", "2026-10-01"))
    assert "0 consents stand" in said("consent", "--list")


@pytest.mark.parametrize(
    "words", [(), ("--withdraw",), ("--list", "--withdraw"), ("--list", "--guardian", "-"), ("--until", "2027-01-01")]
)
def test_without_a_pupil_there_is_only_the_list(server: Server, words: tuple[str, ...]) -> None:
    refused = huiju("consent", *words)
    assert isinstance(refused.exception, UserError) and "name the PUPIL" in str(refused.exception)
    assert kept() == []


def test_the_database_takes_no_consent_of_who_meanwhile_became_a_relative(server: Server, folder: Path) -> None:
    called(folder, PARENT, "relative")
    server.take(folder)
    with pytest.raises(ForeignKeyViolation):
        agreed(server)
