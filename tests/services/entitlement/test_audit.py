"""Every answer is on record before it leaves, no token is, and what cannot be recorded is refused."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from derive import audit, permission, questions, session_token
from derive.audit import Kind, Record
from derive.audit_chain import verify
from services.entitlement import app, first
from services.entitlement import audit as trails
from services.entitlement import desk as desks
from services.entitlement.audit import Outcome, Trail
from services.entitlement.desk import Desk
from services.entitlement.journal import UnrecordedError, waiting
from services.entitlement.rules import Rules
from services.entitlement.sign_in import SESSION, SIGN_IN
from services.entitlement.use_as import USE_AS
from services.entitlement.versions import Version
from tests.media import ROOT
from tests.services.entitlement.conftest import ALLY, COLLEGE, DOCUMENT, LESSON, NOW, OWN, record, token

RULES = "d" * 64
"""Digest of the rules by which the desk of these tests decides."""


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    return Trail(tmp_path / "audit", "pod", RULES, lambda: NOW)


@pytest.fixture
def client(desk: Desk, trail: Trail) -> TestClient:
    desk.witness = trail
    return TestClient(app.make(desk), base_url="https://city.example", raise_server_exceptions=False)


def recorded(trail: Trail) -> list[Record]:
    trail.cut()
    texts = {f"{path.parent.name}/{path.name}": path.read_bytes() for path in waiting(trail.folder)}
    assert not verify(texts).findings
    return [audit.parse(line) for key in sorted(texts) for line in texts[key].splitlines(keepends=True)]


def play(client: TestClient, session: str | None = None, lesson: str = LESSON, query: str = "") -> int:
    headers = {"Authorization": f"Bearer {session}"} if session else {}
    answer = client.post(f"/access/play/{lesson}{query}", headers={**headers, "X-Token-In-Body": "1"})
    return int(answer.status_code)


def test_a_chain_begins_with_the_rules_by_which_it_decides(trail: Trail) -> None:
    (first,) = recorded(trail)
    assert (first.entry.kind, first.entry.policy, first.entry.why) == (Kind.POLICY, RULES, "start")


def test_a_grant_and_its_token_are_recorded(client: TestClient, trail: Trail) -> None:
    headers = {"Authorization": f"Bearer {token()}", "X-Token-In-Body": "1"}
    given = client.post(f"/access/play/{LESSON}", headers=headers).json()["token"]
    grant, minted = (each.entry for each in recorded(trail)[1:])
    assert (grant.kind, minted.kind) == (Kind.GRANT, Kind.TOKEN)
    assert grant.who == minted.who == audit.Who("pupil", OWN, "someone")
    assert (grant.resource, grant.policy) == (LESSON, RULES)
    assert int(minted.facts["expires"]) > NOW.timestamp()
    assert (minted.facts["permission"], minted.facts["key"]) == (permission.name(given), "video-1")
    assert given[-20:] not in str(minted), "the name of a permission, and no more of it"


def test_district_and_partner_are_recorded(client: TestClient, trail: Trail) -> None:
    for place in ({"district": "near"}, {"partner": COLLEGE}):
        assert play(client, token("clerk", None, **place)) == 200
    assert [each.entry.who for each in recorded(trail)[1::2]] == [
        audit.Who("clerk", None, "someone", district="near"),
        audit.Who("clerk", None, "someone", partner=COLLEGE),
    ]


def test_what_is_no_decision_about_a_lesson_is_in_the_same_chain(trail: Trail) -> None:
    entry = audit.Entry(Kind.GRANT, "first-sign-in", "account", "made", None, audit.Who("pupil", OWN, "p"), {"slip": 1})
    trail.noted(entry)
    assert [each.entry for each in recorded(trail)[1:]] == [entry]


def test_a_refusal_is_recorded_with_its_reason(client: TestClient, trail: Trail, store: dict[str, bytes]) -> None:
    store[f"{LESSON}/lesson.json"] = record(LESSON, school=ALLY, licence="members")
    assert play(client, token()) == 403
    assert play(client) == 403
    (known, nobody) = (each.entry for each in recorded(trail)[1:])
    assert (known.kind, known.why, known.who) == (Kind.REFUSAL, "out-of-reach", audit.Who("pupil", OWN, "someone"))
    assert (nobody.why, nobody.who) == ("sign-in-needed", None)


def test_no_token_is_in_any_record(client: TestClient, trail: Trail) -> None:
    session = token()
    answer = client.post(
        f"/access/play/{LESSON}", headers={"Authorization": f"Bearer {session}", "X-Token-In-Body": "1"}
    )
    bad = f"{session[:-8]}AAAAAAAA"
    assert play(client, bad) == 403
    client.cookies.set(session_token.COOKIE, session)
    assert play(client) == 200
    text = b"".join(audit.line(each) for each in recorded(trail)).decode()
    for secret in (answer.json()["token"], session, bad):
        assert not any(part in text for part in secret.split("."))


def test_what_a_session_calls_somebody_is_cut_and_without_control_characters(client: TestClient, trail: Trail) -> None:
    assert play(client, token(sub="\x1b[2J" + "x" * 3000)) == 200
    who = recorded(trail)[1].entry.who
    assert who and who.subject
    assert who.subject.startswith("?[2J")
    assert len(who.subject) == trails.MOST_CHARACTERS


def test_a_record_that_cannot_be_written_refuses_in_both_languages(
    client: TestClient, trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise UnrecordedError("no space left")

    monkeypatch.setattr(trail, "_append", fail)
    answer = client.post(f"/access/play/{LESSON}", headers={"X-Token-In-Body": "1"})
    assert answer.status_code == 503
    assert (answer.json()["reason"], "token" in answer.json()) == ("decision-unrecorded", False)
    assert answer.json()["zh"]
    assert answer.json()["en"]
    assert "set-cookie" not in answer.headers


def test_too_much_that_waits_for_the_store_refuses_and_shipping_it_admits_again(
    client: TestClient, trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trails, "MOST_WAITING", 2000)
    while (status := play(client)) == 200:
        pass
    assert status == 503
    trail.cut()
    for path in waiting(trail.folder):
        trail.shipped(path.stat().st_size)
        path.unlink()
    assert play(client) == 200


def test_after_a_failed_write_the_next_decision_begins_a_new_chain(
    client: TestClient, trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    trail._journals[-1].broken = True
    trail._journals[-1]._durable = -1
    monkeypatch.setattr(trail, "_clock", lambda: NOW + timedelta(seconds=1))
    assert play(client) == 200
    assert [each.entry.why for each in recorded(trail) if each.entry.kind is Kind.POLICY] == [
        "start",
        "after a failed write",
    ]


def test_a_chain_ends_after_a_day(desk: Desk, tmp_path: Path) -> None:
    times = [NOW]

    def clock() -> datetime:
        return times[-1]

    trail = Trail(tmp_path / "audit", "pod", "p", clock)
    for hours in (23, 25):
        times.append(NOW + timedelta(hours=hours))
        trail.decided(None, Outcome("play", LESSON, None, by("p"), expires=0))
    writers = [each.writer for each in recorded(trail)]
    assert [writers.count(each) for each in sorted(set(writers))] == [3, 3]


def by(digest: str, turn: int = 1) -> Version:
    """The rules of that digest, as the process's version of that turn."""
    return Version(digest, "c" * 64, NOW, Rules(DOCUMENT), turn)


