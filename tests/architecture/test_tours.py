"""Each reader has one tour, in both languages, and nothing on it is untried.

Every ```console block of a tour stands under a mark that says who runs it: ``<!-- run -->`` this folder, ``<!-- run on a platform -->`` the
integration tests, and ``<!-- done by tests/...py::test_name -->`` names the test that does the same where it takes minutes or root.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.pages import user_pages
from tests.architecture.sources import ROOT, relative

TOURS = {"engineer": "getting-started", "technician": "first-school", "operator": "first-day"}
TOLD = re.compile(r"^(?:(?P<mark><!-- .* -->)\n+)?```console$", re.MULTILINE)
MARK = re.compile(
    r"<!-- (?:run(?: on a platform)?(?:: exit \d+)?|done by (?P<file>tests/\S+\.py)::(?P<test>test_\w+)) -->"
)
PAGES = [ROOT / "docs" / reader / f"{page}{ending}" for reader, page in TOURS.items() for ending in (".md", ".zh.md")]


def marks(page: str) -> list[str]:
    """The mark above each block of commands, in order; empty for a block without one."""
    return [found["mark"] or "" for found in TOLD.finditer(page)]


def untrue(mark: str) -> str:
    """Why nothing runs what stands under this mark, or nothing."""
    found = MARK.fullmatch(mark)
    if found is None:
        return f"{mark or 'a block without a mark'}: say who runs it"
    if found["file"] is None:
        return ""
    file = ROOT / found["file"]
    there = file.is_file() and re.search(rf"^def {found['test']}\(", file.read_text(encoding="utf-8"), re.MULTILINE)
    return "" if there else f"{mark}: there is no such test"


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_every_block_of_a_tour_is_run_by_somebody(page: Path) -> None:
    found = marks(page.read_text(encoding="utf-8"))
    assert len(found) >= 6
    assert not [why for mark in found if (why := untrue(mark))]


@pytest.mark.parametrize("page", user_pages(), ids=relative)
def test_a_test_that_a_page_names_exists(page: Path) -> None:
    found = re.findall(r"<!-- done by .*? -->", page.read_text(encoding="utf-8"))
    assert not [why for mark in found if (why := untrue(mark))]


@pytest.mark.parametrize("page", PAGES[::2], ids=relative)
def test_both_languages_of_a_tour_lead_the_same_way(page: Path) -> None:
    twin = page.with_name(f"{page.stem}.zh.md")
    assert marks(page.read_text(encoding="utf-8")) == marks(twin.read_text(encoding="utf-8"))


@pytest.mark.parametrize("reader", TOURS)
def test_the_index_begins_a_reader_s_part_with_his_tour(reader: str) -> None:
    for name in ("README.md", "README.zh.md"):
        links = re.findall(rf"\(({reader}/[^)]*)\)", (ROOT / "docs" / name).read_text(encoding="utf-8"))
        assert links[0] == f"{reader}/{TOURS[reader]}{name.removeprefix('README')}"


@pytest.mark.parametrize(
    "page",
    [
        "```console\n$ true\n```",
        "<!-- trust me -->\n```console\n```",
        "<!-- done by tests/architecture/test_tours.py::test_of_nothing -->\n```console\n```",
        "<!-- done by tests/nowhere.py::test_of_nothing -->\n\n```console\n```",
    ],
    ids=["no mark", "another mark", "no such test", "no such file"],
)
def test_the_rule_sees_a_block_that_nobody_runs(page: str) -> None:
    [mark] = marks(page)
    assert untrue(mark)
