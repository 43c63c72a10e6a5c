"""A version is read whole and checked: what is missing, empty, cut, altered or of the future is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from catalog import load_named
from derive import generated
from policies import generate
from services.entitlement import versions
from services.entitlement.versions import UnsoundError
from tests.services.entitlement.conftest import DOCUMENT, NOW
from tests.services.entitlement.mounted import CATALOG, stamped, swap

Files = dict[str, str]


def refused(folder: Path, files: Files) -> str:
    """The reason why these files are no version."""
    swap(folder, files)
    with pytest.raises(UnsoundError) as error:
        versions.read(folder, NOW)
    return error.value.reason


def test_a_sound_version_names_itself_and_its_catalog(tmp_path: Path) -> None:
    files = stamped(DOCUMENT)
    swap(tmp_path, files)
    found = versions.read(tmp_path, NOW)
    assert (found.catalog, found.made) == (CATALOG, NOW)
    assert found.digest == json.loads(files["stamp.json"])["files"]["access.json"]
    assert found.digest.startswith(found.name) and len(found.name) == versions.SHORT


@pytest.mark.parametrize("name", ["tiny", "neijiang"])
def test_what_is_committed_for_a_city_is_a_version(name: str) -> None:
    folder = generate.GENERATED / name
    made = json.loads((folder / "stamp.json").read_text())["made"]
    found = versions.read(folder, NOW.fromisoformat(made))
    assert set(found.rules.schools) == set(load_named(name).by_code)


SPOILT: dict[str, Callable[[str], str]] = {
    "nothing": lambda _: "",
    "a line end": lambda _: "\n",
    "half of it": lambda text: text[: len(text) // 2],
    "one digit otherwise": lambda text: text.replace("0000000001", "0000000009", 1).replace(
        '"files": {"', '"files": {"x'
    ),
    "a list": lambda _: "[]",
    "an empty object": lambda _: "{}",
    "null": lambda _: "null",
}


@pytest.mark.parametrize("name", ["access.json", "stamp.json"])
@pytest.mark.parametrize("spoil", SPOILT)
def test_a_spoilt_file_is_no_version(tmp_path: Path, name: str, spoil: str) -> None:
    files = stamped(DOCUMENT)
    spoilt = {**files, name: SPOILT[spoil](files[name])}
    assert spoilt != files
    blank = not spoilt[name].strip()
    assert refused(tmp_path, spoilt) in ({"empty"} if blank else {"cut", "altered"})


@pytest.mark.parametrize("text", ["[]", "null", "{}", "{"])
def test_a_document_of_another_shape_is_refused_although_its_stamp_fits(tmp_path: Path, text: str) -> None:
    files = stamped(DOCUMENT)
    stamp = json.loads(files["stamp.json"])
    stamp["files"]["access.json"] = generated.digest(text)
    assert refused(tmp_path, {"access.json": text, "stamp.json": json.dumps(stamp)}) == "cut"


@pytest.mark.parametrize("name", ["access.json", "stamp.json"])
def test_a_file_that_is_not_there_is_missing(tmp_path: Path, name: str) -> None:
    assert refused(tmp_path, {key: text for key, text in stamped(DOCUMENT).items() if key != name}) == "missing"


def test_a_folder_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UnsoundError, match=r"access\.json cannot be read"):
        versions.read(tmp_path / "nowhere", NOW)


@pytest.mark.parametrize("table", sorted(DOCUMENT))
def test_rules_that_lack_a_table_are_no_rules(tmp_path: Path, table: str) -> None:
    short = {key: value for key, value in DOCUMENT.items() if key != table}
    swap(tmp_path, stamped(short))
    with pytest.raises(UnsoundError, match=table):
        versions.read(tmp_path, NOW)


@pytest.mark.parametrize("table", versions.WHOLE)
def test_a_table_that_is_empty_was_cut(tmp_path: Path, table: str) -> None:
    assert refused(tmp_path, stamped({**DOCUMENT, table: {}})) == "cut"


def test_an_agreement_that_no_table_has_is_no_rule(tmp_path: Path) -> None:
    assert refused(tmp_path, stamped({**DOCUMENT, "agreements": {}})) == "cut"


@pytest.mark.parametrize(("ahead", "sound"), [(versions.AHEAD, True), (timedelta(minutes=10), False)])
def test_a_version_of_the_future_waits_since_one_of_the_clocks_is_wrong(
    tmp_path: Path, ahead: timedelta, *, sound: bool
) -> None:
    files = stamped(DOCUMENT, NOW + ahead)
    if sound:
        swap(tmp_path, files)
        assert versions.read(tmp_path, NOW).made == NOW + ahead
    else:
        assert refused(tmp_path, files) == "from-the-future"


@pytest.mark.parametrize("made", ["yesterday", "2026-10-15T08:00:00", 7, None])
def test_a_stamp_without_a_moment_is_none(tmp_path: Path, made: object) -> None:
    files = stamped(DOCUMENT)
    files["stamp.json"] = json.dumps({**json.loads(files["stamp.json"]), "made": made})
    assert refused(tmp_path, files) == "cut"


def test_both_files_are_read_from_behind_the_link(tmp_path: Path) -> None:
    swap(tmp_path, stamped(DOCUMENT))
    (tmp_path / "access.json").unlink()
    (tmp_path / "access.json").write_text("something else at the top")
    assert versions.read(tmp_path, NOW).catalog == CATALOG
