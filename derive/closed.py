"""Rows of the matrix that nothing of the platform gives yet: what they grant is refused to everybody until a service serves it.

A fact about this code and about no city. `policies.access.points` holds it against every city's matrix, and people are told.
"""

from __future__ import annotations

from typing import Final

from catalog import names
from catalog.access import Action

_LIBRARY: Final = (Action.REMIX, Action.REVIEW)
CLOSED: Final[frozenset[tuple[str, Action]]] = frozenset(
    {
        *((names.RESOURCE_LESSON, action) for action in _LIBRARY),
        *(("course-material", action) for action in (*_LIBRARY, Action.VIEW, Action.DOWNLOAD, Action.PUBLISH)),
        *(("learning-record", action) for action in (Action.VIEW, Action.REPORT)),
        ("learning-figures", Action.REPORT),
        ("audit-log", Action.REVIEW),
    }
)
"""Class and action. The services that will serve them (row by row in the mission) bring their point of enforcement with them."""
