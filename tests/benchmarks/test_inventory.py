"""The ways of listing an inventory say the same, or the benchmark fails; what the kit does in its own process is counted."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from benchmarks import inventory
from benchmarks.inventory import Listed
from benchmarks.scale import trial
from catalog import load
from catalog.synthetic import write_city


def test_the_ways_list_the_same_hosts_groups_and_variables(tmp_path: Path) -> None:
    write_city(tmp_path / "city", 12)
    took = inventory.measure(inventory.ways(tmp_path, load(tmp_path / "city")), 0)
    assert list(took.values()) == [[], [], []], "the round that warms the cache is compared, and not counted"


def test_a_way_that_lists_something_else_ends_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    def listed(environment: dict[str, str]) -> Listed:
        return Listed(1, 1, {"hosts": environment, "groups": {}})

    monkeypatch.setattr(inventory, "_listed", listed)
    assert len(inventory.measure({"a": {}, "b": {}}, 5)["a"]) == 5
    with pytest.raises(RuntimeError, match="different hosts"):
        inventory.measure({"a": {}, "b": {"one": "more"}}, 5)


def test_the_processor_time_of_this_process_counts() -> None:
    def work() -> None:
        until = time.process_time() + 0.2
        while time.process_time() < until:
            pass

    assert trial.timed(work).cpu >= 0.2
