"""From a timetable to the schools' plans in the bucket: what lessons consist of, the plans, and bringing those over that differ."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from catalog import City
from catalog.errors import UserError
from catalog.problems import Problem
from derive import lesson, lesson_media, prefetch
from derive.lesson_media import Media
from derive.prefetch import Night, Plan, Showing
from ops.cdns.rights import Rights
from ops.cdns.standing import Standing
from ops.cdns.timetable import Day
from services.entitlement import records
from services.entitlement.rules import Lesson
from services.packager.store import Bucket

FOLDER = prefetch.KEY.partition("/")[0] + "/"
ACCEPT = (
    "nothing was written: change these lines, or have `huiju cdn plan` leave out with --partial what may not be watched"
)
NOTHING = "nothing was written, and none of it may be watched: `huiju cdn cancel` takes back what is planned"
Documents = Mapping[str, Mapping[str, Any]]
"""School code -> plan, as its box reads it."""
Step = Callable[[str, int, int], None]
"""Hears the name of a step, how much of it is done, and how much there is."""


@dataclass(frozen=True)
class Written:
    """What became of the plans in the bucket."""

    new: tuple[str, ...]
    """Schools with another plan than before, or with their first."""
    same: tuple[str, ...]
    """Schools whose plan asks for what it asked for before."""
    cancelled: tuple[str, ...]
    """Schools whose earlier plan was taken back, since nothing of theirs is in the timetable."""


@dataclass(frozen=True)
class Found:
    """What of a day can be planned."""

    media: dict[str, Media]
    """What each lesson of the day consists of."""
    showings: tuple[Showing, ...]
    left_out: tuple[str, ...]
    """Lines of the timetable that nobody in the room may watch, each with the reason."""


def find(
    day: Day, lessons: Bucket, rights: Rights, step: Step, *, partial: bool = False, school: str | None = None
) -> Found:
    """What the lessons of the day consist of. Raises `UserError` with every line that cannot be fetched, or may not be watched.

    ``partial`` leaves out what may not be watched, as long as anything of ``school``, or of the day, is left.
    """
    wanted, media, known = sorted(day.lines), dict[str, Media](), dict[str, Lesson]()
    for done, each in enumerate(wanted):
        step("media", done, len(wanted))
        record = lessons.read_json(lesson.record_key(each))
        if record is None:
            day.sheet.wrong(day.lines[each], "lesson", f"{each} is not published: `huiju lesson list` shows what is")
            continue
        try:
            media[each] = lesson_media.of(record, ((key, size) for key, size, _ in lessons.objects(f"{each}/")))
            known[each] = records.facts(record)
        except (ValueError, KeyError, TypeError, AttributeError):
            day.sheet.wrong(day.lines[each], "lesson", f"{each} has no media that could be fetched: publish it again")
        except records.UnreadableError as error:
            day.sheet.wrong(
                day.lines[each], "lesson", f"{each} has a record that makes no sense ({error}): publish it again"
            )
    step("media", len(wanted), len(wanted))
    refused = rights.refused(day.showings, known)
    said = [
        Problem(day.sheet.path, line, "lesson", refused[each])
        for each, line in zip(day.showings, day.at, strict=True)
        if each in refused
    ]
    mine = {each for each in day.showings if school in {None, each.school}}
    nothing = bool(mine) and mine <= refused.keys()
    if not partial or nothing:
        day.sheet.problems += said
    day.sheet.refuse((NOTHING if nothing else ACCEPT) if said else "")
    return Found(media, tuple(each for each in day.showings if each not in refused), tuple(map(str, said)))


def refuse_late(plans: Sequence[Plan], now: datetime, timezone: str) -> None:
    """Raise `UserError` where the night is over; when it was is said in the city's ``timezone``."""
    if plans and now.timestamp() >= plans[0].not_after:
        ended = datetime.fromtimestamp(plans[0].not_after, ZoneInfo(timezone))
        raise UserError(
            f"the night for this day ended at {ended:%Y-%m-%d %H:%M}: nothing was published; give tomorrow's timetable"
        )


def publish(  # noqa: PLR0917  # in the order of the work
    night: Night, plans: Sequence[Plan], there: Documents, lessons: Bucket, made: datetime, step: Step, *, whole: bool
) -> Written:
    """Bring every plan over: interrupted, the same again does the rest.

    ``there`` are the plans in the bucket, as :func:`of_bucket` read them.
    ``whole``: the timetable is the whole city's, so a school that is not in it has its earlier plan taken back.
    """
    meant = [plan for plan in plans if not plan.why]
    gone = _gone(night, meant, there) if whole else []
    written: dict[str, bool] = {}
    for done, plan in enumerate((*meant, *gone)):
        step("plans", done, len(meant) + len(gone))
        written[plan.school] = _put(plan, there.get(plan.school), lessons, made)
    step("plans", len(written), len(written))
    codes = [plan.school for plan in meant]
    return Written(
        tuple(code for code in codes if written[code]),
        tuple(code for code in codes if not written[code]),
        tuple(plan.school for plan in gone if written[plan.school]),
    )


def take_back(  # noqa: PLR0917  # in the order of the work
    city: City, found: Sequence[Standing], there: Documents, lessons: Bucket, made: datetime, step: Step
) -> None:
    """An empty plan in the place of each of these; ``there`` as for publishing."""
    for done, each in enumerate(found):
        step("plans", done, len(found))
        _put(Night(city, each.day, {}).cancelled(each.school), there.get(each.school), lessons, made)
    step("plans", len(found), len(found))


def _put(plan: Plan, before: Mapping[str, Any] | None, lessons: Bucket, made: datetime) -> bool:
    """Bring the plan over; whether it asks for something else than the one ``before``, which lies in the bucket.

    One that asks for the same is dated anew, since its lessons are published as of ``made``: a box fetches nothing that was withdrawn since
    its plan was made, and a lesson may have been withdrawn and published again in between.
    """
    same = before is not None and before.get("version") == plan.version
    if same and not plan.items:
        return False
    body = json.dumps(plan.document(made), separators=(",", ":")).encode()
    lessons.put(prefetch.KEY.format(school=plan.school), body, prefetch.CACHE)
    return not same


def _gone(night: Night, plans: Iterable[Plan], there: Iterable[str]) -> list[Plan]:
    """An empty plan for each school that has one in the bucket and none now; those that are no school's any more stay."""
    planned = {plan.school for plan in plans}
    return [night.cancelled(code) for code in there if code in night.city.by_code and code not in planned]


def of_bucket(lessons: Bucket) -> dict[str, dict[str, Any]]:
    """School code -> its plan as it lies in the bucket."""
    found = {
        key.removeprefix(FOLDER).removesuffix(".json"): lessons.read_json(key) for key, _, _ in lessons.objects(FOLDER)
    }
    return {code: plan for code, plan in found.items() if plan is not None}
