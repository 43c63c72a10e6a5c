"""How far boxes are: what they have not said is never taken for done."""

from __future__ import annotations

import re
from typing import Any

import pytest
from rich.console import Console

from catalog import City, load_named, names
from ops.cdns import link_samples, progress
from ops.cdns.progress import Said, State

VILLAGE, TOWNSHIP = "2990100006", "2990100005"
MADE = 1_795_910_400.0
"""2026-11-29T00:00:00Z."""
PLAN: dict[str, Any] = {
    "made": "2026-11-29T00:00:00Z",
    "window": {"not_before": MADE + 100, "not_after": MADE + 200},
    "items": [{"bytes": 60}, {"bytes": 40}],
}


@pytest.fixture(scope="module")
def tiny() -> City:
    return load_named("tiny")


def said(fetched: float = 0, made: float | None = MADE) -> Said:
    return Said({VILLAGE: made} if made else {}, {VILLAGE: fetched}, {VILLAGE: 2}, {VILLAGE: 0.9}, {VILLAGE: MADE - 60})


@pytest.mark.parametrize(
    ("says", "at", "state"),
    [
        (said(0), 50, State.WAITING),
        (said(0), 100, State.FETCHING),
        (said(99), 199, State.FETCHING),
        (said(99), 200, State.MISSING),
        (said(100), 50, State.DONE),
        (said(100), 999, State.DONE),
        (said(100, made=MADE - 1), 150, State.OTHER),
        (said(100, made=None), 150, State.OTHER),
        (said(100, made=MADE - 1), 200, State.MISSING),
    ],
)
def test_a_box_is_as_far_as_it_said_of_this_very_plan(tiny: City, says: Said, at: float, state: State) -> None:
    [row] = [each for each in progress.of(tiny, {VILLAGE: PLAN}, says, MADE + at) if each.school == VILLAGE]
    assert row.state is state
    assert row.planned == row.fetched + row.missing == 100


def test_a_school_without_a_plan_or_with_an_empty_one_has_nothing_to_fetch(tiny: City) -> None:
    rows = progress.of(tiny, {VILLAGE: {**PLAN, "items": []}}, said(), MADE)
    assert {row.state for row in rows} == {State.NONE}
    assert [row.school for row in rows] == list(tiny.by_code)


def test_silence_is_told_and_not_taken_for_zero(tiny: City) -> None:
    rows = {row.school: row for row in progress.of(tiny, {VILLAGE: PLAN}, said(), MADE)}
    assert (rows[VILLAGE].silent_seconds, rows[VILLAGE].hits, rows[VILLAGE].failed) == (60, 0.9, 2)
    assert (rows[TOWNSHIP].silent_seconds, rows[TOWNSHIP].hits) == (None, None)
    console = Console(width=160, record=True, file=None, quiet=False)
    with console.capture() as captured:
        console.print(progress.table(tiny, list(rows.values())))
    assert re.search(rf"{VILLAGE} .* 1 min ago +90\.0%", captured.get())
    assert re.search(rf"{TOWNSHIP} .* never +unknown", captured.get())


def test_what_a_box_measured_is_told_with_its_age_and_too_old_is_said(tiny: City) -> None:
    day = 86_400
    at = {VILLAGE: MADE - 3 * 3600, TOWNSHIP: MADE - 15 * day, "0000000000": MADE}
    links = link_samples.of(tiny, {VILLAGE: 7.0, TOWNSHIP: 10.0, "2990100001": 1.0, "0000000000": 1.0}, at, MADE)
    assert set(links) == {VILLAGE, TOWNSHIP}, "a rate without its moment is none, and strangers are none of ours"
    assert links[VILLAGE].mbps == pytest.approx(7.0 * tiny.link_budget.overhead)
    rows = progress.of(tiny, {}, Said({}, {}, {}, {}, {}, links), MADE)
    console = Console(width=200)
    with console.capture() as captured:
        console.print(progress.table(tiny, rows))
    assert re.search(rf"{VILLAGE} .* 7\.5, 3 h ago", captured.get())
    assert re.search(rf"{TOWNSHIP} .* 10\.7, 15 days ago \(too old\)", captured.get())
    assert captured.get().count("not measured") == 4
    [row] = [each for each in progress.document(rows) if each["school"] == VILLAGE]
    assert row["link"] == {"mbps": links[VILLAGE].mbps, "age": 3 * 3600, "counts": True}


