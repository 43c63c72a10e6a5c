"""One city model, five surfaces: every school is in each once, and a fact that changes, changes where it counts and nowhere else."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from catalog import DATA, City, load, load_named, named
from derive import traffic
from infra.plan import schools
from monitoring import coverage
from playbooks import inventory
from policies.access import document

Rows = Mapping[str, Any]


def ruled(city: City) -> Rows:
    """What the rules have about each school: its own row, and the alliances and agreements in which it is."""
    tables = document.document(city)
    unions = {**tables["alliances"], **{name: each["schools"] for name, each in tables["agreements"].items()}}
    named = {**tables["alliances"], **tables["agreements"]}
    return {
        code: {"school": row, "in": {name: named[name] for name, members in unions.items() if code in members}}
        for code, row in tables["schools"].items()
    }


SURFACES: dict[str, Callable[[City], Rows]] = {
    "infra": schools.rows,
    "playbooks": inventory.hosts,
    "monitoring": coverage.series,
    "loadtests": traffic.shares,
    "policies": ruled,
}
"""Surface -> what it derives for each school, by code."""


def plain(rows: Rows) -> dict[str, Any]:
    """Rows as JSON data, so that they can be compared and searched."""

    def simple(value: object) -> object:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return dataclasses.asdict(value)
        if hasattr(value, "model_dump"):
            return value.model_dump(mode="json")
        return sorted(value) if isinstance(value, set | frozenset) else str(value)

    found: dict[str, Any] = json.loads(json.dumps(dict(rows), default=simple, sort_keys=True))
    return found


def edited(folder: Path, old: str, new: str) -> City:
    """The city ``tiny`` in ``folder`` with one text replaced wherever it stands."""
    shutil.copytree(DATA / "tiny", folder)
    for file in folder.glob("*.yaml"):
        file.write_text(file.read_text().replace(old, new))
    return load(folder)


@pytest.mark.parametrize("city", named())
@pytest.mark.parametrize("surface", SURFACES)
def test_every_school_is_in_each_surface_once(surface: str, city: str) -> None:
    found = load_named(city)
    rows = list(SURFACES[surface](found))
    assert sorted(rows) == sorted(school.code for school in found.schools)
    assert all(SURFACES[surface](found).values())


@pytest.mark.parametrize("surface", SURFACES)
def test_a_school_that_gets_another_code_changes_in_all_five_and_nobody_else_does(surface: str, tmp_path: Path) -> None:
    before = load_named("tiny")
    old, new = before.schools[-1].code, "2990100099"
    now = plain(SURFACES[surface](edited(tmp_path / "tiny", old, new)))
    assert old not in json.dumps(now)
    assert new in now
    back = json.loads(json.dumps(now).replace(new, old))
    assert back == plain(SURFACES[surface](before))


def changed(before: City, after: City) -> dict[str, set[str]]:
    """Surface -> codes of the schools whose rows differ; surfaces without a difference are left out."""
    found = {}
    for surface, derive in SURFACES.items():
        old, new = plain(derive(before)), plain(derive(after))
        if codes := {code for code in old.keys() | new.keys() if old.get(code) != new.get(code)}:
            found[surface] = codes
    return found


ONE, ALL = 1, 6
"""How many of the six schools of `tiny` a fact reaches."""
FACTS: dict[tuple[str, str], dict[str, int]] = {
    ("locality: village", "locality: township"): {"infra": ONE, "playbooks": ONE, "monitoring": ONE},
    ("contracted_mbps: 8,", "contracted_mbps: 9,"): {"playbooks": ONE},
    # A share is a part of the whole: everybody's changes.
    ("students: 46", "students: 47"): {"playbooks": ONE, "loadtests": ALL},
    ("amount_yuan: 600000", "amount_yuan: 600001"): {},
    # The agreement of three ends a day earlier, for each of its parties.
    ("ends: 2027-07-31\n    terms", "ends: 2027-07-30\n    terms"): {"policies": 3},
}
"""(old text, new text) of the catalog -> surface -> how many schools' rows change; every other row of every surface stays."""


@pytest.mark.parametrize("edit", FACTS, ids=[old for old, _ in FACTS])
def test_a_fact_changes_the_rows_that_rest_on_it_and_no_other(edit: tuple[str, str], tmp_path: Path) -> None:
    found = changed(load_named("tiny"), edited(tmp_path / "tiny", *edit))
    assert {surface: len(codes) for surface, codes in found.items()} == FACTS[edit]


def test_every_surface_is_reached_by_some_fact() -> None:
    assert {surface for reached in FACTS.values() for surface in reached} == set(SURFACES)