def refuse(trail: Trail, digest: str, turn: int) -> None:
    trail.decided(None, Outcome("play", LESSON, "sign-in-needed", by(digest, turn)))


def told(trail: Trail) -> list[tuple[Kind, str | None]]:
    """What happened and by which rules, after the beginning of the first chain."""
    return [(each.entry.kind, each.entry.policy) for each in recorded(trail)][1:]


OTHER = "q" * 64


def test_other_rules_are_a_record_of_their_own_and_a_decision_that_began_before_them_changes_nothing_back(
    trail: Trail,
) -> None:
    for digest, turn in ((RULES, 1), (OTHER, 2), (RULES, 1), (OTHER, 2)):
        refuse(trail, digest, turn)
    assert told(trail) == [
        (Kind.REFUSAL, RULES),
        (Kind.POLICY, OTHER),
        (Kind.REFUSAL, OTHER),
        (Kind.REFUSAL, RULES),
        (Kind.REFUSAL, OTHER),
    ]


def test_rules_that_come_back_are_a_change_too_and_the_next_day_begins_with_them(tmp_path: Path) -> None:
    times = [NOW]
    trail = Trail(tmp_path / "audit", "pod", RULES, lambda: times[-1])
    for turn, digest in enumerate((RULES, OTHER, RULES), 1):
        refuse(trail, digest, turn)
    times.append(NOW + timedelta(hours=25))
    refuse(trail, RULES, 3)
    assert [policy for kind, policy in told(trail) if kind is Kind.POLICY] == [OTHER, RULES, RULES]


def test_the_same_rules_made_anew_are_no_change(trail: Trail) -> None:
    for turn in (1, 2, 1):
        refuse(trail, RULES, turn)
    assert told(trail) == [(Kind.REFUSAL, RULES)] * 3


def test_a_change_that_could_not_be_written_is_recorded_before_the_next_decision(
    trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:
        full.setattr(trails, "MOST_WAITING", 0)
        with pytest.raises(UnrecordedError):
            refuse(trail, OTHER, 2)
    refuse(trail, OTHER, 2)
    assert told(trail) == [(Kind.POLICY, OTHER), (Kind.REFUSAL, OTHER)]


def test_of_many_decisions_by_new_rules_at_once_none_stands_before_the_change(
    trail: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = trail._append

    def slow(*entries: audit.Entry) -> None:
        if entries[0].kind is Kind.POLICY:
            time.sleep(0.1)
        append(*entries)

    monkeypatch.setattr(trail, "_append", slow)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: refuse(trail, OTHER, 2), range(8)))
    assert told(trail) == [(Kind.POLICY, OTHER)] + [(Kind.REFUSAL, OTHER)] * 8


@pytest.mark.parametrize("page", ["audit.md", "audit.zh.md"])
def test_everything_that_the_service_records_is_named_on_the_operator_s_page(page: str) -> None:
    text = (ROOT / "docs/operator" / page).read_text(encoding="utf-8")
    actions = {desks.PLAY, desks.DOWNLOAD, desks.VIEW, desks.REPORT, SIGN_IN, USE_AS, first.ACTION}
    about = {desks.MINE, questions.READINGS, SESSION, first.RESOURCE, f"{questions.PROFILE}/ID"}
    assert not [each for each in (*Kind, *sorted(actions | about)) if f"`{each}`" not in text]
