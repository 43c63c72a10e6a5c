"""What somebody is who has several roles in the register: the first that holds and leads to a tier, main ones before others. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def leading(roles: Iterable[tuple[str | None, str, bool]]) -> tuple[str, str] | None:
    """Tier and place of it; ``roles`` in their order, each with its tier (None: none follows), its place and whether it holds."""
    return next(((tier, place) for tier, place, holds in roles if holds and tier), None)
