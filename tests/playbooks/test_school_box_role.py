"""What the role `school_box` is told: its defaults are those that its description names, and the catalog decides how often a box looks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from catalog import DATA, load

ROOT = Path(__file__).resolve().parents[2]
ROLE = ROOT / "playbooks" / "roles" / "school_box"


def read(path: str) -> Any:
    return yaml.safe_load((ROLE / path).read_text(encoding="utf-8"))


def test_the_defaults_are_those_that_the_description_names() -> None:
    options = read("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    assert read("defaults/main.yml") == {name: row["default"] for name, row in options.items() if "default" in row}
    assert all(row.get("required") for row in options.values() if "default" not in row)


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
