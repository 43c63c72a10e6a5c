"""A stack's state file: what it records, whether it is whole, and which older copy replaces it when it is not."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from catalog.errors import UserError
from ops.stack.store import Store

PROJECT = "huiju"
Say = Callable[[str], None]
"""Takes one line for the user."""


@dataclass(frozen=True)
class Recorded:
    """One Kubernetes object as the state has it."""

    urn: str
    kind: str
    """Pulumi type, such as `kubernetes:core/v1:ConfigMap`."""
    id: str
    """`namespace/name`, or `name` where there is no namespace."""


@dataclass(frozen=True)
class Checkpoint:
    """A parsed state file."""

    document: dict[str, Any]

    @property
    def _latest(self) -> dict[str, Any]:
        return self.document["checkpoint"].get("latest") or {}

    @property
    def resources(self) -> tuple[dict[str, Any], ...]:
        """Everything recorded, components and providers included."""
        return tuple(self._latest.get("resources") or ())

    @property
    def objects(self) -> tuple[Recorded, ...]:
        """What lives in the cluster."""
        return tuple(
            Recorded(item["urn"], item["type"], item.get("id", ""))
            for item in self.resources
            if item["type"].startswith("kubernetes:") and item.get("custom")
        )

    @property
    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        roots = (item for item in self.resources if item["type"] == "pulumi:pulumi:Stack")
        return next((item.get("outputs") or {} for item in roots), {})

    @property
    def pending(self) -> tuple[Recorded, ...]:
        """What the engine had begun and not recorded as done."""
        operations = self._latest.get("pending_operations") or ()
        named = [(item["resource"], item["resource"].get("inputs", {}).get("metadata", {})) for item in operations]
        return tuple(Recorded(each["urn"], each["type"], _identity(metadata)) for each, metadata in named)

    def settled(self) -> Checkpoint:
        """The same without pending operations."""
        latest = {key: value for key, value in self._latest.items() if key != "pending_operations"}
        return Checkpoint({**self.document, "checkpoint": {**self.document["checkpoint"], "latest": latest}})

    def dump(self) -> bytes:
        """As the engine writes it."""
        return json.dumps(self.document, ensure_ascii=False, separators=(",", ":")).encode()


def _identity(metadata: dict[str, Any]) -> str:
    return "/".join(part for part in (metadata.get("namespace"), metadata.get("name")) if part)


def key(stack: str) -> str:
    """Where the backend keeps the stack's state."""
    return f".pulumi/stacks/{PROJECT}/{stack}.json"


def backups(stack: str) -> str:
    """The folder of the kit's own copies."""
    return f".pulumi/huiju/backups/{stack}"


def parse(content: bytes) -> Checkpoint:
    """The checkpoint in ``content``. Raises `ValueError` when it is cut short or is something else."""
    try:
        document = json.loads(gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content)
    except (OSError, EOFError, zlib.error) as damage:
        raise ValueError(str(damage)) from damage
    if not isinstance(document, dict) or not isinstance(document.get("checkpoint"), dict):
        raise ValueError("not a checkpoint")
    return Checkpoint(document)


def load(store: Store, stack: str) -> Checkpoint | None:
    """The stack's state, or None when the stack was never made. Raises `ValueError` when the file is damaged."""
    content = store.read(key(stack))
    return None if content is None else parse(content)


def unsettled(store: Store, stack: str) -> bool:
    """Whether the state file is damaged, or tells of operations that had begun and were not recorded as done."""
    try:
        state = load(store, stack)
    except ValueError:
        return True
    return bool(state and state.pending)


def mend(store: Store, stack: str, say: Say) -> None:
    """Put the newest whole copy in place of a damaged state file.

    Raises `UserError` when there is no whole copy either.
    """
    try:
        load(store, stack)
    except ValueError as damage:
        _restore(store, stack, say, damage)


def _restore(store: Store, stack: str, say: Say, damage: ValueError) -> None:
    for name in _copies(store, stack):
        try:
            copy = parse(store.read(name) or b"")
        except ValueError:
            continue
        store.write(f"{backups(stack)}/damaged.json", store.read(key(stack)) or b"")
        store.write(key(stack), copy.dump())
        say(f"the state file of stack {stack!r} was damaged ({damage}); restored from {name}")
        return
    raise UserError(
        f"the state file of stack {stack!r} is damaged ({damage}) and no whole copy was found: put one at {key(stack)} "
        "of the backend, or delete it and run `huiju up` again, which adopts what runs in the cluster"
    )


def _copies(store: Store, stack: str) -> list[str]:
    """Newest first: the engine's `.bak` of one write before, then copies by the time in their names."""
    folders = (backups(stack), f".pulumi/backups/{PROJECT}/{stack}", f".pulumi/history/{PROJECT}/{stack}")
    dated = [name for folder in folders for name in store.names(folder) if _time(name)]
    return [f"{key(stack)}.bak", *sorted(dated, key=_time, reverse=True)]


def _time(name: str) -> int:
    """Nanoseconds since 1970 that the copy's name carries; 0 for what is not a copy of a state."""
    if ".history." in name:
        return 0
    digits = "".join(" " if not character.isdigit() else character for character in name.rsplit("/", 1)[-1]).split()
    return max((int(run) for run in digits if len(run) == len("1700000000000000000")), default=0)
