"""Whoever has not signed in has little written, whatever they send: the record can be neither changed nor shortened."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from starlette.routing import Route
from starlette.testclient import TestClient

from catalog import load_named
from derive import admission
from services.entitlement import app, first_page
from services.entitlement.audit import NO_ID, UNKNOWN, Trail
from services.entitlement.desk import Desk
from services.entitlement.first import First, OfToday
from services.entitlement.sign_in import SignIn
from services.entitlement.tries import Tries
from services.entitlement.use_as import UseAs
from tests.keycloak import Keycloak
from tests.services.entitlement.conftest import ISSUER, LESSON, NOW, OWN, Register, door
from tests.services.entitlement.test_audit import RULES, recorded

LONGEST = "😀" * 200
"""What is longest as canonical JSON: twelve bytes a character."""
BODY = {
    **dict.fromkeys(("tier", "school", "district"), LONGEST),
    **dict.fromkeys(("id", "code", "password"), "😀" * 100),
}
DAY = 86_400
MOST = 20e9
"""Bytes that one pod of the gateway lets anybody have written in a day (docs/decisions/0252)."""


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    return Trail(tmp_path / "audit", "pod", RULES, lambda: NOW)


@pytest.fixture
def client(desk: Desk, register: Register, trail: Trail) -> TestClient:
    """The service as it runs, with every door."""
    desk.witness = trail
    first = First(OfToday(desk), Keycloak(["pupil"]).accounts(), "a-key", trail, Tries(lambda: 0.0))
    away = httpx.MockTransport(lambda _: httpx.Response(503))
    doors = [*SignIn(desk, door(), away).routes(), *UseAs(desk, door()).routes(), *first_page.routes(first)]
    served = app.make(desk, doors=doors)
    return TestClient(served, base_url=ISSUER, raise_server_exceptions=False, follow_redirects=False)


def addresses(client: TestClient) -> Iterator[tuple[str, str]]:
    """Method and path of everything below `/access/`, what it takes from the path as long as it can be."""
    routes = [each for each in client.app.routes if isinstance(each, Route)]  # type: ignore[attr-defined]
    for route in routes:
        if route.path.startswith(admission.PREFIX):
            longest = {name: quote(LONGEST) for name in route.param_convertors}
            yield from ((method, route.path.format(**longest)) for method in sorted(route.methods or ()))


def ask(client: TestClient, method: str, path: str) -> httpx.Response:
    body = json.dumps(BODY, ensure_ascii=False).encode() if method == "POST" else None
    headers = {"Content-Type": "application/json"}
    answer: httpx.Response = client.request(method, path, params={"place": LONGEST}, content=body, headers=headers)
    return answer


def test_at_every_door_s_limit_a_day_of_the_longest_requests_is_gigabytes_and_no_terabytes(
    client: TestClient, trail: Trail
) -> None:
    *doors, rest = admission.limits(load_named("neijiang"))
    written = dict.fromkeys((*doors, rest), 0)
    for method, path in addresses(client):
        before = trail.waits
        ask(client, method, path)
        came = next((each for each in doors if path.startswith(each.paths)), rest)
        written[came] = max(written[came], trail.waits - before)
    assert all(written[each] for each in doors), "a door at which nothing is written needs no limit of its own"
    assert sum(each.requests * size for each, size in written.items()) * DAY < MOST


def test_what_a_stranger_wrote_is_on_no_record(client: TestClient, trail: Trail) -> None:
    for method, path in addresses(client):
        ask(client, method, path)
    client.post(f"/access/play/{LESSON}?place=somebody's-number")
    client.post(f"/access/download/S20260001?place={OWN}")
    entries = [each.entry for each in recorded(trail)[1:]]
    assert {each.resource for each in entries} == {LESSON, NO_ID, f"pupil-profile/{NO_ID}", "mine", "account"}
    assert {each.facts["place"] for each in entries if "place" in each.facts} == {OWN, UNKNOWN}
    assert not any(word in repr(entries) for word in ("😀", "S20260001", "somebody"))


@pytest.mark.parametrize("path", ["/access/%70lay/x", "/%61ccess/play/x", "/access%2Fplay/x", "/access/play%2fx"])
def test_an_address_spelled_so_that_another_limit_counts_it_is_none(
    client: TestClient, trail: Trail, path: str
) -> None:
    before = trail.waits
    assert client.post(path).status_code == 404
    assert trail.waits == before
    assert client.post("/access/play/x").json()["reason"] == "no-such-lesson"
