"""Since when it is uncertain what a stack's cluster holds; noted beside the state until a run has looked and was good.

What tells of a dead run (its marker, the engine's lock, operations begun) is cleared away before the run that mends things, and that
run may be cut off or fail in its turn. See docs/decisions/0274.
"""

from __future__ import annotations

from ops.stack.store import Store


def key(stack: str) -> str:
    """Where it is noted, beside the stack's state."""
    return f".pulumi/huiju/uncertain/{stack}"


def since(store: Store, stack: str) -> float | None:
    """Seconds since 1970; 0.0 when nobody knows since when; None when nothing is uncertain."""
    content = store.read(key(stack))
    return None if content is None else float(content)


def earliest(*times: float | None) -> float | None:
    """The first of ``times`` that is known, each as `since` gives it."""
    uncertain = [time for time in times if time is not None]
    return min(filter(None, uncertain), default=0.0) if uncertain else None


def note(store: Store, stack: str, time: float | None) -> None:
    """Note that things are uncertain since ``time``, unless they were before; None notes nothing."""
    before = since(store, stack)
    now = earliest(before, time)
    if now is not None and now != before:
        store.write(key(stack), repr(now).encode())


def end(store: Store, stack: str) -> None:
    """The cluster holds what the state says."""
    store.delete(key(stack))
