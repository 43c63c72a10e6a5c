"""A lesson under a licence that counts paid seats opens for whoever holds one today, and the roster is asked about nobody else."""

from __future__ import annotations

import copy
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from starlette.testclient import TestClient

from derive import video_token
from services.entitlement.audit import Trail
from services.entitlement.desk import Desk, SeatWantedError
from services.entitlement.people import Found, Role, Seat
from tests.services.entitlement.conftest import ALLY, DOCUMENT, LATER, LESSON, NOW, OWN, Register, name, record, token
from tests.services.entitlement.test_audit import RULES, recorded
from tests.services.entitlement.test_live_lesson import GRANTS, live
from tests.services.entitlement.test_play import refused

TODAY, DAY = date(2026, 10, 15), timedelta(days=1)
ME = "00000000-0000-4000-8000-000000000001"
FILE = f"{LESSON}/{video_token.DOWNLOAD}/film.mp4"
HELD = (Seat(TODAY, None, "bought"),)
NOTHING = {"play": "tier-plays-nothing", "download": "tier-takes-nothing-away"}
WAYS = tuple(NOTHING)


def holder(*seats: Seat, enabled: bool = True) -> Found:
    """A pupil of a school who holds these."""
    return Found(ME, enabled, None, (Role(None, None, OWN, "pupil", True),), (), seats=seats)


@pytest.fixture(autouse=True)
def bought(desk: Desk, store: dict[str, bytes], register: Register) -> dict[str, Any]:
    """A lesson of which 400 seats are bought, to play and to take away; another stands under no such licence. The licence's row."""
    document = copy.deepcopy(DOCUMENT)
    document["uses"]["download"], document["actions"]["download"] = "download", name("download")
    grant = document["classes"]["lesson"]["grants"]
    grant["view"]["pupil"]["scopes"], grant["download"] = (
        ["school"],
        {"pupil": {"scopes": ["school"], "consent_below": 0, "rule": None}},
    )
    row = {**document["licences"]["handout"], "name": name("bought"), "seats": 400, "window_days": None}
    document["licences"] |= {"bought": row, "other": {**row, "name": name("other")}}
    desk.settings.standing.document = document  # type: ignore[attr-defined]
    store[f"{LESSON}/lesson.json"] = record(LESSON, licence="bought", download={"path": FILE, "bytes": 7})
    store[f"{LATER}/lesson.json"] = record(LATER, licence="members")
    register.people[ME] = holder(*HELD)
    return row


def ask(client: TestClient, way: str = "play", lesson: str = LESSON, **who: Any) -> Any:
    """The answer to who asks with a session of the holder, or of somebody else."""
    session = token(**{"tier": "pupil", "school": OWN, "person": ME, **who})
    return client.post(
        f"/access/{way}/{lesson}", headers={"Authorization": f"Bearer {session}", "X-Token-In-Body": "1"}
    )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("seats", "opens"),
    [
        ((), False),
        (HELD, True),
        ((Seat(TODAY, TODAY, "bought"),), True),
        ((Seat(TODAY + DAY, None, "bought"),), False),
        ((Seat(TODAY - DAY, TODAY - DAY, "bought"),), False),
        ((Seat(TODAY, None, "other"),), False),
        ((Seat(TODAY, None, "other"), Seat(TODAY - DAY, TODAY - DAY, "bought"), Seat(TODAY, TODAY, "bought")), True),
    ],
)
def test_it_opens_for_who_holds_a_seat_of_its_licence_today(
    client: TestClient, register: Register, way: str, seats: tuple[Seat, ...], opens: bool
) -> None:
    register.people[ME] = holder(*seats)
    answer = ask(client, way)
    assert answer.status_code == 200 if opens else refused(answer, "licence-needs-seat")


def test_days_are_the_city_s(client: TestClient, register: Register, desk: Desk) -> None:
    midnight = datetime(2026, 10, 15, tzinfo=ZoneInfo("Asia/Shanghai"))
    register.people[ME] = holder(Seat(TODAY, TODAY, "bought"))
    for moment, opens in ((-1, False), (0, True), (86_399, True), (86_400, False)):
        desk.clock = lambda at=midnight + timedelta(seconds=moment): at  # type: ignore[misc]
        long: dict[str, Any] = {"iat": int(midnight.timestamp()) - 60, "nbf": int(midnight.timestamp()) - 60}
        long["exp"] = long["iat"] + 2 * 86_400
        session = token("pupil", OWN, person=ME, **long)
        assert (desk.play(session, LESSON, None).status == 200) is opens, moment


