"""Access logs beside the record: of one lesson, person, school, or what was refused; believed only of whose pods printed them."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from catalog import names
from derive import admission
from ops import audit
from ops.audits import accesses, reading
from ops.lessons import place
from ops.log_lines import NAMESPACE, POD
from tests.derive.test_access_log import BOX, ENVOY, LESSON, SHIELD
from tests.ops.kept_logs import Where

NOW = datetime.now(UTC)
SCHOOL, AWAY = "0000000001", "0000000002"


def line(row: dict[str, Any], namespace: str, **changes: Any) -> dict[str, str]:
    """A line as the collector keeps it."""
    at = NOW - timedelta(minutes=1)
    when = at.isoformat() if row is ENVOY else f"{at.timestamp():.3f}"
    text = json.dumps({**row, "time": when, **changes}, separators=(",", ":"))
    return {"time": at.isoformat(), "line": text, NAMESPACE: namespace, POD: "p-1"}


LINES = [
    line(ENVOY, names.GATEWAY),
    line(SHIELD, names.VIDEO_LIBRARY),
    line(ENVOY, names.GATEWAY, path="/monitoring/api/v1/query", status=401, why="jwt_authn_access_denied{Jwt_is_missing}"),
    line(ENVOY, names.GATEWAY, path="/monitoring/api/v1/query", subject="s-1", tier="t", school=SCHOOL, status=403),
    line(ENVOY, names.GATEWAY, path=f"/lessons/{LESSON}/h/2.m4s", certificate=f"CN={SCHOOL}"),
    line(SHIELD, names.edge_namespace("d-1"), status="200", path=f"/lessons/{LESSON}/h/3.m4s"),
    line(ENVOY, names.edge_namespace("d-1"), path=f"/lessons/{LESSON}/forged"),
    line(ENVOY, names.PORTAL, path=f"/lessons/{LESSON}/forged"),
    line(ENVOY, names.GATEWAY, path="/access/first", status=429, why="-"),
    line(BOX, names.SCHOOL_EDGE, school=AWAY, status="200"),
    line(BOX, names.SCHOOL_EDGE, school=AWAY, status="200", path=f"/lessons/{LESSON}/h/2.m4s", permission="other-person"),
    line(BOX, names.VIDEO_LIBRARY, school=AWAY, path=f"/lessons/{LESSON}/forged"),
    {"time": NOW.isoformat(), "line": f"something else about {LESSON}", NAMESPACE: names.GATEWAY, POD: "p-1"},
]  # fmt: skip


def where() -> Where:
    """A stack whose locked bucket holds `LINES`, and the other one the first of them once more, from before the upgrade."""

    def packed(rows: list[dict[str, str]]) -> bytes:
        return gzip.compress("\n".join(map(json.dumps, rows)).encode())

    folder = f"{NOW:%Y/%m/%d/%H}/"
    return Where({f"{folder}n-2.jsonl.gz": packed(LINES[:1])}, {f"{folder}n-1.jsonl.gz": [packed(LINES)]})


@pytest.fixture(autouse=True)
def stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "of_stack", lambda _: where())
    monkeypatch.setattr(reading, "from_bucket", lambda *_: reading.Kept(lambda: iter(())))


def traced(*words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        CliRunner().invoke(audit.app, ["trace", *words, "--json"], catch_exceptions=False).stdout
    )
    return found


def test_a_lesson_s_answers_of_gateway_and_cache_are_shown_once_and_forged_ones_never() -> None:
    found = traced("--lesson", LESSON)
    assert {(each["kind"], each["chained"]) for each in found} == {("access-log", False)}
    assert sorted(each["facts"]["place"] for each in found) == [
        "cache", "cache", "gateway", "gateway", "school-box", "school-box"
    ]  # fmt: skip
    assert not [each for each in found if "forged" in each["what"]["resource"]]


def test_a_person_and_a_school_are_followed_and_so_is_the_school_s_box() -> None:
    (person,) = traced("--who", "s-1")
    assert person["who"] == {"tier": "t", "school": SCHOOL, "subject": "s-1"}
    school = traced("--school", SCHOOL)
    assert sorted(each["facts"]["status"] for each in school) == [200, 403]
    assert {each["who"]["school"] for each in school} == {SCHOOL}


def test_what_a_school_s_box_answered_is_the_school_s_and_by_the_permission_a_person_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    away = traced("--school", AWAY)
    assert [each["who"] for each in away] == [{"tier": None, "school": AWAY, "subject": None}] * 2
    assert {each["facts"]["place"] for each in away} == {"school-box"}
    monkeypatch.setattr(audit, "permissions", lambda _: frozenset({BOX["permission"]}))
    (own,) = traced("--who", "s-2")
    assert (own["facts"]["permission"], own["facts"]["from"]) == (BOX["permission"], BOX["from"])


def test_refusals_are_found_without_knowing_whose_they_were() -> None:
    found = traced("--refused")
    assert sorted((each["facts"]["place"], each["facts"]["status"]) for each in found) == [
        ("cache", 403),
        ("gateway", 401),
        ("gateway", 403),
        ("gateway", 429),
    ]
    (counted_out,) = [each for each in found if each["facts"]["status"] == 429]
    assert counted_out["why"] == admission.REASON
    assert [each["facts"]["place"] for each in traced("--lesson", LESSON, "--refused")] == ["cache"]


def test_the_table_says_that_they_are_no_part_of_the_record() -> None:
    done = CliRunner().invoke(audit.app, ["trace", "--lesson", LESSON], catch_exceptions=False)
    assert "log lines, not chained" in " ".join(done.output.split())


def test_logs_are_not_read_where_nobody_wants_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def never(*_: object) -> None:
        raise AssertionError("logs were read")

    monkeypatch.setattr(accesses, "read", never)
    assert traced("--refused", "--logs", "0m") == []
