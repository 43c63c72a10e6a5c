"""The entitlement service as its pod runs it, on loopback: rules of a city, a real roster, a real object store. Its clock is a file.

Nobody but this program can say what time it is there: the service's own start takes the machine's clock.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import jwt

from catalog import City
from derive import keys, session_token
from local.ports import free_port
from policies.access import document
from services.entitlement import __main__ as service
from services.entitlement import settings, shipping
from tests.media import Store
from tests.roster_server import DATABASE, READER, Server
from tests.services.entitlement.mounted import stamped, swap

SEED, ISSUER, AUDIT = "a-seed-of-thirty-two-characters-or-more", "https://city.example", "audit"
READY_SECONDS = 60.0
ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Given:
    """What the service stands on."""

    folder: Path
    """Empty; for what it is mounted, and for what it writes."""
    city: City
    store: Store
    bucket: str
    """Of lessons."""
    roster: Server


@dataclass(frozen=True)
class Running:
    """The service, and what sets its clock."""

    port: int
    clock: Path

    def at(self, moment: int) -> None:
        """From here on it is ``moment`` there, Unix seconds, and stays so."""
        new = self.clock.with_suffix(".new")
        new.write_text(str(moment))
        new.rename(self.clock)


def session(tier: str, subject: str, issued: int, **more: Any) -> str:
    """A session of two hours, as signing in makes it."""
    return signed(session_token.claims(ISSUER, tier, subject, issued, 2.0, **more))


def signed(claims: dict[str, object], purpose: str = keys.SESSION, named: str = keys.SESSION) -> str:
    """These claims, signed by the key for ``purpose`` under the name of another where ``named`` says so."""
    key = keys.pem(keys.private_key(SEED, purpose))
    return jwt.encode(claims, key, keys.ALGORITHM, headers={"kid": keys.key_id(named)})


@contextmanager
def running(given: Given, moment: int) -> Iterator[Running]:
    """The service, at ``moment`` until it is told another."""
    found = Running(free_port(), given.folder / "clock")
    found.at(moment)
    given.store.client().create_bucket(Bucket=AUDIT, ObjectLockEnabledForBucket=True)
    command = [sys.executable, "-m", "tests.entitlement_server", str(found.clock), str(found.port)]
    environment = {**os.environ, **given.store.variables(), **_mounted(given), **_database(given.roster)}
    with (given.folder / "output").open("wb") as said, subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=said, stderr=said
    ) as server:  # fmt: skip
        try:
            _wait(server, found.port, given.folder)
            yield found
        finally:
            server.terminate()


def _mounted(given: Given) -> dict[str, str]:
    """Files and words as the deployment gives them. Nobody signs in here: Keycloak's address leads nowhere."""
    folder = given.folder
    rules, secrets = folder / "rules", folder / "secrets"
    secrets.mkdir(parents=True)
    swap(rules, stamped(document.document(given.city), datetime.now(UTC)))
    (rules / settings.SESSIONS_FILE).write_text(json.dumps({"keys": [keys.public_jwk(SEED, keys.SESSION)]}))
    video, sessions = (secrets / f"{keys.key_id(each)}.pem" for each in (keys.VIDEO, keys.SESSION))
    for path, purpose in ((video, keys.VIDEO), (sessions, keys.SESSION)):
        path.write_text(keys.pem(keys.private_key(SEED, purpose)))
    for name in ("client", "cookie", "accounts", "roster"):
        (secrets / name).write_text(f"{name}-of-the-tests-with-forty-characters")
    return {
        settings.ISSUER: ISSUER, settings.FOLDER: str(rules), settings.KEY: str(video), settings.BUCKET: given.bucket,
        settings.IDENTITY: "http://127.0.0.1:9", settings.DOOR: str(secrets), settings.SESSION_KEY: str(sessions),
        settings.ACCOUNTS: str(secrets / "accounts"), settings.ROSTER_KEY: str(secrets / "roster"),
        shipping.FOLDER: str(folder / "journal"), shipping.BUCKET: AUDIT, shipping.DAYS: "1", shipping.SECONDS: "5",
    }  # fmt: skip


def _database(roster: Server) -> dict[str, str]:
    return {"PGHOST": roster.host, "PGUSER": READER, "PGDATABASE": DATABASE}


def _wait(server: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        link = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            link.request("GET", "/readyz")
            if link.getresponse().status == 200:
                return
        except (OSError, HTTPException):
            pass
        finally:
            link.close()
        if server.poll() is not None or time.monotonic() > deadline:
            raise AssertionError((folder / "output").read_text(errors="replace")[-2000:])
        time.sleep(0.1)


if __name__ == "__main__":
    face = Path(sys.argv[1])
    service.main(lambda: datetime.fromtimestamp(float(face.read_text()), UTC), "127.0.0.1", int(sys.argv[2]))
