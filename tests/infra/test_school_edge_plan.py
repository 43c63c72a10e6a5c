"""The school edge's plan: a row for each school of the catalog and no other, and what the intake is told."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from catalog import City, names
from catalog.errors import UserError
from infra.plan import monitoring_targets, school_edge, schools
from services.intake.settings import writable
from tests.infra.conftest import Settings


def files(city: City, settings: Settings) -> dict[str, Any]:
    """What the intake finds in its folder."""
    plan = school_edge.plan(city, settings())
    texts = {key: text for each in plan if each.kind == "ConfigMap" for key, text in each.props["data"].items()}
    return {name: json.loads(text) for name, text in texts.items()}


def test_every_school_of_the_catalog_has_exactly_one_row(city: City, settings: Settings) -> None:
    assert sorted(schools.rows(city)) == sorted(school.code for school in city.schools)
    found = files(city, settings)["schools.json"]
    assert {code: row["district"] for code, row in found.items()} == {s.code: s.district for s in city.schools}


def test_a_changed_school_changes_its_row_and_no_other(tiny: City) -> None:
    first, *rest = tiny.schools
    wave = next(wave.id for wave in tiny.waves if wave.id != first.wave)
    changed = tiny.model_copy(update={"schools": (first.model_copy(update={"wave": wave}), *rest)})
    before, after = schools.document(tiny).splitlines(), schools.document(changed).splitlines()
    assert [line for line in after if line not in before] == [line for line in after if first.code in line]


def test_a_row_knows_the_name_that_its_box_answers_to(tiny: City) -> None:
    for code, row in schools.rows(tiny).items():
        assert row.host("huiju.test") == names.edge_host(code, "huiju.test")


def test_the_intake_hands_on_to_the_city_s_prometheus_and_knows_which_metrics_are_boxes(
    tiny: City, settings: Settings
) -> None:
    told = files(tiny, settings)["intake.json"]
    assert told["upstream"] == "http://prometheus.monitoring.svc.cluster.local:9090/api/v1/write"
    assert set(names.READINGS) < set(told["metrics"])
    assert (told["job"], told["families"]) == (names.BOX_JOB, list(names.BOX_FAMILIES))


def test_no_part_of_the_platform_has_the_boxes_job(tiny: City, settings: Settings) -> None:
    assert names.BOX_JOB not in {target.job for target in monitoring_targets.TARGETS}
    assert len({names.BOX_JOB, names.FRONT_DOOR}) == 2


def test_a_change_of_the_rows_replaces_the_pods(tiny: City, settings: Settings) -> None:
    def mark(city: City) -> str:
        (found,) = [each.props for each in school_edge.plan(city, settings()) if each.kind == "Deployment"]
        return str(found["spec"]["template"]["metadata"]["annotations"]["huiju.dev/configuration"])

    assert mark(tiny) == mark(tiny)
    assert mark(tiny) != mark(tiny.model_copy(update={"schools": tiny.schools[1:]}))


def test_rows_that_no_config_map_holds_are_refused_in_a_sentence(
    tiny: City, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(schools.document(tiny).encode())
    monkeypatch.setattr(school_edge, "LARGEST", size)
    school_edge.plan(tiny, settings())
    monkeypatch.setattr(school_edge, "LARGEST", size - 1)
    with pytest.raises(UserError, match="a ConfigMap holds"):
        school_edge.plan(tiny, settings())


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("lesson_probe.py", names.READINGS),
        ("lesson_keeper/keeper/readings.py", names.KEEPING),
        ("log_shipper.py", (names.METRIC_LOG_LOSS,)),
    ],
)
def test_what_the_box_s_role_measures_is_what_a_box_may_write(root: Path, file: str, told: tuple[str, ...]) -> None:
    role = root / "playbooks" / "roles" / "school_box"
    program = ast.parse((role / "files" / file).read_text(encoding="utf-8"))
    (measured,) = [
        ast.literal_eval(node.value)
        for node in program.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "HELP"
    ]
    allowed = writable(names.BOX_METRICS, names.BOX_FAMILIES)
    assert set(told) <= set(measured)
    assert not [name for name in measured if not allowed.fullmatch(name.encode())]
    agent = (role / "templates" / "agent.yml.j2").read_text(encoding="utf-8")
    assert re.findall(r"job_name: (\S+)", agent) == [names.BOX_JOB]
