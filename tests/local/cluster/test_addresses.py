"""The link's addresses clash with nothing that the machine can reach."""

from __future__ import annotations

import json
from ipaddress import IPv4Network, ip_network
from typing import Any

import pytest

from catalog.errors import UserError
from local.cluster import addresses
from local.cluster.plan import Network


def test_a_free_range_is_taken_and_the_same_one_each_time() -> None:
    first = addresses.choose("clone", [])
    assert first == addresses.choose("clone", [])
    assert first.prefixlen == 30
    assert any(first.subnet_of(pool) for pool in addresses.POOLS)


def test_two_clones_take_different_ranges_even_when_they_want_the_same() -> None:
    first = addresses.choose("clone", [])
    assert addresses.choose("clone", [first]) != first


def test_a_route_over_a_whole_pool_sends_the_choice_to_the_next_pool() -> None:
    chosen = addresses.choose("clone", [IPv4Network("10.0.0.0/8")])
    assert not chosen.overlaps(IPv4Network("10.0.0.0/8"))


def test_no_free_range_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(UserError, match="--context"):
        addresses.choose("clone", [IPv4Network("0.0.0.0/0")])


def test_the_pools_leave_the_clusters_own_ranges_alone() -> None:
    network = Network("hj-x", "", "", 30)
    for pool in addresses.POOLS:
        assert not pool.overlaps(ip_network(network.pods))
        assert not pool.overlaps(ip_network(network.services))


def test_routes_are_read_with_hosts_and_without_the_default() -> None:
    routes: list[dict[str, Any]] = [{"dst": "default"}, {"dst": "192.0.2.0/24"}, {"dst": "127.0.0.1"}]
    assert addresses.taken(json.dumps(routes)) == [IPv4Network("192.0.2.0/24"), IPv4Network("127.0.0.1/32")]
    assert addresses.taken("") == []


@pytest.mark.parametrize("clone", ["a", "f2af6c09", "a-very-long-name-of-a-clone"])
def test_an_interface_name_fits_the_kernel(clone: str) -> None:
    assert len(addresses.interface(clone)) <= 15


def test_long_clone_names_do_not_share_an_interface() -> None:
    assert addresses.interface("a-very-long-name-1") != addresses.interface("a-very-long-name-2")
