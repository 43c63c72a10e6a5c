"""What the service is given: files that were derived from the catalog and from the stack's seed, and a few words in the environment.

Everything is read once, at the start: what is missing or unsound ends the process, so that it never answers without rules.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from derive import video_token
from services.entitlement.rules import Rules

ISSUER, FOLDER, KEY, BUCKET = "ENTITLEMENT_ISSUER", "ENTITLEMENT_FILES", "ENTITLEMENT_KEY", "ENTITLEMENT_BUCKET"
"""Public address of the platform; folder with `access.json` and `sessions.json`; file with the key that signs; bucket of lessons."""
RULES_FILE, SESSIONS_FILE = "access.json", "sessions.json"


@dataclass(frozen=True)
class Settings:
    """All of it."""

    issuer: str
    rules: Rules
    session_keys: str
    """Public keys of sessions, a JSON Web Key Set."""
    video_key: str = field(repr=False)
    """Private key of video tokens, PEM."""
    bucket: str
    place: str = video_token.CITY


def read(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings. Raises KeyError, OSError or ValueError with what is missing."""
    folder = Path(environment[FOLDER])
    return Settings(
        issuer=environment[ISSUER],
        rules=Rules(json.loads((folder / RULES_FILE).read_text(encoding="utf-8"))),
        session_keys=(folder / SESSIONS_FILE).read_text(encoding="utf-8"),
        video_key=Path(environment[KEY]).read_text(encoding="utf-8"),
        bucket=environment[BUCKET],
    )
