"""How long does the engine take for N small objects, and what does each measure against it bring?

The same N ConfigMaps of about 300 bytes are brought to one cluster, in turn, by `kubectl apply --server-side`, by the most naive single
stack (plain `pulumi up`), and as `huiju up` does it. Every way starts from an empty namespace and an empty stack; afterwards the
objects are read back and must equal what was asked for. The rows "tried" are single measures, one run each at 1,000 objects.

What costs time in the naive run, and what was done about it:

- The file backend writes the whole state twice per resource, so the work grows with the square of their number. The kit's runs
  write it once, at the end (`PULUMI_SKIP_CHECKPOINTS`). Crash safety is kept by other means: a run marker beside the state, one
  fixed server-side-apply manager per stack, a refresh first and a sweep last after a run that died
  (docs/decisions/0060). The last row kills such a run with kill -9 half-way and times the recovery.
- The provider's client allows itself 50 requests a second; the kit sets 1,000 and leaves limiting to the API server's own
  priority and fairness.
- Smaller stacks side by side lessen the first cost but start engine, provider and program once each; with one state file at the
  end they only cost.
- Compressing the checkpoints trades file size for processor time, which is what is short.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.scale import trial
from benchmarks.scale.trial import Manifests, Place, Taken
from local import cluster
from ops.stack import engine

TITLE = "The engine at 250 and 1,000 objects"
SMALL, LARGE = 250, 1000
RUNS = 5
RATE = engine.CLIENT_RATE
WAYS: dict[str, Callable[[Manifests, Place], None]] = {
    "kubectl apply --server-side": trial.kubectl_apply,
    "naive single stack": trial.side_by_side(trial.plain({}), 1),
    "huiju up": trial.side_by_side(trial.kit, 1),
}
TRIED: dict[str, Callable[[Manifests, Place], None]] = {
    "tried: client rate alone": trial.side_by_side(trial.plain(RATE), 1),
    "tried: client rate, zstd checkpoints": trial.side_by_side(
        trial.plain({**RATE, "PULUMI_DIY_BACKEND_ZSTD": "true"}), 1
    ),
    "tried: client rate, checkpoints, 4 stacks side by side": trial.side_by_side(trial.plain(RATE), 4),
    "tried: client rate, checkpoints, 8 stacks side by side": trial.side_by_side(trial.plain(RATE), 8),
    "tried: no checkpoints, provider's own rate": trial.side_by_side(trial.plain(engine.NO_CHECKPOINTS), 1),
    "tried: as the kit, 2 stacks side by side": trial.side_by_side(trial.kit, 2),
    "tried: as the kit, --parallel 64": trial.side_by_side(
        trial.plain({**RATE, **engine.NO_CHECKPOINTS}, ("--parallel", "64")), 1
    ),
}


def run() -> list[dict[str, Any]]:
    """Rows of the table, in seconds."""
    target = cluster.target()
    kubeconfig = cluster.up() if target.embedded else target.kubeconfig
    return [row for part in (_main(kubeconfig), _tried(kubeconfig), _killed(kubeconfig)) for row in part]


def _main(kubeconfig: Path) -> Iterator[dict[str, Any]]:
    walls: dict[tuple[str, int], float] = {}
    for count in (SMALL, LARGE):
        for name, (first, again) in _in_turn(WAYS, count, kubeconfig, RUNS).items():
            walls[name, count] = statistics.median(taken.wall for taken in first)
            yield _row(f"{name}: create {count}", first)
            yield _row(f"{name}: no change at {count}", again)
    for name in WAYS:
        exponent = math.log(walls[name, LARGE] / walls[name, SMALL]) / math.log(LARGE / SMALL)
        yield {"name": f"{name}: growth exponent {SMALL} to {LARGE}", "unit": "exponent", "median": exponent}


Ways = Mapping[str, Callable[[Manifests, Place], None]]


def _in_turn(ways: Ways, count: int, kubeconfig: Path, runs: int) -> dict[str, tuple[list[Taken], list[Taken]]]:
    """Creation and a second run without change, ``runs`` times, the ways in turn; the end states must be what was asked for."""
    taken: dict[str, tuple[list[Taken], list[Taken]]] = {name: ([], []) for name in ways}
    for _ in range(runs):
        for name, way in ways.items():
            with trial.place(kubeconfig) as where:
                objects = where.objects(count)
                for measured in taken[name]:
                    measured.append(trial.timed(way, objects, where))
                _equal(objects, where)
    return taken


def _equal(objects: Manifests, where: Place) -> None:
    asked = {each["metadata"]["name"]: (each["data"], each["metadata"]["labels"]) for each in objects}
    if where.read_back() != asked:
        raise AssertionError(f"namespace {where.namespace} does not hold what was asked for")


def _tried(kubeconfig: Path) -> Iterator[dict[str, Any]]:
    for name, (first, _) in _in_turn(TRIED, LARGE, kubeconfig, 1).items():
        yield _row(f"{name}: create {LARGE}", first)


def _killed(kubeconfig: Path) -> Iterator[dict[str, Any]]:
    """A run of the kit killed half-way, and the next one."""
    with trial.place(kubeconfig) as where:
        objects = where.objects(LARGE)
        wanted = where.program(objects)
        victim = trial.start(wanted, where)
        while len(where.read_back()) < LARGE // 2:
            time.sleep(0.1)
        trial.end(victim)
        found = len(where.read_back())
        taken = trial.timed(trial.kit, wanted, where)
        _equal(objects, where)
        yield _row(f"huiju up after kill -9 with {found} of {LARGE} made", [taken])


def _row(name: str, taken: list[Taken]) -> dict[str, Any]:
    walls = [each.wall for each in taken]
    return {
        "name": name,
        "n": len(taken),
        "unit": "s",
        "median": statistics.median(walls),
        "min": min(walls),
        "max": max(walls),
        "cpu_seconds": statistics.median(each.cpu for each in taken),
        "note": "end state read back and equal",
    }
