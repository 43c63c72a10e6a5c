"""Who sees the city's readings on the running platform: the gateway asks the service, which records it; nobody passes without it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest

from catalog import City, names
from catalog.access import Scope
from derive import questions, readers
from ops.lessons import place
from ops.lessons.place import Place
from tests.integration import viewer
from tests.integration.conftest import Platform
from tests.integration.test_audit import PATIENCE_SECONDS, traced

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]
QUERY = "/monitoring/api/v1/query?query=vector(1)"
DEPLOYMENT, SPACE = f"deployment/{names.ENTITLEMENT}", names.namespace(names.ENTITLEMENT)


@pytest.fixture(scope="module")
def city(platform: Platform) -> City:
    return viewer.city(platform)


@pytest.fixture
def away(platform: Platform) -> Iterator[Callable[[], None]]:
    """``away()`` takes the service away; it is back afterwards."""
    where: Place = place.of_stack(platform.stack)
    replicas = where.kubectl("get", DEPLOYMENT, "-n", SPACE, "-o", "jsonpath={.spec.replicas}").strip()

    def take() -> None:
        where.kubectl("scale", DEPLOYMENT, "-n", SPACE, "--replicas=0")
        pods = ("pod", "-l", f"app.kubernetes.io/name={names.ENTITLEMENT}", "-n", SPACE)
        where.kubectl("wait", "--for=delete", *pods, "--timeout=60s")

    yield take
    where.kubectl("scale", DEPLOYMENT, "-n", SPACE, f"--replicas={replicas}")
    where.kubectl("rollout", "status", DEPLOYMENT, "-n", SPACE, "--timeout=180s")


def read(platform: Platform, token: str | None) -> viewer.Answer:
    return viewer.ask(platform, QUERY, **({"Authorization": f"Bearer {token}"} if token else {}))


def granted(platform: Platform, subject: str) -> list[dict[str, Any]]:
    """What the record has of who was let in to the readings; waited for, since records are shipped every few seconds."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        rows = [row for row in traced(platform, "--who", subject) if row["what"]["resource"] == questions.READINGS]
        if rows:
            return rows
        time.sleep(5)
    pytest.fail("who read the readings is not on record")


def test_whoever_reports_on_the_whole_city_reads_and_it_is_on_record_once(platform: Platform, city: City) -> None:
    token = viewer.session(platform, readers.dashboard_tiers(city)[0].id)
    for _ in range(3):
        answer = read(platform, token)
        assert (answer.status, answer.json["status"]) == (200, "success")
    subject = jwt.decode(token, options={"verify_signature": False})["sub"]
    rows = granted(platform, subject)
    assert {(row["kind"], row["what"]["action"]) for row in rows} == {("grant", "report")}
    assert len(rows) < 3, "each pod of the service has it once"
    assert rows[0]["facts"]["grant"]


def test_others_are_refused_before_the_service_is_asked(platform: Platform, city: City) -> None:
    assert read(platform, None).status == 401
    pupil = viewer.session(platform, viewer.tier_of(city, Scope.CLASS), city.schools[0].code)
    assert read(platform, pupil).status == 403


def test_whom_the_roster_does_not_have_is_refused_in_the_service_s_words(platform: Platform, city: City) -> None:
    tier = readers.dashboard_tiers(city)[0].id
    nobody = viewer.person(platform, tier, "", "00000000-0000-4000-8000-000000000009", "who-left")
    answer = read(platform, nobody)
    assert answer.status in {403, 503}
    assert answer.json["reason"] in {"person-unknown", "roster-unreadable"}
    assert answer.json["en"] and answer.json["zh"]


def test_while_the_service_is_away_nobody_reads(
    platform: Platform, city: City, away: Callable[[], None], proof: Callable[[str, str], None]
) -> None:
    token = viewer.session(platform, readers.dashboard_tiers(city)[0].id)
    assert read(platform, token).status == 200
    away()
    answers = [read(platform, each) for each in (token, token, None)]
    assert [each.status for each in answers[2:]] == [401]
    assert all(each.status >= 400 and b"success" not in each.body for each in answers[:2]), answers
    proof(
        "access: the service that decides is away, and somebody who read the city's readings asks on",
        f"{len(answers)} requests, 0 answered with figures",
    )