@pytest.mark.parametrize(("seats", "hours"), [
    (HELD, 4), ((Seat(TODAY, TODAY, "bought"),), 2), ((Seat(TODAY, TODAY, "bought"), Seat(TODAY, TODAY + DAY, "bought")), 4),
])  # fmt: skip
def test_what_is_given_ends_with_the_last_day_of_the_seat(
    client: TestClient, register: Register, desk: Desk, seats: tuple[Seat, ...], hours: int
) -> None:
    register.people[ME] = holder(*seats)
    desk.clock = lambda: NOW + timedelta(hours=6)
    midnight = datetime(2026, 10, 16, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()
    assert desk.clock().timestamp() == midnight - 2 * 3600
    for way in WAYS:
        assert ask(client, way).json()["expires"] == desk.clock().timestamp() + hours * 3600


@pytest.mark.parametrize("way", WAYS)
def test_the_seat_opens_nothing_else_that_stands_in_the_way(
    client: TestClient, bought: dict[str, Any], store: dict[str, bytes], way: str
) -> None:
    window = {"starts": (NOW + DAY).isoformat(), "ends": (NOW + 2 * DAY).isoformat()}
    store[f"{LESSON}/lesson.json"] = record(LESSON, ALLY, "bought", download={"path": FILE, "bytes": 7})
    assert refused(ask(client, way), "out-of-reach")
    bought["window"] = window
    assert refused(ask(client, way), "licence-not-begun")
    bought["tiers"] = ["master"]
    assert refused(ask(client, way), "licence-not-for-tier")


@pytest.mark.parametrize("way", WAYS)
def test_who_is_nobody_of_the_roster_holds_none(client: TestClient, way: str) -> None:
    assert refused(ask(client, way, person=None), "licence-needs-seat")
    assert client.post(f"/access/{way}/{LESSON}").status_code == 403


@pytest.mark.parametrize("way", WAYS)
def test_who_is_switched_off_gone_or_something_else_by_now_is_told_so(
    client: TestClient, register: Register, way: str
) -> None:
    assert refused(ask(client, way, school=ALLY), "roster-differs")
    register.people[ME] = holder(*HELD, enabled=False)
    assert refused(ask(client, way), "person-left")
    register.people.clear()
    assert refused(ask(client, way), "person-unknown")


@pytest.mark.parametrize("way", WAYS)
def test_while_the_roster_cannot_be_read_it_stays_shut_and_all_else_plays(
    client: TestClient, register: Register, way: str
) -> None:
    register.away = True
    answer = ask(client, way)
    assert (answer.status_code, answer.json()["reason"]) == (503, "roster-unreadable")
    assert "token" not in answer.json()
    assert ask(client, "play", LATER).status_code == 200, "it asks for nobody"
    assert refused(ask(client, way, tier="mother"), NOTHING[way]), "and nobody is asked about whom it is not for"


def test_a_live_class_takes_no_seat(
    client: TestClient, register: Register, desk: Desk, store: dict[str, bytes]
) -> None:
    row = {"name": name("live lesson"), "description": name("live lessons"), "held_by": "school", "licensed": False}
    classes = desk.settings.standing.document["classes"]  # type: ignore[attr-defined]
    classes["live-lesson"] = {**row, "agreements": [], "grants": {"view": GRANTS}}
    master = f"{LESSON}/live/master.m3u8"
    store[f"{LESSON}/lesson.json"] = record(LESSON, licence="bought", master=master, **live())
    register.away = True
    assert ask(client).status_code == 200
    store[f"{LESSON}/lesson.json"] = record(LESSON, licence="bought", master=master, **live("ended", None))
    assert ask(client).status_code == 503, "its recording does"


def test_the_roster_is_asked_aside_and_the_answer_is_on_record_once(
    client: TestClient, desk: Desk, register: Register, tmp_path: Path
) -> None:
    desk.witness = trail = Trail(tmp_path / "audit", "pod", RULES, lambda: NOW)
    with pytest.raises(SeatWantedError):
        desk.play(token("pupil", OWN, person=ME), LESSON, None, look=False)
    assert recorded(trail)[1:] == []
    assert ask(client).status_code == 200
    register.people[ME] = holder()
    assert refused(ask(client), "licence-needs-seat")
    assert [each.entry.kind.value for each in recorded(trail)[1:]] == ["grant", "token-minted", "refusal"]


@pytest.mark.parametrize(
    ("seats", "told"),
    [
        ((), []),
        (HELD, [("bought", None)]),
        ((Seat(TODAY, TODAY, "bought"), Seat(TODAY, TODAY + DAY, "bought")), [("bought", "2026-10-16")]),
        ((Seat(TODAY, None, "bought"), Seat(TODAY, TODAY + DAY, "bought")), [("bought", None)]),
        ((Seat(TODAY + DAY, None, "bought"), Seat(TODAY, None, "sold no more")), []),
        ((Seat(TODAY, TODAY, "bought"), Seat(TODAY, None, "other")), [("bought", "2026-10-15"), ("other", None)]),
    ],
)
def test_who_asks_what_they_may_see_is_told_their_seats_of_today(
    client: TestClient, register: Register, seats: tuple[Seat, ...], told: list[tuple[str, str | None]]
) -> None:
    register.people[ME] = holder(*seats)

    def mine(**who: Any) -> Any:
        return client.get("/access/mine", headers={"Authorization": f"Bearer {token(**who)}"}).json()["seats"]

    assert mine(person=ME) == [{"licence": name(licence), "until": until} for licence, until in told]
    assert mine() is None, "of nobody of the roster"
    assert client.get("/access/mine").json()["seats"] is None
