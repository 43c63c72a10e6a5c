"""Which cluster a run goes to, from the options and the stack's file; and that it is the one the stack is on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from catalog.errors import UserError
from ops.stack import checkpoint, configuration, doubt, live, lock, moved, store
from ops.stack.target import Target, of_settings


def place(stack: str, named: Target | None) -> Target | None:
    """The cluster of a run: the named one, else the one that the stack's file names; None: the embedded one, still to be started.

    A file that the kit wrote counts only while something of the stack is there: afterwards the stack is free to go anywhere.
    Raises `UserError` when a file of the user's own says another place than the options: the engine would obey the file.
    """
    settings = configuration.settings(stack) if configuration.file(stack).exists() else {}
    if not configuration.generated(stack):
        return _agreed(stack, named, settings) if named else of_settings(settings)
    if named is None and settings and holds_anything(stack):
        return of_settings(settings)
    return named


def _agreed(stack: str, named: Target, settings: Mapping[str, Any]) -> Target:
    """``named``, completed and not contradicted by the user's file."""
    own, whole = of_settings(settings), replace(named, context=named.context or settings.get("context"))
    if settings.get("kubeconfig"):
        clash = (own.kubeconfig.resolve(), own.context) != (whole.kubeconfig.resolve(), whole.context)
    else:
        clash = settings.get("context") not in {None, whole.context}
    if clash:
        raise UserError(
            f"{configuration.file(stack).name} is your own file and names {own}, not {whole}: leave the options out, or change "
            f"huiju:kubeconfig and huiju:context in it (`pulumi config set huiju:context NAME --stack {stack}`)"
        )
    return whole


def holds_anything(stack: str) -> bool:
    """Whether anything of the stack may be in its cluster: recorded objects, a run cut off, or a state that cannot be read."""
    backend = store.open_store()
    if checkpoint.unsettled(backend, stack) or doubt.since(backend, stack) is not None or lock.holders(backend, stack):
        return True
    state = checkpoint.load(backend, stack)
    return bool(state and state.objects)


def refuse_strangers(stack: str, environment: Mapping[str, str], *, allowed: bool) -> bool:
    """Whether the cluster is another one than what is there of the stack was made in; where nothing is, any cluster will do.

    Raises `UserError` when it does not answer, or is another one and that is not ``allowed`` (see `moved.moved`).
    """
    live.require(environment)
    uid = live.cluster_uid(environment)
    return holds_anything(stack) and moved.moved(store.open_store(), stack, uid, allowed=allowed)
