"""Rules of a made-up city, a store of records, and an application with a clock that stands still."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest
from starlette.testclient import TestClient

from derive import keys, session_token
from services.entitlement import app
from services.entitlement.desk import Desk
from services.entitlement.people import Found, PersonError
from services.entitlement.records import Records
from services.entitlement.rules import Rules
from services.entitlement.settings import Door, Settings
from services.entitlement.standing import Standing
from services.entitlement.versions import Version
from tests.media import store as objects  # noqa: F401  # a fixture: a real object store

SEED, ISSUER = "a-seed-of-thirty-two-characters-or-more", "https://city.example"
NOW = datetime(2026, 10, 15, 8, 0, tzinfo=UTC)
LESSON, LATER, GONE = "l-" + "a" * 16, "l-" + "b" * 16, "l-" + "c" * 16
OWN, PARTNER, ALLY, FAR = "0000000001", "0000000002", "0000000003", "0000000004"
OFFICE, COLLEGE = "990101", "college"
"""Division code of the district `near`; a partner that is party to the pact."""


def name(text: str) -> dict[str, str]:
    return {"zh": f"某{text}", "en": text}


UNLIMITED: dict[str, Any] = {"reach": "anyone", "window_days": None, "window": None, "seats": None}
REACH: dict[str, tuple[str, ...]] = {
    "pupil": ("class", "agreement"),
    "master": ("alliance", "agreement"),
    "clerk": ("district", "alliance", "agreement"),
    "guest": ("agreement",),
    "mayor": ("city",),
    "anyone": ("public",),
}
"""Tier -> with whose lessons it may do what it does with them."""
GRANTS = {tier: {"scopes": list(scopes), "consent_below": 0, "rule": None} for tier, scopes in REACH.items()}
AGE = 14
BY = ("parent", "guardian")
"""As what a register has whoever may agree."""
PROFILES: dict[str, tuple[str, int]] = {
    "pupil": ("own", 0),
    "mother": ("child", 0),
    "master": ("class", AGE),
    "clerk": ("school", AGE),
}
"""Tier -> whose profile it sees, and below which age a guardian has to have agreed."""
TIERS = ("pupil", "mother", "master", "clerk", "guest", "mayor", "robot", "anyone")
SCOPES = ("own", "child", "class", "school", "agreement", "alliance", "district", "city", "public")
STREAMING: dict[str, Any] = {"uses": ["stream"], **UNLIMITED}
DOCUMENT: dict[str, Any] = {
    "timezone": "Asia/Shanghai",
    "token_minutes": 240,
    "public_tier": "anyone",
    "guardian_consent_by": list(BY),
    "uses": {"view": "stream", "learn": "stream"},
    "actions": {"view": name("view"), "learn": name("learn")},
    "whose": {held: {scope: name(f"{scope} of a {held}") for scope in SCOPES} for held in ("person", "school", "city")},
    "tiers": {tier: {"name": name(tier), "city": tier == "mayor"} for tier in TIERS},
    "licences": {
        "free": {"name": name("free"), "tiers": list(TIERS), **STREAMING},
        "members": {"name": name("members"), "tiers": list(TIERS[:-1]), **STREAMING},
        "year": {"name": name("year"), "tiers": ["pupil", "master", "clerk"], **STREAMING, "window_days": 30},
        "handout": {
            "name": name("handout"),
            "tiers": ["pupil", "master"],
            **STREAMING,
            "uses": ["stream", "download"],
            "window_days": 30,
        },
        "paper": {"name": name("paper"), "tiers": ["pupil"], **STREAMING, "uses": ["download"]},
    },
    "agreements": {
        "pact": {
            "name": name("pact"),
            "schools": [OWN, PARTNER],
            "partners": [COLLEGE],
            "starts": "2026-10-10",
            "ends": "2026-10-20",
            "subjects": None,
        }
    },
    "subjects": {"maths": {"name": name("maths")}, "physics": {"name": name("physics")}},
    "classes": {
        "lesson": {
            **{"name": name("lesson"), "description": name("lessons")},
            **{"held_by": "school", "licensed": True, "agreements": ["pact"], "grants": {"view": GRANTS}},
        },
        "pupil-profile": {
            "name": name("profile"),
            "description": name("profiles"),
            "held_by": "person",
            "licensed": False,
            "agreements": [],
            "grants": {
                "view": {
                    tier: {"scopes": [scope], "consent_below": age, "rule": f"for-{tier}"}
                    for tier, (scope, age) in PROFILES.items()
                }
            },
        },
        "platform": {
            "name": name("platform"),
            "description": name("platforms"),
            "held_by": "city",
            "licensed": False,
            "agreements": [],
            "grants": {"view": {"robot": {"scopes": ["city"], "consent_below": 0, "rule": None}}},
        },
    },
    "districts": {
        "near": {"name": name("near"), "division_code": OFFICE},
        "far": {"name": name("far"), "division_code": "990102"},
    },
    "partners": {each: {"name": name(each)} for each in (COLLEGE, "factory")},
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


def door(identity_url: str = "http://identity.test/identity", client_secret: str = "not used here") -> Door:
    """What signing in needs."""
    return Door(
        identity_url=identity_url,
        client_secret=client_secret,
        cookie_secret="signs cookies",
        session_key=keys.pem(keys.private_key(SEED, keys.SESSION)),
        session_key_id=keys.key_id(keys.SESSION),
        accounts_secret="not used here",
        roster_key="not used here",
    )


class Live(Standing):
    """A document as it is at every moment, so that a test can change a fact of it."""

    def __init__(self, document: dict[str, Any] = DOCUMENT) -> None:
        self.document, self.named = document, "d" * 64
        super().__init__(Path("/nowhere"))

    @property
    def version(self) -> Version | None:
        return Version(self.named, "c" * 64, NOW, Rules(self.document))

    @version.setter
    def version(self, _: Version | None) -> None:
        """Nothing is read from anywhere."""


Ask = Callable[..., Any]


@pytest.fixture
def store() -> dict[str, bytes]:
    """Objects by key."""
    return {f"{LESSON}/lesson.json": record(LESSON)}


@pytest.fixture
def desk(store: dict[str, bytes]) -> Desk:
    """The desk over ``store``; records are asked for anew each time, since their clock runs."""
    settings = Settings(
        issuer=ISSUER,
        standing=Live(),
        session_keys=json.dumps({"keys": [keys.public_jwk(SEED, keys.SESSION)]}),
        video_key=keys.pem(keys.private_key(SEED, keys.VIDEO)),
        bucket="lessons",
    )
    ticks = itertools.count(0, 1000)
    return Desk(settings, Records(store.get, lambda: float(next(ticks))), lambda: NOW)


class Register:
    """A roster that is there or not."""

    def __init__(self) -> None:
        self.people: dict[str, Found] = {}
        self.away = False

    def find(self, person: str) -> Found | None:
        if self.away:
            raise PersonError("roster-unreadable")
        return self.people.get(person)


@pytest.fixture
def register(desk: Desk) -> Register:
    """The roster that the desk asks; nobody is in it."""
    found = Register()
    desk.people = found
    return found


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
