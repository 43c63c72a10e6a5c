"""The rules by Prometheus' own judge: they parse, and its unit tests in `tests/promtool` hold on both sides of every edge."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from local import toolchain
from tests.conftest import ROOT

pytestmark = pytest.mark.integration
CASES = sorted((ROOT / "tests" / "promtool").glob("*.yaml"))
RULES = sorted((ROOT / "monitoring" / "generated").glob("*/rules/*.yaml"))


def promtool(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([toolchain.tool("promtool"), *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_the_rules_do_what_the_cases_say(case: Path) -> None:
    done = promtool("test", "rules", str(case))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_of_every_city_are_sound() -> None:
    done = promtool("check", "rules", "--lint=all", "--lint-fatal", *map(str, RULES))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_rule_that_fires_too_late_is_seen(tmp_path: Path) -> None:
    """The same cases against rules whose patience was changed by hand."""
    for path in (ROOT / "monitoring" / "generated" / "tiny" / "rules").glob("*.yaml"):
        text = path.read_text(encoding="utf-8").replace("for: 2m", "for: 3m")
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    case = (ROOT / "tests" / "promtool" / "coverage.yaml").read_text(encoding="utf-8")
    edited = tmp_path / "case.yaml"
    edited.write_text(case.replace("../../monitoring/generated/tiny/rules", str(tmp_path)), encoding="utf-8")
    assert promtool("test", "rules", str(edited)).returncode == 1
