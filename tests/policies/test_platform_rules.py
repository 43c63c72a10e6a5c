"""Every case of ``cases/``: a resource that the pack lets pass, or refuses by exactly these rules with these words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog import load_named
from policies.platform.planned import Planned
from policies.platform.rules import RULES, Facts, breaches

CASES = sorted((Path(__file__).parent / "cases").glob("*.yaml"))
FACTS = Facts.of(load_named("tiny"))
FUNDING = "$funding"
"""In a case: a funding source of the city, whatever it is called."""


def _with_funding(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_funding(inner) for key, inner in value.items()}
    return sorted(FACTS.funding)[0] if value == FUNDING else value


def read(file: Path) -> tuple[Planned, list[dict[str, str]]]:
    case = yaml.safe_load(file.read_text(encoding="utf-8"))
    resource = case["resource"]
    return Planned(resource["type"], resource["name"], _with_funding(resource["props"])), case.get("says", [])


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_a_case_is_let_pass_or_refused_as_it_says(file: Path) -> None:
    resource, says = read(file)
    found = [(rule.name, sentence) for rule, sentence in breaches(resource, FACTS)]
    assert sorted(name for name, _ in found) == sorted(said["rule"] for said in says), found
    for said in says:
        assert any(said["rule"] == name and said["text"] in sentence for name, sentence in found), found


def test_every_case_says_which_side_of_the_edge_it_is_on() -> None:
    assert all(file.stem.startswith(("allowed_", "disallowed_")) for file in CASES)
    assert all(bool(read(file)[1]) == file.stem.startswith("disallowed_") for file in CASES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_has_cases_on_both_sides(rule: Any) -> None:
    refused = [file for file in CASES if any(said["rule"] == rule.name for said in read(file)[1])]
    assert refused
    assert len(CASES) > len(refused)


@pytest.mark.parametrize(
    "rubbish",
    [{}, {"spec": None}, {"spec": 7}, {"metadata": []}, {"metadata": {"labels": "x"}}, {"spec": {"template": []}}],
)
@pytest.mark.parametrize("kind", ["core/v1:Namespace", "core/v1:Pod", "apps/v1:Deployment", "batch/v1:CronJob"])
def test_a_rule_never_stumbles_over_what_is_left_out(kind: str, rubbish: Any) -> None:
    list(breaches(Planned(f"kubernetes:{kind}", "x", rubbish), FACTS))
