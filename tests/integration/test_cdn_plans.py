"""On a real platform: a promise that no link carries stops `pulumi preview`, and a timetable becomes plans in the bucket."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from catalog import load_named
from catalog.errors import UserError
from derive import timetable
from local import paths
from ops import cdn, derived, lesson
from ops.lessons import place
from ops.stack import configuration, engine
from tests.integration.conftest import Platform

pytestmark = pytest.mark.integration
SCHOOL = "2990100005"


@pytest.mark.usefixtures("kept_settings")
def test_a_promise_that_no_link_carries_stops_the_preview_with_what_would_fit(
    platform: Platform, tmp_path: Path
) -> None:
    city = shutil.copytree(paths.ROOT / "catalog" / "data" / "tiny", tmp_path / "tiny")
    live = city / "live.yaml"
    live.write_text(live.read_text().replace("boxless: []", f'boxless: ["{SCHOOL}"]'))
    document = configuration.document(platform.stack)
    document["config"] |= {"huiju:city": str(city), "huiju:derived": derived.folder(str(city), print)}
    configuration.rewrite(platform.stack, document)
    with pytest.raises(UserError) as refused:
        engine.ask(["preview", "--stack", platform.stack], platform.cluster.environment)
    assert f"school {SCHOOL}" in str(refused.value)
    assert "promise v360-365 at most" in str(refused.value)
    assert "Traceback" not in str(refused.value)


def huiju(*words: str) -> str:
    """Standard output of `huiju cdn` with these words."""
    done = CliRunner().invoke(cdn.app, list(words))
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def timetable_of(city_name: str, lesson_id: str, folder: Path) -> Path:
    """The next school day's timetable: one lesson in one school."""
    today = datetime.now(UTC).date()
    city = load_named(city_name)
    day = next(timetable.school_days(city.timetable, today + timedelta(days=2), today + timedelta(days=300)), None)
    if day is None:
        pytest.skip("the city's timetable has no school day left")
    file = folder / "day.csv"
    file.write_text(f"date,school,period,lesson,classes\n{day},{SCHOOL},p2,{lesson_id},3\n")
    return file


def plan_of(platform: Platform) -> dict[str, Any]:
    with place.of_stack(platform.stack).buckets() as (_, lessons):
        found = lessons.read_json(f"plans/{SCHOOL}.json")
    assert found is not None
    return found


def test_a_timetable_becomes_a_plan_whose_objects_are_all_there(platform: Platform, tmp_path: Path) -> None:
    lesson_id = lesson.publish_sample(platform.stack).rpartition("=")[2]
    where = place.of_stack(platform.stack)
    file = str(timetable_of(where.city, lesson_id, tmp_path))
    try:
        huiju("plan", file, "--publish", "--stack", platform.stack)
        plan = plan_of(platform)
        with where.buckets() as (_, lessons):
            stored = {f"/lessons/{key}": size for key, size, _ in lessons.objects(f"{lesson_id}/")}
        assert {item["path"]: item["bytes"] for item in plan["items"]}.items() <= stored.items()
        assert len(plan["items"]) > 3
        assert "0 plans published, 1 were there already" in huiju("plan", file, "--publish", "--stack", platform.stack)
        rows = json.loads(huiju("status", "--json", "--stack", platform.stack))
        assert {row["school"] for row in rows} == set(load_named(where.city).by_code)
        [row] = [row for row in rows if row["school"] == SCHOOL]
        assert row["planned"] == sum(item["bytes"] for item in plan["items"])
        assert plan["sample"]["seconds"] == load_named(where.city).link_budget.sample_seconds
        words = ("budget", "--measured-live", "--json", "--city", where.city, "--stack", platform.stack)
        links = {link["id"]: link for link in json.loads(huiju(*words))["links"]}
        assert set(load_named(where.city).by_code) < set(links)
        assert all(row["link"] is None or links[row["school"]]["sample"] for row in rows)
    finally:
        with where.buckets() as (_, lessons):
            lessons.delete([f"plans/{SCHOOL}.json"])
