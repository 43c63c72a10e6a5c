"""A session says who is there, for whom it is meant, and when it ends."""

from __future__ import annotations

from typing import Any

import pytest

from derive import session_token

ISSUED = 1_800_000_000


def test_a_session_names_issuer_audience_tier_and_its_end() -> None:
    found = session_token.claims("https://x", "a-tier", "someone", ISSUED, 2)
    assert found == {
        "iss": "https://x",
        "aud": session_token.AUDIENCE,
        "sub": "someone",
        "tier": "a-tier",
        "iat": ISSUED,
        "nbf": ISSUED,
        "exp": ISSUED + 7200,
    }


def test_a_school_is_in_it_only_where_there_is_one() -> None:
    assert session_token.claims("https://x", "t", "s", ISSUED, 1, school="0000000001")["school"] == "0000000001"
    assert "school" not in session_token.claims("https://x", "t", "s", ISSUED, 1)


@pytest.mark.parametrize("place", ["district", "partner"])
def test_the_district_or_the_partner_is_named_only_where_there_is_one(place: str) -> None:
    given: dict[str, Any] = {place: "somewhere"}
    found = session_token.claims("https://x", "t", "s", ISSUED, 1, **given)
    assert {key: found.get(key) for key in ("school", "district", "partner") if key in found} == given
    assert place not in session_token.claims("https://x", "t", "s", ISSUED, 1)


@pytest.mark.parametrize("factors", [None, [], ["otp"]])
def test_that_no_factor_was_shown_is_another_thing_than_that_it_is_not_known(factors: list[str] | None) -> None:
    found = session_token.claims("https://x", "t", "s", ISSUED, 1, factors=factors)
    assert found.get("amr") == factors
    assert ("amr" in found) is (factors is not None)


def test_who_the_roster_knows_it_to_be_is_named_when_known() -> None:
    person = "0c7b9a52-0000-4000-8000-000000000001"
    assert session_token.claims("https://x", "t", "s", ISSUED, 1, person=person)["person"] == person
    assert "person" not in session_token.claims("https://x", "t", "s", ISSUED, 1)


@pytest.mark.parametrize("hours", [0.5, session_token.MOST_HOURS])
def test_a_session_may_last_that_long(hours: float) -> None:
    assert session_token.claims("https://x", "t", "s", ISSUED, hours)["exp"] == ISSUED + hours * 3600


@pytest.mark.parametrize("hours", [0, -1, session_token.MOST_HOURS + 0.1])
def test_no_session_lasts_longer_than_a_school_day(hours: float) -> None:
    with pytest.raises(ValueError, match="hours"):
        session_token.claims("https://x", "t", "s", ISSUED, hours)
