"""What a run does first and last so that a killed one before it leaves no orphan and no duplicate.

Before: end what is left of the dead run, release its lock, mend the state file, drop pending operations (creating over an
unrecorded object updates it, see `ops.stack.live`), wait for deletions under way, and free Helm releases caught half-way.
During: the run refreshes first. After: what the dead run made and no state records is deleted.
"""

from __future__ import annotations

from collections.abc import Mapping

from ops.stack import checkpoint, doubt, live, lock
from ops.stack.checkpoint import Say
from ops.stack.store import Store

_SLACK = 60.0
"""Seconds by which the clocks of this machine and of the cluster may differ."""
HELM_TYPE = "kubernetes:helm.sh/v3:Release"
HALFWAY = ("pending-", "uninstall")
"""How the status of a Helm revision begins that is neither there nor gone."""


def uncertain(store: Store, stack: str, *, moved: bool = False, break_lock: bool = False) -> float | None:
    """Since when things are uncertain, as `doubt.since` gives it; nothing is changed. ``moved``: the cluster is not that of last time.

    Raises `UserError` while another run is alive.
    """
    dead = [holder.since for holder in lock.stranded(store, stack, break_lock=break_lock)]
    undated = 0.0 if moved or checkpoint.unsettled(store, stack) else None
    return doubt.earliest(doubt.since(store, stack), *dead, undated)


def prepare(
    store: Store,
    stack: str,
    environment: Mapping[str, str],
    say: Say,
    *,
    moved: bool = False,
    break_lock: bool = False,
) -> float | None:
    """Clear away what a dead run left. Returns since when things are uncertain, which stays noted until a run was good.

    Raises as `uncertain` does.
    """
    since = uncertain(store, stack, moved=moved, break_lock=break_lock)
    doubt.note(store, stack, since)
    if moved:
        say("the cluster was made anew since the last run: everything is looked at again")
    lock.release_stranded(store, stack, say, break_lock=break_lock)
    checkpoint.mend(store, stack, say)
    state = checkpoint.load(store, stack)
    if state and state.pending:
        store.write(checkpoint.key(stack), state.settled().dump())
        begun = f"{len(state.pending)} operations had begun and were not recorded as done"
        say(f"{begun}: {_some(state.pending)}; they are looked at again")
    if since is not None:
        live.await_deletions(environment, stack, say)
    # Also without a dead run: one that was interrupted, or that failed, may have left a release half-way.
    for record in stray_releases(state, environment, stack, unknown=since is not None):
        doubt.note(store, stack, 0.0)
        live.forget(record, environment)
        say(f"Helm release {record.namespace}/{record.release} was left {record.status}; it is installed over")
    return doubt.since(store, stack)


def _some(recorded: tuple[checkpoint.Recorded, ...]) -> str:
    shown = ", ".join(item.urn.rsplit("::", 1)[-1] for item in recorded[:3])
    return f"{shown}, ..." if len(recorded) > 3 else shown  # noqa: PLR2004 - as many as fit a line


def stray_releases(
    state: checkpoint.Checkpoint | None, environment: Mapping[str, str], stack: str, *, unknown: bool
) -> list[live.HelmRecord]:
    """Helm's records of the stack's revisions that were begun or taken away and never ended, and with ``unknown`` of releases that its
    state does not know.

    Helm refuses to install over them, and the engine takes one that is half taken away for an installed one. Without them, what objects
    there are stay and are adopted by the next install.
    """
    known = {item.id for item in state.objects if item.kind == HELM_TYPE} if state else set()
    return [
        record
        for record in live.helm_records(environment, stack)
        if record.status.startswith(HALFWAY) or (unknown and f"{record.namespace}/{record.release}" not in known)
    ]


def sweep(store: Store, stack: str, environment: Mapping[str, str], since: float, say: Say) -> list[live.Live]:
    """Delete what the dead run made and nobody records; returns what was deleted.

    What is older than that run was not its making: it is named, not deleted.
    """
    state = checkpoint.load(store, stack)
    recorded = {live.recorded_identity(item.kind, item.id) for item in (state.objects if state else ())}
    strays = [found for found in live.managed(environment, stack) if found.identity not in recorded]
    fresh = [stray for stray in strays if since and stray.created >= since - _SLACK]
    for stray in fresh:
        live.delete(stray, environment)
        say(f"deleted {stray}: made by the run that died, and not in the plan")
    for stray in strays:
        if stray not in fresh:
            say(f"{stray} carries the kit's label and is in no state: delete it with kubectl if it is not wanted")
    return fresh
