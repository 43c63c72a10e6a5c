"""The one-source rule: a fact of the catalog's data is spelled nowhere in the code.

What counts as spelling a fact, so that the rule is honest about what it sees:

- a school's or district's code, or its Chinese or English name, anywhere in a string or a text file;
- the id of a row (district, alliance, wave, licence, agreement, partner, funding source, rendition, service) as a whole string;
- a tier's id in a comparison, a ``case``, a dictionary's key or an index: a tier is a row in a table, never an ``elif``;
- the size of a rendition (``1280x720``), or two different bit rates of the ladder as numbers in one module;
- a sum of money of 10,000 yuan or more as a number.

Smaller numbers (a target of 20 Mbit/s) are too common to be told from others: those are left to the reviewer.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import pytest

from catalog import DATA, City, load
from catalog.types import Names
from tests.architecture.sources import python_files, relative, text_files, tree

CODE = ("derive", "infra", "policies", "playbooks", "monitoring", "loadtests", "local", "services", "ops", "benchmarks")
TEXTS = {".html", ".js", ".ts", ".css", ".sh", ".j2", ".yaml", ".yml", ".toml", ".conf", ".config", ".svg"}
BIG_SUM = 10_000
KNOWN: dict[tuple[str, str], str] = {
    ("infra/plan/platform.py", "portal"): "the image's name in local/images.yaml, not the service's id",
    ("infra/plan/portal.py", "portal"): "the image's name in local/images.yaml, not the service's id",
    ("infra/plan/monitoring.py", "monitoring"): "the surface, a folder at the root, not the service's id",
    ("ops/derived.py", "monitoring"): "the surface, a folder at the root, not the service's id",
    ("ops/health.py", "portal"): "the label of a row of `huiju status`",
    ("infra/plan/database.py", "database"): "a field of the operator's objects, not the service's id",
    ("ops/databases/drill.py", "database"): "a field of the operator's objects, not the service's id",
    ("local/cluster/configuration.py", "identity"): "Kubernetes’ word for no encryption, not the service's id",
    ("ops/cli.py", "database"): "the name of a sub-command",
    ("ops/health.py", "database"): "the label of a row of `huiju status`",
    ("services/lesson_index/rows.py", "teacher"): "a field of lesson.json: who gives the lesson, not an access tier",
    ("ops/lessons/wish.py", "teacher"): "a field of lesson.json: who gives the lesson, not an access tier",
}
"""(path, fact) -> why it may stand there although the catalog says it too."""


@dataclass(frozen=True)
class Facts:
    """What the cities say, in the forms in which code could repeat it."""

    spellings: frozenset[str]
    ids: frozenset[str]
    tiers: frozenset[str]
    rates: frozenset[int]
    sums: frozenset[int]


def facts(cities: tuple[City, ...]) -> Facts:
    """The facts of these cities."""
    rungs = [rung for city in cities for rung in city.ladder]
    return Facts(
        spellings=frozenset(_names_and_codes(cities)) | {f"{rung.width}x{rung.height}" for rung in rungs},
        ids=frozenset(_ids(cities)),
        tiers=frozenset(tier.id for city in cities for tier in city.tiers),
        rates=frozenset(rung.video_kbps * factor for rung in rungs for factor in (1, 1000)),
        sums=frozenset(_sums(cities)),
    )


def _names_and_codes(cities: tuple[City, ...]) -> Iterator[str]:
    for city in cities:
        yield from (school.code for school in city.schools)
        yield from (district.division_code for district in city.districts)
        for row in (*city.schools, *city.districts, *city.alliances, *city.partners):
            names: Names = getattr(row, "name")  # noqa: B009  # four models, one shape
            yield from (names.zh, names.en)


def _ids(cities: tuple[City, ...]) -> Iterator[str]:
    for city in cities:
        yield from (row.id for row in city.districts)
        yield from (row.id for row in city.waves)
        yield from (row.id for row in city.alliances)
        yield from (row.id for row in city.services)
        yield from (row.id for row in city.ladder)
        yield from (row.id for row in city.licences)
        yield from (row.id for row in city.agreements)
        yield from (row.id for row in city.partners)
        yield from (row.id for row in city.funding_sources)


def _sums(cities: tuple[City, ...]) -> Iterator[int]:
    for source in (source for city in cities for source in city.funding_sources):
        yield from (value for value in source.model_dump().values() if isinstance(value, int) and value >= BIG_SUM)


def _decided(node: ast.AST) -> list[ast.expr | None]:
    """The expressions by which ``node`` decides: sides of a comparison, a case's value, keys, an index."""
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        return [
            *sides,
            *(item for side in sides if isinstance(side, ast.Tuple | ast.Set | ast.List) for item in side.elts),
        ]
    if isinstance(node, ast.MatchValue):
        return [node.value]
    if isinstance(node, ast.Dict):
        return list(node.keys)
    return [node.slice] if isinstance(node, ast.Subscript) else []


