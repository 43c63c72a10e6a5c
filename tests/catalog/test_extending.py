"""A new school: one row more, every other byte as it was, or nothing at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from catalog import DATA, CatalogError, load, load_named
from catalog.errors import UserError
from catalog.extending import Change, add_school
from catalog.reading import read_folder
from catalog.school import School


def newcomer(**changes: object) -> School:
    """A school that tiny does not have yet."""
    model = load_named("tiny").schools[-1]
    return model.model_copy(update={"code": "2990100099", **changes})


def test_the_file_gains_one_row_and_keeps_every_other_byte(tiny: Path) -> None:
    before = load(tiny)
    change = add_school(tiny, newcomer())
    change.write()
    after = load(tiny)
    assert [s for s in after.schools if s not in before.schools] == [newcomer()]
    added = [line for line in change.diff().splitlines() if line.startswith("+") and not line.startswith("+++")]
    removed = [line for line in change.diff().splitlines() if line.startswith("-") and not line.startswith("---")]
    assert (len(added), removed) == (12, [])
    assert change.after.replace("\n".join(line[1:] for line in added).encode() + b"\n", b"") == change.before


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\ufeff" + text,
        lambda text: text.partition("\nalliances:")[0],
        lambda text: text.partition("\nalliances:")[0].rstrip(),
        lambda text: text.replace("provenance: synthetic\n\nalliances", "provenance: synthetic # last\n  # a note\n\n# b\nalliances"),
        lambda text: text.replace("\n  - ", "\n- ").replace("\n    ", "\n  "),
        lambda text: text.replace("\n    ", "\n        ").replace("\n  - ", "\n      - "),
    ],
    ids=["Windows", "byte-order mark", "last in its file", "no line end", "comments", "flat", "deep"],
)  # fmt: skip
def test_a_file_keeps_its_own_layout(spoil: Callable[[str], str], tiny: Path) -> None:
    file = tiny / "schools.yaml"
    text = file.read_text(encoding="utf-8")
    rest = text.partition("\nalliances:")
    (tiny / "alliances.yaml").write_text(f"alliances:{rest[2]}", encoding="utf-8")
    spoilt = spoil(text)
    if "alliances:" in spoilt:
        (tiny / "alliances.yaml").unlink()
    file.write_bytes(spoilt.encode())
    change = add_school(tiny, newcomer())
    change.write()
    assert load(tiny).school("2990100099") == newcomer()
    kept = [line for line in change.before.splitlines(keepends=True) if line.strip()]
    assert [line for line in change.after.splitlines(keepends=True) if line in kept or line.rstrip() in kept][
        : len(kept)
    ]
    for line in kept:
        assert line.rstrip(b"\r\n") in change.after
    if b"\r\n" in change.before:
        assert change.after.count(b"\n") == change.after.count(b"\r\n")


def test_a_school_goes_to_the_file_of_its_district(tmp_path: Path) -> None:
    city = Path(shutil.copytree(DATA / "neijiang", tmp_path / "city"))
    neighbour = load(city).by_district["weiyuan"][0]
    change = add_school(city, neighbour.model_copy(update={"code": "2151999999"}))
    assert change.file == city / "schools" / "weiyuan.yaml"


def test_names_that_yaml_would_misread_are_quoted(tiny: Path) -> None:
    school = load_named("tiny").schools[-1]
    name = school.name.model_copy(update={"en": "No, 3 (East)", "zh": "3村小学"})
    add_school(tiny, newcomer(name=name)).write()
    assert load(tiny).school("2990100099").name == name


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"code": "2990100001"}, "already taken by 东区实验小学"),
        ({"district": "hils"}, "did you mean `hills`"),
        ({"wave": "last"}, "there are: pilot, demonstration, townships"),
    ],
    ids=["code", "district", "wave"],
)
def test_a_misfit_is_refused_and_nothing_changes(changes: dict[str, object], said: str, tiny: Path) -> None:
    before = (tiny / "schools.yaml").read_bytes()
    with pytest.raises(UserError, match="nothing was written") as refused:
        add_school(tiny, newcomer(**changes))
    assert said in str(refused.value)
    assert (tiny / "schools.yaml").read_bytes() == before


def test_an_impossible_figure_is_refused_with_the_whole_city_before_anything_is_written(tiny: Path) -> None:
    with pytest.raises(CatalogError, match="99 classes for 46 students"):
        add_school(tiny, newcomer(classes=99))


def test_an_unsound_city_is_not_extended(tiny: Path) -> None:
    (tiny / "more.yaml").write_text("nonsense: 1\n")
    with pytest.raises(CatalogError, match="unknown key"):
        add_school(tiny, newcomer())


def test_schools_on_one_line_are_left_to_the_hand(tiny: Path) -> None:
    data = {key: value for document in read_folder(tiny)[0] for key, value in document.data.items()}
    for file in tiny.glob("*.yaml"):
        file.unlink()
    (tiny / "all.yaml").write_text(yaml.safe_dump(data, default_flow_style=True, allow_unicode=True), encoding="utf-8")
    with pytest.raises(UserError, match="one below the other"):
        add_school(tiny, newcomer())


def test_a_file_that_changed_meanwhile_is_not_overwritten(tiny: Path) -> None:
    change = add_school(tiny, newcomer())
    other = change.before + b"# somebody else's note\n"
    change.file.write_bytes(other)
    with pytest.raises(UserError, match="changed meanwhile"):
        change.write()
    assert change.file.read_bytes() == other


def test_a_full_disk_leaves_the_old_file_and_no_rubbish(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change = add_school(tiny, newcomer())

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="nothing was written: No space left"):
        change.write()
    assert change.file.read_bytes() == change.before
    assert sorted(path.name for path in tiny.iterdir()) == sorted(path.name for path in (DATA / "tiny").iterdir())


def test_mode_and_links_are_kept(tiny: Path, tmp_path: Path) -> None:
    file, elsewhere = tiny / "schools.yaml", tmp_path / "shared.yaml"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    elsewhere.chmod(0o640)
    add_school(tiny, newcomer()).write()
    assert file.is_symlink()
    assert elsewhere.stat().st_mode & 0o777 == 0o640
    assert "2990100099" in elsewhere.read_text(encoding="utf-8")


def test_a_change_shows_itself_as_a_diff(tmp_path: Path) -> None:
    change = Change(tmp_path / "a.yaml", b"one\n", b"one\ntwo\n")
    assert change.diff().splitlines()[-1] == "+two"
