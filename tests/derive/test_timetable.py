"""School days, hours and bells, on the worked cities' own calendar and on random moments."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import City, load_named
from catalog.school import Stage
from derive import timetable
from derive.timetable import DAY, Hours

CITY: City = load_named("neijiang")
YEAR, ZONE = CITY.timetable, CITY.timezone
TZ = ZoneInfo(ZONE)
ALL = tuple(Stage)
MOMENTS = st.datetimes(datetime(2026, 8, 1), datetime(2027, 8, 1), timezones=st.sampled_from((TZ, ZoneInfo("UTC"))))


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), TZ)


@pytest.mark.parametrize(
    ("day", "weekday"),
    [
        (date(2026, 8, 31), None),
        (date(2026, 9, 1), 2),
        (date(2026, 9, 5), None),
        (date(2026, 9, 25), None),
        (date(2026, 9, 28), 1),
        (date(2027, 1, 22), 5),
        (date(2027, 1, 25), None),
    ],
    ids=["the day before term", "first day", "Saturday", "holiday", "after it", "last day", "between terms"],
)
def test_terms_weekends_and_holidays_decide_about_a_day(day: date, weekday: int | None) -> None:
    assert timetable.keeps(YEAR, day) == weekday


def test_a_make_up_day_keeps_the_weekday_that_it_follows() -> None:
    for extra in YEAR.make_up_days:
        assert extra.day.isoweekday() not in YEAR.weekdays
        assert timetable.keeps(YEAR, extra.day) == extra.follows


def test_school_days_are_those_that_keep_a_weekday() -> None:
    first, last = date(2026, 9, 14), date(2026, 9, 27)
    found = list(timetable.school_days(YEAR, first, last))
    assert found == [first + DAY * n for n in (0, 1, 2, 3, 4, 6, 7, 8, 9, 10)]
    assert list(timetable.school_days(YEAR, last, first)) == []


def test_hours_span_every_stage_of_a_school() -> None:
    primary, senior = timetable.hours(YEAR, [Stage.PRIMARY]), timetable.hours(YEAR, [Stage.SENIOR])
    both = timetable.hours(YEAR, [Stage.PRIMARY, Stage.SENIOR])
    assert both == Hours(min(primary.starts, senior.starts), max(primary.ends, senior.ends))


@pytest.mark.parametrize("stage", ALL)
def test_every_stage_has_bells(stage: Stage) -> None:
    assert stage in timetable.bells(YEAR, stage).stages


def test_school_hours_begin_with_the_arrival_and_end_before_the_departure() -> None:
    day, stages = date(2026, 9, 1), [Stage.PRIMARY]
    kept = timetable.hours(YEAR, stages)
    starts, ends = datetime.combine(day, kept.starts, TZ), datetime.combine(day, kept.ends, TZ)
    second = timedelta(seconds=1)
    moments = (starts - second, starts, ends - second, ends)
    assert [timetable.in_hours(YEAR, ZONE, each, stages) for each in moments] == [False, True, True, False]


def test_the_zone_of_the_moment_does_not_matter() -> None:
    moment = at(date(2026, 9, 1), 8, 1)
    for each in (moment, moment.astimezone(ZoneInfo("UTC")), moment.astimezone(ZoneInfo("America/New_York"))):
        assert timetable.in_hours(YEAR, ZONE, each, ALL)


def test_on_a_saturday_the_last_moment_is_friday_s_departure() -> None:
    kept = timetable.hours(YEAR, ALL)
    friday = date(2026, 9, 4)
    assert timetable.last_moment(YEAR, ZONE, at(friday + DAY, 12), ALL) == datetime.combine(friday, kept.ends, TZ)


def test_before_the_first_day_there_is_no_last_moment() -> None:
    assert timetable.last_moment(YEAR, ZONE, at(date(2026, 9, 1), 5), ALL) is None


def test_a_week_has_five_days_of_school_seconds() -> None:
    monday = date(2026, 9, 7)
    kept = timetable.hours(YEAR, ALL)
    day = (datetime.combine(monday, kept.ends) - datetime.combine(monday, kept.starts)).total_seconds()
    assert timetable.school_seconds(YEAR, ZONE, at(monday, 0), at(monday + 7 * DAY, 0), ALL) == 5 * day


def test_a_clock_put_forward_costs_an_hour() -> None:
    day = date(2027, 3, 14)  # 02:00 becomes 03:00 in New York
    extra = YEAR.make_up_days[0].model_copy(update={"day": day})
    early = YEAR.bells[0].model_copy(update={"stages": ALL, "arrival": time(1), "departure": time(4)})
    year = YEAR.model_copy(update={"make_up_days": (extra,), "bells": (early,)})
    zone = ZoneInfo("America/New_York")
    start, end = datetime.combine(day, time(0), zone), datetime.combine(day, time(6), zone)
    assert timetable.school_seconds(year, zone.key, start, end, ALL) == 2 * 3600


@given(MOMENTS)
def test_the_last_moment_is_the_moment_itself_exactly_in_school_hours(moment: datetime) -> None:
    last = timetable.last_moment(YEAR, ZONE, moment, ALL)
    assert (last == moment) >= timetable.in_hours(YEAR, ZONE, moment, ALL)
    assert last is None or last <= moment
    if last is not None:
        assert timetable.school_seconds(YEAR, ZONE, last, moment, ALL) == 0


@given(MOMENTS, MOMENTS, MOMENTS)
def test_school_seconds_add_up(one: datetime, two: datetime, three: datetime) -> None:
    start, middle, end = sorted((one, two, three))
    whole = timetable.school_seconds(YEAR, ZONE, start, end, ALL)
    parts = [timetable.school_seconds(YEAR, ZONE, a, b, ALL) for a, b in ((start, middle), (middle, end))]
    assert whole == pytest.approx(sum(parts))
    assert whole <= (end - start).total_seconds() + 1e-6
