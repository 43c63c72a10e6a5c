"""Acting in another capacity: whoever signed in chooses among what the roster has them as today, and nothing else follows from it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from starlette.testclient import TestClient

from derive import identity, keys, session_token
from derive.audit import PERSON, Kind
from services.entitlement import app
from services.entitlement.audit import UNKNOWN, Trail
from services.entitlement.desk import Desk
from services.entitlement.journal import UnrecordedError
from services.entitlement.people import Enrolment, Found, Role
from services.entitlement.use_as import ADDRESS, UseAs
from tests.services.entitlement.conftest import (
    AGE,
    DOCUMENT,
    FAR,
    ISSUER,
    LESSON,
    NOW,
    OFFICE,
    OWN,
    PARTNER,
    SEED,
    Register,
    door,
    name,
    record,
    token,
)
from tests.services.entitlement.test_audit import RULES, recorded

ME, CHILD, PUPIL = (f"00000000-0000-4000-8000-00000000001{each}" for each in range(3))
TODAY, HOURS = date(2026, 10, 15), 8
"""How long the sessions of these tests last."""
OTP = [identity.SECOND_FACTOR]
Use = Callable[..., httpx.Response]


def pupil(one: str, group: str, school: str) -> Found:
    role, enrolment = Role(None, None, school, "pupil", True), Enrolment(None, None, group, school)
    return Found(one, True, None, (role,), (enrolment,), guarded_below=AGE)


def roles(*places: tuple[str, str], **span: date) -> tuple[Role, ...]:
    """Tier and place of each, the first the main one."""
    bounds = span.get("begins"), span.get("ends")
    return tuple(Role(*bounds, place, tier, n == 0) for n, (tier, place) in enumerate(places))


def somebody(*given: Role, enabled: bool = True) -> Found:
    """A teacher of 7a at their own school, with a child at another."""
    return Found(ME, enabled, None, given, (Enrolment(None, None, "7a", OWN),), (pupil(CHILD, "1b", PARTNER),))


@pytest.fixture(autouse=True)
def people(register: Register) -> dict[str, Found]:
    """Teacher at their own school and, what they are second, parent at two."""
    me = somebody(*roles(("master", OWN), ("mother", PARTNER), ("mother", FAR), ("mother", PARTNER)))
    for each in (me, pupil(CHILD, "1b", PARTNER), pupil(PUPIL, "7a", OWN)):
        register.people[each.id] = each
    return register.people


@pytest.fixture
def client(desk: Desk) -> TestClient:
    routes = UseAs(desk, door()).routes()
    return TestClient(app.make(desk, doors=routes), base_url=ISSUER, raise_server_exceptions=False)


def signed_in(tier: str = "master", school: str | None = OWN, **claims: Any) -> str:
    """The token of somebody of the roster who signed in with a password."""
    own = {"person": ME, session_token.PARTY: identity.CLIENT_PORTAL, session_token.FACTORS: []}
    return token(tier, school, **{**own, **claims})


@pytest.fixture
def use(client: TestClient) -> Use:
    """``use(tier, school, token=...)``: the answer to a browser with that session; without a token with the one that it has."""

    def use(tier: Any, school: Any = None, district: Any = None, token: str | None = None, **headers: str) -> httpx.Response:  # fmt: skip
        if token:
            client.cookies.clear()
            client.cookies.set(session_token.COOKIE, token, domain="city.example")
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        body = {"tier": tier, "school": school, "district": district}
        answer: httpx.Response = client.post(ADDRESS, json=body, headers=named)
        return answer

    return use


def claims(client: TestClient) -> dict[str, Any]:
    """What the browser's session states."""
    public = keys.private_key(SEED, keys.SESSION).public_key()
    found: dict[str, Any] = jwt.decode(
        client.cookies[session_token.COOKIE],
        public,
        [keys.ALGORITHM],
        audience=session_token.AUDIENCE,
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
    return found


def refused(answer: httpx.Response) -> tuple[int, str]:
    body = answer.json()
    assert body["en"] and body["zh"]
    assert "set-cookie" not in answer.headers
    return answer.status_code, body["reason"]


def test_a_parent_of_two_schools_plays_by_the_one_that_they_choose(
    client: TestClient,
    use: Use,
    people: dict[str, Found],
    store: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store[f"{LESSON}/lesson.json"] = record(LESSON, licence="members")
    grants = DOCUMENT["classes"]["lesson"]["grants"]["view"]
    monkeypatch.setitem(grants, "mother", {"scopes": ["class"], "consent_below": 0, "rule": None})
    people[ME] = somebody(*roles(("mother", FAR), ("mother", OWN)))
    assert use("mother", FAR, token=signed_in("mother", FAR)).status_code == 204
    assert client.post(f"/access/play/{LESSON}").json()["reason"] == "out-of-reach"
    assert use("mother", OWN).status_code == 204
    assert client.post(f"/access/play/{LESSON}").status_code == 200


def test_a_teacher_who_acts_as_a_parent_sees_their_own_children_and_no_class(client: TestClient, use: Use) -> None:
    def seen() -> set[str]:
        return {one for one in (CHILD, PUPIL) if client.get(f"/access/people/{one}").status_code == 200}

    assert use("master", OWN, token=signed_in()).status_code == 204
    assert seen() == {PUPIL}
    # The relation is the person's: also as the parent at the other school they see the same child.
    for school in (PARTNER, FAR):
        assert use("mother", school).status_code == 204
        assert seen() == {CHILD}
    assert use("master", OWN).status_code == 204
    assert seen() == {PUPIL}


def test_the_new_session_is_a_cookie_like_the_one_of_the_sign_in(client: TestClient, use: Use) -> None:
    answer = use("mother", PARTNER, token=signed_in(more=True))
    (line,) = answer.headers.get_list("set-cookie")
    words = {part.strip().lower() for part in line.split(";")[1:]}
    assert {"httponly", "secure", "samesite=lax", "path=/", f"max-age={HOURS * 3600}"} <= words
    assert answer.headers["cache-control"] == "no-store"
    found = claims(client)
    assert (found["tier"], found["school"], found["person"], found["sub"]) == ("mother", PARTNER, ME, "someone")
    assert (found[session_token.PARTY], found[session_token.FACTORS]) == (identity.CLIENT_PORTAL, [])
    said = client.get("/access/session").json()
    assert (said["tier"], said["school"], said["stand_in"], said["more"]) == (name("mother"), name(PARTNER), False, True)  # fmt: skip


def test_who_is_at_an_office_too_is_of_its_district_there_and_of_no_school(
    client: TestClient, use: Use, people: dict[str, Found]
) -> None:
    people[ME] = somebody(*roles(("master", OWN), ("clerk", OFFICE)))
    assert use("clerk", None, "near", token=signed_in()).status_code == 204
    found = claims(client)
    assert (found["tier"], found["district"], "school" in found) == ("clerk", "near", False)
    assert client.get("/access/mine").json()["district"] == name("near")
    assert use("master", OWN).status_code == 204
    assert "district" not in claims(client)


@pytest.mark.parametrize(
    "wanted",
    [
        ("mayor", None),
        ("clerk", OWN),
        ("mother", OWN),
        ("master", PARTNER),
        ("mother", None),
        ("mother", PARTNER, "near"),
        ("anyone", None),
        ("", ""),
    ],
)
def test_what_is_not_theirs_is_refused_and_leaves_the_session_as_it_is(
    client: TestClient, use: Use, wanted: tuple[str | None, ...]
) -> None:
    assert refused(use(*wanted, token=signed_in())) == (403, "capacity-not-yours")
    assert claims(client)["tier"] == "master"


@pytest.mark.parametrize("span", [{"ends": TODAY - timedelta(days=1)}, {"begins": TODAY + timedelta(days=1)}])
def test_what_they_are_not_today_is_not_theirs(use: Use, people: dict[str, Found], span: dict[str, date]) -> None:
    people[ME] = somebody(*roles(("master", OWN)), *roles(("mother", PARTNER), **span))
    assert refused(use("mother", PARTNER, token=signed_in())) == (403, "capacity-not-yours")
    people[ME] = somebody(*roles(("master", OWN)), *roles(("mother", PARTNER), begins=TODAY, ends=TODAY))
    assert use("mother", PARTNER).status_code == 204


def test_a_tier_of_two_factors_is_entered_only_by_who_showed_one(
    client: TestClient, use: Use, people: dict[str, Found], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DOCUMENT["tiers"]["clerk"], "two_factor", True)
    people[ME] = somebody(*roles(("master", OWN), ("clerk", OWN)))
    for shown in ([], ["pwd"]):
        answer = use("clerk", OWN, token=signed_in(amr=shown))
        assert refused(answer) == (403, "second-factor-needed")
    assert use("clerk", OWN, token=signed_in(amr=OTP)).status_code == 204
    assert use("master", OWN).status_code == 204
    assert claims(client)[session_token.FACTORS] == OTP
    assert use("clerk", OWN).status_code == 204, "what they showed when they signed in is not forgotten"


def test_who_came_from_an_outside_provider_stays_in_the_tier_that_it_vouches_for(use: Use) -> None:
    outside = signed_in("mother", PARTNER, amr=None)
    assert refused(use("master", OWN, token=outside)) == (403, "provider-differs")
    assert use("mother", FAR).status_code == 204
    assert refused(use("master", OWN)) == (403, "provider-differs"), "nor by a way round"


@pytest.mark.parametrize("shown", ["otp", {"otp": 1}, [7], [["otp"]]])
def test_factors_that_are_no_list_of_texts_make_no_session(use: Use, shown: Any) -> None:
    assert refused(use("mother", PARTNER, token=signed_in(amr=shown))) == (403, "session-invalid")


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (None, "person-unknown"),
        (somebody(*roles(("master", OWN), ("mother", PARTNER)), enabled=False), "person-left"),
        (somebody(), "person-without-role"),
    ],
)
def test_who_left_the_roster_is_nothing_else_either(
    use: Use, people: dict[str, Found], found: Found | None, reason: str
) -> None:
    people.pop(ME)
    if found:
        people[ME] = found
    assert refused(use("mother", PARTNER, token=signed_in())) == (403, reason)


