"""Every case of ``cases/``: an edit of the city `tiny` that must load, or must be refused at exactly these places."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog import CatalogError, Problem, load, load_named

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))


def edited(case: dict[str, Any], city: Path) -> Path:
    for edit in case["edits"]:
        file = city / edit["file"]
        text = file.read_text(encoding="utf-8")
        assert edit["old"] in text, f"{edit['file']} no longer holds {edit['old']!r}"
        file.write_text(text.replace(edit["old"], edit["new"], 1), encoding="utf-8")
    return city


def read(file: Path) -> dict[str, Any]:
    case: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return case


@pytest.mark.parametrize("file", [each for each in CASES if each.stem.startswith("allowed_")], ids=lambda f: f.stem)
def test_an_allowed_case_loads_as_another_city(file: Path, tiny: Path) -> None:
    assert load(edited(read(file), tiny)) != load_named("tiny")


@pytest.mark.parametrize("file", [each for each in CASES if each.stem.startswith("disallowed_")], ids=lambda f: f.stem)
def test_a_disallowed_case_is_refused_at_its_places_and_nowhere_else(file: Path, tiny: Path) -> None:
    case = read(file)
    with pytest.raises(CatalogError) as refused:
        load(edited(case, tiny))
    problems = refused.value.problems
    places = [f"{problem.file.name}:{problem.key}" for problem in problems]
    assert sorted(places) == sorted(each["at"] for each in case["says"]), str(refused.value)
    for said in case["says"]:
        assert any(said["text"] in p.message for p, at in zip(problems, places, strict=True) if at == said["at"])
    assert all(problem.message.isprintable() and says_its_line(problem) for problem in problems), str(refused.value)


def says_its_line(problem: Problem) -> bool:
    """Whether the line named holds the key named; a key that is missing is not there, and its row's first line is named."""
    line = problem.file.read_text(encoding="utf-8").splitlines()[problem.line - 1]
    last = re.findall(r"[^.\[\]]+", re.sub(r"\[\d+\]", "", problem.key))[-1:]
    return all(key in line for key in last) or ("is missing" in problem.message or line.lstrip().startswith("- "))


def test_every_case_says_which_side_of_the_edge_it_is_on() -> None:
    assert all(file.stem.startswith(("allowed_", "disallowed_")) for file in CASES)
    assert all(("says" in read(file)) == file.stem.startswith("disallowed_") for file in CASES)
