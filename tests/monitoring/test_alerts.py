"""Alerts are few, true and tested on both sides; each has a runbook in both languages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog import City, names
from catalog.target import Measure, Target
from monitoring import alerts, routing, rules, slo
from tests.conftest import ROOT

RUNBOOKS = ROOT / "monitoring" / "runbooks"
SECTIONS = ("## What it means", "## What to do", "## When it is not true")
CHINESE_SECTIONS = ("## 含义", "## 处理步骤", "## 误报时")


def told() -> dict[str, set[bool]]:
    """Alert -> whether some case expects it to fire, and some case to be silent."""
    found: dict[str, set[bool]] = {}
    for path in (ROOT / "tests" / "promtool").glob("*.yaml"):
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for row in test.get("alert_rule_test", ()):
                found.setdefault(row["alertname"], set()).add(bool(row["exp_alerts"]))
    return found


def made(city: City) -> list[dict[str, Any]]:
    return [rule for group in alerts.groups(city) for rule in group["rules"]]


def test_the_alerts_are_those_of_the_vocabulary(tiny: City) -> None:
    assert {rule["alert"] for rule in made(tiny)} == set(names.ALERTS)


def test_every_alert_is_tested_on_both_sides_of_its_edge() -> None:
    assert told() == {name: {True, False} for name in names.ALERTS}


@pytest.mark.parametrize("name", names.ALERTS)
def test_every_alert_has_a_runbook_in_both_languages(name: str) -> None:
    english, chinese = (RUNBOOKS / f"{name}{suffix}" for suffix in (".md", ".zh.md"))
    for page, sections in ((english, SECTIONS), (chinese, CHINESE_SECTIONS)):
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {name}"), page
        assert all(section in text for section in sections), page
        assert len(text) > 300, page


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.name)
def test_a_runbook_says_first_which_platform_its_commands_speak_to(page: Path) -> None:
    suffix = ".zh.md" if page.name.endswith(".zh.md") else ".md"
    assert f"(../../docs/operator/monitoring{suffix}#" in page.read_text(encoding="utf-8").split("## ")[0]


def test_no_runbook_is_of_an_alert_that_there_is_not() -> None:
    assert {path.name.split(".")[0] for path in RUNBOOKS.glob("*.md")} == set(names.ALERTS)


def test_every_rule_name_says_its_level(tiny: City) -> None:
    recorded = [rule["record"] for group in rules.groups(tiny) for rule in group["rules"]]
    assert all(name.split(":")[0] in {"school", "district", "city", "volume"} for name in recorded)
    assert len(recorded) == len(set(recorded))


def test_a_silent_district_and_a_platform_that_is_down_are_one_incident_each() -> None:
    rows = [(row["source_matchers"][0], row["target_matchers"][0]) for row in routing.routing()["inhibit_rules"]]
    assert rows == [
        ('alertname="DistrictUncovered"', 'alertname="SchoolUncovered"'),
        ('alertname="LessonPathBudgetBurns"', 'alertname=~"DistrictUncovered|SchoolUncovered|FrontPageUnreachable"'),
    ]


def test_the_budget_is_what_the_objective_leaves_of_school_time(tiny: City) -> None:
    assert slo.school_day(tiny) == 9.5 * 3600
    assert slo.budget(tiny) == pytest.approx(0.005 * 20 * 9.5 * 3600)
    assert slo.period(tiny) == "28d"


@pytest.mark.parametrize(
    ("window", "seconds"), [("5m", 300), ("1h", 3600), ("6h", 21_600), ("1d", 34_200), ("7d", 171_000)]
)
def test_a_window_holds_no_more_school_time_than_the_timetable_has(tiny: City, window: str, seconds: float) -> None:
    assert slo.school_seconds(tiny, window) == seconds


def test_a_stricter_objective_wakes_earlier(tiny: City) -> None:
    strict = tiny.model_copy(update={"coverage": tiny.coverage.model_copy(update={"objective_percent": 99.9})})
    burn = slo.BURNS[0]
    assert slo.expression(tiny, burn).split()[2] == "171"
    assert float(slo.expression(strict, burn).split()[2]) == pytest.approx(34.2)


def test_how_long_audit_records_may_wait_is_the_citys_target(tiny: City) -> None:
    def expression(targets: tuple[Target, ...]) -> str:
        city = tiny.model_copy(update={"targets": targets})
        (found,) = [rule["expr"] for rule in made(city) if rule["alert"] == names.ALERT_AUDIT]
        return str(found)

    mine = next(each for each in tiny.targets if each.measure is Measure.AUDIT_WAIT_MINUTES)
    assert f"{names.METRIC_AUDIT_AGE}) > 420" in expression((mine.model_copy(update={"value": 7}),))
    assert names.METRIC_AUDIT_AGE not in expression(()), "no verdict that the city has not asked for"
