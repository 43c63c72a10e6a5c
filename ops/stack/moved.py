"""Which cluster a stack's state is about: a state says nothing about a cluster that was made anew."""

from __future__ import annotations

from catalog.errors import UserError
from ops.stack.store import Store


def key(stack: str) -> str:
    """Where the uid of the stack's cluster is kept, beside its state."""
    return f".pulumi/huiju/clusters/{stack}"


def record(store: Store, stack: str, uid: str) -> None:
    """Note that the stack is on the cluster ``uid``."""
    if store.read(key(stack)) != uid.encode():
        store.write(key(stack), uid.encode())


def moved(store: Store, stack: str, uid: str, *, allowed: bool) -> bool:
    """Whether the cluster is another one than last time, so that everything must be looked at again.

    ``allowed`` says that this is expected: the embedded cluster was reset, or the user asked for a refresh. Otherwise it may be
    the wrong context, and `UserError` is raised before anything is written to a stranger's cluster.
    """
    before = (store.read(key(stack)) or b"").decode()
    if before in {"", uid}:
        return False
    if not allowed:
        raise UserError(
            f"stack {stack!r} was last applied to another cluster (uid {before}) than the one in use (uid {uid}). "
            "Name the right one with --kubeconfig or --context; if the cluster was made anew, add --refresh."
        )
    return True