def test_while_the_roster_is_away_everybody_stays_what_they_are(
    client: TestClient, use: Use, register: Register
) -> None:
    register.away = True
    assert refused(use("mother", PARTNER, token=signed_in())) == (503, "roster-unreadable")
    assert refused(use("master", OWN)) == (503, "roster-unreadable"), "not even what the session says is taken from it"
    assert client.get("/access/session").json()["tier"] == name("master")


def test_without_rules_nobody_changes(desk: Desk, use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(desk.settings.standing), "version", None)
    assert refused(use("mother", PARTNER, token=signed_in())) == (503, "no-rules")


def at(desk: Desk, seconds: float) -> datetime:
    """Let it be so many seconds after the sign-in."""
    moment = NOW + timedelta(seconds=seconds)
    desk.clock = lambda: moment
    desk.verifier._clock = desk.clock
    return moment


def test_a_session_ends_when_it_would_have_ended_however_often_it_changes(
    desk: Desk, client: TestClient, use: Use
) -> None:
    end = int(NOW.timestamp()) + HOURS * 3600
    use("mother", PARTNER, token=signed_in())
    for seconds, wanted in ((3600, ("master", OWN)), (HOURS * 3600 - 1.5, ("mother", FAR))):
        now = int(at(desk, seconds).timestamp())
        answer = use(*wanted)
        assert answer.status_code == 204
        assert f"max-age={end - now}" in answer.headers["set-cookie"].lower()
        assert (claims(client)["iat"], claims(client)["exp"]) == (now, end)
    at(desk, HOURS * 3600 + 2)
    assert refused(use("master", OWN)) == (403, "session-ended"), "also within the seconds by which clocks may differ"
    at(desk, HOURS * 3600 + 60)
    assert refused(use("master", OWN)) == (403, "session-ended")


