"""The import rule: surfaces stand on the catalog, never on each other, and pure modules know nothing of the tools that apply them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.architecture.sources import PACKAGES, ROOT, SURFACES, imports, python_files, relative, tree

ALLOWED: dict[str, set[str]] = {
    "catalog": set(),
    "derive": {"catalog"},
    **{surface: {"catalog", "derive"} for surface in SURFACES},
    "local": {"catalog"},
    "services": {"derive"},
    # Their images hold their own folder and nothing else of ours.
    "services.packager": set(),
    "services.store": set(),
    # In the packager's image, beside it.
    "services.live": {"services"},
    "ops": set(PACKAGES) - {"tests", "benchmarks"},
    "benchmarks": set(PACKAGES) - {"tests"},
    "tests": set(PACKAGES),
}
"""Who may import whom (itself always, except services, where each folder stands alone)."""

PURE = ("catalog", "derive", "infra.plan")
APPLYING = {
    "pulumi",
    "pulumi_kubernetes",
    "pulumi_policy",
    "locust",
    "ansible",
    "boto3",
    "typer",
    "subprocess",
    "socket",
}
"""What a pure module may not import: whatever touches the world."""

BANNED = {"pulumi_kubernetes": "typed classes cost 2.6 s and 135 MB at import (docs/decisions/0002)"}


def _unit(dotted: str) -> str:
    """What stands alone: a root package, or one folder of services."""
    parts = dotted.split(".")
    return ".".join(parts[:2]) if parts[0] == "services" else parts[0]


def violations(path: str, source: str) -> list[str]:
    """What the module at ``path`` (relative to the root) imports and may not, one sentence each."""
    dotted = Path(path).with_suffix("").as_posix().replace("/", ".")
    package = tuple(dotted.split(".")[:-1])
    found = []
    for line, name in imports(ast.parse(source), package):
        top = name.split(".")[0]
        allowed = ALLOWED.get(_unit(dotted), ALLOWED[package[0]])
        if top in PACKAGES and _unit(name) != _unit(dotted) and top not in allowed:
            found.append(
                f"{path}:{line}: {package[0]} imports {name}; it may import {sorted(allowed) or 'nothing of ours'}"
            )
        if top in APPLYING and any(dotted == pure or dotted.startswith(f"{pure}.") for pure in PURE):
            found.append(f"{path}:{line}: a pure module imports {name}; apply it in another module")
        if top in BANNED:
            found.append(f"{path}:{line}: imports {name}: {BANNED[top]}")
    return found


def test_every_module_imports_only_what_its_place_allows() -> None:
    found = [each for path in python_files() for each in violations(relative(path), path.read_text(encoding="utf-8"))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("catalog/model.py", "import derive.ladder"),
        ("derive/ladder.py", "from infra import plan"),
        ("policies/access/compiler.py", "from infra.plan import tenancy"),
        ("infra/plan/tenancy.py", "import pulumi"),
        ("infra/plan/tenancy.py", "from ..components import gateway\nfrom ...policies import access"),
        ("infra/components/store.py", "from pulumi_kubernetes.core.v1 import Secret"),
        ("monitoring/rules.py", "import importlib\nimportlib.import_module('loadtests.model')"),
        ("services/packager/package.py", "from services.portal import index"),
        ("services/packager/package.py", "import catalog"),
        ("services/packager/package.py", "from derive import lesson"),
        ("services/entitlement/rules.py", "import catalog"),
        ("services/entitlement/rules.py", "from policies.access import document"),
        ("local/cluster.py", "from ops import status"),
    ],
)
def test_the_rule_sees_a_forbidden_import(path: str, source: str) -> None:
    assert violations(path, source)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("infra/plan/tenancy.py", "from catalog import City\nfrom derive import ladder"),
        ("infra/components/store.py", "import pulumi"),
        ("infra/plan/store.py", "from . import tenancy"),
        ("services/packager/package.py", "from services.packager import ladder\nimport boto3"),
        ("services/entitlement/desk.py", "from derive import video_token"),
        ("ops/up.py", "from local import cluster\nfrom infra import plan"),
    ],
)
def test_the_rule_lets_an_allowed_import_pass(path: str, source: str) -> None:
    assert not violations(path, source)


def test_the_entry_of_infra_only_loads_plans_instantiates_and_exports() -> None:
    entry = ROOT / "infra" / "__main__.py"
    if not entry.exists():
        pytest.skip("infra is not written yet")
    module = tree(entry)
    docstring = range(1, module.body[0].end_lineno or 0) if ast.get_docstring(module) else range(0)
    lines = entry.read_text(encoding="utf-8").splitlines()
    code = [line for number, line in enumerate(lines, 1) if line.strip() and number not in docstring]
    assert len(code) <= 25, (
        f"infra/__main__.py has {len(code)} lines of code: move work to infra/plan or infra/components"
    )
