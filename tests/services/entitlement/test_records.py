"""Records are remembered for a moment, and a store that does not answer is never taken for an answer."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from pathlib import Path

import pytest

from derive import keys
from services.entitlement import records, settings
from services.entitlement.desk import Desk
from services.entitlement.records import Records, UnreadableError
from tests.services.entitlement.conftest import DOCUMENT, GONE, ISSUER, LESSON, NOW, SEED, record, token
from tests.services.entitlement.mounted import stamped


class Store:
    """Objects, and how often they were asked for."""

    def __init__(self, **objects: bytes) -> None:
        self.objects, self.asked = objects, 0

    def fetch(self, key: str) -> bytes | None:
        self.asked += 1
        return self.objects.get(key)


@pytest.mark.parametrize(("after", "asked"), [(29.9, 1), (30.1, 2)])
def test_a_record_is_read_again_after_half_a_minute(after: float, asked: int) -> None:
    store, times = Store(k=record(LESSON)), iter([0.0, after])
    found = Records(store.fetch, lambda: next(times))
    assert found.lesson(LESSON, "k") == found.lesson(LESSON, "k")
    assert store.asked == asked


def test_a_lesson_that_appears_is_found_soon() -> None:
    store, times = Store(), iter([0.0, 1.0, 3.0])
    found = Records(store.fetch, lambda: next(times))
    assert found.lesson(LESSON, "k") is None
    store.objects["k"] = record(LESSON)
    assert found.lesson(LESSON, "k") is None
    assert found.lesson(LESSON, "k") is not None


def test_no_more_records_are_remembered_than_fit() -> None:
    store = Store()
    found = Records(store.fetch, lambda: 0.0)
    for number in range(records.MOST + 10):
        found.lesson(str(number), str(number))
    assert len(found._seen) == records.MOST


def test_a_store_that_does_not_answer_is_no_answer(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    (tmp_path / "config").write_text("[default]\nregion = us-east-1\nendpoint_url = http://127.0.0.1:9\n")
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id = a\naws_secret_access_key = b\n")
    with pytest.raises(UnreadableError):
        records.s3_fetch("lessons")(f"{GONE}/lesson.json")


def _files(folder: Path) -> dict[str, str]:
    for name, text in stamped(DOCUMENT, datetime(2026, 1, 1, tzinfo=UTC)).items():
        (folder / name).write_text(text)
    (folder / settings.SESSIONS_FILE).write_text(json.dumps({"keys": [keys.public_jwk(SEED, keys.SESSION)]}))
    (folder / "key").write_text(keys.pem(keys.private_key(SEED, keys.VIDEO)))
    for name in ("client", "cookie", "accounts", "roster"):
        (folder / name).write_text(name)
    (folder / "session-key").write_text(keys.pem(keys.private_key(SEED, keys.SESSION)))
    door = {
        settings.IDENTITY: "http://127.0.0.1:9/identity",
        settings.DOOR: str(folder),
        settings.SESSION_KEY: str(folder / "session-key"),
        settings.ACCOUNTS: str(folder / "accounts"),
        settings.ROSTER_KEY: str(folder / "roster"),
    }
    words = {settings.ISSUER: ISSUER, settings.FOLDER: str(folder), settings.KEY: str(folder / "key")}
    return {**words, **door, settings.BUCKET: "lessons"}


def test_settings_are_read_whole(tmp_path: Path) -> None:
    found = settings.read(_files(tmp_path))
    assert (found.issuer, found.place, found.bucket) == (ISSUER, "city", "lessons")
    door = settings.door(_files(tmp_path))
    assert (door.client_secret, door.accounts_secret, door.session_key_id) == ("client", "accounts", "session-key")
    assert "PRIVATE" not in repr(found) + repr(door)
    assert "'roster'" not in repr(door)
    assert door.naming == frozenset()
    named = settings.door({**_files(tmp_path), settings.NAMING: "college province"})
    assert named.naming == {"college", "province"}


@pytest.mark.parametrize("lost", [settings.SESSIONS_FILE, "key"])
def test_without_keys_the_service_does_not_start(tmp_path: Path, lost: str) -> None:
    environment = _files(tmp_path)
    (tmp_path / lost).unlink()
    with pytest.raises(OSError, match=lost):
        settings.read(environment)


@pytest.mark.parametrize("lost", [settings.RULES_FILE, "stamp.json"])
def test_without_rules_it_starts_and_has_none(tmp_path: Path, lost: str) -> None:
    environment = _files(tmp_path)
    (tmp_path / lost).unlink()
    assert settings.read(environment).standing.version is None


def test_a_decision_is_noted_without_any_token(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(settings.read(_files(tmp_path)), Records(Store().fetch), lambda: NOW)
    with caplog.at_level(logging.INFO, "services.entitlement"):
        session = token()
        desk.play(session, LESSON, None)
    (line,) = [json.loads(each.message) for each in caplog.records]
    assert (line["lesson"], line["verdict"], line["who"]["tier"]) == (LESSON, "no-such-lesson", "pupil")
    assert desk.settings.standing.version
    assert line["rules"] == desk.settings.standing.version.name
    assert session not in caplog.text
