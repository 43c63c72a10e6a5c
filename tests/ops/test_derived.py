"""Committed files where they are current; else what the catalog says now, in the state folder."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

from catalog import DATA, City, load, load_named
from derive import generated
from local import paths
from ops import derived


@pytest.fixture
def surface(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with one surface, whose committed files for `tiny` are current; returns its generated folder."""
    module = ModuleType("policies.generate")
    module.__dict__["files"] = lambda city: {"standard": city.standard}
    monkeypatch.setattr(derived, "_surfaces", lambda: iter([("policies", module)]))
    monkeypatch.setattr(paths, "ROOT", tmp_path / "clone")
    folder = tmp_path / "clone" / "policies" / "generated"
    tiny = load_named("tiny")
    generated.write(folder / "tiny", tiny, {"standard": tiny.standard})
    return folder


def changed_city(tmp_path: Path) -> tuple[Path, City]:
    folder = Path(shutil.copytree(DATA / "tiny", tmp_path / "edited"))
    file = folder / "schools.yaml"
    file.write_text(file.read_text().replace("students: 46", "students: 47"))
    return folder, load(folder)


@pytest.mark.usefixtures("surface")
def test_current_committed_files_are_used_as_they_are(said: list[str]) -> None:
    assert derived.folder("tiny", said.append) is None
    assert said == []


@pytest.mark.usefixtures("surface")
def test_a_city_of_ones_own_is_derived_into_the_state_folder(tmp_path: Path, said: list[str]) -> None:
    folder, city = changed_city(tmp_path)
    where = derived.folder(str(folder), said.append)
    assert where is not None and Path(where).is_relative_to(paths.state_dir())
    assert generated.read(Path(where, "policies"), city) == {"standard": city.standard}
    assert said == []


def test_stale_committed_files_are_derived_anew_with_a_word(surface: Path, said: list[str]) -> None:
    (surface / "tiny" / "standard").write_text("by hand")
    where = derived.folder("tiny", said.append)
    assert where and generated.read(Path(where, "policies"), load_named("tiny"))
    assert len(said) == 1 and "make generate" in said[0]


def test_every_surface_that_generates_for_deployment_is_known() -> None:
    found = {name for name, module in derived._surfaces() if callable(getattr(module, "files", None))}
    assert found == {name for name in derived.SURFACES if f"{name}.generate" in sys.modules}
