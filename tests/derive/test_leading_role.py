"""Of several roles the first counts that holds and leads to a tier."""

from __future__ import annotations

import pytest

from derive.leading_role import leading


@pytest.mark.parametrize(
    ("roles", "found"),
    [
        ([], None),
        ([("teacher", "one", True), ("parent", "two", True)], ("teacher", "one")),
        ([("teacher", "one", False), ("parent", "two", True)], ("parent", "two")),
        ([(None, "one", True), ("parent", "two", True)], ("parent", "two")),
        ([(None, "one", True), ("parent", "two", False)], None),
    ],
)
def test_the_first_role_that_holds_and_leads_to_a_tier_counts(
    roles: list[tuple[str | None, str, bool]], found: tuple[str, str] | None
) -> None:
    assert leading(roles) == found
