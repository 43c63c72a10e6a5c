"""The lab's wires are the catalog's: a namespace for each place, and the contracted rates in both directions."""

from __future__ import annotations

import pytest

from benchmarks.cdn import caches, network
from benchmarks.cdn.material import Lesson, body, size_of
from catalog import load_named

CITY = load_named("tiny")


def test_every_district_and_school_has_a_namespace_and_its_contracted_rate() -> None:
    rates = {each.child: each.mbps for each in network.links(CITY)}
    for school in CITY.schools:
        assert school.uplink
        assert rates[network.space(school.code)] == school.uplink.contracted_mbps
    for district in CITY.districts:
        assert rates[network.space(district.id)] == district.backbone_mbps
    assert len(rates) == len(CITY.schools) + len(CITY.districts)


def test_a_school_hangs_on_its_district_and_a_district_on_the_city() -> None:
    parents = {each.child: each.parent for each in network.links(CITY)}
    assert all(parents[network.space(each.code)] == network.space(each.district) for each in CITY.schools)
    assert all(parents[network.space(each.id)] == network.ROOT for each in CITY.districts)


def test_both_ends_of_a_link_have_its_rate() -> None:
    for link in network.links(CITY):
        shaped = [each for each in network.rate(link, link.mbps) if f"{int(link.mbps * 1000)}kbit" in each]
        assert [each[2] for each in shaped] == [link.parent, link.child]


def test_everything_carries_the_lab_s_name_and_no_address_is_given_twice() -> None:
    assert all(any(network.TAG in word for word in command) for command in network.lay(CITY))
    addresses = [each.address for each in network.links(CITY)]
    assert len(set(addresses)) == len(addresses)


def test_what_is_to_be_changed_in_a_file_must_be_there() -> None:
    assert caches.fitted({"a": "to /here"}, {"/here": "/there"}) == {"a": "to /there"}
    with pytest.raises(ValueError, match="/gone"):
        caches.fitted({"a": "to /here"}, {"/gone": "/there"})


def test_a_segment_s_bytes_follow_from_its_path_in_the_size_of_its_rendition() -> None:
    lesson = Lesson(CITY, "one", 2)
    rung = lesson.rung(720)
    first, second = (body(path, lesson.size(rung)) for path in lesson.paths(rung))
    assert rung.height == 720 and first != second
    assert len(first) == size_of(lesson.path(rung, 0)) == lesson.size(rung)
    assert size_of("/lessons/l-x/lesson.json") is None
