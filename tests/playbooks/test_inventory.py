"""The inventory: every school is one host, in the order of the roll-out; groups follow the catalog; nothing in it is ever a template."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from catalog import City, load, load_named, named
from playbooks import inventory

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=named())
def city(request: pytest.FixtureRequest) -> City:
    return load_named(request.param)


def listed(city: str) -> dict[str, Any]:
    """What `ansible-inventory --list` says."""
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "playbooks" / "ansible.cfg"), "CITY": city}
    environment.pop("ANSIBLE_INVENTORY", None)
    program = Path(sys.executable).parent / "ansible-inventory"
    done = subprocess.run([program, "--list"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_every_school_is_one_host_and_no_other_is(city: City) -> None:
    assert sorted(inventory.hosts(city)) == sorted(school.code for school in city.schools)


def test_hosts_come_in_the_order_of_the_roll_out(city: City) -> None:
    starts = {wave.id: wave.starts for wave in city.waves}
    order = [starts[variables["school_wave"]] for variables in inventory.hosts(city).values()]
    assert order == sorted(order)


def test_every_school_is_in_one_wave_one_district_and_one_locality(city: City) -> None:
    for kind in ("waves", "districts", "localities"):
        codes = [code for group in inventory.groups(city)[kind].values() for code in group]
        assert sorted(codes) == sorted(inventory.hosts(city)), kind


def test_no_two_groups_share_a_name_and_all_are_ansible_words(city: City) -> None:
    names = list(inventory.group_names(city))
    assert len(names) == len(set(names))
    assert all(name.isidentifier() for name in names)


def test_a_school_without_a_link_says_so(city: City) -> None:
    for school in city.schools:
        assert (inventory.hosts(city)[school.code]["school_uplink_mbps"] is None) == (school.uplink is None)


def test_one_fact_changes_one_host_and_nothing_else() -> None:
    city = load_named("tiny")
    first = city.schools[0]
    changed = city.model_copy(
        update={"schools": (first.model_copy(update={"students": first.students + 1}), *city.schools[1:])}
    )
    before, after = inventory.hosts(city), inventory.hosts(changed)
    assert [code for code in before if before[code] != after[code]] == [first.code]
    assert inventory.groups(city) == inventory.groups(changed)


def test_ansible_lists_what_is_derived() -> None:
    city, found = load_named("tiny"), listed("tiny")
    assert set(found["_meta"]["hostvars"]) == set(inventory.hosts(city))
    assert found["schools"]["hosts"] == list(inventory.hosts(city)), "batches are taken in this order"
    for kind, groups in inventory.groups(city).items():
        assert found[kind]["children"] == list(groups)
        for name, codes in groups.items():
            assert sorted(found.get(name, {}).get("hosts", [])) == sorted(codes)


def test_a_name_from_the_catalog_is_never_a_template() -> None:
    variables = next(iter(listed("tiny")["_meta"]["hostvars"].values()))
    assert set(variables["school_name"]["zh"]) == {"__ansible_unsafe"}


def test_a_broken_catalog_is_one_clear_refusal(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "playbooks" / "ansible.cfg"),
        "CITY": str(tmp_path / "nowhere"),
    }
    program = Path(sys.executable).parent / "ansible-inventory"
    done = subprocess.run([program, "--list"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "nowhere" in done.stderr


def test_the_synthetic_city_of_5000_is_listed_whole(tmp_path: Path) -> None:
    from catalog.synthetic import write_city

    write_city(tmp_path / "big", 5_000)
    assert len(inventory.hosts(load(tmp_path / "big"))) == 5_000
