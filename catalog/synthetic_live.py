"""Live classes of made-up alliances: both leading schools give two lessons a week to every member that a link carries them to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from catalog.promise import LiveClass, Slot, Taking
from catalog.school import Alliance, School, Stage
from catalog.synthetic_schools import Frame
from catalog.types import Names

PERIODS: Final = {
    Stage.PRIMARY: ("p2", "p3"),
    Stage.JUNIOR: ("p6", "p7"),
    Stage.SENIOR: ("p9", "evening-1"),
    Stage.VOCATIONAL: ("p4", "p5"),
}
"""When the first and the second leading school give theirs: at no moment do two stages of one school take part in different ones."""
DAYS: Final = ((1, 3), (2, 4))
"""Weekdays of the first and of the second leading school: four live lessons a week in all, as many as the targets ask for in villages."""
GRADES: Final = {Stage.PRIMARY: 6, Stage.JUNIOR: 3, Stage.SENIOR: 3, Stage.VOCATIONAL: 3}
"""A live lesson is for one grade."""
TALLEST: Final = 720
"""Height of the largest picture that is promised, pixels: enough to read a blackboard."""
SHARE: Final = 0.5
"""Part of what may be planned of a link that a live lesson takes at most: recorded ones play beside it."""


def live_classes(city: Frame, schools: Sequence[School], alliances: Sequence[Alliance]) -> Iterator[LiveClass]:
    """One row for each leading school of each alliance."""
    by_code = {school.code: school for school in schools}
    for alliance in alliances:
        for turn, code in enumerate(alliance.leading):
            takes = tuple(_takings(city, alliance, code, by_code))
            if takes:
                number = turn + 1
                yield LiveClass(
                    id=f"{alliance.id}-live-{number}",
                    name=Names(zh=f"{alliance.name.zh}同步课堂{number}", en=f"{alliance.name.en} Live {number}"),
                    alliance=alliance.id,
                    gives=code,
                    slots=tuple(Slot(weekday=day, period=PERIODS[alliance.stage][turn]) for day in DAYS[turn]),
                    takes=takes,
                )


def _takings(city: Frame, alliance: Alliance, gives: str, by_code: dict[str, School]) -> Iterator[Taking]:
    for _, code in alliance.members:
        school = by_code[code]
        rendition = _rendition(city, school.uplink.contracted_mbps) if school.uplink and code != gives else None
        if rendition:
            classes = max(1, round(school.classes / len(school.stages) / GRADES[alliance.stage]))
            yield Taking(school=code, classes=classes, rendition=rendition)


def _rendition(city: Frame, mbps: float) -> str | None:
    """The largest rendition that so thin a link is promised; None where it carries not even the smallest."""
    room = mbps * city.budget.planned_share * SHARE
    fitting = [
        rung
        for rung in city.ladder
        if rung.height <= TALLEST and city.budget.link_mbps(rung.video_kbps + city.audio_kbps) <= room
    ]
    return fitting[-1].id if fitting else None
