"""What may be shown in a school: asked of the compiled tables at both bells, for pupil and teacher, with what to type about a no."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from catalog import City, load_named
from catalog.access import Licence
from catalog.errors import UserError
from derive.prefetch import Showing
from ops.cdns.rights import Rights
from ops.lessons import library
from services.entitlement.rules import Lesson
from tests.builders import changed

LESSON = "l-" + "a" * 16
LEADING, NODE, VILLAGE, COUNTY = "2990100001", "3990100003", "2990100006", "3990100004"
PUBLISHED, BELL = datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 11, 30, 1, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def tiny() -> City:
    return load_named("tiny")


def lesson(licence: str, owner: str = LEADING, published: datetime = PUBLISHED) -> Lesson:
    return Lesson(LESSON, owner, licence, published, f"{LESSON}/h/master.m3u8")


def why(city: City, what: Lesson, school: str, bell: datetime = BELL, stack: str = "local") -> str:
    """Why it is refused; empty where it is not."""
    starts = int(bell.timestamp())
    showing = Showing(school, LESSON, starts, 1, starts + 40 * 60)
    return Rights.of(city, stack).refused([showing], {LESSON: what}).get(showing, "")


def limited(city: City, licence: str, **values: Any) -> City:
    """The city with other terms in one licence."""

    def other(each: Licence) -> Licence:
        return each.model_copy(update=values) if each.id == licence else each

    return changed(city, licences=tuple(map(other, city.licences)))


def test_a_lesson_that_is_for_its_own_school_is_shown_there_and_nowhere_else(tiny: City) -> None:
    assert not why(tiny, lesson("own-school"), LEADING)
    said = why(tiny, lesson("own-school"), VILLAGE)
    assert said.startswith(
        f"{LESSON} may not be watched in {VILLAGE} (云岭村小学) then: Under its terms, “In its own school only”"
    )
    assert "按“仅限本校”条款" in said
    assert said.endswith(
        f"`huiju access explain {LESSON} --tier teacher --school {VILLAGE} --at 2026-11-30T09:20` says more"
    )
    assert "--at 2026-11-30T09:20 --stack prod` says" in why(tiny, lesson("own-school"), VILLAGE, stack="prod")


def test_an_alliance_opens_a_lesson_and_outside_of_any_it_is_refused(tiny: City) -> None:
    """A teacher of the alliance may, which is enough: pupils reach no further than their school."""
    assert not why(tiny, lesson("school-year"), VILLAGE)
    said = why(tiny, lesson("school-year", COUNTY), VILLAGE)
    assert "no alliance and no agreement opens them" in said
    assert "没有联盟或协议开放它们" in said


def test_an_agreement_opens_a_lesson_while_it_is_in_force(tiny: City) -> None:
    apart = changed(tiny, alliances=())
    assert not why(apart, lesson("school-year"), NODE)
    late = why(apart, lesson("school-year"), NODE, datetime(2027, 8, 31, 1, tzinfo=UTC))
    assert "The agreement “Shared course package”, which opened lessons of" in late
    assert "已于 2027-08-01 前到期" in late


def test_a_pupil_who_may_is_enough_where_no_teacher_may(tiny: City) -> None:
    assert not why(limited(tiny, "own-school", tiers=("student",)), lesson("own-school"), LEADING)
    said = why(limited(tiny, "own-school", tiers=("parent",)), lesson("own-school"), LEADING)
    assert "is not for accounts of the kind “Teacher”" in said


def test_two_reasons_are_both_said(tiny: City) -> None:
    """The licence is not for teachers, and reaches no pupil there."""
    said = why(limited(tiny, "own-school", tiers=("student",)), lesson("own-school"), VILLAGE)
    assert "is not for accounts of the kind “Teacher”" in said
    assert "is played in the school that gave it only" in said


def test_a_licence_counts_when_class_begins_and_until_it_ends(tiny: City) -> None:
    """365 days from publication: over in the middle of a class, at the last bell, and just before the first."""
    year = timedelta(days=365)
    bought = {
        minutes: lesson("school-year", VILLAGE, BELL - year + timedelta(minutes=minutes)) for minutes in (0, 39, 40)
    }
    assert not why(tiny, bought[40], VILLAGE)
    assert "ended for this lesson on 2026-11-30" in why(tiny, bought[39], VILLAGE)
    assert "--at 2026-11-30T09:59:59`" in why(tiny, bought[39], VILLAGE), "when it is not over yet at the first bell"
    assert "--at 2026-11-30T09:20`" in why(tiny, bought[0], VILLAGE)


def test_paid_seats_count_as_held_and_the_window_of_such_a_licence_as_ever(tiny: City) -> None:
    assert not why(tiny, lesson("bought-course"), VILLAGE)
    assert "begin for this lesson on 2026-09-01" in why(
        tiny, lesson("bought-course"), VILLAGE, PUBLISHED - timedelta(days=2)
    )
    late = datetime(2027, 8, 1, 1, 20, tzinfo=UTC)
    assert "期限已于 2027-08-01 届满" in why(tiny, lesson("bought-course"), VILLAGE, late)


def test_what_everybody_may_watch_may_be_shown_anywhere(tiny: City) -> None:
    for school in tiny.by_code:
        assert not why(tiny, lesson("open-sharing", COUNTY), school)


@pytest.mark.parametrize(
    ("licence", "school", "now", "refused"),
    [
        ("own-school", None, BELL, ""),
        ("own-school", LEADING, BELL, ""),
        ("own-school", VILLAGE, BELL, f"in {VILLAGE} (云岭村小学), so no cache needs it: Under its terms"),
        ("bought-course", VILLAGE, datetime(2026, 8, 1, tzinfo=UTC), ""),
        ("bought-course", None, datetime(2027, 8, 1, tzinfo=UTC), "by anybody, so no cache needs it: The terms “Bought"),
        ("gone", None, BELL, "are not known"),
    ],
)  # fmt: skip
def test_caches_are_not_filled_with_what_nobody_there_may_ever_watch(
    tiny: City, licence: str, school: str | None, now: datetime, refused: str
) -> None:
    record = {
        "id": LESSON, "school": {"code": LEADING}, "licence": {"id": licence}, "published": "2026-07-01T00:00:00Z",
        "master": f"{LESSON}/h/master.m3u8",
    }  # fmt: skip
    rights = Rights.of(tiny, "local")
    if not refused:
        rights.refuse(library.facts(record, LESSON), school, now)
        return
    with pytest.raises(UserError) as said:
        rights.refuse(library.facts(record, LESSON), school, now)
    assert refused in str(said.value)


def test_a_partner_s_lessons_may_be_held_though_no_school_watches_them(tiny: City) -> None:
    city = limited(tiny, "open-sharing", tiers=("university-partner",))
    record = {
        "id": LESSON, "school": {"code": LEADING}, "licence": {"id": "open-sharing"}, "master": f"{LESSON}/h/master.m3u8",
        "published": "2026-07-01T00:00:00Z",
    }  # fmt: skip
    Rights.of(city, "local").refuse(library.facts(record, LESSON), None, BELL)
    with pytest.raises(UserError, match="by anybody"):
        Rights.of(city, "local").refuse(library.facts(record, LESSON), None, datetime(2028, 1, 1, tzinfo=UTC))
