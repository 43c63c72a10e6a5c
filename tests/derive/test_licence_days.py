"""When a licence closes for a lesson, as people are told: the moment at which the compiled tables begin to refuse."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from catalog import load_named
from catalog.access import Licence, Window
from derive import cells, licence_days
from policies.access import document

PUBLISHED = datetime(2026, 10, 1, 2, 30, tzinfo=UTC)
CITY = load_named("tiny")
PLAIN = next(row for row in CITY.licences if row.window is None and row.window_days is None)
WINDOW = Window(starts=date(2026, 9, 1), ends=date(2026, 10, 20), timezone="Asia/Shanghai")
ELSEWHERE = WINDOW.model_copy(update={"timezone": "Pacific/Kiritimati"})
"""Its days are over six hours before the city's."""


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({}, None),
        ({"window_days": 30}, PUBLISHED + timedelta(days=30)),
        ({"window": WINDOW}, datetime(2026, 10, 20, 16, tzinfo=UTC)),
        ({"window": ELSEWHERE}, datetime(2026, 10, 20, 10, tzinfo=UTC)),
        ({"window": WINDOW, "window_days": 3}, PUBLISHED + timedelta(days=3)),
        ({"window": WINDOW, "window_days": 300}, datetime(2026, 10, 20, 16, tzinfo=UTC)),
    ],
)
def test_a_licence_closes_with_its_days_and_with_its_window(changes: dict[str, object], end: datetime | None) -> None:
    licence = PLAIN.model_copy(update=changes)
    assert licence_days.closes(licence, PUBLISHED) == end
    if end:
        assert not licence_days.closed(licence, PUBLISHED, end - timedelta(seconds=1))
        assert licence_days.closed(licence, PUBLISHED, end)


def test_a_licence_that_is_not_the_city_s_holds_for_nothing() -> None:
    assert licence_days.closed(None, PUBLISHED, PUBLISHED)


FOREIGN = PLAIN.model_copy(update={"id": "agreed-elsewhere", "window": ELSEWHERE})


@pytest.mark.parametrize("licence", [*CITY.licences, *load_named("neijiang").licences, FOREIGN], ids=lambda row: row.id)
def test_people_are_told_the_moment_at_which_tokens_end(licence: Licence) -> None:
    decided = cells.terms(document.document(CITY.model_copy(update={"licences": (licence,)}))["licences"][licence.id])
    over = decided.over(int(PUBLISHED.timestamp()))
    told = licence_days.closes(licence, PUBLISHED)
    assert (told is None) == (over >= cells.ENDLESS)
    assert told is None or int(told.timestamp()) == over
