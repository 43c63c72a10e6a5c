"""A state says nothing about a cluster that was made anew."""

from __future__ import annotations

import pytest

from catalog.errors import UserError
from ops.stack import moved
from ops.stack.store import FolderStore


def test_the_first_run_and_the_same_cluster_are_no_move(folder: FolderStore) -> None:
    assert not moved.moved(folder, "test", "uid-1", allowed=False)
    moved.record(folder, "test", "uid-1")
    assert not moved.moved(folder, "test", "uid-1", allowed=False)


def test_a_cluster_made_anew_is_looked_at_again_where_that_is_expected(folder: FolderStore) -> None:
    moved.record(folder, "test", "uid-1")
    assert moved.moved(folder, "test", "uid-2", allowed=True)


def test_a_strangers_cluster_is_not_written_to(folder: FolderStore) -> None:
    moved.record(folder, "test", "uid-1")
    with pytest.raises(UserError, match="another cluster"):
        moved.moved(folder, "test", "uid-2", allowed=False)
