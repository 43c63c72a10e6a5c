"""How long does `ansible-inventory --list` take for 320 schools and for 5,000, and how does that compare with the usual ways?

The peers hand over the very same hosts, groups and variables, or the run fails: a YAML file, which somebody would have to keep up to date,
and a script that prints JSON. They are asked in turns. The plugin's and the script's time hold reading and checking the whole catalog; the
YAML file's does not.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.report import row
from catalog import City, load
from catalog.synthetic import write_city
from playbooks import inventory

TITLE = "Listing the inventory"
REPEATS = 5
SIZES = (320, 5_000)
ROOT = Path(__file__).resolve().parent.parent
SCRIPT = """#!{python}
import json
from pathlib import Path
from catalog import load
from benchmarks.inventory import as_script
print(json.dumps(as_script(load(Path({city!r})))))
"""


def run() -> list[dict[str, Any]]:
    """Three rows for each size: the plugin, the script, the file."""
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for size in SIZES:
            folder = Path(scratch) / str(size)
            write_city(folder / "city", size)
            city = load(folder / "city")
            took = measure(ways(folder, city), REPEATS)
            note = f"{len(city.schools):,} hosts listed; CPU is the median"
            rows += [
                row(f"{name}, {size:,} schools", [each.wall for each in found], "s", note,
                    cpu_seconds=statistics.median(each.cpu for each in found))
                for name, found in took.items()
            ]  # fmt: skip
    return rows


def ways(folder: Path, city: City) -> dict[str, dict[str, str]]:
    """Name -> variables by which Ansible lists ``city``, which lies in ``folder``, in this way."""
    static, script = folder / "static.yml", folder / "script.py"
    static.write_text(yaml.safe_dump(as_file(city), allow_unicode=True))
    script.write_text(SCRIPT.format(python=sys.executable, city=str(folder / "city")))
    script.chmod(0o755)
    plugin = ROOT / "playbooks" / "inventory" / "huiju.yml"
    sources = {"our plugin": (plugin, "huiju"), "a script": (script, "script"), "a YAML file": (static, "yaml")}
    return {
        name: {"CITY": str(folder / "city"), "ANSIBLE_INVENTORY": str(source), "ANSIBLE_INVENTORY_ENABLED": enabled}
        for name, (source, enabled) in sources.items()
    }


def as_file(city: City) -> dict[str, Any]:
    """The same inventory as a static file."""
    groups = {
        kind: {"children": {name: {"hosts": dict.fromkeys(codes)} for name, codes in found.items()}}
        for kind, found in inventory.groups(city).items()
    }
    return {
        "all": {"vars": inventory.shared(city), "children": {inventory.ALL: {"hosts": inventory.hosts(city)}, **groups}}
    }


def as_script(city: City) -> dict[str, Any]:
    """The same inventory as a script prints it."""
    hosts = inventory.hosts(city)
    found: dict[str, Any] = {
        "_meta": {"hostvars": hosts},
        inventory.ALL: {"hosts": list(hosts)},
        "all": {"vars": inventory.shared(city)},
    }
    for kind, groups in inventory.groups(city).items():
        found |= {kind: {"children": list(groups)}, **{name: {"hosts": codes} for name, codes in groups.items()}}
    return found


@dataclass(frozen=True)
class Listed:
    """One listing: seconds, the processor's, and what was said."""

    wall: float
    cpu: float
    said: dict[str, Any]


def measure(asked: Mapping[str, Mapping[str, str]], repeats: int) -> dict[str, list[Listed]]:
    """Listings of each way in turns, after a round that warms the disk's cache. RuntimeError where two say different things."""
    took: dict[str, list[Listed]] = {name: [] for name in asked}
    for number in range(repeats + 1):
        for name in _turned(list(asked), number):
            took[name].append(_listed(asked[name]))
        first, *others = (found.pop().said if not number else found[-1].said for found in took.values())
        if any(each != first for each in others):
            raise RuntimeError("the ways list different hosts, groups or variables")
    return took


def _turned(names: list[str], number: int) -> list[str]:
    turn = number % len(names)
    return names[turn:] + names[:turn]


def _listed(environment: Mapping[str, str]) -> Listed:
    program = Path(sys.executable).parent / "ansible-inventory"
    config = str(ROOT / "playbooks" / "ansible.cfg")
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "ANSIBLE_CONFIG": config, **environment}
    before, used = time.perf_counter(), _children()
    done = subprocess.run([program, "--list"], env=variables, capture_output=True, text=True, check=True, cwd=ROOT)
    return Listed(
        time.perf_counter() - before, _children() - used, _sorted(json.loads(done.stdout, object_hook=_unmarked))
    )


def _unmarked(value: dict[str, Any]) -> Any:  # noqa: ANN401  # whatever JSON holds
    """A text of the plugin's without its mark, which says that it is never a template."""
    return value.get("__ansible_unsafe", value)


def _sorted(said: dict[str, Any]) -> dict[str, Any]:
    """What is listed, whatever order it is listed in; a group without anybody is none."""
    hosts: dict[str, Any] = said.pop("_meta")["hostvars"]
    groups = {name: {kind: sorted(members) for kind, members in group.items()} for name, group in said.items()}
    return {"hosts": hosts, "groups": {name: group for name, group in groups.items() if any(group.values())}}


def _children() -> float:
    """CPU seconds of the processes that this one has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
