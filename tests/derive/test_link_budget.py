"""What is promised over a link: once through a box, once a room without; judged by the slower of contract and measurement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from catalog import City, load, load_named, named
from catalog.promise import LiveClass, Slot, Taking
from catalog.synthetic import write_city
from derive.link_budget import Budget, Verdict, promised, refusals, sentence
from tests.builders import changed

TOWNSHIP, NINE_YEAR, VILLAGE = "2990100005", "3990100003", "2990100006"
STREAM = (3000 + 96) * 1.07 / 1000
"""720p with its sound on a link of `tiny`, Mbit/s."""


@pytest.fixture(scope="module")
def tiny() -> City:
    return load_named("tiny")


def of(verdicts: tuple[Verdict, ...], name: str) -> Verdict:
    return next(each for each in verdicts if each.id == name)


def with_takings(city: City, **classes: int) -> City:
    """The city whose first live class has other numbers of classes, or takers."""
    first = city.live_classes[0]
    takes = tuple(
        one.model_copy(update={"classes": classes.get(f"s{one.school}", one.classes)})
        for one in first.takes
        if classes.get(f"s{one.school}") != 0
    )
    return changed(city, live_classes=(first.model_copy(update={"takes": takes}), *city.live_classes[1:]))


def budgeted(city: City, **facts: Any) -> City:
    return changed(city, link_budget=city.link_budget.model_copy(update=facts))


def test_through_a_box_thirty_rooms_cross_the_link_once(tiny: City) -> None:
    many = with_takings(tiny, s2990100005=30)
    assert of(Budget(many, {}).schools(), TOWNSHIP).needed == pytest.approx(STREAM, abs=1e-3)
    assert of(Budget(many, {}, boxes=False).schools(), TOWNSHIP).needed == pytest.approx(30 * STREAM, abs=1e-3)


def test_a_school_named_as_without_a_box_counts_its_rooms_and_others_do_not(tiny: City) -> None:
    found = Budget(budgeted(tiny, boxless=(VILLAGE,)), {}).schools()
    assert of(found, VILLAGE).streams == 2
    assert of(found, TOWNSHIP).streams == 1


def test_two_classes_at_one_bell_add_up_and_the_worst_moment_is_told(tiny: City) -> None:
    found = of(Budget(tiny, {}).schools(), NINE_YEAR)
    assert (found.weekday, f"{found.starts:%H:%M}") == (3, "09:20")
    assert found.needed == pytest.approx(2 * STREAM, abs=1e-3)


def test_a_class_is_counted_until_its_last_bell_and_not_after(tiny: City) -> None:
    first, second = tiny.live_classes
    late = second.model_copy(update={"slots": (Slot(weekday=3, period="p3"),)})
    found = of(Budget(changed(tiny, live_classes=(first, late)), {}).schools(), NINE_YEAR)
    assert found.needed == pytest.approx(STREAM, abs=1e-3)


def test_a_link_is_full_at_the_very_share_and_over_it_a_hair_above(tiny: City) -> None:
    exact = STREAM / 0.9
    for rate, fits in ((exact + 0.001, True), (exact - 0.01, False)):
        assert of(Budget(tiny, {VILLAGE: rate}).schools(), VILLAGE).fits is fits


def test_the_slower_of_contract_and_measurement_counts(tiny: City) -> None:
    assert of(Budget(tiny, {VILLAGE: 500}).schools(), VILLAGE).usable == pytest.approx(8 * 0.9)
    slow = of(Budget(tiny, {VILLAGE: 2.0}).schools(), VILLAGE)
    assert not slow.fits
    assert "of 2 Mbit/s measured (8 contracted)" in sentence(tiny, slow)


def test_what_would_fit_is_the_largest_rendition_that_does_at_every_moment(tiny: City) -> None:
    rooms = of(Budget(tiny, {}, boxes=False).schools(), TOWNSHIP)
    assert not rooms.fits
    assert rooms.largest == tiny.ladder[1].id
    assert sentence(tiny, rooms).endswith(f"promise {tiny.ladder[1].id} at most")
    # Two at once decide, although each alone would fit in the largest.
    two = of(Budget(tiny, {NINE_YEAR: 1.5 * STREAM / 0.9}).schools(), NINE_YEAR)
    assert (two.fits, two.largest) == (False, tiny.ladder[1].id)


def test_where_nothing_fits_it_says_so(tiny: City) -> None:
    hopeless = of(Budget(tiny, {VILLAGE: 0.1}).schools(), VILLAGE)
    assert hopeless.largest is None
    assert "not even the smallest rendition fits" in sentence(tiny, hopeless)


def test_a_school_without_a_link_can_be_promised_nothing(tiny: City) -> None:
    schools = tuple(s.model_copy(update={"uplink": None}) if s.code == VILLAGE else s for s in tiny.schools)
    [said] = refusals(changed(tiny, schools=schools))
    assert "no link is contracted" in said


def test_the_way_to_a_district_carries_each_rendition_once_for_all_of_its_schools(tiny: City) -> None:
    hills = of(Budget(tiny, {}).districts(), "hills")
    assert hills.streams == 1, "two schools, one rendition"
    assert of(Budget(tiny, {}, boxes=False).districts(), "hills").streams == 1, "the edge keeps it, box or no box"
    first = tiny.live_classes[0]
    takes = tuple(
        one.model_copy(update={"rendition": tiny.ladder[0].id}) if one.school == VILLAGE else one for one in first.takes
    )
    other = changed(tiny, live_classes=(first.model_copy(update={"takes": takes}),))
    assert of(Budget(other, {}).districts(), "hills").streams == 2


def test_without_servers_in_a_district_what_its_schools_read_crosses_its_link_too(tiny: City) -> None:
    """Edge and gateway are in the city then: one copy for each box, and one for each room without a box."""
    bare = tuple(d.model_copy(update={"zone": None}) if d.id == "hills" else d for d in tiny.districts)
    city = changed(tiny, districts=bare)
    for boxes in (True, False):
        budget = Budget(city, {}, boxes=boxes)
        schools = [each for each in budget.schools() if city.school(each.id).district == "hills" and each.streams]
        (moment,) = {(each.weekday, each.starts) for each in schools}
        hills = of(budget.districts(), "hills")
        assert (hills.weekday, hills.starts) == moment
        assert hills.streams == sum(each.streams for each in schools) > 1
        assert hills.needed == pytest.approx(sum(each.needed for each in schools), abs=0.01)
    no_edges = changed(tiny, services=tuple(each for each in tiny.services if each.id != "district-edge"))
    assert of(Budget(no_edges, {}).districts(), "hills").streams == 2, "a zone without an edge holds nothing"


def test_a_thin_way_to_a_district_is_refused_with_its_name(tiny: City) -> None:
    thin = tuple(d.model_copy(update={"backbone_mbps": 1.0}) if d.id == "hills" else d for d in tiny.districts)
    [said] = refusals(changed(tiny, districts=thin))
    assert said.startswith("district hills (山县)")


def test_a_school_with_no_promise_fits_and_says_so(tiny: City) -> None:
    free = of(Budget(tiny, {}).schools(), "2990100001")
    assert free.fits
    assert "no live class is promised" in sentence(tiny, free)


def test_the_worked_cities_keep_what_they_promise() -> None:
    for name in named():
        assert refusals(load_named(name)) == []


def test_a_made_up_city_keeps_what_it_promises(tmp_path: Path) -> None:
    write_city(tmp_path, 120, seed=7)
    city = load(tmp_path)
    assert city.live_classes
    assert refusals(city) == []


def test_a_live_class_of_the_models_own_making_is_read_like_one_of_the_files(tiny: City) -> None:
    live = LiveClass(
        id="one", name=tiny.name, alliance=tiny.alliances[0].id, gives=tiny.alliances[0].leading[0],
        slots=(Slot(weekday=5, period="p7"),),
        takes=(Taking(school=TOWNSHIP, classes=3, rendition=tiny.ladder[0].id),),
    )  # fmt: skip
    [stream] = Budget(changed(tiny, live_classes=(live,)), {}).streams
    assert (stream.weekday, f"{stream.starts:%H:%M}", f"{stream.ends:%H:%M}") == (5, "15:40", "16:20")
    assert [stream.on(5, moment) for moment in (stream.starts, stream.ends)] == [True, False]
    assert not stream.on(4, stream.starts)


def test_a_school_is_promised_what_the_class_says_and_of_several_classes_the_smallest(tiny: City) -> None:
    first = tiny.live_classes[0]
    small = first.takes[0].model_copy(update={"rendition": tiny.ladder[0].id})
    again = first.model_copy(update={"id": "again", "takes": (small,)})
    both = changed(tiny, live_classes=(first, again, tiny.live_classes[1]))
    all_of_first = {each.school: each.rendition for each in first.takes}
    assert promised(both, first.gives, first.id) == all_of_first
    assert promised(both, first.gives, "again") == {small.school: small.rendition}
    for order in (both, changed(both, live_classes=both.live_classes[::-1])):
        assert promised(order, first.gives) == {**all_of_first, small.school: small.rendition}
    assert promised(both, VILLAGE) == promised(both, first.gives, "no-such") == {}
