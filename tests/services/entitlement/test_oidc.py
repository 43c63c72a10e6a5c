"""Signing in through a provider that a test plays: who comes back with what is somebody, and who is nobody, and why."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio.to_thread
import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.testclient import TestClient

from derive import identity, keys, session_token
from services.entitlement import app
from services.entitlement.audit import Outcome
from services.entitlement.desk import Desk
from services.entitlement.people import Found, PersonError, Role
from services.entitlement.sessions import Session
from services.entitlement.sign_in import ATTEMPT, BEGIN, CALLBACK, END, PROOF, SignIn
from tests.services.entitlement.conftest import COLLEGE, DOCUMENT, ISSUER, OFFICE, OWN, SEED, door

INSIDE = "http://identity.test/identity"
REALM = f"{ISSUER}/identity/realms/city"
SECRET = "the portal's own"
NAMING = "college"
"""The outside provider that says which person of the roster somebody is."""
PUPIL = "0b5a7d0e-0000-4000-8000-000000000001"
KEY = keys.private_key(SEED, "provider")


@dataclass
class Keycloak:
    """What of Keycloak a sign-in sees."""

    claims: dict[str, Any] = field(default_factory=dict)
    key: ec.EllipticCurvePrivateKey = KEY
    away: bool = False
    asked: dict[str, str] = field(default_factory=dict)
    """The last question to the sign-in page."""
    handed_in: dict[str, str] = field(default_factory=dict)

    async def answer(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            raise httpx.ConnectError("refused")
        path = request.url.path.removeprefix("/identity/realms/city")
        return {"/.well-known/openid-configuration": self._metadata, "/certs": self._keys, "/token": self._token}[path](
            request
        )

    def _metadata(self, _: httpx.Request) -> httpx.Response:
        inside = f"{INSIDE}/realms/city"
        body = {"issuer": REALM, "authorization_endpoint": f"{REALM}/auth", "token_endpoint": f"{inside}/token"}
        return httpx.Response(
            200, json={**body, "jwks_uri": f"{inside}/certs", "id_token_signing_alg_values_supported": ["ES256"]}
        )

    def _keys(self, _: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"keys": [keys.public_jwk(SEED, "provider")]})

    def _token(self, request: httpx.Request) -> httpx.Response:
        self.handed_in = {key: value for key, (value,) in parse_qs(request.content.decode()).items()}
        now = int(time.time())
        base = {"iss": REALM, "aud": identity.CLIENT_PORTAL, "sub": "someone", "iat": now, "exp": now + 300}
        claims = {
            key: value
            for key, value in {**base, "nonce": self.asked["nonce"], **self.claims}.items()
            if value is not None
        }
        token = jwt.encode(claims, keys.pem(self.key), "ES256", headers={"kid": keys.key_id("provider")})
        return httpx.Response(
            200, json={"access_token": "a", "token_type": "Bearer", "expires_in": 300, "id_token": token}
        )


class Roster:
    """One pupil, or what it raises."""

    def __init__(self) -> None:
        self.found: Found | PersonError | None = Found(PUPIL, True, None, (Role(None, None, OWN, "pupil", True),), ())

    def find(self, person: str) -> Found | None:
        if isinstance(self.found, PersonError):
            raise self.found
        return self.found if person == PUPIL else None


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Authlib has a clock of its own, which nothing stops: here everybody's runs."""
    monkeypatch.setattr("tests.services.entitlement.conftest.NOW", datetime.now(UTC))


@pytest.fixture
def keycloak() -> Keycloak:
    return Keycloak()


@pytest.fixture
def roster() -> Roster:
    return Roster()


@pytest.fixture
def browser(desk: Desk, keycloak: Keycloak, roster: Roster) -> TestClient:
    desk.clock = lambda: datetime.now(UTC)
    desk.people = roster
    sign_in = SignIn(
        desk, replace(door(INSIDE, SECRET), naming=frozenset({NAMING})), httpx.MockTransport(keycloak.answer)
    )
    return TestClient(app.make(desk, doors=sign_in.routes()), base_url=ISSUER, follow_redirects=False)


Come = Callable[..., httpx.Response]


@pytest.fixture
def come(browser: TestClient, keycloak: Keycloak) -> Come:
    """Off to the provider and back again; ``query`` replaces parts of what comes back."""

    def come(**query: str) -> httpx.Response:
        there = browser.get(BEGIN)
        assert there.status_code == 302
        keycloak.asked = {key: value for key, (value,) in parse_qs(urlsplit(there.headers["location"]).query).items()}
        back: httpx.Response = browser.get(CALLBACK, params={"code": "c", "state": keycloak.asked["state"], **query})
        return back

    return come


