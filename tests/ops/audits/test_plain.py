"""A plain run of the engine is put on record from its history, once, and to the byte the same by whoever does it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from derive import audit
from derive.audit import Record
from ops.audits import pending, plain
from ops.stack.store import FolderStore

STACK = "local"
ROW: dict[str, Any] = {
    "kind": "update",
    "startTime": 1795906499,
    "endTime": 1795906564,
    "message": "planted-message",
    "environment": {"exec.kind": "cli", "git.head": "e0557633", "git.author.email": "planted@example.cn"},
    "result": "succeeded",
    "resourceChanges": {"create": 4, "same": 300, "delete": 0},
    "config": {"huiju:storeAdminKey": {"value": "planted-ciphertext", "secret": True}},
}


def put(folder: FolderStore, number: int, **changes: Any) -> None:
    """An entry of the history, as the engine writes it."""
    row = json.dumps({**ROW, **changes}).encode()
    folder.write(f".pulumi/history/huiju/{STACK}/{STACK}-{number}.history.json", row)


def kept() -> list[Record]:
    return [audit.parse(line) for line in pending.waiting(STACK).values()]


def test_a_plain_run_is_recorded_once_with_what_the_history_knows(folder: FolderStore) -> None:
    put(folder, 1795906564123422965)
    plain.note(folder, STACK)
    (record,) = kept()
    entry = record.entry
    assert (entry.action, entry.why, entry.who, entry.resource) == ("pulumi-update", "done", None, "stack/local")
    assert dict(entry.facts) == {
        "begun": "2026-11-28T22:54:59Z",
        "seconds": 65,
        "commit": "e0557633",
        "created": 4,
        "unchanged": 300,
    }
    assert b"planted" not in audit.line(record)
    pending.shipped(STACK, record.writer)
    plain.note(folder, STACK)
    assert not kept(), "it is recorded once"


@pytest.mark.parametrize(
    "changes",
    [{"environment": {plain.OURS: "true"}}, {"result": "in-progress"}, {"result": None}],
    ids=["ours", "begun", "none"],
)
def test_the_kit_s_own_runs_and_those_without_an_end_are_none(folder: FolderStore, changes: dict[str, Any]) -> None:
    put(folder, 1795906564123422965, **changes)
    plain.note(folder, STACK)
    assert not kept()


def test_a_later_one_is_seen_and_a_failed_one_is_told_as_such(folder: FolderStore) -> None:
    put(folder, 1795906564123422965)
    plain.note(folder, STACK)
    put(folder, 1795906999123422965, kind="destroy", result="failed", endTime=1795906999)
    plain.note(folder, STACK)
    assert [(each.entry.action, each.entry.why) for each in kept()] == [
        ("pulumi-update", "done"),
        ("pulumi-destroy", "failed"),
    ]


def test_two_machines_make_the_same_record(folder: FolderStore) -> None:
    put(folder, 1795906564123422965)
    plain.note(folder, STACK)
    first = dict(pending.waiting(STACK))
    (pending.folder() / STACK / pending.SEEN).unlink()
    plain.note(folder, STACK)
    assert dict(pending.waiting(STACK)) == first


def test_another_stack_s_history_is_not_this_one_s(folder: FolderStore) -> None:
    put(folder, 1795906564123422965)
    plain.note(folder, "other")
    assert not pending.waiting("other")
