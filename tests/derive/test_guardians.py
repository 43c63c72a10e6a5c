"""Who may agree about a pupil, by the words that a register has for them; the same in SQL stands in tests/ops/rosters/test_relatives.py."""

from __future__ import annotations

import pytest

from catalog.roster import RosterRole
from derive.guardians import may_agree

BY = ("parent", "guardian")


@pytest.mark.parametrize("roles", [("parent",), ["guardian"], ("guardian", "parent"), {RosterRole.PARENT}])
def test_a_parent_or_a_guardian_may(roles: tuple[str, ...]) -> None:
    assert may_agree(roles, BY)
    assert may_agree(roles, (RosterRole.PARENT, RosterRole.GUARDIAN))


@pytest.mark.parametrize(
    "roles", [(), ("relative",), ("parent", "relative"), ("guardian", "parent", "relative"), ("Parent",), ("",)]
)
def test_nobody_else_may_nor_who_is_something_else_besides(roles: tuple[str, ...]) -> None:
    assert not may_agree(roles, BY)
    assert not may_agree(roles, ())