def _session(answer: httpx.Response) -> dict[str, Any]:
    (line,) = [each for each in answer.headers.get_list("set-cookie") if each.startswith(f"{session_token.COOKIE}=")]
    assert {"httponly", "secure", "samesite=lax"} <= {part.strip().lower() for part in line.split(";")}
    public = keys.private_key(SEED, keys.SESSION).public_key()
    claims: dict[str, Any] = jwt.decode(
        line.partition("=")[2].partition(";")[0], public, ["ES256"], audience=session_token.AUDIENCE
    )
    return claims


def _refused(answer: httpx.Response, reason: str) -> bool:
    signed_in = [each for each in answer.headers.get_list("set-cookie") if each.startswith(f"{session_token.COOKIE}=")]
    return f'data-reason="{reason}"' in answer.text and not signed_in


def test_the_browser_is_sent_off_with_pkce_and_to_the_public_address(browser: TestClient) -> None:
    where = urlsplit(browser.get(BEGIN).headers["location"])
    query = parse_qs(where.query)
    assert f"{where.scheme}://{where.netloc}{where.path}" == f"{REALM}/auth"
    assert query["redirect_uri"] == [f"{ISSUER}{CALLBACK}"]
    assert query["code_challenge_method"] == ["S256"]
    assert {"state", "nonce", "code_challenge"} <= query.keys()


@pytest.mark.parametrize("cookie", [ATTEMPT, session_token.COOKIE])
def test_a_box_at_a_subdomain_can_plant_neither_a_session_nor_half_a_sign_in(
    browser: TestClient, come: Come, keycloak: Keycloak, cookie: str
) -> None:
    keycloak.claims = {"tier": "clerk", "school": OWN}
    said = [*browser.get(BEGIN).headers.get_list("set-cookie"), *come().headers.get_list("set-cookie")]
    found = [each for each in said if each.startswith(f"{cookie}=")]
    assert cookie.startswith("__Host-") and found
    for line in found:
        words = {part.strip().lower() for part in line.split(";")[1:]}
        assert {"path=/", "secure", "httponly"} <= words
        assert not [each for each in words if each.startswith("domain")]


def test_a_person_of_the_roster_is_what_the_roster_says_and_not_what_the_account_says(
    come: Come, keycloak: Keycloak
) -> None:
    keycloak.claims = {"person": PUPIL, "tier": "mayor", "school": "9999999999"}
    claims = _session(come())
    assert (claims["tier"], claims["school"], claims["person"]) == ("pupil", OWN, PUPIL)
    assert claims["exp"] - claims["iat"] == session_token.MOST_HOURS * 3600
    assert keycloak.handed_in["code_verifier"]
    assert claims[session_token.PARTY] == identity.CLIENT_PORTAL


class Witness:
    """Keeps what is to be recorded."""

    def __init__(self) -> None:
        self.told: list[tuple[Session | None, Outcome]] = []

    def decided(self, session: Session | None, outcome: Outcome) -> None:
        self.told.append((session, outcome))


def test_a_sign_in_is_on_record_with_the_roster_s_id_beside_the_subject(
    come: Come, keycloak: Keycloak, desk: Desk
) -> None:
    desk.witness = witness = Witness()
    for claims in ({"person": PUPIL}, {"tier": "clerk"}, {"person": PUPIL, "tier": "mother", "provider": "college"}):
        keycloak.claims = claims
        come()
    found = [
        (outcome.reason, dict(outcome.facts), session.subject if session else "") for session, outcome in witness.told
    ]
    assert [dict(outcome.ground) for _, outcome in witness.told] == [{"grant": "roster"}, {"grant": "account"}, {}]
    # Whom a provider names wrongly is not said to be that person.
    assert found == [
        (None, {"person": PUPIL}, "someone"),
        (None, {}, "someone"),
        ("provider-differs", {}, "someone"),
    ]


def test_who_is_not_of_the_roster_is_what_the_account_says(come: Come, keycloak: Keycloak) -> None:
    keycloak.claims = {"tier": "clerk", "school": OWN}
    claims = _session(come())
    assert (claims["tier"], claims["school"]) == ("clerk", OWN)
    assert "person" not in claims


PLACES = ("school", "district", "partner")


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"school": OFFICE}, {"district": "near"}),
        ({"school": "990100"}, {}),
        ({"school": "near"}, {}),
        ({"district": "near"}, {}),
        ({"partner": COLLEGE}, {"partner": COLLEGE}),
        ({"partner": "no-partner-of-the-city"}, {}),
        ({"partner": [COLLEGE]}, {}),
    ],
)
def test_an_office_is_a_district_and_no_school_and_a_partner_is_one_that_the_city_has(
    come: Come, keycloak: Keycloak, said: dict[str, Any], found: dict[str, str]
) -> None:
    keycloak.claims = {"tier": "clerk", **said}
    claims = _session(come())
    assert {key: claims[key] for key in PLACES if key in claims} == found


