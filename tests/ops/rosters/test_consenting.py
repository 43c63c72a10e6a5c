"""A guardian's consent as an operator records it: typed, judged, written to a real PostgreSQL, and on the audit record."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from catalog.errors import UserError
from derive.audit import Kind
from ops.audits import pending
from ops.cli import app
from ops.rosters import consenting
from ops.rosters.consenting import Meant
from tests.ops.recorded import kept, lines
from tests.ops.rosters import small
from tests.roster_server import HASHES, KEEPER, Server

FIRST = small.city().schools[0].code
PUPIL, PARENT = f"s{FIRST}00000", f"p{FIRST}00000"
OTHER_PARENT, TEACHER = f"p{FIRST}00001", f"t{FIRST}0000"
TODAY = small.TODAY
DAY = timedelta(days=1)


def of(user: str) -> str:
    """Somebody's id on the platform."""
    return str(HASHES.of(user))


@pytest.fixture(autouse=True)
def taken(stack: None, server: Server, folder: Path) -> None:
    """The two small schools are in the stack's database; its records wait on this machine."""
    server.take(folder)


def consent(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["roster", "consent", *words], input=stdin)


def done(*words: str, stdin: str | None = None) -> str:
    found = consent(*words, stdin=stdin)
    assert found.exit_code == 0, found.output + repr(found.exception)
    return found.stdout


def rows(server: Server) -> list[tuple[Any, ...]]:
    """Every consent: of whom, from when to when, by whom, and whether it was withdrawn."""
    return server.all("SELECT guardian::text, begins, ends::text, recorded_by, withdrawn_by FROM consents ORDER BY id")


def second_guardian(server: Server) -> None:
    """The pupil gets one more."""
    words = "INSERT INTO guardians (guardian, child, roles) VALUES (%s, %s, '{guardian}')"
    with server.connect("postgres") as connection:
        connection.execute(words, (of(OTHER_PARENT), of(PUPIL)))


def test_the_only_guardian_agrees_from_today_for_as_long_as_they_have_a_say(server: Server) -> None:
    assert "is recorded, until no guardian has a say" in done(of(PUPIL))
    assert rows(server) == [(of(PARENT), TODAY, "infinity", "somebody", None)]
    (entry,) = kept()
    assert (entry.kind, entry.action, entry.why) == (Kind.ACCOUNT, "consent-give", "done")
    assert entry.resource == f"pupil-profile/{of(PUPIL)}"
    assert (entry.facts["guardian"], entry.facts["until"]) == (of(PARENT), "infinity")
    assert "stands already" in done(of(PUPIL))
    assert (len(rows(server)), len(kept())) == (1, 1), "what changes nothing is not recorded"


def test_ids_of_the_register_are_asked_for_and_are_nowhere(server: Server) -> None:
    second_guardian(server)
    said = done("-", "--guardian", "-", stdin=f"{PUPIL}\n{PARENT}\n")
    assert [row[0] for row in rows(server)] == [of(PARENT)]
    assert lines() and not any(each in said + lines() + repr(rows(server)) for each in (PUPIL, PARENT))


def test_another_end_takes_the_place_of_the_first(server: Server) -> None:
    until = (TODAY + DAY).isoformat()
    done(of(PUPIL))
    assert f"until {until}" in done(of(PUPIL), "--until", until)
    assert rows(server) == [
        (of(PARENT), TODAY, "infinity", "somebody", "somebody"),
        (of(PARENT), TODAY, until, "somebody", None),
    ]


def test_a_withdrawal_ends_it_at_once_and_leaves_it_on_record(server: Server) -> None:
    assert "nothing to do" in done(of(PUPIL), "--withdraw")
    done(of(PUPIL))
    assert "is withdrawn" in done(of(PUPIL), "--withdraw")
    assert rows(server) == [(of(PARENT), TODAY, "infinity", "somebody", "somebody")]
    assert [each.action for each in kept()] == ["consent-give", "consent-withdraw"]
    assert "nothing to do" in done(of(PUPIL), "--withdraw")
    done(of(PUPIL))
    assert rows(server)[1][4] is None, "and they may agree again"


def test_of_two_guardians_one_is_named_and_each_withdraws_their_own(server: Server) -> None:
    second_guardian(server)
    refused = str(consent(of(PUPIL)).exception)
    assert "2 guardians" in refused and of(PARENT) in refused and of(OTHER_PARENT) in refused
    for each in (PARENT, OTHER_PARENT):
        done(of(PUPIL), "--guardian", of(each))
    done(of(PUPIL), "--guardian", of(PARENT), "--withdraw")
    assert [row[4] for row in rows(server)] == ["somebody", None]
    done(of(PUPIL), "--guardian", of(PARENT))
    done(of(PUPIL), "--withdraw")
    assert all(row[4] for row in rows(server)), "without a name nobody agrees any more"


