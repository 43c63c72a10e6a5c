"""What every test shares: fast tests run first, campaigns know their size, and proofs are written down.

``make test`` samples the long campaigns; ``make proof`` sets ``HUIJU_CAMPAIGN=full`` and every result handed to ``proof`` is appended to
``docs/proofs.md`` with its date and machine.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from benchmarks.report import append_proofs

ROOT = Path(__file__).resolve().parent.parent
FULL = os.environ.get("HUIJU_CAMPAIGN") == "full"
PROOFS = pytest.StashKey[list[tuple[str, str]]]()

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
    config.stash[PROOFS] = []
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fast tests first; the order within a rank stays as written. In CI a live test that fails has one more try (decision 0126)."""
    items.sort(key=_rank)
    if os.environ.get("CI"):
        for item in items:
            if item.get_closest_marker("integration"):
                item.add_marker(pytest.mark.flaky(reruns=1))


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
    """``proof(what, result)``: note the result of a campaign; in a full campaign it is appended to ``docs/proofs.md``."""
    return lambda what, result: request.config.stash[PROOFS].append((what, result))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Append the results of a full campaign, failed ones too: a proof that hides its failures is none."""
    rows = session.config.stash[PROOFS]
    if FULL and rows:
        append_proofs(ROOT / "docs" / "proofs.md", rows, failed=exitstatus != 0)
