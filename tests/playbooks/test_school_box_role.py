"""What the role `school_box` is told: its defaults are those that its description names, and the catalog decides how often a box looks."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
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


KEPT = {"school_box_code": "1", "school_box_queue_mib": 1, "school_box_log_mib": 1}


def played(tmp_path: Path, tasks: str, told: Mapping[str, object]) -> subprocess.CompletedProcess[str]:
    """These tasks of the role, run on this machine."""
    play = tmp_path / "play.yml"
    named = [{"ansible.builtin.include_tasks": str(ROLE / "tasks" / tasks)}]
    whole = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": sys.executable, **told},
        "tasks": named,
    }
    play.write_text(yaml.safe_dump([whole]))
    line = [str(Path(sys.executable).parent / "ansible-playbook"), "-c", "local", "-i", "localhost,", str(play)]
    return subprocess.run(line, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("address", "servers", "well"), [("", [], False), ("", ["192.0.2.53"], True), ("192.0.2.1", [], True)]
)
def test_a_box_that_would_not_find_the_platform_by_its_own_resolver_is_refused(
    tmp_path: Path, address: str, servers: list[str], well: bool
) -> None:
    told = {"school_box_code": "1", "school_box_platform_host": "schools.example.test",
            "school_box_platform_address": address, "school_box_name_servers": servers}  # fmt: skip
    done = played(tmp_path, "way.yml", told)
    assert (done.returncode == 0) == well, done.stdout + done.stderr
    assert ("--name-server ADDRESS" in done.stdout + done.stderr) != well


TOLD = {
    "school_box_code": "1",
    "school_box_domain": "example.test",
    "school_box_lan_address": "192.0.2.9",
    "school_box_lan_networks": [],
    "school_box_name_servers": [],
    "school_box_platform_host": "schools.example.test",
    "school_box_parcels_host": "parcels.example.test",
    "school_box_edge_host": "hills.districts.example.test",
}


def rendered(text: str, **told: Any) -> str:
    """A template of the role, as Ansible renders it."""
    made = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined).from_string(text)
    return made.render({**TOLD, **told})


@pytest.mark.parametrize(
    ("platform", "edge", "known"),
    [
        ("192.0.2.1", "192.0.2.2", {"schools": "192.0.2.1", "hills.districts": "192.0.2.2"}),
        ("192.0.2.1", "", {"schools": "192.0.2.1", "hills.districts": "192.0.2.1"}),
        ("", "192.0.2.2", {"hills.districts": "192.0.2.2"}),
        ("", "", {}),
    ],
)
def test_the_edge_s_name_leads_to_its_own_gateway_where_that_has_an_address(
    platform: str, edge: str, known: dict[str, str]
) -> None:
    told = {"school_box_platform_address": platform, "school_box_edge_address": edge}
    text = rendered((ROLE / "templates" / "unbound.conf").read_text(), **told)
    found = re.findall(r'local-data: "(\S+)\.example\.test\. 300 IN A (\S+)"', text)
    assert {name: address for name, address in found if "edge" not in name} == known
    assert ('local-zone: "example.test." transparent' in text) == bool(known)


def test_a_name_stands_in_one_line_of_the_box_s_hosts() -> None:
    """Of two lines with one name the first would count."""
    tasks = {task["name"]: task["ansible.builtin.lineinfile"] for task in read("tasks/platform.yml")[:2]}
    (city_s, own) = tasks.values()
    for edge in ("", "192.0.2.2"):
        told = {"school_box_platform_address": "192.0.2.1", "school_box_edge_address": edge}
        rows = [
            rendered(each["line"], **told) for each in (city_s, own) if rendered(each["state"], **told) == "present"
        ]
        leads = {name: row.split()[0] for row in rows for name in row.split()[1:]}
        assert sum(len(row.split()) - 1 for row in rows) == len(leads) == 3
        assert leads["hills.districts.example.test"] == (edge or "192.0.2.1")


def test_lessons_are_asked_for_at_the_edge_s_own_port() -> None:
    text = read("vars/main.yml")["school_box_edge"]
    assert rendered(text, school_box_edge_port=30445) == "https://hills.districts.example.test:30445"
    assert rendered(text, school_box_edge_port=443, school_box_edge_host="") == ""
    shared = yaml.safe_load((ROOT / "playbooks" / "inventory" / "group_vars" / "enrolled.yml").read_text())
    for ports, wanted in (({"hills": 30445}, "30445"), ({}, "443")):
        told = {"platform_edge_ports": ports, "school_district": "hills", "school_box_platform_port": 443}
        assert rendered(shared["school_box_edge_port"], **told) == wanted


def test_the_box_keeps_its_own_resolver_only_where_that_finds_the_platform() -> None:
    (changing,) = read("tasks/names.yml")
    looked_up = "".join(str(each) for each in changing["block"] if "gethostbyname" in str(each))
    assert changing["rescue"]
    assert {"school_box_platform_host", "school_box_parcels_host", "school_box_edge_host"} <= set(
        re.findall(r"\w+", looked_up)
    )


@pytest.mark.parametrize(("cache", "planned", "well"), [(64, 64, True), (63, 64, False), (512, 0, True)])
def test_a_cache_that_is_smaller_than_a_day_s_plan_is_refused(
    tmp_path: Path, cache: int, planned: int, well: bool
) -> None:
    done = played(tmp_path, "room.yml", {**KEPT, "school_box_cache_mib": cache, "school_box_prefetch_mib": planned})
    assert (done.returncode == 0) == well, done.stdout + done.stderr
    assert ("holds 63 MiB" in done.stdout + done.stderr) != well


def test_a_disk_that_is_smaller_than_what_is_kept_there_is_refused(tmp_path: Path) -> None:
    done = played(tmp_path, "room.yml", {**KEPT, "school_box_cache_mib": 10**9, "school_box_prefetch_mib": 0})
    assert done.returncode, done.stdout
    assert "may take 1000000002 MiB together" in " ".join((done.stdout + done.stderr).split())
    assert read("tasks/room.yml")[1]["ansible.builtin.command"]["argv"][-1].count(school_cache.CACHE) == 1


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
