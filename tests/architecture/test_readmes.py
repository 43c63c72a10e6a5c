"""The README of a surface has a row for each of its modules, and for none that is gone."""

from __future__ import annotations

import re

import pytest

from tests.architecture.sources import ROOT

SAID_ELSEWHERE = {"__init__.py", "generate.py"}
"""Every surface has these, and the page for engineers says what `make generate` does."""


@pytest.mark.parametrize("surface", ["loadtests", "monitoring"])
def test_a_surface_s_readme_names_every_module(surface: str) -> None:
    text = (ROOT / surface / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+\.py)`", text))
    assert named == {path.name for path in (ROOT / surface).glob("*.py")} - SAID_ELSEWHERE
