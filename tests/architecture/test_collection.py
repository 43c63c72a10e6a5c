"""No test is written and never run: pytest collects every test function, and no two test modules hide each other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, python_files, relative, tree


def written(path: str, module: ast.Module) -> set[str]:
    """Node ids of the test functions and methods that a module spells, without parameters."""
    found = {f"{path}::{name}" for name in _tests(module.body)}
    for scope in module.body:
        if isinstance(scope, ast.ClassDef):
            found |= {f"{path}::{scope.name}::{name}" for name in _tests(scope.body)}
    return found


def _tests(body: list[ast.stmt]) -> list[str]:
    functions = [node for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [node.name for node in functions if node.name.startswith("test")]


def twice(module: ast.Module) -> list[str]:
    """Names of functions of one module that are defined twice: the second silently replaces the first."""
    names = [node.name for node in module.body if isinstance(node, ast.FunctionDef)]
    return sorted({name for name in names if names.count(name) > 1})


class Collected:
    """A pytest plugin that keeps what was collected."""

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.live: set[Path] = set()
        """Files with a test that is marked `integration` or `proof`."""

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.ids = {item.nodeid.split("[")[0] for item in session.items}
        marked = (
            item for item in session.items if {"integration", "proof"} & {each.name for each in item.iter_markers()}
        )
        self.live = {item.path for item in marked}


@pytest.fixture(scope="module")
def collected() -> Collected:
    """Everything that pytest finds."""
    found = Collected()
    code = pytest.main(
        ["--collect-only", "-qq", "--no-summary", "-p", "no:cacheprovider", str(ROOT / "tests")], [found]
    )
    assert code == pytest.ExitCode.OK
    return found


def test_pytest_collects_every_test_that_is_written(collected: Collected) -> None:
    spelled = {each for path in python_files("tests") for each in written(relative(path), tree(path))}
    assert spelled == collected.ids, f"written but not collected: {sorted(spelled - collected.ids)}"


def test_live_tests_stand_where_make_test_looks_for_them(collected: Collected) -> None:
    script = (ROOT / "local" / "test.sh").read_text(encoding="utf-8")
    pattern = re.search(r"grep -lrE '(.*?)' tests", script)
    assert pattern and collected.live
    unseen = [each for each in collected.live if not re.search(pattern[1], each.read_text(encoding="utf-8"))]
    assert not unseen, f"marked by other means than the mark in the file itself: {unseen}"


def test_every_test_stands_in_a_file_that_pytest_reads() -> None:
    misplaced = [
        relative(path)
        for path in python_files()
        if written(relative(path), tree(path))
        and not (path.name.startswith("test_") and relative(path).startswith("tests/"))
    ]
    assert not misplaced, f"tests outside tests/**/test_*.py: {misplaced}"


def test_no_test_module_defines_a_test_twice() -> None:
    doubles = {relative(path): twice(tree(path)) for path in python_files("tests") if twice(tree(path))}
    assert not doubles


def test_the_rule_sees_hidden_and_doubled_tests() -> None:
    module = ast.parse("def test_a(): ...\nclass Hidden:\n    def test_b(self): ...\ndef test_a(): ...")
    assert written("tests/x.py", module) == {"tests/x.py::test_a", "tests/x.py::Hidden::test_b"}
    assert twice(module) == ["test_a"]
