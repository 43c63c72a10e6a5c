"""Reading state files, damaged ones included."""

from __future__ import annotations

import gzip

import pytest

from catalog.errors import UserError
from ops.stack import checkpoint
from ops.stack.store import FolderStore
from tests.ops.stack.states import config_map, state

KEY = checkpoint.key("test")
OLD, NEW = "1700000000000000000", "1800000000000000000"


def test_objects_and_outputs_are_read_from_the_state(folder: FolderStore) -> None:
    folder.write(KEY, state(config_map("a"), url="https://localhost"))
    found = checkpoint.load(folder, "test")
    assert found is not None
    assert [item.id for item in found.objects] == ["ns/a"]
    assert found.outputs == {"url": "https://localhost"}


def test_a_stack_that_was_never_made_has_no_state(folder: FolderStore) -> None:
    assert checkpoint.load(folder, "test") is None


def test_pending_operations_are_named_by_namespace_and_name_and_can_be_settled(folder: FolderStore) -> None:
    found = checkpoint.parse(state(config_map("a"), pending=(config_map("b"),)))
    assert [item.id for item in found.pending] == ["ns/b"]
    settled = checkpoint.parse(found.settled().dump())
    assert settled.pending == ()
    assert settled.objects == found.objects


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"{}", state(config_map("a"))[:80], b"\x1f\x8bnot gzip"])
def test_a_damaged_file_is_replaced_by_the_newest_whole_copy(
    damage: bytes, folder: FolderStore, said: list[str]
) -> None:
    folder.write(KEY, damage)
    folder.write(f"{checkpoint.backups('test')}/{OLD}.json.gz", gzip.compress(state(config_map("old"))))
    folder.write(f".pulumi/backups/huiju/test/test.{NEW}.json", state(config_map("new")))
    folder.write(f".pulumi/history/huiju/test/test-{NEW}9.history.json", b"{}")
    checkpoint.mend(folder, "test", said.append)
    found = checkpoint.load(folder, "test")
    assert found is not None
    assert [item.id for item in found.objects] == ["ns/new"]
    assert "was damaged" in said[0]
    assert NEW in said[0]


def test_the_copy_of_one_write_before_comes_first(folder: FolderStore, said: list[str]) -> None:
    folder.write(KEY, b"{")
    folder.write(f"{KEY}.bak", state(config_map("bak")))
    folder.write(f".pulumi/backups/huiju/test/test.{NEW}.json", state(config_map("new")))
    checkpoint.mend(folder, "test", said.append)
    found = checkpoint.load(folder, "test")
    assert found is not None
    assert found.objects[0].id == "ns/bak"


def test_a_damaged_copy_is_passed_over(folder: FolderStore, said: list[str]) -> None:
    folder.write(KEY, b"{")
    folder.write(f"{KEY}.bak", b"")
    folder.write(f".pulumi/backups/huiju/test/test.{OLD}.json", state(config_map("old")))
    checkpoint.mend(folder, "test", said.append)
    assert checkpoint.load(folder, "test")


def test_without_any_whole_copy_the_user_is_told_what_to_do(folder: FolderStore, said: list[str]) -> None:
    folder.write(KEY, b"{")
    with pytest.raises(UserError, match="no whole copy was found"):
        checkpoint.mend(folder, "test", said.append)


def test_a_whole_state_is_left_alone(folder: FolderStore, said: list[str]) -> None:
    folder.write(KEY, state())
    checkpoint.mend(folder, "test", said.append)
    assert said == []
