"""The exporter's memory over refreshes, restarts, nights and wrong clocks; the clock and the source are the tests' own."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from monitoring.coverage import State
from monitoring.facts import Facts
from monitoring.judging import PAST, RECENT, Judge
from tests.monitoring.conftest import moment

NOON = moment("2026-11-24 12:00")


@dataclass
class Told:
    """Prometheus as a list of (when told, code, last fetch)."""

    rows: list[tuple[float, str, float]] = field(default_factory=list)
    published: dict[str, float] = field(default_factory=dict)
    asked: list[tuple[float, str]] = field(default_factory=list)

    def fetched(self, at: float, span: str) -> dict[str, float]:
        self.asked.append((at, span))
        seconds = {RECENT: 900.0, PAST: 7 * 86_400.0}[span]
        found: dict[str, float] = {}
        for told, code, last in sorted(self.rows):
            if at - seconds < told <= at:
                found[code] = last
        return found

    def remembered(self, at: float, span: str) -> dict[str, float]:
        del at, span
        return self.published


@pytest.fixture
def code(tiny_facts: Facts) -> str:
    return tiny_facts.schools[0].code


def test_a_silent_school_turns_stale_although_prometheus_no_longer_answers_for_it(tiny_facts: Facts, code: str) -> None:
    told = Told([(NOON, code, NOON)])
    judge = Judge(tiny_facts, told)
    states = []
    for minutes in (0, 10, 11, 60):
        judge.refresh(NOON + minutes * 60)
        states.append(judge.verdicts[code].state)
    assert states == [State.COVERED, State.COVERED, State.STALE, State.STALE]


def test_a_restart_forgets_nothing(tiny_facts: Facts, code: str) -> None:
    judge = Judge(tiny_facts, Told(published={code: NOON - 30 * 86_400}))
    judge.refresh(NOON)
    assert judge.verdicts[code].state is State.STALE


def test_the_long_past_is_asked_for_once(tiny_facts: Facts) -> None:
    told = Told()
    judge = Judge(tiny_facts, told)
    for minute in range(3):
        judge.refresh(NOON + minute * 60)
    assert [span for _, span in told.asked].count(PAST) == 1


def test_at_night_the_verdict_is_that_of_the_last_school_hours_even_after_a_restart(
    tiny_facts: Facts, code: str
) -> None:
    end, night = moment("2026-11-24 17:30"), moment("2026-11-24 23:00")
    rows = [(end - 60, code, end - 60)]
    later = [(night - 60, code, night - 60), (night - 60, tiny_facts.schools[1].code, night - 60)]
    judge = Judge(tiny_facts, Told(rows + later))
    judge.refresh(night)
    assert judge.verdicts[code].state is State.COVERED
    assert judge.verdicts[code].judged == end
    # This one came back at night: that is heard, and judged at the first bell.
    assert judge.verdicts[tiny_facts.schools[1].code].state is State.UNKNOWN


def test_what_stood_is_asked_for_once_a_night(tiny_facts: Facts) -> None:
    told, night = Told(), moment("2026-11-24 23:00")
    judge = Judge(tiny_facts, told)
    for minute in range(3):
        judge.refresh(night + minute * 60)
    end = moment("2026-11-24 17:30")
    assert [at for at, _ in told.asked].count(end) == 1


def test_a_clock_that_was_ahead_for_a_while_hides_nothing(tiny_facts: Facts, code: str) -> None:
    told = Told([(NOON, code, NOON + 86_400 * 365)])
    judge = Judge(tiny_facts, told)
    judge.refresh(NOON)
    assert judge.verdicts[code].state is State.UNKNOWN
    told.rows.append((NOON + 60, code, NOON + 60))
    judge.refresh(NOON + 60)
    assert judge.verdicts[code].state is State.COVERED


def test_one_reading_hours_ahead_hides_no_true_one_in_class_nor_after_the_last_bell(
    tiny_facts: Facts, code: str
) -> None:
    """A box whose hardware clock keeps local time: its first reading after the start is from before the clock was set."""
    end, morning = moment("2026-11-24 17:30"), moment("2026-11-24 12:00")
    minutes = [morning + 60 * minute for minute in range(int(end - morning) // 60 + 1)]
    told = Told([(at, code, at) for at in minutes] + [(morning + 30, code, morning + 30 + 8 * 3600)])
    judge = Judge(tiny_facts, told)
    for at in (*range(int(morning), int(morning) + 40 * 60, 60), end + 60, moment("2026-11-24 21:00")):
        judge.refresh(float(at))
        assert judge.verdicts[code].state is State.COVERED, at


def test_a_reading_ahead_that_was_the_last_of_the_day_leaves_what_was_heard_before(
    tiny_facts: Facts, code: str
) -> None:
    end = moment("2026-11-24 17:30")
    told = Told([(end - 90, code, end - 90), (end - 30, code, end - 30 + 8 * 3600)])
    judge = Judge(tiny_facts, told)
    judge.refresh(end - 60)
    judge.refresh(end + 60)
    assert judge.verdicts[code].state is State.COVERED
