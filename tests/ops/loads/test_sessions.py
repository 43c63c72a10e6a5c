"""Sessions for a load test: everybody who comes has one that counts, except the public."""

from __future__ import annotations

from pathlib import Path

import jwt
import pytest

from catalog import load_named, named
from catalog.access import Scope
from catalog.errors import UserError
from derive import audit, keys, session_token
from derive.audit import Kind
from loadtests import schedule
from loadtests.order import bearer
from ops.audits import pending, runs
from ops.lessons.place import Place
from ops.loads import sessions
from ops.stack import configuration

SEED = "a" * 43
PLACE = Place("s", {"domain": "edu.example"}, None, None)
CITY = load_named("tiny")
EVENING = schedule.plan(CITY, (19.0 * 3600, 20.0 * 3600), 60, 2)


@pytest.fixture(autouse=True)
def away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No store is there: what is recorded waits in a folder of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(runs, "ship", lambda *_: None)


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setattr(configuration, "read_secrets", lambda _: {"accessKey": SEED})
    return sessions.minted(PLACE, CITY, EVENING)


def test_everybody_but_the_public_has_a_session(tokens: dict[str, str]) -> None:
    people = {(each.scope, each.school) for each in schedule.arrivals(EVENING)}
    assert {scope for scope, _ in people} == {Scope.CLASS, Scope.ALLIANCE, Scope.CHILD, Scope.PUBLIC}
    assert set(tokens) == {bearer(scope, school) for scope, school in people if scope is not Scope.PUBLIC}


def test_a_session_says_tier_and_school_and_is_signed_with_the_stack_s_key(tokens: dict[str, str]) -> None:
    key = keys.private_key(SEED, keys.SESSION).public_key()
    for name, token in tokens.items():
        claims = jwt.decode(token, key, [keys.ALGORITHM], audience=session_token.AUDIENCE, issuer=PLACE.url)
        scope, school = name.split("/")
        assert claims[session_token.SCHOOL] == school
        assert next(tier for tier in CITY.tiers if tier.id == claims[session_token.TIER]).scope == scope


def test_the_sessions_of_a_run_are_on_record_as_one_without_a_token(tokens: dict[str, str]) -> None:
    (line,) = pending.waiting(PLACE.stack).values()
    entry = audit.parse(line).entry
    assert (entry.kind, entry.action, entry.resource) == (Kind.TOKEN, "session-mint", "session/load")
    assert entry.facts["sessions"] == len(tokens)
    assert not any(token.encode() in line for token in tokens.values())


def test_a_stack_without_the_seed_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration, "read_secrets", lambda _: {})
    with pytest.raises(UserError, match="huiju up"):
        sessions.minted(PLACE, CITY, EVENING)


@pytest.mark.parametrize("city", named())
def test_every_worked_city_has_a_tier_for_everybody_who_comes(city: str) -> None:
    facts = load_named(city)
    assert all(sessions.tier(facts, scope) for scope in (Scope.CLASS, Scope.ALLIANCE, Scope.CHILD))
    assert sessions.tier(facts, Scope.PUBLIC) is None