def test_a_dry_run_says_what_it_would_do_and_does_not(server: Server) -> None:
    assert "would be recorded" in done(of(PUPIL), "--dry-run")
    assert (rows(server), kept()) == ([], [])
    done(of(PUPIL))
    assert "would be withdrawn" in done(of(PUPIL), "--withdraw", "--dry-run")
    assert (rows(server)[0][4], len(kept())) == (None, 1)


def test_what_there_is_and_was_is_listed_and_shown_with_the_pupil_and_the_guardian(server: Server) -> None:
    done(of(PUPIL))
    done(of(PUPIL), "--withdraw")
    done(of(PUPIL), "--until", (TODAY + DAY).isoformat())
    listed = done(of(PUPIL), "--list")
    assert "2 consents" in listed
    assert f"consent of {of(PARENT)} from {TODAY} until no guardian has a say" in listed
    assert listed.count("withdrawn") == 1
    assert f"for {of(PUPIL)}" in done(of(PARENT), "--list")
    assert "0 consents" in done(of(OTHER_PARENT), "--list")
    for who in (PUPIL, PARENT):
        shown = CliRunner().invoke(app, ["roster", "show", of(who), "--json"]).stdout
        assert [each["guardian"] for each in json.loads(shown)["consents"]] == [of(PARENT)] * 2
    looked = [("consent-list", of(each)) for each in (PUPIL, PARENT, OTHER_PARENT)]
    looked += [("roster-show", of(each)) for each in (PUPIL, PARENT)]
    assert [(each.action, each.resource.partition("/")[2]) for each in kept()[3:]] == looked
    assert {each.kind for each in kept()[3:]} == {Kind.DEED}, "who looks changes nothing"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            (of(PUPIL), "--guardian", of(TEACHER)),
            [f"{of(TEACHER)} is no guardian of theirs: the roster has {of(PARENT)}"],
        ),
        ((of(PUPIL), "--guardian", of(TEACHER), "--withdraw"), ["is no guardian of theirs"]),
        ((of(TEACHER),), ["no guardian has a say about them"]),
        ((of("nobody"),), ["is nobody here"]),
        ((of(PUPIL), "--until", (TODAY - DAY).isoformat()), ["is over"]),
        ((of(PUPIL), "--until", "tomorrow"), ["is no day", "2026-11-24"]),
        ((of(PUPIL), "--until", TODAY.isoformat(), "--withdraw"), ["leave --until out"]),
        ((of(PUPIL), "--list", "--withdraw"), ["--list shows"]),
        ((PUPIL,), ["no id of the platform for the pupil"]),
        (
            (PUPIL, "--guardian", PARENT, "--until", "tomorrow"),
            ["for the pupil", "for the guardian", "is no day", "nothing was changed"],
        ),
        (
            (of(TEACHER), "--guardian", of(PARENT), "--until", "2020-01-01"),
            ["is over", "no guardian has a say", "is no guardian of theirs"],
        ),
    ],
)
def test_what_cannot_be_is_refused_with_everything_that_is_wrong(
    server: Server, words: tuple[str, ...], said: list[str]
) -> None:
    refused = consent(*words)
    assert refused.exit_code == 1
    assert isinstance(refused.exception, UserError)
    assert [each for each in said if each not in str(refused.exception)] == [], refused.exception
    assert not any(each in str(refused.exception) for each in (PUPIL, PARENT))
    # Who asked for a list with other options was looked up all the same.
    assert (rows(server), [each for each in kept() if each.kind is Kind.ACCOUNT]) == ([], [])


def test_of_whom_the_roster_knows_no_guardian_or_who_left_nobody_agrees(server: Server) -> None:
    with server.connect("postgres") as connection:
        connection.execute("DELETE FROM guardians WHERE child = %s", (of(PUPIL),))
    assert "register has to name one" in str(consent(of(PUPIL)).exception)
    with server.connect("postgres") as connection:
        words = "UPDATE people SET minor_until = NULL, enabled = false, left_at = now() WHERE id = %s"
        connection.execute(words, (of(PUPIL),))
    assert "not in the roster any more" in str(consent(of(PUPIL)).exception)


def test_a_guardian_who_stopped_being_one_meanwhile_agrees_to_nothing(server: Server) -> None:
    meant = Meant(HASHES.of(PUPIL), HASHES.of(OTHER_PARENT), TODAY)
    with pytest.raises(UserError, match="no guardian of theirs any more"):
        consenting.write(lambda: server.connect(KEEPER), meant, "somebody")
    assert rows(server) == []


def test_what_fails_is_on_record_as_failed(server: Server) -> None:
    with server.connect("postgres") as connection:
        connection.execute("REVOKE INSERT ON consents FROM roster_keeper")
    try:
        assert consent(of(PUPIL)).exit_code == 1
    finally:
        server.migrate()
    assert rows(server) == []
    assert [(each.action, each.why) for each in kept()] == [("consent-give", "failed")]


def test_where_nothing_can_be_noted_nothing_is_recorded(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(pending, "begin", full)
    assert "nothing was done" in str(consent(of(PUPIL)).exception)
    assert rows(server) == []
