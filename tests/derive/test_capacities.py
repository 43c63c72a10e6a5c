"""Several roles are one capacity for each tier at each place; the first is what somebody is first of all."""

from __future__ import annotations

import pytest

from derive.capacities import capacities, leading

Roles = list[tuple[str | None, str, bool]]


@pytest.mark.parametrize(
    ("roles", "found"),
    [
        ([], ()),
        ([("teacher", "one", True), ("parent", "two", True)], (("teacher", "one"), ("parent", "two"))),
        ([("teacher", "one", False), ("parent", "two", True)], (("parent", "two"),)),
        ([(None, "one", True), ("parent", "two", True)], (("parent", "two"),)),
        ([(None, "one", True), ("parent", "two", False)], ()),
        ([("b", "two", True), ("a", "one", True), ("b", "two", True)], (("b", "two"), ("a", "one"))),
        ([("a", "one", False), ("b", "one", True), ("a", "one", True)], (("b", "one"), ("a", "one"))),
    ],
)
def test_each_tier_at_each_place_counts_once_in_the_order_of_the_roles(
    roles: Roles, found: tuple[tuple[str, str], ...]
) -> None:
    assert capacities(roles) == found
    assert leading(roles) == (found[0] if found else None)
