"""The file backend: a write is whole or not at all."""

from __future__ import annotations

import errno
import os

import pytest

from ops.stack.store import FolderStore


def test_what_is_written_is_read_listed_and_deleted(folder: FolderStore) -> None:
    folder.write("a/b.json", b"content")
    assert (folder.read("a/b.json"), folder.names("a")) == (b"content", ["a/b.json"])
    folder.delete("a/b.json")
    folder.delete("a/b.json")
    assert (folder.read("a/b.json"), folder.names("a")) == (None, [])


def test_a_full_disk_leaves_the_old_content_and_no_half_file(
    folder: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write("a/b.json", b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        folder.write("a/b.json", b"new")
    assert folder.read("a/b.json") == b"old"
    assert folder.names("a") == ["a/b.json"]