def test_a_clock_that_is_behind_makes_no_session_longer_than_one_may_be(desk: Desk, client: TestClient, use: Use) -> None:  # fmt: skip
    longest = session_token.MOST_HOURS * 3600
    end = int(NOW.timestamp()) + longest
    at(desk, -3)
    assert use("mother", PARTNER, token=signed_in(exp=end)).status_code == 204
    assert (claims(client)["exp"], claims(client)["exp"] - claims(client)["iat"]) == (end, longest)


@pytest.mark.parametrize(
    ("session", "reason"),
    [
        (token("master", OWN, person=ME), "session-without-person"),
        (signed_in(person=None), "session-without-person"),
        ("nonsense", "session-invalid"),
        (signed_in(purpose=keys.VIDEO), "session-invalid"),
    ],
)
def test_only_who_signed_in_as_somebody_of_the_roster_may_choose(use: Use, session: str, reason: str) -> None:
    assert refused(use("mother", PARTNER, token=session)) == (403, reason)


def test_a_session_is_exchanged_only_where_it_is_a_cookie(use: Use) -> None:
    assert refused(use("mother", PARTNER)) == (403, "session-invalid")
    answer = use("mother", PARTNER, Authorization=f"Bearer {signed_in()}")
    assert refused(answer) == (403, "session-invalid")


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_another_site_changes_nobody_and_neither_does_a_box(use: Use, site: str) -> None:
    assert refused(use("mother", PARTNER, token=signed_in(), Sec_Fetch_Site=site)) == (400, "capacity-unnamed")
    assert use("mother", PARTNER, Sec_Fetch_Site="same-origin").status_code == 204


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"tier": "mother", "school": "0000000002"}', "text/plain"),
        (b"tier=mother&school=0000000002", "application/x-www-form-urlencoded"),
        (b"not json", "application/json"),
        (b'["tier"]', "application/json"),
        (b"[" * 4000, "application/json"),
        (b"{}", "application/json"),
        (b'{"tier": 7}', "application/json"),
        (b'{"tier": "mother", "school": ["0000000002"]}', "application/json"),
        (b'{"tier": "mother", "district": {}}', "application/json"),
        (b'{"tier": "mother", "x": "' + b"x" * 5000 + b'"}', "application/json"),
    ],
)
def test_what_no_page_of_ours_sends_is_refused(client: TestClient, use: Use, body: bytes, kind: str) -> None:
    assert use("master", OWN, token=signed_in()).status_code == 204
    answer = client.post(ADDRESS, content=body, headers={"Content-Type": kind})
    assert refused(answer) == (400, "capacity-unnamed")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_link_changes_nobody(client: TestClient, method: str) -> None:
    assert client.request(method, ADDRESS).status_code == 405