def spelled_in_text(text: str, known: Facts) -> set[str]:
    """Codes, names and sizes that a text spells."""
    return {
        each
        for each in known.spellings
        if each in text and re.search(rf"(?<![0-9A-Za-z]){re.escape(each)}(?![0-9A-Za-z])", text)
    }


def spelled_in_code(module: ast.Module, known: Facts) -> set[str]:
    """Facts that a module spells."""
    values = [node.value for node in ast.walk(module) if isinstance(node, ast.Constant)]
    strings = {value for value in values if isinstance(value, str)}
    numbers = {value for value in values if isinstance(value, int) and not isinstance(value, bool)}
    decided = {
        e.value
        for node in ast.walk(module)
        for e in _decided(node)
        if isinstance(e, ast.Constant) and isinstance(e.value, str)
    }
    rates = numbers & known.rates
    found = {each for text in strings for each in spelled_in_text(text, known)}
    found |= (strings & known.ids) | (decided & known.tiers) | {str(each) for each in numbers & known.sums}
    return found | ({str(rate) for rate in rates} if len(rates) > 1 else set())


@cache
def worked_cities() -> tuple[City, ...]:
    """Every city of ``catalog/data``."""
    return tuple(load(folder) for folder in sorted(DATA.iterdir()) if folder.is_dir())


@cache
def known_facts() -> Facts:
    """The facts of every worked city."""
    return facts(worked_cities())


def test_no_module_spells_a_fact_of_the_catalog() -> None:
    found = {
        (relative(path), fact) for path in python_files(*CODE) for fact in spelled_in_code(tree(path), known_facts())
    }
    assert not found - set(KNOWN), "\n".join(f"{path} spells {fact!r}" for path, fact in sorted(found - set(KNOWN)))
    assert set(KNOWN) <= found, f"no longer spelled, remove from KNOWN: {set(KNOWN) - found}"


def test_no_other_source_spells_a_code_a_name_or_a_size() -> None:
    places = [
        (path, text) for path, text in text_files() if path.suffix in TEXTS and relative(path).split("/")[0] in CODE
    ]
    found = [
        f"{relative(path)} spells {fact!r}" for path, text in places for fact in spelled_in_text(text, known_facts())
    ]
    assert not found, "\n".join(found)


def _breaches() -> list[str]:
    """One module for each kind of fact, made from the catalog so that this file spells none either."""
    city = worked_cities()[-1]
    tier, school, rungs = city.tiers[0].id, city.schools[0], city.ladder
    return [
        f"CODE = {school.code!r}",
        f"NAME = 'welcome to {school.name.zh}'",
        f"service = city.service({city.services[0].id!r})",
        f"if person.tier == {tier!r}: ...",
        f"if person.tier in ({tier!r}, 'x'): ...",
        f"match tier:\n    case {tier!r}: ...",
        f"RIGHTS = {{{tier!r}: 1}}",
        f"SIZE = '{rungs[0].width}x{rungs[0].height}'",
        f"RATES = [{rungs[0].video_kbps}, {rungs[-1].video_kbps}_000]",
    ]


@pytest.mark.parametrize("number", range(9))
def test_the_rule_sees_each_kind_of_repeated_fact(number: int) -> None:
    assert spelled_in_code(ast.parse(_breaches()[number]), known_facts())


def test_the_rule_lets_derived_code_pass() -> None:
    code = "for tier in city.tiers: print(tier.id, names.GATEWAY, 20, [rung.video_kbps for rung in city.ladder])"
    assert not spelled_in_code(ast.parse(code), known_facts())
