"""`huiju cdn week` on paper: what a made-up week asks of caches and links, with and without fetching ahead."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from rich.table import Column, Table

from catalog import City
from loadtests.cache_levels import EDGE, SCHOOL, SHIELD
from loadtests.replay import Link, Outcome, Replay

SEGMENTS = 1e6


def table(replay: Replay, without: Outcome, ahead: Outcome) -> Table:
    """One row a figure; lessons in bytes, links in Mbit/s with protocols."""
    city = replay.city
    days = f"{len(replay.days)} days from {min(replay.days)}"
    title = (
        f"{city.name.zh} {city.name.en}: {days}, {len(replay.shows):,} lessons shown in {len(ahead.schools)} schools"
    )
    right = [Column(name, justify="right") for name in ("fetched when asked", "fetched ahead")]
    found = Table("", *right, title=title, title_justify="left", box=None, pad_edge=False)
    for name, figure in rows(replay):
        found.add_row(name, figure(without), figure(ahead))
    return found


def rows(replay: Replay) -> Iterable[tuple[str, Callable[[Outcome], str]]]:
    """Name of a figure -> how it reads in an outcome."""
    yield "segments asked for in schools, millions", lambda one: _millions(replay, one, SCHOOL)
    for level in (SCHOOL, EDGE, SHIELD):
        yield f"hits at level {level}", partial(_hits, level)
    yield "school links in school hours, TB", lambda one: _tera(each.day_bytes for each in one.schools)
    yield "school links at night, TB", lambda one: _tera(each.night_bytes for each in one.schools)
    yield "school links over their share in school hours", lambda one: str(sum(each.over for each in one.schools))
    yield "fullest school link in school hours", lambda one: fullest(one.schools)
    yield "district links, TB", lambda one: _tera(each.day_bytes + each.night_bytes for each in one.districts)
    yield (
        "busiest district link in school hours, Mbit/s",
        lambda one: f"{max(each.day_peak for each in one.districts):,.0f}",
    )
    yield "busiest district link at night, Mbit/s", lambda one: f"{max(each.night_peak for each in one.districts):,.0f}"
    yield "read from the store, TB", lambda one: _tera([one.store_bytes])
    yield "kept from the store, of what could be", lambda one: f"{one.offload / one.optimum:.1%}"


def _hits(level: str, one: Outcome) -> str:
    return f"{one.tallies[level].ratio:.1%}"


def _millions(replay: Replay, one: Outcome, level: str) -> str:
    return f"{one.tallies[level].requests * replay.requests / SEGMENTS:.2f}"


def _tera(sizes: Iterable[int]) -> str:
    return f"{sum(sizes) / 1e12:.2f}"


def fullest(links: Iterable[Link]) -> str:
    """The largest part of what lessons may take of a link that was asked for."""
    return f"{max(each.day_peak / each.usable for each in links):.0%} of what lessons may take"


def words(city: City, without: Outcome, ahead: Outcome) -> str:
    """A week in a sentence, for the proofs."""
    over = (sum(each.over for each in one.schools) for one in (without, ahead))
    hits = (f"{one.tallies[SCHOOL].ratio:.1%}" for one in (without, ahead))
    day, night = (sum(getattr(each, name) for each in ahead.schools) / 1e12 for name in ("day_bytes", "night_bytes"))
    before = sum(each.day_bytes for each in without.schools) / 1e12
    levels = ", ".join(
        f"{level} {without.tallies[level].ratio:.1%} and {ahead.tallies[level].ratio:.1%}" for level in (EDGE, SHIELD)
    )
    return (
        f"{city.id}, {len(ahead.schools)} schools: hits in schools {' without and '.join(hits)} with fetching ahead ({levels}); "
        f"school links in school hours {before:.2f} and {day:.2f} TB, at night {night:.2f}; "
        f"links over their share {' and '.join(map(str, over))}; kept from the store {without.offload / without.optimum:.1%} and "
        f"{ahead.offload / ahead.optimum:.1%} of what could be"
    )
