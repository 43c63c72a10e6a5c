"""What the checks see: the valid rows of a catalog, and the ids of every row, valid or not.

With a sound catalog this is the whole city. With an unsound one it is what is left, so that all problems are found in one go
and a row that has a typing mistake does not make every reference to it look dangling as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """One problem: the row it is in, the path inside the row, and where the same thing stood first (a row's index), if it did."""

    section: str
    index: int
    path: tuple[str | int, ...]
    message: str
    first: int | None = None


@dataclass(frozen=True)
class Facts:
    """Valid rows by section and index; ids of all rows; single values."""

    rows: dict[str, dict[int, Any]] = field(default_factory=dict)
    ids: dict[str, dict[int, str]] = field(default_factory=dict)
    single: dict[str, Any] = field(default_factory=dict)

    def of(self, section: str) -> dict[int, Any]:
        """Valid rows of ``section`` by index."""
        return self.rows.get(section, {})

    def declared(self, section: str) -> set[str]:
        """Every id that ``section`` declares."""
        return set(self.ids.get(section, {}).values())
