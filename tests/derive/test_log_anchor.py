"""Anchors of logs: which hours, what is recorded of them, and what is read of the record again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from derive import audit, log_anchor
from derive.audit import Entry, Record

NOW = datetime(2026, 11, 28, 22, 7, tzinfo=UTC)
HOUR = timedelta(hours=1)


def records(entries: list[Entry]) -> list[Record]:
    head, found = audit.begin(audit.writer_id(NOW, "logs")), []
    for entry in entries:
        found.append(audit.follow(head, entry, NOW))
        head = found[-1].head
    return found


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        (NOW - 3 * HOUR, NOW, ["20", "21"]),
        (NOW - HOUR, NOW, []),
        (NOW.replace(minute=0) - HOUR, NOW.replace(minute=0), ["21"]),
        (NOW, NOW - HOUR, []),
    ],
)
def test_only_hours_that_are_over_count_and_whole_ones(since: datetime, until: datetime, found: list[str]) -> None:
    assert log_anchor.hours(since, until) == tuple(f"2026/11/28/{each}/" for each in found)


def test_an_hour_follows_another_over_midnight_and_in_another_zone() -> None:
    morning = datetime(2026, 12, 1, 8, 30, tzinfo=timezone(timedelta(hours=8)))
    assert log_anchor.hours(morning - 2 * HOUR, morning) == ("2026/11/30/23/",)


@pytest.mark.parametrize("count", [0, 1, 199, 200, 201, 400, 450])
def test_what_is_recorded_of_an_hour_comes_back_whole(count: int) -> None:
    digests = {f"n-{number}.jsonl.gz": f"{number:064x}" for number in range(count)}
    made = list(log_anchor.entries("2026/11/28/21/", digests))
    assert max(len(each.facts) for each in made) <= 200
    lines = [audit.parse(audit.line(each)) for each in records(made)]
    found = log_anchor.anchored(lines)["2026/11/28/21/"]
    assert found == {name: frozenset({digest}) for name, digest in digests.items()}


def test_two_anchors_that_differ_are_both_remembered() -> None:
    made = [*log_anchor.entries("h/", {"a": "1"}), *log_anchor.entries("h/", {"a": "2", "b": "3"})]
    assert log_anchor.anchored(records(made)) == {"h/": {"a": frozenset("12"), "b": frozenset("3")}}


def test_other_records_say_nothing_of_logs() -> None:
    other = Entry(audit.Kind.GRANT, "play", "logs/h/", "allowed", "p", None, {"a": "1"})
    assert not log_anchor.anchored(records([other]))
