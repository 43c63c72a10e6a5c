"""What the role `school_box` is told: its defaults are those that its description names, and the catalog decides how often a box looks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog import DATA, load
from derive import school_cache
from playbooks import inventory

ROOT = Path(__file__).resolve().parents[2]
ROLE = ROOT / "playbooks" / "roles" / "school_box"


def read(path: str) -> Any:
    return yaml.safe_load((ROLE / path).read_text(encoding="utf-8"))


def test_the_defaults_are_those_that_the_description_names() -> None:
    options = read("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    assert read("defaults/main.yml") == {name: row["default"] for name, row in options.items() if "default" in row}
    assert all(row.get("required") for row in options.values() if "default" not in row)


@pytest.mark.parametrize(("cache", "planned", "well"), [(16384, 16384, True), (16383, 16384, False), (512, 0, True)])
def test_a_cache_that_is_smaller_than_a_day_s_plan_is_refused(
    tmp_path: Path, cache: int, planned: int, well: bool
) -> None:
    told = {"school_box_code": "1", "school_box_cache_mib": cache, "school_box_prefetch_mib": planned}
    tasks = [{"ansible.builtin.include_tasks": str(ROLE / "tasks" / "room.yml")}]
    play = tmp_path / "play.yml"
    play.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "vars": told, "tasks": tasks}]))
    line = [str(Path(sys.executable).parent / "ansible-playbook"), "-c", "local", "-i", "localhost,", str(play)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == well, done.stdout + done.stderr
    assert ("holds 16383 MiB" in done.stdout + done.stderr) != well


def test_boxes_are_told_what_plans_may_have_by_the_catalog() -> None:
    told = yaml.safe_load((ROOT / "playbooks" / "inventory" / "group_vars" / "enrolled.yml").read_text())
    assert told["school_box_prefetch_mib"] == "{{ city_prefetch_mib }}"
    tiny = load(DATA / "tiny")
    assert inventory.shared(tiny)["city_prefetch_mib"] == tiny.link_budget.prefetch_gib * 1024
    assert read("defaults/main.yml")["school_box_cache_mib"] >= tiny.link_budget.prefetch_gib * 1024


def test_a_box_looks_as_often_as_the_catalog_says(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(DATA / "tiny", tmp_path / "city"))
    file = folder / "coverage.yaml"
    file.write_text(file.read_text().replace("probe_seconds: 60", "probe_seconds: 47"))
    code = load(folder).schools[0].code
    enrolled = tmp_path / "enrolled.yml"
    enrolled.write_text(yaml.safe_dump({"enrolled": {"hosts": {code: None}}}))
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "playbooks" / "ansible.cfg"),
        "ANSIBLE_INVENTORY": f"{ROOT / 'playbooks' / 'inventory' / 'huiju.yml'},{enrolled}",
        "CITY": str(folder),
    }
    asked = ("-m", "debug", "-a", "var=school_box_reading_seconds", "-e", "enrolment_folder=/nowhere")
    line = [str(Path(sys.executable).parent / "ansible"), code, *asked]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "school_box_reading_seconds: 47\n" in done.stdout


def test_the_shipper_reads_the_log_that_the_cache_writes_and_of_all_logs_this_one_alone() -> None:
    (told,) = [task["vars"]["school_box_logs"] for task in read("tasks/logs.yml") if "vars" in task]
    assert (told["logs"], told["name"]) == (school_cache.LOGS, school_cache.LOG)
    unit = settings_of("huiju-logs.service")
    assert (unit["TemporaryFileSystem"], unit["BindReadOnlyPaths"]) == ("/var/log:ro", school_cache.LOGS)
    assert unit["StateDirectory"].split() == [
        Path(told["state"]).name,
        Path(read("vars/main.yml")["school_box_metrics"]).name,
    ]


def settings_of(unit: str) -> dict[str, str]:
    """Settings of a unit that stand there once."""
    rows = (ROLE / "templates" / unit).read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    return dict(row.split("=", 1) for row in rows if re.match(r"[A-Z][A-Za-z]+=", row))


def _read_by(unit: str) -> str:
    """What the role's tasks name as files that the unit reads."""
    tasks = [each for path in (ROLE / "tasks").glob("*.yml") for each in yaml.safe_load(path.read_text()) or ()]
    (task,) = [each for each in tasks if (each.get("box_unit") or {}).get("name") == unit]
    return str(task["box_unit"]["reads"])


@pytest.mark.parametrize("unit", ["huiju-agent.service", "huiju-keeper.service", "huiju-logs.service"])
def test_a_service_that_holds_copies_of_certificates_starts_anew_with_new_ones(unit: str) -> None:
    rows = (ROLE / "templates" / unit).read_text(encoding="utf-8").splitlines()
    held = [row.rpartition("/")[2] for row in rows if row.startswith("LoadCredential=")]
    assert set(held) == {"box.crt", "box.key", "platform.crt"}
    # The key is only ever made anew with its certificate.
    assert [name for name in held if name != "box.key" and f"/{name}" not in _read_by(unit)] == []


@pytest.mark.parametrize("unit", sorted(path.name for path in (ROLE / "templates").glob("huiju-*.service")))
def test_no_service_of_the_box_is_root_or_writes_beyond_its_own_folders(unit: str) -> None:
    told = settings_of(unit)
    assert told.get("User") == "prometheus" or told.get("DynamicUser") == "yes"
    assert (told["ProtectSystem"], told["ProtectHome"], told["CapabilityBoundingSet"]) == ("strict", "yes", "")
    assert "ReadWritePaths" not in told


def test_the_keeper_is_installed_whole() -> None:
    program = ROLE / "files" / "lesson_keeper"
    there = {path.relative_to(program).as_posix() for path in program.rglob("*.py")}
    assert set(read("vars/main.yml")["school_box_keeper_files"]) == there
