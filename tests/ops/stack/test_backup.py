"""Copies of the state: taken before each run, few, whole."""

from __future__ import annotations

import pytest

from ops.stack import backup, checkpoint
from ops.stack.store import FolderStore
from tests.ops.stack.states import config_map, state

KEY = checkpoint.key("test")


def test_nothing_is_copied_before_the_first_run(folder: FolderStore) -> None:
    assert backup.take(folder, "test") is None


def test_an_unchanged_state_is_not_copied_again(folder: FolderStore) -> None:
    folder.write(KEY, state())
    assert backup.take(folder, "test")
    assert backup.take(folder, "test") is None
    folder.write(KEY, state(config_map("a")))
    assert backup.take(folder, "test")
    assert len(backup.all_of(folder, "test")) == 2


def test_a_copy_brings_back_what_was(folder: FolderStore) -> None:
    folder.write(KEY, state(config_map("a")))
    name = backup.take(folder, "test")
    folder.write(KEY, state())
    assert name
    backup.restore(folder, "test", name)
    assert folder.read(KEY) == state(config_map("a"))


def test_only_the_newest_copies_are_kept_and_the_engines_own_are_bounded(folder: FolderStore) -> None:
    for index in range(backup.KEEP + 5):
        folder.write(KEY, state(config_map(f"c{index}")))
        backup.take(folder, "test")
        for kind in ("history", "checkpoint"):
            folder.write(f".pulumi/history/huiju/test/test-{1_700_000_000_000_000_000 + index}.{kind}.json", b"{}")
    assert len(backup.all_of(folder, "test")) == backup.KEEP
    assert checkpoint.parse(_newest(folder)).objects[0].id == f"ns/c{backup.KEEP + 4}"
    assert len(folder.names(".pulumi/history/huiju/test")) <= 2 * backup.KEEP + 2


def _newest(folder: FolderStore) -> bytes:
    import gzip

    return gzip.decompress(folder.read(backup.latest(folder, "test") or "") or b"")


def test_after_a_new_passphrase_no_old_copy_is_left(folder: FolderStore) -> None:
    folder.write(KEY, state())
    backup.take(folder, "test")
    folder.write(f"{KEY}.bak", state())
    folder.write(".pulumi/history/huiju/test/test-1.checkpoint.json", b"{}")
    backup.forget(folder, "test")
    assert folder.names(".pulumi") == [KEY]


def test_a_write_that_fails_leaves_what_was_there(folder: FolderStore, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write(KEY, b"whole")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        folder.write(KEY, b"other")
    assert folder.read(KEY) == b"whole"
