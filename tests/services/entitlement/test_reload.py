"""Rules change under a real server that is asked all the while: nothing is dropped, and nothing is admitted by rules that are none."""

from __future__ import annotations

import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.testclient import TestClient

from services.entitlement import app
from services.entitlement.desk import Desk
from services.entitlement.standing import Standing
from tests import waiting
from tests.services.entitlement.conftest import DOCUMENT, LESSON, NOW, OWN, record, token
from tests.services.entitlement.mounted import sooner, stamped, swap

ASKING, ROUNDS = 6, 12
"""People who ask at a time; how often the rules change under them."""
EACH = 15
"""Answers at least between two changes."""
PATIENCE = 30.0
"""Seconds after which a change that is not seen never comes."""
until = partial(waiting.until, seconds=PATIENCE, pause=0.005)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "rules"


@pytest.fixture
def reloading(desk: Desk, folder: Path) -> Desk:
    """The desk with rules of ``folder``."""
    desk.settings = replace(desk.settings, standing=Standing(folder, lambda: NOW))
    return desk


@contextmanager
def served(desk: Desk) -> Iterator[str]:
    """The service as the pod runs it: its address."""
    server = uvicorn.Server(uvicorn.Config(app.make(desk), host="127.0.0.1", port=0, log_level="error"))
    ended = threading.Event()
    watching = threading.Thread(target=desk.settings.standing.watch, args=(ended, 0.005))
    serving = threading.Thread(target=server.run)
    watching.start()
    serving.start()
    try:
        until(lambda: server.started)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        ended.set()
        watching.join()
        serving.join()


def versions() -> Iterator[tuple[dict[str, str], int]]:
    """Good versions with the minutes that tell them apart, a bad one after each."""
    for number in itertools.count(1):
        good, made = sooner(DOCUMENT, 100 + number), NOW - timedelta(days=30) + timedelta(minutes=number)
        yield stamped(good, made), 100 + number
        bad = stamped(sooner(DOCUMENT, 1000 + number), made - timedelta(days=1))
        yield {**bad, **({"access.json": bad["access.json"][:-9]} if number % 2 else {})}, 0


@pytest.mark.proof
def test_rules_change_under_load_and_every_request_is_answered_by_one_of_the_good_versions(
    reloading: Desk, folder: Path, proof: Callable[[str, str], None]
) -> None:
    coming = versions()
    swap(folder, next(coming)[0])
    answers, ended, session = Counter[int](), threading.Event(), token()
    lock = threading.Lock()

    def ask(address: str) -> None:
        with httpx.Client(base_url=address) as client:
            while not ended.is_set():
                answer = client.post(f"/access/play/{LESSON}", headers={"Authorization": f"Bearer {session}"})
                assert answer.status_code == 200, answer.text
                with lock:
                    answers[(answer.json()["expires"] - int(NOW.timestamp())) // 60] += 1

    def seen(minutes: int, enough: int) -> bool:
        """Whether the change has shown, a bad one by nothing; or somebody was not answered."""
        failed = any(each.done() for each in asking)
        return failed or ((not minutes or answers[minutes] > 0) and answers.total() >= enough)

    good = {101}
    with served(reloading) as address, ThreadPoolExecutor(ASKING) as people:
        asking = [people.submit(ask, address) for _ in range(ASKING)]
        try:
            for files, minutes in itertools.islice(coming, 2 * ROUNDS):
                good |= {minutes} - {0}
                enough = answers.total() + EACH
                swap(folder, files)
                until(partial(seen, minutes, enough))
        finally:
            ended.set()
        for each in asking:
            each.result()
    assert set(answers) == good
    assert len(good) == ROUNDS + 1
    said = f"{answers.total():,} requests of {ASKING} people at once: each answered by one of the {len(good)} good versions"
    proof(f"access: {2 * ROUNDS} changes of the rules under load, every second one cut or older", said)


def test_without_rules_nothing_is_played_and_the_pod_is_not_ready(
    reloading: Desk, folder: Path, store: dict[str, bytes]
) -> None:
    store[f"{LESSON}/lesson.json"] = record(LESSON)
    client = TestClient(app.make(reloading), base_url="https://city.example")
    for headers in ({}, {"Authorization": f"Bearer {token()}"}):
        answer = client.post(f"/access/play/{LESSON}", headers=headers)
        assert (answer.status_code, answer.json()["reason"]) == (503, "no-rules")
        assert answer.json()["en"] and answer.json()["zh"]
        assert "set-cookie" not in answer.headers
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["rules"]) == (503, None)
    assert "missing" not in ready.json() and "cannot be read" in ready.json()["refused"]
    assert client.get("/healthz").status_code == 200, "a restart would mend nothing"
    assert client.get("/access/session", headers={"Authorization": f"Bearer {token()}"}).json()["signed_in"]
    swap(folder, stamped(DOCUMENT))
    reloading.settings.standing.look()
    assert client.post(f"/access/play/{LESSON}").status_code == 200
    assert client.get("/readyz").status_code == 200


