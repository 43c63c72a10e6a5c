"""Rules of a made-up city, a store of records, and an application with a clock that stands still."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from starlette.testclient import TestClient

from derive import keys, session_token
from services.entitlement import app
from services.entitlement.desk import Desk
from services.entitlement.records import Records
from services.entitlement.rules import Rules
from services.entitlement.settings import Settings
from tests.media import store as objects  # noqa: F401  # a fixture: a real object store

SEED, ISSUER = "a-seed-of-thirty-two-characters-or-more", "https://city.example"
NOW = datetime(2026, 10, 15, 8, 0, tzinfo=UTC)
LESSON, LATER, GONE = "l-" + "a" * 16, "l-" + "b" * 16, "l-" + "c" * 16
OWN, PARTNER, ALLY, FAR = "0000000001", "0000000002", "0000000003", "0000000004"


def name(text: str) -> dict[str, str]:
    return {"zh": f"某{text}", "en": text}


UNLIMITED: dict[str, Any] = {"reach": "anyone", "window_days": None, "window": None, "seats": None}
DOCUMENT: dict[str, Any] = {
    "timezone": "Asia/Shanghai",
    "token_minutes": 240,
    "public_tier": "anyone",
    "tiers": {
        "pupil": {"name": name("pupil"), "grounds": ["own", "agreement"]},
        "master": {"name": name("master"), "grounds": ["own", "agreement", "alliance"]},
        "clerk": {"name": name("clerk"), "grounds": ["own", "agreement", "alliance", "district"]},
        "mayor": {"name": name("mayor"), "grounds": ["own", "agreement", "alliance", "district", "city"]},
        "robot": {"name": name("robot"), "grounds": []},
        "anyone": {"name": name("anyone"), "grounds": ["own", "agreement", "alliance", "district", "city"]},
    },
    "licences": {
        "free": {
            "name": name("free"),
            "streams": True,
            "tiers": ["pupil", "master", "clerk", "mayor", "robot", "anyone"],
            **UNLIMITED,
        },
        "members": {
            "name": name("members"),
            "streams": True,
            "tiers": ["pupil", "master", "clerk", "mayor", "robot"],
            **UNLIMITED,
        },
        "year": {
            "name": name("year"),
            "streams": True,
            "tiers": ["pupil", "master", "clerk"],
            **UNLIMITED,
            "window_days": 30,
        },
        "paper": {"name": name("paper"), "streams": False, "tiers": ["pupil"], **UNLIMITED},
    },
    "agreements": {
        "pact": {"name": name("pact"), "schools": [OWN, PARTNER], "starts": "2026-10-10", "ends": "2026-10-20"}
    },
    "alliances": {"league": [OWN, ALLY]},
    "schools": {
        code: {"name": name(code), "district": "far" if code == FAR else "near"} for code in (OWN, PARTNER, ALLY, FAR)
    },
}


def record(lesson: str, school: str = OWN, licence: str = "free", **changes: Any) -> bytes:
    found = {
        "id": lesson,
        "school": {"code": school},
        "licence": {"id": licence},
        "published": "2026-10-01T08:00:00Z",
        "master": f"{lesson}/h/master.m3u8",
        **changes,
    }
    return json.dumps({key: value for key, value in found.items() if value is not None}).encode()


def token(tier: Any = "pupil", school: Any = OWN, *, purpose: str = keys.SESSION, **changes: Any) -> str:
    issued = int(NOW.timestamp())
    claims = {**session_token.claims(ISSUER, tier or "", "someone", issued, 8, school=school), **changes}
    claims = {key: value for key, value in claims.items() if value is not None and value != ""}
    head = {"kid": changes.get("kid", keys.key_id(keys.SESSION))}
    claims.pop("kid", None)
    return jwt.encode(claims, keys.pem(keys.private_key(SEED, purpose)), keys.ALGORITHM, headers=head)


Ask = Callable[..., Any]


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyJWT has a clock of its own."""

    class Stopped(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return NOW if tz is None else NOW.astimezone(tz)

    monkeypatch.setattr("jwt.api_jwt.datetime", Stopped)


@pytest.fixture
def store() -> dict[str, bytes]:
    """Objects by key."""
    return {f"{LESSON}/lesson.json": record(LESSON)}


@pytest.fixture
def desk(store: dict[str, bytes]) -> Desk:
    """The desk over ``store``; records are asked for anew each time, since their clock runs."""
    settings = Settings(
        issuer=ISSUER,
        rules=Rules(DOCUMENT),
        session_keys=json.dumps({"keys": [keys.public_jwk(SEED, keys.SESSION)]}),
        video_key=keys.pem(keys.private_key(SEED, keys.VIDEO)),
        bucket="lessons",
    )
    ticks = itertools.count(0, 1000)
    return Desk(settings, Records(store.get, lambda: float(next(ticks))), lambda: NOW)


@pytest.fixture
def client(desk: Desk) -> TestClient:
    """The application."""
    return TestClient(app.make(desk), base_url="https://city.example", raise_server_exceptions=False)


@pytest.fixture
def ask(client: TestClient) -> Ask:
    """``ask(token, lesson)``: the answer to a request to play."""

    def play(session: str | None = None, lesson: str = LESSON, query: str = "", **headers: str) -> Any:
        who = {"Authorization": f"Bearer {session}"} if session else {}
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return client.post(f"/access/play/{lesson}{query}", headers={**who, **named})

    return play
