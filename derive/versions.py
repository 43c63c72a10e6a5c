"""Versions of objects in a bucket where none can be deleted: the first of each key is what its writer put, whatever came later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

HIDDEN = "the object was deleted and hides; its first version is still there"
COVERED = "another object was put over it; its first version is still there"


@dataclass(frozen=True)
class Versions:
    """What a listing of versions says of some keys."""

    kept: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """Key -> tag of the content and version, the newest first."""
    hidden: list[str] = field(default_factory=list)
    """Keys that a deletion hides."""

    def take(self, version: Mapping[str, Any]) -> None:
        """A row of the listing's `Versions`, as it comes: of one key the newest first."""
        self.kept.setdefault(version["Key"], []).append((version["ETag"], version["VersionId"]))

    def mark(self, marker: Mapping[str, Any]) -> None:
        """A row of its `DeleteMarkers`."""
        if marker["IsLatest"]:
            self.hidden.append(marker["Key"])

    def first(self, key: str) -> str:
        """The version that counts. Raises KeyError for what has none."""
        return self.kept[key][-1][1]

    def covered(self, key: str) -> bool:
        """Whether something else was put over it; the same once more is no harm."""
        return len({tag for tag, _ in self.kept[key]}) > 1

    def done(self) -> Iterator[tuple[str, str]]:
        """Keys with what somebody did to them: first what is hidden."""
        yield from ((key, HIDDEN) for key in self.hidden)
        yield from ((key, COVERED) for key in self.kept if self.covered(key))
