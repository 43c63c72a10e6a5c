"""The page of figures says what its benchmarks are, and where a figure is of former code."""

from __future__ import annotations

import importlib
import re

import pytest

from benchmarks import run
from derive import figures

FEW = {"cold_up", "up", "pulumi_scale"}
"""Benchmarks of whole clusters, parts of which are measured once; the page's rows say so."""
LEAST = 5
ROWS = re.compile(r"^\| [^|]+ \| (\d+) \|", re.MULTILINE)


def section(name: str) -> str:
    title = re.escape(importlib.import_module(f"benchmarks.{name}").TITLE)
    page = run.PAGE.read_text(encoding="utf-8")
    [found] = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.mark.parametrize("name", run.names())
def test_each_section_says_what_its_benchmark_asks(name: str) -> None:
    assert (importlib.import_module(f"benchmarks.{name}").__doc__ or "").strip() in section(name)


@pytest.mark.parametrize("name", sorted({*run.names()} - FEW))
def test_a_figure_is_of_five_rounds_at_least_unless_it_is_of_former_code(name: str) -> None:
    text = section(name)
    counts = [int(count) for count in ROWS.findall(text)]
    assert counts
    assert min(counts) >= LEAST or run.FORMER in text


def test_what_is_cited_of_the_page_stands_there() -> None:
    for figure in (figures.GENERATOR_REQUESTS, figures.GENERATOR_MBPS):
        cited = re.search(r": ([\d,]+) per CPU second", figure.source)
        assert cited
        assert f"| {cited[1]} |" in section("load_generator")
        assert figure.value == pytest.approx(0.6 * int(cited[1].replace(",", "")), rel=0.05)