def test_who_is_at_an_office_by_the_roster_is_of_its_district_whatever_the_account_says(
    come: Come, keycloak: Keycloak, roster: Roster
) -> None:
    roster.found = Found(PUPIL, True, None, (Role(None, None, OFFICE, "clerk", True),), ())
    keycloak.claims = {"person": PUPIL, "tier": "clerk", "school": OWN, "partner": COLLEGE}
    claims = _session(come())
    assert {key: claims[key] for key in PLACES if key in claims} == {"district": "near"}


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"tier": "anyone"}, "unknown-tier"),
        ({"tier": "nobody"}, "unknown-tier"),
        ({}, "unknown-tier"),
        ({"person": "0b5a7d0e-0000-4000-8000-00000000ffff"}, "person-unknown"),
        ({"tier": "clerk", "nonce": "another"}, "sign-in-failed"),
        ({"tier": "clerk", "aud": "accounts"}, "sign-in-failed"),
        ({"tier": "clerk", "iss": "https://elsewhere.example"}, "sign-in-failed"),
        ({"tier": "clerk", "exp": 1_000_000_000}, "sign-in-failed"),
    ],
)
def test_who_does_not_count_is_let_in_by_nothing(
    come: Come, keycloak: Keycloak, claims: dict[str, Any], reason: str
) -> None:
    keycloak.claims = claims
    assert _refused(come(), reason)


def test_a_token_that_another_key_signed_lets_nobody_in(come: Come, keycloak: Keycloak) -> None:
    keycloak.claims, keycloak.key = {"tier": "clerk"}, keys.private_key(SEED, "somebody else's")
    assert _refused(come(), "sign-in-failed")


def test_an_answer_to_a_question_that_this_browser_did_not_ask_lets_nobody_in(come: Come, keycloak: Keycloak) -> None:
    keycloak.claims = {"tier": "clerk"}
    assert _refused(come(state="another"), "sign-in-failed")


def test_keycloaks_own_refusal_is_said(come: Come) -> None:
    assert _refused(come(error="access_denied"), "sign-in-failed")


def test_somebody_who_left_or_cannot_be_looked_up_is_nobody(come: Come, keycloak: Keycloak, roster: Roster) -> None:
    keycloak.claims = {"person": PUPIL, "tier": "pupil", "school": OWN}
    roster.found = Found(PUPIL, False, None, (Role(None, None, OWN, "pupil", True),), ())
    assert _refused(come(), "person-left")
    roster.found = PersonError("roster-unreadable")
    answer = come()
    assert answer.status_code == 503
    assert _refused(answer, "roster-unreadable")


def test_an_outside_provider_lets_nobody_in_as_more_than_its_tier(come: Come, keycloak: Keycloak) -> None:
    keycloak.claims = {"person": PUPIL, "tier": "pupil", "provider": "college"}
    assert _session(come())["tier"] == "pupil"
    keycloak.claims["tier"] = "mother"
    assert _refused(come(), "provider-differs")
    # An account of the city's own may be older than what the roster says of its person.
    del keycloak.claims["provider"]
    assert _session(come())["tier"] == "pupil"


def test_an_outside_provider_lets_somebody_in_as_what_of_theirs_is_of_its_tier(
    come: Come, keycloak: Keycloak, roster: Roster
) -> None:
    both = (Role(None, None, OWN, "master", True), Role(None, None, OWN, "mother", False))
    roster.found = Found(PUPIL, True, None, both, ())
    keycloak.claims = {"person": PUPIL, "tier": "mother", "provider": "college"}
    session = _session(come())
    assert (session["tier"], session[session_token.MORE]) == ("mother", True)
    keycloak.claims["tier"] = "clerk"
    assert _refused(come(), "provider-differs")
    del keycloak.claims["provider"]
    assert _session(come())["tier"] == "master", "by the city's own account as what they are first"


@pytest.mark.parametrize("person", [None, ""])
def test_whom_a_provider_should_name_and_does_not_is_let_in_by_nothing(
    come: Come, keycloak: Keycloak, person: str | None
) -> None:
    keycloak.claims = {"tier": "pupil", "school": OWN, "person": person, "provider": NAMING}
    assert _refused(come(), "person-unknown")
    # One that names nobody makes people who are in no roster.
    keycloak.claims["provider"] = "province"
    assert _session(come())["tier"] == "pupil"


