"""The object store's free room, from what a kubelet says."""

from __future__ import annotations

from ops.lessons.room import left

STORE = {"podRef": {"namespace": "object-store", "name": "object-store-0"}}
NODE = {"node": {"fs": {"availableBytes": 500}}}


def test_a_volume_of_its_own_counts() -> None:
    volume = {"name": "objects", "pvcRef": {"name": "objects"}, "availableBytes": 70}
    scratch = {"name": "tmp", "availableBytes": 3}
    assert left({**NODE, "pods": [{**STORE, "volume": [scratch, volume]}]}) == 70


def test_the_fullest_of_two_volumes_counts() -> None:
    volumes = [
        {"name": name, "pvcRef": {"name": name}, "availableBytes": rest} for name, rest in (("a", 70), ("b", 30))
    ]
    assert left({**NODE, "pods": [{**STORE, "volume": volumes}]}) == 30


def test_a_folder_of_the_node_has_what_the_nodes_disk_has() -> None:
    assert left({**NODE, "pods": [{**STORE, "volume": [{"name": "tmp", "availableBytes": 3}]}]}) == 500


def test_another_services_volume_does_not_count() -> None:
    other = {"podRef": {"namespace": "other"}, "volume": [{"pvcRef": {"name": "x"}, "availableBytes": 1}]}
    assert left({**NODE, "pods": [other]}) == 500


def test_what_nobody_says_is_unknown() -> None:
    assert left({}) is None
