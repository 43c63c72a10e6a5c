"""What is answered to the gateway about who wants to see the city's readings: over HTTP, with a roster, and on record once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from derive import readers
from derive.audit import Kind, Record
from services.entitlement.audit import Trail
from services.entitlement.desk import Desk
from services.entitlement.journal import UnrecordedError
from services.entitlement.passes import Passes
from services.entitlement.people import Found, Role
from services.entitlement.sessions import Verifier
from tests.services.entitlement.conftest import DOCUMENT, ISSUER, NOW, OWN, Live, Register, name, token
from tests.services.entitlement.test_audit import RULES, recorded

PERSON = "00000000-0000-4000-8000-000000000001"
CELL = {"scopes": ["city"], "consent_below": 0, "rule": None}
READINGS: Mapping[str, Any] = {
    **{"name": name("readings"), "description": name("readings")},
    **{"held_by": "city", "licensed": False, "agreements": [], "grants": {"report": {"mayor": CELL}}},
}


WITH: dict[str, Any] = {
    **DOCUMENT,
    "classes": {**DOCUMENT["classes"], "readings": READINGS},
    "actions": {**DOCUMENT["actions"], "report": name("report")},
}
"""The mayor reports on the whole city."""


@pytest.fixture(autouse=True)
def rules(desk: Desk) -> Live:
    found = Live(WITH)
    desk.settings = replace(desk.settings, standing=found)
    return found


@pytest.fixture
def trail(tmp_path: Path, desk: Desk) -> Trail:
    desk.witness = found = Trail(tmp_path / "audit", "pod", RULES, lambda: NOW)
    return found


def ask(client: TestClient, session: str | None, path: str = "/monitoring/api/v1/query?query=up") -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {session}"} if session else {}
    answer = client.get(f"{readers.ASKED}{path}", headers=headers)
    return answer.status_code, answer.json().get("reason", "")


def decided(trail: Trail) -> list[tuple[Kind, str, str, str]]:
    found: list[Record] = [each for each in recorded(trail) if each.entry.kind in {Kind.GRANT, Kind.REFUSAL}]
    return [(each.entry.kind, each.entry.action, each.entry.resource, each.entry.why) for each in found]


def test_whom_the_matrix_lets_report_passes_and_nobody_else(client: TestClient) -> None:
    assert ask(client, token("mayor", None)) == (200, "")
    for tier in ("pupil", "clerk", "robot"):
        assert ask(client, token(tier, OWN)) == (403, "readings-not-for-tier")
    assert ask(client, token("stranger", None)) == (403, "unknown-tier")
    assert ask(client, None) == (403, "readings-to-nobody")
    assert ask(client, "no token") == (403, "session-invalid")


def test_many_questions_of_a_page_are_one_record(client: TestClient, trail: Trail) -> None:
    session = token("mayor", None)
    for path in ("/monitoring/api/v1/query?query=up", "/monitoring/api/v1/query_range?query=up", "/x"):
        assert ask(client, session, path) == (200, "")
    assert decided(trail) == [(Kind.GRANT, "report", "readings", "allowed")]
    for _ in range(2):
        ask(client, token("pupil", OWN))
    assert [each[0] for each in decided(trail)[1:]] == [Kind.REFUSAL] * 2, "every refusal is"


def test_a_pass_ends_with_the_rules(client: TestClient, trail: Trail, rules: Live) -> None:
    session = token("mayor", None)
    assert ask(client, session) == (200, "")
    rules.named, rules.document = "e" * 64, DOCUMENT
    assert ask(client, session) == (403, "readings-not-for-tier")
    rules.named, rules.document = "f" * 64, WITH
    assert ask(client, session) == (200, "")
    assert [each[0] for each in decided(trail)] == [Kind.GRANT, Kind.REFUSAL, Kind.GRANT]


def test_a_pass_lasts_as_long_as_a_permission_to_play_and_no_longer(
    client: TestClient, desk: Desk, trail: Trail
) -> None:
    session = token("mayor", None)
    for minutes in (0, WITH["token_minutes"] - 1, WITH["token_minutes"]):
        desk.clock = lambda minutes=minutes: NOW + timedelta(minutes=minutes)  # type: ignore[misc]
        assert ask(client, session) == (200, "")
    assert len(decided(trail)) == 2


def test_a_pass_does_not_outlast_its_session(client: TestClient, desk: Desk, trail: Trail) -> None:
    end = NOW + timedelta(minutes=10)
    session = token("mayor", None, exp=int(end.timestamp()))
    ask(client, session)
    desk.clock = lambda: end
    desk.verifier = Verifier(ISSUER, desk.settings.session_keys, lambda: end + timedelta(minutes=1))
    assert ask(client, session) == (403, "session-ended")


def test_whom_the_roster_has_no_more_does_not_pass_and_without_it_nobody_of_it(
    client: TestClient, register: Register
) -> None:
    session = token("mayor", None, person=PERSON)
    assert ask(client, session) == (403, "person-unknown")
    register.people[PERSON] = Found(PERSON, False, None, (Role(None, None, "990000", "mayor", True),), ())
    assert ask(client, session) == (403, "person-left")
    register.away = True
    assert ask(client, session) == (503, "roster-unreadable")
    assert ask(client, token("mayor", None)) == (200, ""), "who is of no roster does not wait for it"


def test_what_cannot_be_recorded_is_not_given(client: TestClient, desk: Desk) -> None:
    class Full:
        def decided(self, *_: object) -> None:
            raise UnrecordedError("full")

    desk.witness = Full()
    for _ in range(2):
        assert ask(client, token("mayor", None)) == (503, "decision-unrecorded")


def test_passes_are_few_and_end() -> None:
    passes, now = Passes(most=2), datetime(2026, 10, 15, tzinfo=UTC)
    until = int(now.timestamp()) + 10
    for each in ("a", "b", "c"):
        passes.keep(each, "v", until)
    assert [passes.holds(each, "v", now) for each in ("a", "b", "c")] == [False, True, True]
    assert not passes.holds("c", "w", now)
    assert not passes.holds("c", "v", now + timedelta(seconds=10))