def test_every_choice_is_on_record_before_it_counts(
    desk: Desk, client: TestClient, use: Use, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.witness = trail = Trail(tmp_path / "audit", "pod", RULES, lambda: NOW)
    use("mother", PARTNER, token=signed_in())
    use("clerk", "x\x1b" * 300)
    use("S20260001", OWN, "S20260001")
    granted, no, typed = (each.entry for each in recorded(trail)[1:])
    assert (granted.kind, granted.action, granted.resource, granted.why) == (Kind.GRANT, "use-as", "session", "allowed")
    assert granted.who and (granted.who.tier, granted.who.school, granted.who.subject) == ("mother", PARTNER, "someone")
    before = {"before_tier": "master", "before_school": OWN}
    assert granted.facts == {PERSON: ME, **before, "grant": "roster"}, "what they are is the roster's word"
    assert (no.kind, no.why) == (Kind.REFUSAL, "capacity-not-yours")
    assert no.who and (no.who.tier, no.who.school) == ("mother", PARTNER)
    assert no.facts == {"tier": "clerk", "school": UNKNOWN}, "what the city does not have may be anything"
    assert typed.facts == {"tier": UNKNOWN, "school": OWN, "district": UNKNOWN}
    assert {each.policy for each in (granted, no, typed)} == {RULES}

    def fail(*_: object) -> None:
        raise UnrecordedError("no space left")

    monkeypatch.setattr(trail, "_append", fail)
    assert refused(use("mother", FAR, token=signed_in())) == (503, "decision-unrecorded")
    assert refused(use("clerk", OWN)) == (503, "decision-unrecorded")
    assert claims(client)["tier"] == "master"


@pytest.mark.parametrize("session", [None, "nonsense", signed_in(purpose=keys.VIDEO)])
def test_of_who_has_no_session_nothing_is_on_record(desk: Desk, use: Use, tmp_path: Path, session: str | None) -> None:
    desk.witness = trail = Trail(tmp_path / "audit", "pod", RULES, lambda: NOW)
    assert refused(use("mother", PARTNER, token=session)) == (403, "session-invalid")
    assert len(recorded(trail)) == 1


def test_the_page_is_told_what_else_they_are_and_what_this_sign_in_does_not_reach(
    client: TestClient, use: Use, people: dict[str, Found], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(DOCUMENT["tiers"]["clerk"], "two_factor", True)
    people[ME] = somebody(*people[ME].roles, *roles(("clerk", OFFICE)))
    use("mother", PARTNER, token=signed_in())
    others = client.get("/access/mine").json()["others"]
    assert [(each["tier"]["en"], each["school"] and each["school"]["en"]) for each in others] == [
        ("master", OWN),
        ("mother", FAR),
        ("clerk", None),
    ]
    assert others[2]["use"] == {"tier": "clerk", "school": None, "district": "near"}
    assert [each["why_not"] and each["why_not"]["reason"] for each in others] == [None, None, "second-factor-needed"]
    for each in others:
        answer = use(**each["use"], token=signed_in("mother", PARTNER))
        assert (answer.status_code == 204) is (each["why_not"] is None), "the list says just what is done"


@pytest.mark.parametrize("session", [None, token("master", OWN, person=ME), signed_in(person=None)])
def test_who_may_not_choose_is_told_of_nothing_to_choose(client: TestClient, session: str | None) -> None:
    who = {"Authorization": f"Bearer {session}"} if session else {}
    assert client.get("/access/mine", headers=who).json()["others"] is None
