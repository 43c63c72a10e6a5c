"""A week replayed: what is fetched ahead is not fetched again, links keep to their shares, and the sums are those of the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta

import pytest

from catalog import City, load_named
from loadtests import lesson_week
from loadtests.cache_levels import EDGE, GIB, SCHOOL, SHIELD, STORE, Cache, Levels, Sizes
from loadtests.lesson_week import Show
from loadtests.replay import Replay
from ops.cdns import week_table
from tests.builders import changed

VILLAGE, TOWNSHIP, URBAN = "2990100006", "2990100005", "2990100001"
ALL = Sizes(box=10_000, edge=100_000, shield=100_000)
"""Caches that forget nothing."""


@pytest.fixture(scope="module")
def tiny() -> City:
    return load_named("tiny")


@pytest.fixture(scope="module")
def week(tiny: City) -> Replay:
    return Replay(tiny, lesson_week.shows(tiny, lesson_week.first_monday(tiny), 1))


def show(city: City, school: str, lesson: str, starts: int = 600, *, live: bool = False, classes: int = 1) -> Show:
    day = lesson_week.first_monday(city)
    return Show(day, starts, 2, school, lesson, classes, city.ladder[0].id if live else None)


def test_the_week_is_whole_and_every_class_with_a_link_shows_a_lesson_a_day(tiny: City, week: Replay) -> None:
    assert len(week.days) == 5
    shown = Counter(show.school for show in week.shows if show.rendition is None)
    assert shown == {
        school.code: 5 * len(school.stages) * (school.classes // len(school.stages)) for school in tiny.schools
    }


def test_the_same_seed_makes_the_same_week_and_another_another(tiny: City) -> None:
    monday = lesson_week.first_monday(tiny)
    assert (
        lesson_week.shows(tiny, monday, 1) == lesson_week.shows(tiny, monday, 1) != lesson_week.shows(tiny, monday, 2)
    )


def test_live_classes_are_those_of_the_catalog(tiny: City, week: Replay) -> None:
    live = [show for show in week.shows if show.rendition]
    assert len(live) == sum(len(each.slots) * len(each.takes) for each in tiny.live_classes)
    assert all(show.minutes == 40 for show in live)


def test_a_school_without_a_link_shows_nothing(tiny: City) -> None:
    schools = tuple(s.model_copy(update={"uplink": None}) if s.code == VILLAGE else s for s in tiny.schools)
    live = (tiny.live_classes[1],)
    city = changed(tiny, schools=schools, live_classes=live)
    assert VILLAGE not in {show.school for show in lesson_week.shows(city, lesson_week.first_monday(city), 1)}


def test_a_cache_lets_go_of_what_was_asked_for_longest_ago() -> None:
    cache = Cache(2)
    one, two, three = (("l", "r", minute) for minute in range(3))
    assert [cache.has(piece, 1) for piece in (one, two, one, three, one, two)] == [
        False, False, True, False, True, False,
    ]  # fmt: skip
    assert cache.used == 2


def test_rooms_at_once_are_one_read_behind_a_box_and_as_many_without(tiny: City) -> None:
    boxless = changed(tiny, link_budget=tiny.link_budget.model_copy(update={"boxless": (VILLAGE,)}))
    for city, reads in ((tiny, 1), (boxless, 4)):
        outcome = Replay(city, (show(city, VILLAGE, "live/x", live=True, classes=4),)).run(ahead=False)
        tally, size = outcome.tallies[SCHOOL], Replay(city, ()).sizes[city.ladder[0].id]
        assert (tally.requests, tally.hits) == (8, 8 - 2 * reads)
        assert sum(link.day_bytes for link in outcome.schools) == 2 * reads * size
        assert outcome.store_bytes == 2 * size, "the edge reads it once"


def test_each_level_is_asked_only_for_what_the_one_before_lacks(tiny: City) -> None:
    # Two schools of one district, and one of another.
    shows = tuple(show(tiny, school, "live/x", live=True) for school in (VILLAGE, TOWNSHIP, URBAN))
    outcome = Replay(tiny, shows).run(ahead=False)
    assert {name: (tally.requests, tally.hits) for name, tally in outcome.tallies.items()} == {
        SCHOOL: (6, 0), EDGE: (6, 2), SHIELD: (4, 2),
    }  # fmt: skip


@pytest.mark.parametrize(("zone", "copies"), [("hills", 1), (None, 2)], ids=["edge and gateway there", "in the city"])
def test_two_boxes_that_read_the_same_cross_their_district_s_link_once_only_with_an_edge_there(
    tiny: City, zone: str | None, copies: int
) -> None:
    districts = tuple(each.model_copy(update={"zone": zone}) if each.id == "hills" else each for each in tiny.districts)
    levels = Levels(changed(tiny, districts=districts), ALL)
    for school in (VILLAGE, TOWNSHIP):
        levels.ask(school, ("l", "v", 0), 100)
    levels.close_minute()
    assert (levels.totals[VILLAGE], levels.totals[TOWNSHIP]) == (100, 100)
    assert (levels.totals["hills"], levels.totals[STORE]) == (copies * 100, 100)


def test_what_crosses_a_link_in_a_minute_is_its_peak(tiny: City) -> None:
    levels = Levels(tiny)
    levels.ask(VILLAGE, ("a", "r", 0), 600)
    levels.ask(VILLAGE, ("b", "r", 0), 900)
    levels.close_minute()
    levels.ask(VILLAGE, ("c", "r", 0), 100)
    levels.close_minute()
    assert (levels.peaks[VILLAGE], levels.totals[VILLAGE], levels.totals[STORE]) == (1500, 1600, 1600)
    assert levels.mbps({VILLAGE: 7_500_000}, VILLAGE) == pytest.approx(1.07)


def test_with_fetching_ahead_only_live_classes_cross_the_links_in_school_hours(week: Replay) -> None:
    outcome = week.run(ahead=True, sizes=ALL)
    assert outcome.left_out == 0
    live = sum(week.sizes[show.rendition] * show.minutes for show in week.shows if show.rendition)
    assert sum(link.day_bytes for link in outcome.schools) == live
    assert sum(link.night_bytes for link in outcome.schools) > 0


def test_both_replays_carry_the_same_bytes_and_differ_only_in_when(week: Replay) -> None:
    without, ahead = (week.run(ahead=ahead, sizes=ALL) for ahead in (False, True))
    for one, other in zip(without.schools, ahead.schools, strict=True):
        assert one.day_bytes == other.day_bytes + other.night_bytes
        assert one.night_bytes == 0
    assert without.store_bytes == ahead.store_bytes == without.least_bytes
    assert without.tallies[SCHOOL].bytes == ahead.tallies[SCHOOL].bytes


def test_nights_keep_to_the_share_of_every_link(tiny: City, week: Replay) -> None:
    outcome = week.run(ahead=True)
    share = tiny.link_budget.prefetch_share
    for link in outcome.schools:
        uplink = tiny.school(link.name).uplink
        # What was saved up towards a whole piece may pass in one minute.
        piece = tiny.link_budget.link_mbps(max(week.sizes.values()) * 8 / 1000 / 60)
        assert uplink
        assert link.night_peak <= uplink.contracted_mbps * share + piece
    for link in outcome.districts:
        assert link.night_peak <= tiny.district(link.name).backbone_mbps * share + len(tiny.schools) * piece


def test_small_caches_read_more_of_the_store_and_never_less_than_must_be(week: Replay) -> None:
    small, large = (week.run(ahead=True, sizes=Sizes(edge=size, shield=size)) for size in (1, 1000))
    assert small.store_bytes > large.store_bytes >= large.least_bytes
    assert small.offload < large.offload <= large.optimum


def test_a_box_of_a_gibibyte_loses_its_night_before_the_morning(week: Replay) -> None:
    lost, kept = (week.run(ahead=True, sizes=Sizes(box=size)) for size in (1, 20))
    assert kept.tallies[SCHOOL].ratio > lost.tallies[SCHOOL].ratio
    assert week.run(ahead=True).schools == kept.schools
    assert GIB == 1 << 30


@pytest.mark.proof
def test_a_week_of_the_whole_city(campaign: Callable[[int, int], int], proof: Callable[[str, str], None]) -> None:
    city = load_named("neijiang")
    monday = lesson_week.first_monday(city)
    last = monday + timedelta(days=campaign(1, 7))
    replay = Replay(city, tuple(show for show in lesson_week.shows(city, monday, 1) if show.day < last))
    without, ahead = replay.run(ahead=False), replay.run(ahead=True)
    assert sum(link.over for link in without.schools) > 0
    assert sum(link.over for link in ahead.schools) == 0
    live = sum(replay.sizes[show.rendition] * show.minutes for show in replay.shows if show.rendition)
    assert sum(link.day_bytes for link in ahead.schools) == live
    share = city.link_budget.prefetch_share
    assert all(link.night_peak <= city.district(link.name).backbone_mbps * share * 1.01 for link in ahead.districts)
    proof(f"video CDN: {len(replay.days)} days of lessons replayed", week_table.words(city, without, ahead))
    if campaign(0, 1):
        # What edge and shield would have to hold, so that the store is read once an object.
        roomy = replay.run(ahead=True, sizes=Sizes(edge=500, shield=4_000))
        assert roomy.offload / roomy.optimum > 0.99
        proof("video CDN: the same with edges of 500 and a shield of 4,000 GiB", week_table.words(city, without, roomy))