def test_a_tier_of_two_factors_is_not_entered_by_a_password(
    come: Come, keycloak: Keycloak, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DOCUMENT["tiers"]["clerk"], "two_factor", True)
    keycloak.claims = {"tier": "clerk", "school": OWN}
    assert _refused(come(), "second-factor-needed")
    keycloak.claims["amr"] = ["pwd"]
    assert _refused(come(), "second-factor-needed")
    keycloak.claims["amr"] = ["otp"]
    assert _session(come())["tier"] == "clerk"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({}, []),
        ({"amr": ["pwd"]}, []),
        ({"amr": ["pwd", "otp"]}, ["otp"]),
        ({"amr": ["otp"], "provider": "college"}, None),
    ],
)
def test_a_session_says_which_second_factor_the_city_itself_saw(
    come: Come, keycloak: Keycloak, said: dict[str, Any], kept: list[str] | None
) -> None:
    keycloak.claims = {"person": PUPIL, "tier": "pupil", **said}
    assert _session(come()).get(session_token.FACTORS) == kept


def test_who_is_more_than_one_thing_begins_as_the_first_and_is_told_that_there_is_more(
    come: Come, keycloak: Keycloak, browser: TestClient, roster: Roster
) -> None:
    keycloak.claims = {"person": PUPIL}
    come()
    assert browser.get("/access/session").json()["more"] is False
    roster.found = Found(
        PUPIL, True, None, tuple(Role(None, None, OWN, tier, True) for tier in ("clerk", "mother")), ()
    )
    assert _session(come())["tier"] == "clerk"
    assert browser.get("/access/session").json()["more"] is True


def test_while_keycloak_is_away_nobody_signs_in_and_whoever_is_stays(
    browser: TestClient, come: Come, keycloak: Keycloak
) -> None:
    keycloak.claims = {"tier": "clerk", "school": OWN}
    come()
    keycloak.away = True
    # What was learnt of Keycloak is remembered: the page itself does not open then, and the code is not taken.
    assert _refused(browser.get(CALLBACK, params={"code": "c", "state": "s"}), "sign-in-failed")
    assert browser.get("/access/session").json()["signed_in"] is True


def test_keycloak_away_from_the_start_is_said_in_words(browser: TestClient, keycloak: Keycloak) -> None:
    keycloak.away = True
    answer = browser.get(BEGIN)
    assert answer.status_code == 503
    assert _refused(answer, "identity-away")
    assert 'lang="zh-CN"' in answer.text


def test_signing_out_ends_both_sessions(browser: TestClient, come: Come, keycloak: Keycloak) -> None:
    keycloak.claims = {"tier": "clerk", "school": OWN}
    come()
    proof = browser.cookies.get(PROOF)
    answer = browser.get(END)
    where = urlsplit(answer.headers["location"])
    assert where.path == "/identity/realms/city/protocol/openid-connect/logout"
    assert parse_qs(where.query)["id_token_hint"] == [proof]
    assert browser.get("/access/session").json()["signed_in"] is False
    for cookie, path in ((session_token.COOKIE, "path=/"), (PROOF, f"path={END}")):
        (line,) = [each for each in answer.headers.get_list("set-cookie") if each.startswith(f"{cookie}=")]
        assert {"max-age=0", path, "httponly", "secure"} <= {part.strip().lower() for part in line.split(";")}
    assert browser.get(END).headers["location"] == f"{ISSUER}/"


def test_another_sites_link_signs_nobody_out(browser: TestClient, come: Come, keycloak: Keycloak) -> None:
    keycloak.claims = {"tier": "clerk", "school": OWN}
    come()
    answer = browser.get(END, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.headers["location"] == f"{ISSUER}/"
    assert browser.get("/access/session").json()["signed_in"] is True
    browser.get(END, headers={"Sec-Fetch-Site": "same-origin"})
    assert browser.get("/access/session").json()["signed_in"] is False


def test_who_waits_for_the_roster_holds_no_thread_of_the_lessons(
    come: Come, keycloak: Keycloak, monkeypatch: pytest.MonkeyPatch
) -> None:
    keycloak.claims = {"tier": "clerk", "school": OWN}
    used: list[Any] = []
    run = anyio.to_thread.run_sync

    async def noted(*what: Any, limiter: Any = None) -> Any:
        used.append(limiter)
        return await run(*what, limiter=limiter)

    monkeypatch.setattr(anyio.to_thread, "run_sync", noted)
    assert _session(come())["tier"] == "clerk"
    assert used, "nothing was done in a thread"
    assert all(used)
