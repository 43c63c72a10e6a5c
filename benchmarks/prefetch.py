"""What does fetching ahead spare the schools' links: a week of lessons of the whole city, replayed with and without it?

Five weeks, each of another seed, of the same timetable; both replays of a week show the same lessons in the same renditions, so they
differ only in when the bytes cross the links. Links are over their share where one minute of school hours asks more of them than
lessons may take. CPU seconds are those of the replay itself; the nights' plans, which both replays read, are made before.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from benchmarks.report import row
from catalog import load_named
from loadtests import lesson_week
from loadtests.cache_levels import SCHOOL
from loadtests.replay import Outcome, Replay

TITLE = "Fetching lessons ahead"
CITY, WEEKS = "neijiang", 5
TERABYTE = 1e12


def run() -> list[dict[str, Any]]:
    """Four rows with and four without. RuntimeError where the two showed different lessons."""
    city = load_named(CITY)
    outcomes: dict[bool, list[Outcome]] = {False: [], True: []}
    spent: dict[bool, list[float]] = {False: [], True: []}
    for seed in range(1, WEEKS + 1):
        replay = Replay(city, lesson_week.shows(city, lesson_week.first_monday(city), seed))
        replay.nights  # noqa: B018  # planned once for both, and kept
        for ahead, found in outcomes.items():
            begun = time.process_time()
            found.append(replay.run(ahead=ahead))
            spent[ahead].append(time.process_time() - begun)
        shown = {each[-1].tallies[SCHOOL].bytes for each in outcomes.values()}
        if len(shown) > 1:
            raise RuntimeError(f"week {seed}: the two replays showed different bytes: {shown}")
    return [each for ahead, found in outcomes.items() for each in _rows(ahead, found, spent[ahead])]


def _rows(ahead: bool, found: Sequence[Outcome], spent: Sequence[float]) -> list[dict[str, Any]]:
    name, links = "fetched ahead" if ahead else "fetched when asked", len(found[0].schools)
    hits = [100 * each.tallies[SCHOOL].ratio for each in found]
    day = [sum(link.day_bytes for link in each.schools) / TERABYTE for each in found]
    night = [sum(link.night_bytes for link in each.schools) / TERABYTE for each in found]
    over = [sum(link.over for link in each.schools) for each in found]
    return [
        row(f"{name}: answered by the school's own cache", hits, "%"),
        row(f"{name}: over schools' links in school hours", day, "TB"),
        row(f"{name}: over schools' links at night", night, "TB"),
        row(f"{name}: links over their share", over, "links", f"of {links}", cpu_seconds=sum(spent) / len(spent)),
    ]
