"""What the service is given: files that were derived from the catalog and from the stack's seed, and a few words in the environment.

Keys are read once, at the start: what is missing ends the process. The rules have a life of their own (``standing``): without good ones the
process answers, and admits nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from derive import keys, video_token
from services.entitlement import versions
from services.entitlement.standing import Standing

ISSUER, FOLDER, KEY, BUCKET = "ENTITLEMENT_ISSUER", "ENTITLEMENT_FILES", "ENTITLEMENT_KEY", "ENTITLEMENT_BUCKET"
"""Public address of the platform; folder with `access.json`, its stamp and `sessions.json`; file with the signing key; lessons’ bucket."""
IDENTITY, DOOR, SESSION_KEY = "ENTITLEMENT_IDENTITY", "ENTITLEMENT_DOOR", "ENTITLEMENT_SESSION_KEY"
"""Keycloak's address inside the cluster; folder with `client` and `cookie`, two secrets; file with the key that signs sessions."""
ACCOUNTS, ROSTER_KEY = "ENTITLEMENT_ACCOUNTS", "ENTITLEMENT_ROSTER_KEY"
"""Files with the secret by which accounts are made, and with the key by which ids of registers are hashed."""
NAMING = "ENTITLEMENT_NAMING"
"""Aliases of the outside providers that say which person of the roster somebody is, a blank between two; absent where there are none."""
BOXES = "ENTITLEMENT_BOXES"
"""Domain of the schools' caches; absent where there are none."""
RULES_FILE, SESSIONS_FILE = versions.RULES_FILE, "sessions.json"


@dataclass(frozen=True)
class Settings:
    """All of it."""

    issuer: str
    standing: Standing
    """The rules in force."""
    session_keys: str
    """Public keys of sessions, a JSON Web Key Set."""
    video_key: str = field(repr=False)
    """Private key of video tokens, PEM."""
    bucket: str
    video_key_id: str = keys.key_id(keys.VIDEO)
    """Names that key to the caches."""
    place: str = video_token.CITY
    boxes: str | None = None
    """Domain of the schools' caches."""


@dataclass(frozen=True)
class Door:
    """What signing in needs beside the desk."""

    identity_url: str
    """Where Keycloak answers inside the cluster."""
    client_secret: str = field(repr=False)
    cookie_secret: str = field(repr=False)
    session_key: str = field(repr=False)
    """Private key of sessions, PEM."""
    session_key_id: str
    """Names that key to those who verify."""
    accounts_secret: str = field(repr=False)
    """By which accounts are made."""
    roster_key: str = field(repr=False)
    """By which ids of registers are hashed, and slips checked."""
    naming: frozenset[str] = frozenset()
    """Outside providers whose people are in the roster, each by the name that the provider gives: whom it does not name is none of them."""


def read(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings. Raises KeyError, OSError or ValueError with what is missing; rules are not waited for."""
    folder, key = Path(environment[FOLDER]), Path(environment[KEY])
    return Settings(
        issuer=environment[ISSUER],
        standing=Standing(folder),
        session_keys=(folder / SESSIONS_FILE).read_text(encoding="utf-8"),
        video_key=key.read_text(encoding="utf-8"),
        video_key_id=key.stem,
        bucket=environment[BUCKET],
        boxes=environment.get(BOXES),
    )


def door(environment: Mapping[str, str] = os.environ) -> Door:
    """What signing in needs. Raises KeyError or OSError with what is missing."""
    folder, key = Path(environment[DOOR]), Path(environment[SESSION_KEY])
    return Door(
        identity_url=environment[IDENTITY],
        client_secret=(folder / "client").read_text(encoding="utf-8"),
        cookie_secret=(folder / "cookie").read_text(encoding="utf-8"),
        session_key=key.read_text(encoding="utf-8"),
        session_key_id=key.stem,
        accounts_secret=Path(environment[ACCOUNTS]).read_text(encoding="utf-8"),
        roster_key=Path(environment[ROSTER_KEY]).read_text(encoding="utf-8"),
        naming=frozenset(environment.get(NAMING, "").split()),
    )
