"""What every test shares: fast tests run first, campaigns know their size, and proofs are written down.

``make test`` samples the long campaigns; ``make proof`` sets ``HUIJU_CAMPAIGN=full`` and every result handed to ``proof`` is appended to
``docs/proofs.md`` with its date and machine.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

from benchmarks.report import Proofs

ROOT = Path(__file__).resolve().parent.parent
FULL = os.environ.get("HUIJU_CAMPAIGN") == "full"
SHARING = ("tests/cdn",)
"""Folders whose files share what this machine has once: the lab of the caches, with its network namespaces."""
PROOFS = pytest.StashKey[Proofs]()

# How long an example takes on a busy machine says nothing about what is tested.
hypothesis.settings.register_profile("kit", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("kit")


def _rank(item: pytest.Item) -> int:
    """Pure tests first, then the rules of the house, then whatever needs a cluster, campaigns; what ends the shared platform last."""
    if item.get_closest_marker("last"):
        return 4
    if item.get_closest_marker("proof"):
        return 3
    if item.get_closest_marker("integration"):
        return 2
    return 1 if "architecture" in item.path.parts else 0


def pytest_configure(config: pytest.Config) -> None:
    """Make room for the results of campaigns; have `huiju` on PATH, as after ``source .venv/bin/activate``."""
    config.stash[PROOFS] = Proofs(ROOT / "docs" / "proofs.md")
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


class _Files(LoadFileScheduling):  # type: ignore[misc]
    """A file's tests on one worker, and all of a folder whose files share one thing of this machine."""

    def _split_scope(self, nodeid: str) -> str:
        file = str(super()._split_scope(nodeid))
        return next((folder for folder in SHARING if file.startswith(f"{folder}/")), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Files:
    """How tests are given out to workers, whatever ``--dist`` says."""
    return _Files(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fast tests first; the order within a rank stays as written. In CI a failed one of the cluster is tried again at once (decision 0261).

    Whatever asks for the shared cluster is marked so; what is slow waits for `make proof` (decision 0255).
    """
    items.sort(key=_rank)
    for item in items:
        if item.get_closest_marker("slow") and not FULL:
            item.add_marker(pytest.mark.skip(reason="slow: `make proof` runs it"))
        if item.get_closest_marker("integration") and "cluster" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.cluster)
        if os.environ.get("CI") and item.get_closest_marker("cluster"):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """In CI a failure is told when it happens: a run that is ended at its limit prints no list of them."""
    if os.environ.get("CI") and report.outcome in {"failed", "rerun"}:
        print(f"\n{report.nodeid}: {report.when} {report.outcome}\n{report.longreprtext}", flush=True)


@pytest.fixture(scope="session")
def root() -> Path:
    """The clone."""
    return ROOT


@pytest.fixture(scope="session")
def campaign() -> Callable[[int, int], int]:
    """``campaign(sampled, full)``: how many rounds to run, the first number in ``make test``, the second in ``make proof``."""
    return lambda sampled, full: full if FULL else sampled


@pytest.fixture(scope="session")
def proof(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """``proof(what, result)``: note the result of a campaign; a full one's stands in ``docs/proofs.md`` at once."""
    return request.config.stash[PROOFS].note if FULL else lambda what, result: None


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Say under the rows of a full campaign how it ended, failed ones too: a proof that hides its failures is none."""
    session.config.stash[PROOFS].end(failed=exitstatus != 0)
