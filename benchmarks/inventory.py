"""How long does `ansible-inventory --list` take for 320 schools and for 5,000, and how does that compare with the usual ways?

The peers hand over the very same hosts, groups and variables: a YAML file, which somebody would have to keep up to date, and a script
that prints JSON. The plugin's and the script's time hold reading and checking the whole catalog; the YAML file's does not.
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
from pathlib import Path
from typing import Any

import yaml

from catalog import City, load
from catalog.synthetic import write_city
from playbooks import inventory

TITLE = "Listing the inventory"
REPEATS = 3
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
            for name, source, plugins in _ways(folder, city):
                environment = {
                    "CITY": str(folder / "city"),
                    "ANSIBLE_INVENTORY": source,
                    "ANSIBLE_INVENTORY_ENABLED": plugins,
                }
                rows.append({"name": f"{name}, {size:,} schools", **_measure(environment)})
    return rows


def _ways(folder: Path, city: City) -> list[tuple[str, str, str]]:
    """Name, inventory source and Ansible's plugin for it."""
    static, script = folder / "static.yml", folder / "script.py"
    static.write_text(yaml.safe_dump(as_file(city), allow_unicode=True))
    script.write_text(SCRIPT.format(python=sys.executable, city=str(folder / "city")))
    script.chmod(0o755)
    plugin = ROOT / "playbooks" / "inventory" / "huiju.yml"
    return [
        ("our plugin", str(plugin), "huiju"),
        ("a script", str(script), "script"),
        ("a YAML file", str(static), "yaml"),
    ]


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


def _measure(environment: dict[str, str]) -> dict[str, Any]:
    """Wall-clock and CPU seconds of ``REPEATS`` runs after one that warms the disk's cache."""
    program = Path(sys.executable).parent / "ansible-inventory"
    variables = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "ANSIBLE_CONFIG": str(ROOT / "playbooks" / "ansible.cfg"),
        **environment,
    }
    wall, cpu, hosts = list[float](), list[float](), 0
    for number in range(REPEATS + 1):
        before, used = time.perf_counter(), _children()
        done = subprocess.run([program, "--list"], env=variables, capture_output=True, text=True, check=True, cwd=ROOT)
        if number:
            wall.append(time.perf_counter() - before)
            cpu.append(_children() - used)
        hosts = len(json.loads(done.stdout)["_meta"]["hostvars"])
    return {
        "n": REPEATS,
        "unit": "s",
        "median": statistics.median(wall),
        "min": min(wall),
        "max": max(wall),
        "cpu_seconds": statistics.median(cpu),
        "note": f"{hosts:,} hosts listed; CPU is the median",
    }


def _children() -> float:
    """CPU seconds of the processes that this one has waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
