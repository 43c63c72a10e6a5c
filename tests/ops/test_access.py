"""Sessions that the operator mints, and explanations that are the service's own decisions."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from catalog import City, load_named
from catalog.access import Action, Scope, Use
from catalog.errors import UserError
from derive import keys, session_token
from ops import access, sample_lesson
from services.entitlement.rules import Person

SEED, ISSUER = "a-seed-of-thirty-two-characters-or-more", "https://city.example"


@pytest.fixture(params=["tiny", "neijiang"])
def city(request: pytest.FixtureRequest) -> City:
    return load_named(request.param)


def test_a_session_of_a_later_epoch_is_signed_by_its_key_and_says_so(city: City) -> None:
    token = access.mint(access.Wish(city.tiers[0].id, None, 2), city, ISSUER, SEED, 2)
    key = keys.private_key(SEED, keys.SESSION, 2).public_key()
    assert jwt.decode(token, key, algorithms=[keys.ALGORITHM], audience=session_token.AUDIENCE, issuer=ISSUER)
    assert jwt.get_unverified_header(token)["kid"] == "session-2"


def test_a_minted_session_says_who_and_for_how_long(city: City) -> None:
    tier, school = city.tiers[0].id, city.schools[0].code
    token = access.mint(access.Wish(tier, school, 2), city, ISSUER, SEED)
    key = keys.private_key(SEED, keys.SESSION).public_key()
    claims = jwt.decode(token, key, algorithms=[keys.ALGORITHM], audience=session_token.AUDIENCE, issuer=ISSUER)
    assert (claims["tier"], claims["school"]) == (tier, school)
    assert abs(claims["exp"] - time.time() - 7200) < 60
    assert jwt.get_unverified_header(token)["kid"] == keys.key_id(keys.SESSION)


def test_two_sessions_are_two_people(city: City) -> None:
    wish = access.Wish(city.tiers[0].id, None, 1)
    subjects = {
        jwt.decode(access.mint(wish, city, ISSUER, SEED), options={"verify_signature": False})["sub"] for _ in range(2)
    }
    assert len(subjects) == 2


def test_everything_that_is_wrong_with_a_wish_is_said_at_once(city: City) -> None:
    near = city.tiers[0].id[:-1]
    with pytest.raises(UserError) as refused:
        access.mint(access.Wish(near, "123", session_token.MOST_HOURS + 1), city, ISSUER, SEED)
    said = str(refused.value)
    assert f"no tier {near!r}" in said
    assert city.tiers[0].id in said
    assert "no school '123'" in said
    assert "--hours" in said


def _record(city: City, licence: str, **changes: Any) -> dict[str, Any]:
    published = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = {"id": "l-x", "school": {"code": city.schools[0].code}, "licence": {"id": licence}, "published": published}
    return {**found, "master": "l-x/h/master.m3u8", **changes}


Printed = Callable[[], str]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    return lambda: re.sub(r"\s+", " ", capsys.readouterr().out)


def test_an_explanation_names_the_reason_in_both_languages(city: City, printed: Printed) -> None:
    blind = next(tier for tier in city.tiers if not {Action.VIEW, Action.LEARN} & set(tier.actions))
    public = {tier.id for tier in city.tiers if tier.scope is Scope.PUBLIC}
    strict = next(each.id for each in city.licences if not public & set(each.tiers))
    assert not access._say(city, Person(blind.id), _record(city, strict))
    said = printed()
    assert "tier-plays-nothing" in said
    assert blind.name.zh in said
    assert blind.name.en in said


def test_an_explanation_says_until_when(city: City, printed: Printed) -> None:
    licence = sample_lesson.licence(city)
    assert licence
    public = next(tier.id for tier in city.tiers if tier.scope is Scope.PUBLIC)
    assert access._say(city, Person(public, signed_in=False), _record(city, licence))
    assert "a token lasts until" in printed()


def test_an_explanation_says_when_it_is_because_everybody_may(city: City, printed: Printed) -> None:
    blind = next(tier for tier in city.tiers if not {Action.VIEW, Action.LEARN} & set(tier.actions))
    assert access._say(city, Person(blind.id), _record(city, sample_lesson.licence(city) or ""))
    assert "as everybody may" in printed()


def test_a_record_that_makes_no_sense_is_an_error(city: City) -> None:
    with pytest.raises(UserError, match="makes no sense"):
        access._say(city, Person(None), _record(city, "x", published="yesterday"))


def test_the_sample_is_shared_so_that_the_public_may_stream_it_as_long_as_any_licence_lets_it(city: City) -> None:
    chosen = next(each for each in city.licences if each.id == sample_lesson.licence(city))
    public = {tier.id for tier in city.tiers if tier.scope is Scope.PUBLIC}
    assert Use.STREAM in chosen.uses
    assert public & set(chosen.tiers)
    fitting = [each for each in city.licences if Use.STREAM in each.uses and public & set(each.tiers)]
    windows = [each.window_days for each in fitting]
    assert chosen.window_days is None if None in windows else chosen.window_days == max(filter(None, windows))


def test_a_licence_that_ends_is_taken_only_where_none_is_without_end(city: City) -> None:
    first = next(each for each in city.licences if each.id == sample_lesson.licence(city))
    shorter = first.model_copy(update={"id": "a-shorter", "window_days": 7})
    longer = first.model_copy(update={"id": "z-longer", "window_days": 70})
    assert sample_lesson.licence(city.model_copy(update={"licences": (shorter, first)})) == first.id
    assert sample_lesson.licence(city.model_copy(update={"licences": (shorter, longer)})) == "z-longer"


def test_where_nothing_is_for_the_public_the_sample_is_for_the_schools(city: City) -> None:
    public = {tier.id for tier in city.tiers if tier.scope is Scope.PUBLIC}
    licences = tuple(each for each in city.licences if not public & set(each.tiers))
    assert sample_lesson.licence(city.model_copy(update={"licences": licences})) is None
