"""CI runs the README's test command, fails when it fails, and ends with pytest's own closing line."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

PASSED = "============ 3 passed, 1 skipped in 61.02s (0:01:01) ============"
FAILED = "============ 1 failed, 2 passed in 0.10s ============"


def ci_with(recipe: str, folder: Path) -> tuple[int, str]:
    """Exit code and last line of ``.ci/run`` in a clone whose `make test` is ``recipe``."""
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci" / "run")
    (folder / "Makefile").write_text(f"test:\n\t@{recipe}\n")
    run = subprocess.run([folder / ".ci" / "run"], cwd="/", capture_output=True, text=True, check=False, env=os.environ)
    return run.returncode, run.stdout.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("recipe", "code", "last"),
    [
        (f"echo '{PASSED}'", 0, PASSED),
        (f"echo '{FAILED}'; exit 1", 2, FAILED),
        (f"echo '{PASSED}'; exit 1", 2, PASSED),
        ("echo set-up broke; exit 7", 2, "error: pytest printed no closing line (exit code 2)"),
        ("true", 1, "error: pytest printed no closing line (exit code 0)"),
        (f"read line && echo '{PASSED}'", 2, "error: pytest printed no closing line (exit code 2)"),
    ],
    ids=["passes", "a test fails", "make fails after the tests", "set-up fails", "nothing ran", "asks for input"],
)
def test_ci_ends_as_the_tests_ended(recipe: str, code: int, last: str, tmp_path: Path) -> None:
    assert ci_with(recipe, tmp_path) == (code, last)


def test_ci_runs_the_test_command_of_the_readme() -> None:
    command = "make test"
    assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert f"\n{command}\n" in (ROOT / "README.md").read_text(encoding="utf-8")
