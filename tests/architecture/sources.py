"""The tree as the rules of the house see it: files of the repository, their syntax trees, and what each module imports."""

from __future__ import annotations

import ast
import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SURFACES = ("infra", "policies", "playbooks", "monitoring", "loadtests")
"""The five derived surfaces: each imports catalog and derive, never another."""
PACKAGES = ("catalog", "derive", *SURFACES, "local", "services", "ops", "benchmarks", "tests")
"""Every folder at the root that holds Python of ours."""


@functools.cache
def files() -> tuple[Path, ...]:
    """Every file of the working tree that is, or would be, committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    paths = (ROOT / name for name in sorted(set(listed.split("\0"))) if name)
    return tuple(path for path in paths if path.is_file() and not path.is_symlink())


def relative(path: Path) -> str:
    """``path`` as it is written in a message."""
    return path.relative_to(ROOT).as_posix()


def python_files(*packages: str) -> tuple[Path, ...]:
    """Python files of these folders; of all when none is named."""
    wanted = packages or PACKAGES
    return tuple(path for path in files() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in wanted)


def text_files() -> Iterator[tuple[Path, str]]:
    """Every file that is UTF-8 text, with its text."""
    for path in files():
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


@functools.cache
def tree(path: Path) -> ast.Module:
    """The syntax tree of one module."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(module: ast.Module, package: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Line and full dotted name of everything a module imports; ``package`` is the dotted folder it stands in."""
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{name}.{alias.name}") for alias in node.names)
        elif is_import_call(node):
            yield node.lineno, node.args[0].value  # type: ignore[attr-defined]


def is_import_call(node: ast.AST) -> bool:
    """Whether ``node`` is ``import_module("...")`` or ``__import__("...")`` of a name that can be read."""
    if not (isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant)):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in {"import_module", "__import__"} and isinstance(node.args[0].value, str)
