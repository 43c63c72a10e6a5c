"""Kept log lines are found by time, namespace, pod and text, whatever hour their object was written in."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest
from typer.testing import CliRunner

from catalog.errors import UserError
from ops import logs
from ops.lessons import place
from ops.log_lines import NAMESPACE, POD, Wanted, lines
from ops.logs import age
from tests.ops.kept_logs import Contents, Where

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def row(minutes: int, text: str, namespace: str = "gateway", pod: str = "envoy-1") -> dict[str, str]:
    return {"time": (NOON + timedelta(minutes=minutes)).isoformat(), "line": text, NAMESPACE: namespace, POD: pod}


OBJECTS = {
    "2026/11/24/10/n-1.jsonl.gz": [row(-90, "early")],
    "2026/11/24/11/n-2.jsonl.gz": [row(-30, "one"), row(-20, "other", "portal", "portal-1")],
    "2026/11/24/12/n-3.jsonl.gz": [row(-10, "two, written late"), row(5, "later")],
    "2026/11/25/11/n-5.jsonl.gz": [row(-4, "four, after an outage of the store")],
    "2026/11/25/13/n-6.jsonl.gz": [row(-3, "five, over a day late")],
    "2026/11/24/13/n-4.jsonl.gz": [row(-5, "three, after the hour")],
}


def packed(rows: list[dict[str, str]]) -> bytes:
    return gzip.compress("\n".join(map(json.dumps, rows)).encode())


LOGS = {key: packed(rows) for key, rows in OBJECTS.items()}


def found(access: Mapping[str, list[Contents]] = MappingProxyType({}), /, **wish: Any) -> list[str]:
    wanted = Wanted(**{"since": NOON - timedelta(hours=1), "until": NOON, **wish})
    return [line.partition(" ")[2] for line in lines(Where(LOGS, access), wanted)]  # type: ignore[arg-type]


def test_lines_of_the_time_asked_for_are_found_in_order_and_no_others() -> None:
    assert found() == [
        "gateway envoy-1 one",
        "portal portal-1 other",
        "gateway envoy-1 two, written late",
        "gateway envoy-1 three, after the hour",
        "gateway envoy-1 four, after an outage of the store",
    ]


@pytest.mark.parametrize(
    ("wish", "count"),
    [({"text": "o"}, 5), ({"text": "one"}, 1), ({"namespace": "portal"}, 1), ({"pod": "env"}, 4), ({"pod": "x"}, 0)],
)
def test_a_wish_narrows_them(wish: dict[str, str], count: int) -> None:
    assert len(found(**wish)) == count


def test_lines_of_both_buckets_stand_in_one_order() -> None:
    locked: dict[str, list[Contents]] = {"2026/11/24/11/n-7.jsonl.gz": [packed([row(-25, "locked")])]}
    assert found(locked)[:3] == ["gateway envoy-1 one", "gateway envoy-1 locked", "portal portal-1 other"]


@pytest.mark.parametrize("over", [[None], [packed([row(-25, "forged")])], [None, packed([])]])
def test_what_was_put_over_a_locked_object_hides_no_line(over: list[Contents]) -> None:
    locked: dict[str, list[Contents]] = {"2026/11/24/11/n-7.jsonl.gz": [packed([row(-25, "locked")]), *over]}
    assert "gateway envoy-1 locked" in found(locked)
    assert "gateway envoy-1 forged" not in found(locked)


@pytest.mark.parametrize(
    ("namespace", "looked"), [("", True), ("gateway", True), ("edge-hills", True), ("portal", False)]
)
def test_access_logs_are_fetched_only_where_somebody_of_that_namespace_may_have_printed_some(
    namespace: str, looked: bool
) -> None:
    wanted = Wanted(NOON, NOON, namespace=namespace)
    assert wanted.buckets() == (("logs", "access-logs") if looked else ("logs",))


def test_nothing_is_looked_for_in_hours_that_are_not_yet() -> None:
    now = datetime.now(UTC)
    hours = list(Wanted(now - timedelta(hours=1), now).hours())
    assert len(hours) == 2
    assert hours[-1] == f"{now:%Y/%m/%d/%H}/"


@pytest.mark.parametrize(("until", "told"), [("0m", False), ("23h", False), ("25h", True)])
def test_where_later_lines_may_lie_is_said(monkeypatch: pytest.MonkeyPatch, until: str, told: bool) -> None:
    monkeypatch.setattr(place, "of_stack", lambda _: Where(LOGS))
    done = CliRunner().invoke(logs.app, ["--since", "30h", "--until", until])
    assert done.exit_code == 0
    assert ("--until 0m" in done.stderr) is told


@pytest.mark.parametrize(("text", "minutes"), [("30m", 30), ("6h", 360), ("184d", 184 * 1440)])
def test_an_age_is_minutes_hours_or_days(text: str, minutes: int) -> None:
    assert age(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["999999999d", "36526d", "876601h", "9" * 5000 + "m"])
def test_an_age_before_anything_is_refused_with_the_most(text: str) -> None:
    with pytest.raises(UserError, match="36525d, 100 years, is the most") as refused:
        age(text)
    assert len(str(refused.value)) < 200
    assert age("36525d") == timedelta(days=36525) == age("00" + "36525d")


@pytest.mark.parametrize("text", ["", "yesterday", "-1h", "1w"])
def test_another_age_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="30m"):
        age(text)
