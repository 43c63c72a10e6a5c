"""How a lesson that is withdrawn, or only purged, is made known to the caches: `withdrawn.json` in the bucket of lessons. Pure.

``{"lessons": [{"id": "l-...", "at": "2026-11-29T05:00:00Z", "paths": ["/lessons/l-.../...", ...]}]}``; a cache gives up the paths of each
entry that it has not heard of. Names that count up are one pattern, spelt as a shell spells it, or a lesson of 45 minutes would be three
thousand paths: ``.../{00000..00449..1}.m4s`` is every number from the first to the last by that step, in that width.

An entry with ``"kind": "purged"`` is of a lesson that stays published: what is given up may be fetched again at once. Every other one is a
withdrawal, also one of a kind that its reader does not know. Viewers never get the file: no permission to play matches its path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from catalog import City
from derive import lesson, school_cache
from derive.moments import stamp

KEY: Final = "withdrawn.json"
PURGED: Final = "purged"
"""The kind of an entry whose lesson stays published; the box's side is in the role `school_box`."""
CACHE: Final = "public, max-age=1"
"""Every connected cache hears of it within seconds."""
GRACE: Final = timedelta(days=7)
"""A box that comes back after its lessons' tokens have ended still has a week to hear of it."""

_NUMBERED: Final = re.compile(r"(.*?)(\d{1,6})(\.[A-Za-z0-9]+)")
_PATTERN: Final = re.compile(r"(.*)\{(\d{1,6})\.\.(\d{1,6})\.\.([1-9]\d{0,5})\}(.*)")
_FEW: Final = 3
"""Names that are worth a pattern."""

Entry = Mapping[str, Any]


def kept(city: City) -> timedelta:
    """How long an entry stays: longer than any token plays on, and longer than any cache serves what it cannot ask about."""
    token = timedelta(minutes=city.playback.token_minutes)
    return max(token, timedelta(seconds=school_cache.STALE_SECONDS)) + GRACE


def entries(document: object) -> list[Entry]:
    """The entries of the file's content; none of what is no such file."""
    rows = document.get("lessons") if isinstance(document, Mapping) else None
    return [row for row in rows or [] if isinstance(row, Mapping) and {"id", "at", "paths"} <= row.keys()]


def paths_of(row: Entry) -> list[str]:
    """Every path of an entry, its patterns spelt out; the box's side is in the role `school_box`."""
    return [path for each in row["paths"] for path in _spelt_out(str(each))]


def _spelt_out(each: str) -> list[str]:
    found = _PATTERN.fullmatch(each)
    if not found:
        return [each]
    before, first, last, step, after = found.groups()
    return [f"{before}{at:0{len(first)}d}{after}" for at in range(int(first), int(last) + 1, int(step))]


def folded(paths: Iterable[str]) -> list[str]:
    """These paths in order, those that count up as patterns; patterns among them stay."""
    rows, plain = dict[tuple[str, int, str], list[int]](), list[str]()
    for path in set(paths):
        if found := _NUMBERED.fullmatch(path):
            rows.setdefault((found[1], len(found[2]), found[3]), []).append(int(found[2]))
        else:
            plain.append(path)
    return sorted([*plain, *(each for key, numbers in rows.items() for each in _patterns(*key, sorted(numbers)))])


def _patterns(before: str, width: int, after: str, numbers: Sequence[int]) -> Iterator[str]:
    """The names with these numbers, in order: as long a run of one step as there is, then the next."""
    at = 0
    while at < len(numbers):
        end, step = at + 1, numbers[at + 1] - numbers[at] if at + 1 < len(numbers) else 1
        while end < len(numbers) and numbers[end] - numbers[end - 1] == step:
            end += 1
        # Of two, the second may begin a longer run.
        end = end if end - at >= _FEW else at + 1
        first, last = (f"{number:0{width}d}" for number in (numbers[at], numbers[end - 1]))
        yield f"{before}{first if end == at + 1 else f'{{{first}..{last}..{step}}}'}{after}"
        at = end


def noted(known: Sequence[Entry], lesson_id: str, keys: Iterable[str], now: datetime, keep: timedelta) -> list[Entry]:
    """The entries once this lesson, of these keys, is withdrawn at ``now`` (aware).

    What an interrupted withdrawal named already stays named: its objects may be gone from the store and still be in caches.
    """
    before = {path for row in known if row["id"] == lesson_id for path in paths_of(row)}
    entry = {"id": lesson_id, "at": stamp(now), "paths": folded({*before, *map(lesson.public_path, keys)})}
    return [*(row for row in _young(known, now - keep) if row["id"] != lesson_id), entry]


def purged(known: Sequence[Entry], lesson_id: str, keys: Iterable[str], now: datetime, keep: timedelta) -> list[Entry]:
    """The entries once these keys of a lesson are purged at ``now`` (aware). A withdrawal of it stays.

    An earlier purge stays for who has not heard of it, less what is named now: who has heard of both gives each path up once for each.
    """
    paths = set(map(lesson.public_path, keys))
    rows = [_less(row, lesson_id, paths) for row in _young(known, now - keep)]
    return [*(row for row in rows if row["paths"] or not of_purge(row)),
            {"id": lesson_id, "at": stamp(now), "kind": PURGED, "paths": folded(paths)}]  # fmt: skip


def moments(known: Iterable[Entry]) -> list[float]:
    """When the lessons of these entries were withdrawn, Unix seconds; purges, and moments that are none, left out."""
    return [moment.timestamp() for row in known if not of_purge(row) and (moment := _moment(row)) is not None]


def of_purge(row: Entry) -> bool:
    """Whether the lesson stays published."""
    return row.get("kind") == PURGED


def _less(row: Entry, lesson_id: str, paths: set[str]) -> Entry:
    """The entry, without these paths where it is an earlier purge of the lesson."""
    if row["id"] != lesson_id or not of_purge(row):
        return row
    return {**row, "paths": folded(path for path in paths_of(row) if path not in paths)}


def lifted(known: Sequence[Entry], lesson_id: str, now: datetime, keep: timedelta) -> list[Entry]:
    """The entries once this lesson is published again at ``now`` (aware): its paths are as they were, and may be kept again."""
    return [row for row in _young(known, now - keep) if row["id"] != lesson_id or of_purge(row)]


def _young(known: Sequence[Entry], oldest: datetime) -> list[Entry]:
    # Folded once more: those of a kit of before are as long as they were.
    return [{**row, "paths": folded(row["paths"])} for row in known if _since(row, oldest)]


def _since(row: Entry, oldest: datetime) -> bool:
    moment = _moment(row)
    return moment is not None and moment >= oldest


def _moment(row: Entry) -> datetime | None:
    """None for what is no moment, or one without a zone."""
    try:
        moment = datetime.fromisoformat(str(row["at"]))
    except ValueError:
        return None
    return moment if moment.tzinfo else None