def test_a_refused_version_leaves_the_pod_ready_and_shows(reloading: Desk, folder: Path) -> None:
    swap(folder, stamped(DOCUMENT))
    reloading.settings.standing.look()
    swap(folder, {})
    reloading.settings.standing.look()
    client = TestClient(app.make(reloading), base_url="https://city.example")
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["refused"]
    assert client.post(f"/access/play/{LESSON}").status_code == 200
    assert "city_access_rules_unsound 1.0" in client.get("/metrics").text


def test_a_school_that_is_taken_out_of_the_rules_plays_nothing_from_the_next_request_on(
    reloading: Desk, folder: Path, store: dict[str, bytes]
) -> None:
    store[f"{LESSON}/lesson.json"] = record(LESSON, licence="members")
    swap(folder, stamped(DOCUMENT))
    standing = reloading.settings.standing
    standing.look()
    assert reloading.play(token(), LESSON, None).status == 200
    left = {code: each for code, each in DOCUMENT["schools"].items() if code != OWN}
    swap(folder, stamped({**DOCUMENT, "schools": left}))
    standing.look()
    assert reloading.play(token(), LESSON, None).body["reason"] == "unknown-school"


OFF = [timedelta(minutes=-10), timedelta(minutes=10)]


@pytest.mark.parametrize("off", OFF)
def test_no_token_of_a_service_whose_clock_is_off_outlasts_the_licence(
    desk: Desk, store: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, off: timedelta
) -> None:
    ends = NOW + timedelta(minutes=5)
    published = ends - timedelta(days=30)
    store[f"{LESSON}/lesson.json"] = record(LESSON, licence="year", published=published.isoformat())
    monkeypatch.setattr(desk, "clock", lambda: NOW + off)
    answer = desk.play(token(), LESSON, None)
    if off > timedelta():
        assert answer.body["reason"] == "licence-ended"
    else:
        assert answer.expires == int(ends.timestamp()), "the cache, by its own clock, refuses it from there on"


@pytest.mark.parametrize(
    ("moved", "reason"), [({"nbf": 600}, "session-invalid"), ({"exp": -600}, "session-ended"), ({}, "allowed")]
)
def test_a_session_that_was_signed_by_a_clock_ten_minutes_off_does_not_count(
    desk: Desk, moved: dict[str, Any], reason: str
) -> None:
    now = int(NOW.timestamp())
    changes: dict[str, Any] = {claim: now + seconds for claim, seconds in moved.items()}
    session = token(**changes)
    assert desk.play(session, LESSON, None).body.get("reason", "allowed") == reason


def test_the_log_line_names_the_version_that_decided(
    reloading: Desk, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    swap(folder, stamped(DOCUMENT))
    reloading.settings.standing.look()
    with caplog.at_level("INFO", "services.entitlement"):
        reloading.play(None, LESSON, None)
    row = json.loads(caplog.records[-1].message)
    assert reloading.settings.standing.version
    assert row["rules"] == reloading.settings.standing.version.name
