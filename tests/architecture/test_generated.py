"""What is generated and committed is what its generator makes now; drift fails with the command that mends it."""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, files, relative

GENERATORS = tuple(
    relative(path).removesuffix(".py").replace("/", ".")
    for path in files()
    if path.name.endswith("generate.py") and path.relative_to(ROOT).parts[0] != "tests"
)


def _copy_of_the_tree(folder: Path) -> Path:
    for path in files():
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    return folder


def drift(before: Path, after: Path) -> list[str]:
    """Files that a generator changed, added or removed: paths relative to the two trees."""
    old, new = ({p.relative_to(base) for p in base.rglob("*") if p.is_file()} for base in (before, after))
    ours = {path for path in old | new if "__pycache__" not in path.parts}
    return sorted(
        str(path)
        for path in ours
        if not (
            (before / path).is_file()
            and (after / path).is_file()
            and filecmp.cmp(before / path, after / path, shallow=False)
        )
    )


@pytest.mark.parametrize("module", GENERATORS)
def test_generated_files_are_what_their_generator_makes(module: str, tmp_path: Path) -> None:
    before, after = _copy_of_the_tree(tmp_path / "before"), _copy_of_the_tree(tmp_path / "after")
    run = subprocess.run(
        [sys.executable, "-B", "-m", module],
        cwd=after,
        env={**os.environ, "PYTHONPATH": str(after)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert not drift(before, after), (
        f"not what `{module}` makes now; run `make generate` and commit: {drift(before, after)}"
    )


def test_the_rule_sees_a_changed_an_added_and_a_lost_file(tmp_path: Path) -> None:
    for side, content in (
        ("before", {"same": "1", "changed": "1", "lost": "1"}),
        ("after", {"same": "1", "changed": "2", "new": "1"}),
    ):
        (tmp_path / side).mkdir()
        for name, text in content.items():
            (tmp_path / side / name).write_text(text)
    assert drift(tmp_path / "before", tmp_path / "after") == ["changed", "lost", "new"]