def test_what_a_wrong_clock_dated_in_the_future_does_not_count_and_is_said(tiny: City) -> None:
    slack = tiny.coverage.window_minutes * 60
    at = {VILLAGE: MADE + slack, TOWNSHIP: MADE + slack + 1}
    links = link_samples.of(tiny, {VILLAGE: 7.0, TOWNSHIP: 1.0}, at, MADE)
    assert (links[VILLAGE].counts, links[VILLAGE].age) == (True, 0)
    assert (links[TOWNSHIP].counts, links[TOWNSHIP].text) == (False, "1.1, dated in the future")
    assert list(link_samples.slowest({}, links)) == [VILLAGE]
    said = link_samples.summary(tiny, links)
    assert said.startswith("1 of ") and said.endswith(" of which nothing was heard, and for 1 dated in the future")


def test_who_missed_a_withdrawal_is_said_and_so_are_old_and_unknown_ones(tiny: City) -> None:
    window = tiny.coverage.window_minutes * 60
    codes = list(tiny.by_code)
    # The list may be seconds old when a box is told: who was told right after a withdrawal may not know of it.
    told = dict(zip(codes, (MADE - 10, MADE - 61, MADE - 56, MADE - window, MADE - window - 1), strict=False))
    rows = progress.of(tiny, {}, Said({}, {}, {}, {}, {}, told=told), MADE, [MADE - 60, MADE - window - 600])
    assert [row.told and (row.told.missed, row.told.old) for row in rows] == [
        (0, False),
        (1, False),
        (1, False),
        (1, False),
        (1, True),
        None,
    ]
    console = Console(width=250)
    with console.capture() as captured:
        console.print(progress.table(tiny, rows))
    lines = {code: next(line for line in captured.get().splitlines() if code in line).rstrip() for code in codes}
    assert lines[codes[0]].endswith(" 0 min ago")
    assert lines[codes[1]].endswith("1 min ago (missed 1 withdrawal)")
    assert lines[codes[4]].endswith(f"{window // 60} min ago (too old, missed 1 withdrawal)")
    assert lines[codes[5]].endswith("unknown")
    assert progress.summary(rows).endswith("; 4 missed a withdrawal, 1 never said what they heard of withdrawals")
    assert progress.document(rows)[0]["told"] == {"age": 10, "missed": 0, "old": False}


def test_a_box_whose_clock_is_ahead_has_not_said_what_it_heard_of(tiny: City) -> None:
    slack, (near, far, *_) = tiny.coverage.window_minutes * 60, list(tiny.by_code)
    said = Said({}, {}, {}, {}, {}, told={near: MADE + slack, far: MADE + slack + 1})
    rows = {row.school: row.told for row in progress.of(tiny, {}, said, MADE, [MADE - 60])}
    assert (rows[near], rows[far]) == (progress.Told(0, 0, old=False), None)


def test_the_summary_counts_every_school_once(tiny: City) -> None:
    text = progress.summary(progress.of(tiny, {VILLAGE: PLAN}, said(40), MADE + 300))
    assert text.startswith("6 schools: 5 no plan, 1 not all fetched; ")


def test_the_metrics_are_those_that_boxes_write() -> None:
    assert names.METRIC_LINK == "city_school_link_mbps"
    assert names.METRIC_HEARD == "city_withdrawals_heard_timestamp_seconds"
    assert names.METRIC_LINK_AT == "city_school_link_sample_timestamp_seconds"
    assert names.METRIC_PREFETCH_FETCHED == "city_prefetch_fetched_bytes"
    assert names.METRIC_PREFETCH_FAILED == "city_prefetch_failed_items"
    assert names.METRIC_PREFETCH_MADE == "city_prefetch_plan_timestamp_seconds"
