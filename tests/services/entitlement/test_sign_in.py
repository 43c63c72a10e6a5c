"""Signing in and out: the cookie is out of scripts' reach, and the page is told that this is a stand-in."""

from __future__ import annotations

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from derive import identity, session_token
from services.entitlement import app
from services.entitlement.desk import Desk
from tests.services.entitlement.conftest import COLLEGE, FAR, NOW, OWN, token


def _attributes(cookie: str) -> set[str]:
    return {part.strip().lower() for part in cookie.split(";")[1:]}


def test_a_good_token_becomes_a_cookie_that_scripts_cannot_read(client: TestClient) -> None:
    answer = client.post("/access/sign-in", headers={"Authorization": f"Bearer {token()}"})
    assert answer.status_code == 204
    found = _attributes(answer.headers["set-cookie"])
    assert {"httponly", "secure", "samesite=lax", "path=/", f"max-age={8 * 3600}"} <= found


def test_a_bad_token_or_none_signs_nobody_in(client: TestClient) -> None:
    for headers in ({"Authorization": "Bearer nonsense"}, {}):
        answer = client.post("/access/sign-in", headers=headers)
        assert (answer.status_code, answer.json()["reason"]) == (403, "session-invalid")
        assert "set-cookie" not in answer.headers


def test_a_link_does_not_sign_its_reader_in_as_whoever_sent_it(client: TestClient) -> None:
    own = token(**{session_token.PARTY: identity.CLIENT_PORTAL})
    answer = client.post("/access/sign-in", headers={"Authorization": f"Bearer {own}"})
    assert (answer.status_code, answer.json()["reason"]) == (403, "session-invalid")
    assert "set-cookie" not in answer.headers


def test_the_page_is_told_who_is_there_and_that_it_is_a_stand_in(client: TestClient) -> None:
    assert client.get("/access/session").json() == {"signed_in": False, "stand_in": False}
    said = client.get("/access/session", headers={"Authorization": f"Bearer {token('master', FAR)}"}).json()
    assert said == {
        "signed_in": True,
        "stand_in": True,
        "more": False,
        "expires": int(NOW.timestamp()) + 8 * 3600,
        "tier": {"zh": "某master", "en": "master"},
        "school": {"zh": f"某{FAR}", "en": FAR},
        "district": None,
        "partner": None,
        "cache": None,
    }


@pytest.mark.parametrize(
    ("school", "domain", "cache"),
    [
        (FAR, "city.example", {"place": FAR, "origin": f"https://{FAR}.edge.city.example"}),
        (FAR, None, None),
        ("9999999999", "city.example", None),
        (None, "city.example", None),
    ],
)
def test_who_is_at_a_school_is_told_of_its_cache(
    desk: Desk, school: str | None, domain: str | None, cache: dict[str, str] | None
) -> None:
    other = TestClient(app.make(Desk(replace(desk.settings, boxes=domain), desk.records, desk.clock)))
    said = other.get("/access/session", headers={"Authorization": f"Bearer {token('master', school)}"}).json()
    assert said["cache"] == cache


def test_the_page_is_told_of_which_district_or_partner_somebody_is(client: TestClient) -> None:
    for place, one in (("district", "near"), ("partner", COLLEGE)):
        who = {"Authorization": f"Bearer {token('clerk', None, **{place: one})}"}
        said = client.get("/access/session", headers=who).json()
        assert (said[place]["en"], said["school"]) == (one, None)


def test_a_session_of_an_unknown_tier_or_school_is_shown_without_names(client: TestClient) -> None:
    said = client.get("/access/session", headers={"Authorization": f"Bearer {token('stranger', '9999999999')}"}).json()
    assert (said["tier"], said["school"]) == (None, None)


def test_a_session_that_has_ended_says_so(client: TestClient) -> None:
    old = token(exp=int(NOW.timestamp()) - 60)
    answer = client.get("/access/session", headers={"Authorization": f"Bearer {old}"})
    assert (answer.status_code, answer.json()["reason"]) == (403, "session-ended")


def test_figures_count_verdicts_and_hold_no_person(client: TestClient) -> None:
    client.post("/access/play/" + "l-" + "a" * 16, headers={"Authorization": f"Bearer {token('pupil', OWN)}"})
    client.post("/access/play/nonsense")
    text = client.get("/metrics").text
    assert 'city_play_decisions_total{verdict="allowed"} 1.0' in text
    assert 'city_play_decisions_total{verdict="no-such-lesson"} 1.0' in text
    assert OWN not in text


def test_health_is_answered(client: TestClient) -> None:
    assert client.get("/healthz").status_code == 200
