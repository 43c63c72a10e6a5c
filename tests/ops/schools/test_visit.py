"""`huiju school status`: it asks for every service that a box shall run."""

from __future__ import annotations

from pathlib import Path

import yaml

from ops.schools import visit

TASKS = Path(__file__).resolve().parents[3] / "playbooks" / "roles" / "school_box" / "tasks"


def test_every_unit_that_the_role_starts_is_asked_for() -> None:
    tasks = [each for path in TASKS.glob("*.yml") for each in yaml.safe_load(path.read_text(encoding="utf-8")) or ()]
    told = [each["box_unit"] for each in tasks if "box_unit" in each]
    started = {str(each["name"]).removesuffix(".service") for each in told if each.get("state") != "off"}
    assert set(visit.UNITS) == started
