"""The pages of figures and proofs: a benchmark replaces its own section only, a proof is appended and never rewritten."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from benchmarks import run
from benchmarks.report import COLUMNS, Proofs, benchmark_section, replace_section, table

PAGE = "# Figures\n\nWhat this is.\n\n## One\n\nold\n\n## Two\n\nkept\n"


def test_a_benchmark_replaces_its_section_and_no_other() -> None:
    page = replace_section(PAGE, "One", "## One\n\nnew\n")
    assert page == "# Figures\n\nWhat this is.\n\n## One\n\nnew\n\n## Two\n\nkept\n"


def test_a_new_benchmark_is_added_at_the_end() -> None:
    assert replace_section(PAGE, "Three", "## Three\n\nnew\n") == PAGE + "\n## Three\n\nnew\n"


def test_replacing_twice_changes_nothing_more() -> None:
    once = replace_section(PAGE, "Two", "## Two\n\nnew | \\1\n")
    assert replace_section(once, "Two", "## Two\n\nnew | \\1\n") == once


def test_a_title_that_begins_another_is_not_taken_for_it() -> None:
    assert "## One more" in replace_section("# F\n\n## One more\n\nkept\n", "One", "## One\n\nnew\n")


def test_a_section_says_when_and_on_what_it_was_measured() -> None:
    section = benchmark_section(
        "T", "Why.", [{"name": "load", "n": 5, "unit": "s", "median": 1.23456, "note": "a|b\nc"}], 0.44
    )
    assert "Measured 20" in section
    assert "cores" in section
    assert "load before it began 0.4." in section
    assert "| load | 5 | s | 1.23 |  |  |  | a\\|b c |" in section


def test_a_table_has_a_cell_for_every_column() -> None:
    header, rule, row = table(COLUMNS, [[None] * len(COLUMNS)]).splitlines()
    assert header.count("|") == rule.count("|") == row.count("|") == len(COLUMNS) + 1


@pytest.fixture
def page(tmp_path: Path) -> Path:
    page = tmp_path / "proofs.md"
    page.write_text("# Proofs\n\n## 2026-01-01\n\nold\n")
    return page


@pytest.mark.parametrize(("failed", "word"), [(True, "the run failed"), (False, "the run passed")])
def test_a_proof_is_appended_whether_it_held_or_not(failed: bool, word: str, page: Path) -> None:
    proofs = Proofs(page)
    proofs.note("kill -9 of pulumi up", "30 of 30 recovered")
    proofs.end(failed=failed)
    text = page.read_text()
    assert text.startswith("# Proofs\n\n## 2026-01-01\n\nold\n\n## ")
    assert word in text
    assert "did not come to its end" not in text
    assert "| kill -9 of pulumi up | 30 of 30 recovered |" in text


def test_a_run_that_is_ended_half_way_keeps_what_it_found(page: Path) -> None:
    proofs = Proofs(page)
    proofs.note("first", "held")
    proofs.note("second", "held too")
    text = page.read_text()
    assert "| first | held |\n| second | held too |\n" in text
    assert text.count("\n## ") == 2  # the old run's section and one of this run
    assert "did not come to its end" in text


def test_two_runs_at_once_lose_nothing_of_each_other(page: Path) -> None:
    one, other = Proofs(page), Proofs(page)
    one.note("first", "held")
    other.note("first", "held")
    other.note("of the other", "held too")
    one.note("of the one", "held as well")
    one.end(failed=False)
    other.note("last of the other", "broken")
    other.end(failed=True)
    _, old, *sections = page.read_text().split("\n## ")
    assert old == "2026-01-01\n\nold\n"
    assert len(sections) == 2
    [passed] = [each for each in sections if "the run passed" in each]
    [failed] = [each for each in sections if "the run failed" in each]
    assert passed.endswith("| first | held |\n| of the one | held as well |\n")
    assert failed.endswith("| first | held |\n| of the other | held too |\n| last of the other | broken |\n")


def test_a_run_without_a_result_leaves_the_page_as_it_was(page: Path) -> None:
    before = page.read_text()
    Proofs(page).end(failed=False)
    assert page.read_text() == before


def test_an_unknown_benchmark_is_refused_before_any_is_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["nonsense"]) == 1
    assert "no benchmark 'nonsense'" in capsys.readouterr().err


def test_one_benchmark_that_breaks_does_not_lose_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []

    def measure(name: str) -> None:
        measured.append(name)
        if name == "a":
            raise RuntimeError("broken")

    monkeypatch.setattr(run, "names", lambda: ["a", "b"])
    monkeypatch.setattr(run, "measure", measure)
    assert run.main([]) == 1
    assert measured == ["a", "b"]


@pytest.mark.parametrize("name", run.names())
def test_every_benchmark_has_a_title_a_question_and_a_run(name: str) -> None:
    module = importlib.import_module(f"benchmarks.{name}")
    assert module.TITLE
    assert module.__doc__
    assert callable(module.run)
