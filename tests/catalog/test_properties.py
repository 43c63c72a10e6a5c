"""Whatever happens to a city's files, loading gives a city or problems that each name an existing file and line; nothing else."""

from __future__ import annotations

import random
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import DATA, CatalogError, City, load, load_named
from catalog.reading import read_folder

FILES = sorted(path.name for path in (DATA / "tiny").glob("*.yaml"))
LINE_END = re.compile("\r\n|\r|\n|\x85|\u2028|\u2029")
"""What YAML counts as the end of a line."""
SCRAPS = (
    "&a", "*a", "<<: ", "!!binary ", "!x ", "|", ">", "- ", "? ", ": ", "\t", "\x00", "\x1b[2J", "\u202e", "\ufeff", "[", "]",
    "{", "}", "'", '"', "#", "%YAML 9.9\n", "---\n", "...\n", "null", "~", "yes", "0x1F", "1e999", "-1", "99999999999999999999",
    "2026-02-30", "24:00", "$(id)", "`id`", "{{ x }}", "'; DROP TABLE schools; --", "\\", "\r", "\x85", "\u2028", "é", "县",
)  # fmt: skip


@contextmanager
def tiny() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(shutil.copytree(DATA / "tiny", Path(folder) / "city"))


def judged(city: Path) -> City | CatalogError:
    """The city, or the error after a look at every problem in it."""
    try:
        return load(city)
    except CatalogError as error:
        assert error.problems
        assert list(error.problems) == sorted(error.problems)
        for problem in error.problems:
            lines = len(LINE_END.split(problem.file.read_text(encoding="utf-8", errors="replace")))
            assert 1 <= problem.line <= lines, problem
            assert all(char.isprintable() for char in str(problem)), repr(str(problem))
        return error


def examples(number: int) -> Callable[[Any], Any]:
    return settings(max_examples=number, deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def edits(draw: st.DrawFn) -> tuple[str, int, int, str]:
    """A file, where to cut, how much to cut out, and what to put there."""
    file = draw(st.sampled_from(FILES))
    size = len((DATA / "tiny" / file).read_text(encoding="utf-8"))
    scrap = draw(st.sampled_from(SCRAPS) | st.text(max_size=8))
    return file, draw(st.integers(0, size)), draw(st.integers(0, 40)), scrap


@examples(120)
@given(st.lists(edits(), min_size=1, max_size=4))
def test_text_cut_and_pasted_at_random_gives_a_city_or_placed_problems(
    changes: list[tuple[str, int, int, str]],
) -> None:
    with tiny() as city:
        for file, at, cut, scrap in changes:
            text = (city / file).read_text(encoding="utf-8")
            changed = text[:at] + scrap + text[at + cut :]
            (city / file).write_text(changed, encoding="utf-8", errors="replace", newline="")
        judged(city)


@examples(100)
@given(st.sampled_from(FILES), st.integers(0, 4000), st.binary(min_size=1, max_size=12))
def test_bytes_put_anywhere_give_a_city_or_placed_problems(file: str, at: int, scrap: bytes) -> None:
    with tiny() as city:
        content = (city / file).read_bytes()
        (city / file).write_bytes(content[:at] + scrap + content[at:])
        judged(city)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.sampled_from(SCRAPS)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


def places(data: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The path of every value in ``data``."""
    if path:
        yield path
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for step, value in inner:
        yield from places(value, (*path, step))


PLACES = [(document.file.name, path) for document in read_folder(DATA / "tiny")[0] for path in places(document.data)]


@examples(120)
@given(st.lists(st.tuples(st.sampled_from(PLACES), VALUES), min_size=1, max_size=3))
def test_any_value_in_any_place_gives_a_city_or_placed_problems(
    changes: list[tuple[tuple[str, tuple[str | int, ...]], Any]],
) -> None:
    with tiny() as city:
        documents = {document.file.name: document.data for document in read_folder(city)[0]}
        for (file, path), value in changes:
            holder: Any = documents[file]
            try:
                for step in path[:-1]:
                    holder = holder[step]
                holder[path[-1]] = value
            except (TypeError, KeyError, IndexError, AttributeError):
                continue  # an earlier change took the place away
        for file, data in documents.items():
            text = yaml.dump(data, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False)
            (city / file).write_text(text, encoding="utf-8", errors="replace")
        judged(city)


@examples(50)
@given(st.randoms(use_true_random=False))
def test_files_split_and_shuffled_give_an_equal_city(dice: random.Random) -> None:
    with tiny() as city:
        documents = [document.data for document in read_folder(city)[0]]
        for file in city.glob("*.yaml"):
            file.unlink()
        rows = [(key, row) for data in documents for key, value in data.items() for row in _rows(value)]
        dice.shuffle(rows)
        ladder = iter([row for row in rows if row[0] == "ladder"])
        for number, (key, row) in enumerate(sorted(rows, key=lambda r: r[0] == "ladder")):
            if key != "ladder":
                (city / f"{number:03}.yaml").write_text(
                    yaml.safe_dump({key: row}, allow_unicode=True), encoding="utf-8"
                )
        rungs = sorted((rung for _, [rung] in ladder), key=lambda rung: rung["video_kbps"])
        (city / "ladder.yaml").write_text(yaml.safe_dump({"ladder": rungs}), encoding="utf-8")
        (city / "partners.yaml").write_text("partners: []\n", encoding="utf-8")
        assert load(city).digest == load_named("tiny").digest


def _rows(value: Any) -> list[Any]:
    """A list as lists of one row each, so that each goes to a file of its own; anything else as it is."""
    return [[row] for row in value] if isinstance(value, list) else [value]


@pytest.mark.proof
def test_a_long_campaign_of_random_edits(
    campaign: Callable[[int, int], int], proof: Callable[[str, str], None]
) -> None:
    rounds, dice, loaded = campaign(200, 20_000), random.Random(3), 0
    for _ in range(rounds):
        with tiny() as city:
            for _ in range(dice.randint(1, 3)):
                file = city / dice.choice(FILES)
                text = file.read_text(encoding="utf-8")
                at = dice.randrange(len(text) + 1)
                changed = (
                    text[:at] + dice.choice(SCRAPS) * dice.choice((0, 1, 1, 5)) + text[at + dice.choice((0, 1, 30)) :]
                )
                file.write_text(changed, encoding="utf-8", errors="replace", newline="")
            loaded += isinstance(judged(city), City)
    proof(
        "catalog: random edits of a city's files",
        f"{rounds} edited cities: {loaded} loaded, the others refused with places",
    )
