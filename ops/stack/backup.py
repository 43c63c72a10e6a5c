"""Copies of the state from before each run: a few, compressed, oldest dropped first; the engine's own copies are bounded too."""

from __future__ import annotations

import gzip
import time

from ops.stack import checkpoint
from ops.stack.store import Store

KEEP = 20
"""Copies kept per stack: about a month of working days with one change a day."""


def take(store: Store, stack: str) -> str | None:
    """Copy the present state; the copy's name, or None when nothing is there or the newest copy equals it."""
    content = store.read(checkpoint.key(stack))
    if content is None:
        return None
    newest = latest(store, stack)
    if newest and gzip.decompress(store.read(newest) or gzip.compress(b"")) == content:
        return None
    name = f"{checkpoint.backups(stack)}/{time.time_ns()}.json.gz"
    store.write(name, gzip.compress(content, compresslevel=1, mtime=0))
    prune(store, stack)
    return name


def all_of(store: Store, stack: str) -> list[str]:
    """Every copy, oldest first."""
    return [name for name in store.names(checkpoint.backups(stack)) if name.endswith(".json.gz")]


def latest(store: Store, stack: str) -> str | None:
    """The newest copy's name."""
    return next(iter(reversed(all_of(store, stack))), None)


def restore(store: Store, stack: str, name: str) -> None:
    """Put the copy called ``name`` in the state's place."""
    content = gzip.decompress(store.read(name) or b"")
    checkpoint.parse(content)
    store.write(checkpoint.key(stack), content)


def forget(store: Store, stack: str) -> None:
    """Drop every copy, the engine's own included: after a new passphrase they would open with the old one."""
    folders = (
        checkpoint.backups(stack),
        *(f".pulumi/{kind}/{checkpoint.PROJECT}/{stack}" for kind in ("backups", "history")),
    )
    for name in (name for folder in folders for name in store.names(folder)):
        store.delete(name)
    store.delete(f"{checkpoint.key(stack)}.bak")


def prune(store: Store, stack: str) -> None:
    """Drop all but the newest copies; the engine keeps two files per update for ever, of which as many are kept."""
    for name in all_of(store, stack)[:-KEEP]:
        store.delete(name)
    for name in store.names(f".pulumi/history/{checkpoint.PROJECT}/{stack}")[: -2 * KEEP]:
        store.delete(name)
        store.delete(f"{name}.attrs")
