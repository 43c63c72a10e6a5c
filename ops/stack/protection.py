"""Whether a stack is protected: what its settings file asks for, and what its state says of what stands.

The two differ between a change of the file and the next `huiju up`, and a destroy goes by the state.
"""

from __future__ import annotations

from dataclasses import dataclass

from ops.stack import checkpoint, configuration, overrides, store


@dataclass(frozen=True)
class Protection:
    """What keeps a stack from being destroyed."""

    asked: bool
    """By the file: the cell `protect` of its profile's row, or the stack's own."""
    marked: bool
    """The engine refuses to destroy something of what stands, until the mark is taken off."""
    kept: bool
    """A destroy leaves what holds data in the cluster."""

    @property
    def counts(self) -> bool:
        """Whether the stack is destroyed only when it is named twice."""
        return self.asked or self.marked


def of(stack: str) -> Protection:
    """How ``stack``, which has a file, is protected. While the state cannot be read, which is mended later, the file counts."""
    asked = overrides.row(configuration.settings(stack)).protect
    try:
        state = checkpoint.load(store.open_store(), stack)
    except ValueError:
        return Protection(asked, marked=asked, kept=asked)
    resources = state.resources if state else ()
    return Protection(asked, *(any(each.get(mark) for each in resources) for mark in ("protect", "retainOnDelete")))
