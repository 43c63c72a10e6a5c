"""What somebody is who has several roles in the register: each tier at each place once, main roles before others. Pure.

A sign-in begins as the first of them; whoever signed in may choose another.
"""

from __future__ import annotations

from collections.abc import Iterable

Said = Iterable[tuple[str | None, str, bool]]
"""Roles in their order, each with its tier (None: none follows), its place and whether it holds."""


def capacities(roles: Said) -> tuple[tuple[str, str], ...]:
    """Tier and place of every role that holds and leads to a tier, in the order of ``roles`` and none twice."""
    return tuple(dict.fromkeys((tier, place) for tier, place, holds in roles if holds and tier))


def leading(roles: Said) -> tuple[str, str] | None:
    """The first of them; None: they are nothing."""
    return next(iter(capacities(roles)), None)
