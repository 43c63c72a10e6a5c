"""Signing keys are renewed in the stack's file, a step at a time, none too early."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from catalog import load_named
from catalog.errors import UserError
from derive import session_token
from derive.signing import Ring, Step
from local import paths
from ops.stack import configuration, renewal
from tests.ops.stack.test_configuration import WANTED

CITY = load_named("tiny")
NOW = datetime(2026, 10, 15, 8, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "ROOT", tmp_path)


@pytest.fixture
def stack() -> str:
    configuration.ensure("test", WANTED)
    return "test"


def test_a_stack_begins_with_its_first_keys(stack: str) -> None:
    assert renewal.ring(stack) == Ring()


def test_three_steps_lead_to_the_next_keys_and_touch_nothing_else(stack: str) -> None:
    secrets, public = configuration.read_secrets(stack), configuration.settings(stack)
    renewal.step(stack, Step.PUBLISH, CITY, NOW)
    assert str(renewal.ring(stack)) == "1,2"
    renewal.step(stack, Step.SIGN, CITY, NOW)
    assert str(renewal.ring(stack)) == "2,1"
    renewal.step(stack, Step.DROP, CITY, NOW + timedelta(days=1))
    assert str(renewal.ring(stack)) == "2"
    assert configuration.read_secrets(stack) == secrets
    mine = {renewal.EPOCHS, renewal.SINCE}
    after = configuration.settings(stack)
    assert {key: value for key, value in after.items() if key not in mine} == public


@pytest.mark.parametrize(("seconds", "early"), [(-1, True), (0, False)])
def test_the_old_key_is_not_dropped_before_the_last_of_its_tokens_has_ended(
    stack: str, seconds: int, *, early: bool
) -> None:
    renewal.step(stack, Step.PUBLISH, CITY, NOW)
    renewal.step(stack, Step.SIGN, CITY, NOW)
    then = NOW + timedelta(hours=session_token.MOST_HOURS) + renewal.MARGIN + timedelta(seconds=seconds)
    if early:
        with pytest.raises(UserError, match="accepted until 2026-10-15 21:00"):
            renewal.step(stack, Step.DROP, CITY, then)
        assert str(renewal.ring(stack)) == "2,1"
    else:
        assert renewal.step(stack, Step.DROP, CITY, then) == Ring(2)


def test_permissions_that_last_longer_than_sessions_are_waited_for() -> None:
    long = CITY.model_copy(update={"playback": CITY.playback.model_copy(update={"token_minutes": 1440})})
    assert renewal.longest(long) == timedelta(days=1) + renewal.MARGIN


@pytest.mark.parametrize("wanted", [Step.SIGN, Step.DROP])
def test_a_step_that_is_not_due_is_refused(stack: str, wanted: Step) -> None:
    before = configuration.file(stack).read_text()
    with pytest.raises(UserError, match="due is `publish`"):
        renewal.step(stack, wanted, CITY, NOW)
    assert configuration.file(stack).read_text() == before


def test_nothing_is_dropped_when_nobody_knows_since_when_the_new_key_signs() -> None:
    with pytest.raises(UserError, match="signingSince is not set"):
        renewal.refuse({"signingEpochs": "2,1"}, Step.DROP, timedelta(hours=12), NOW)


def test_the_epochs_stay_when_the_file_is_written_anew(stack: str) -> None:
    renewal.step(stack, Step.PUBLISH, CITY, NOW)
    assert configuration.ensure(stack, WANTED)
    assert str(renewal.ring(stack)) == "1,2"


def test_a_file_of_the_users_own_is_answered_with_the_commands() -> None:
    configuration.file("prod").write_text("config: {}\n")
    with pytest.raises(UserError, match=r"pulumi config set huiju:signingEpochs '1,2' --stack prod"):
        renewal.step("prod", Step.PUBLISH, CITY, NOW)
    assert configuration.file("prod").read_text() == "config: {}\n"


def test_epochs_that_make_no_sense_are_named() -> None:
    with pytest.raises(UserError, match="signingEpochs"):
        renewal.of_settings({"signingEpochs": "1,7"})
