"""The JSON Schemas say what the loader says, and every data file names the one that editors use."""

from __future__ import annotations

import json
import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from catalog import DATA, CatalogError, load, load_named, named
from catalog.generate import FOLDER, schemas
from catalog.reading import read_folder
from tests.catalog.test_cases import CASES, edited, read

FILES = sorted(DATA.rglob("*.yaml"))
BEYOND_A_SCHEMA = re.compile(
    r"not one of the city|is already|does not teach|stands twice|also needs|reaches itself|with databases reaches|giver|two parties"
    r"|classes for|must be more than the|must divide|is before|no bells|already has bells|not after the end|lie in no term"
    r"|may not `|is wider than|never holds|has not signed in|anyway: leave|already has `|except by a rule|no personal data|is not for `"
    r"|never go so far|out of use|no resource|no licence|no grant|under a licence|nothing else is|reaches no farther|hold a seat"
    r"|gives and owes|no role of a roster|no party|after its first day|opens nothing|not Chinese|not English"
    r"|is a school day|lies in|must hold two probes|are kept six months|not an IANA time zone|has the scope|is no target|is missing: add `"
    r"|can be locked|is no period|no lessons on this day|inside the alliance only|of a school that has|not streamed live"
    r"|when the first school|a rendition of the ladder|people of a partner|its scope is `|is the word for `"
)
"""Problems that lie between facts, or in the calendar, where a schema does not reach."""


UNREAD = re.compile("alias|_tag|duplicate_key|section_in_two_files")
"""Cases that are refused before there is data to check."""


@cache
def validator(name: str = "catalog.schema.json") -> jsonschema.Draft202012Validator:
    schema = schemas()[name]
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


@pytest.mark.parametrize("name", sorted(schemas()))
def test_the_committed_schema_is_what_the_model_says_now(name: str) -> None:
    assert json.loads((FOLDER / name).read_text(encoding="utf-8")) == schemas()[name], "run `make generate`"


@pytest.mark.parametrize("city", named())
def test_the_worked_cities_satisfy_the_schema(city: str) -> None:
    for document in read_folder(DATA / city)[0]:
        assert not list(validator().iter_errors(document.data)), document.file
    assert not list(validator("city.schema.json").iter_errors(load_named(city).model_dump(mode="json")))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(DATA)))
def test_every_data_file_names_its_schema_in_the_first_line(file: Path) -> None:
    first = file.read_text(encoding="utf-8").splitlines()[0]
    named_schema = first.removeprefix("# yaml-language-server: $schema=")
    assert (file.parent / named_schema).resolve() == FOLDER / "catalog.schema.json"


def refusals(city: Path) -> list[str]:
    try:
        load(city)
    except CatalogError as error:
        return [problem.message for problem in error.problems]
    return []


@pytest.mark.parametrize("case", [case for case in CASES if not UNREAD.search(case.stem)], ids=lambda file: file.stem)
def test_an_editor_sees_what_the_loader_sees_in_one_value(case: Path, tmp_path: Path) -> None:
    city = edited(read(case), Path(shutil.copytree(DATA / "tiny", tmp_path / "city")))
    said = refusals(city)
    files = {edit["file"] for edit in read(case)["edits"]}
    documents = [document for document in read_folder(city)[0] if document.file.name in files]
    errors = [error for document in documents for error in validator().iter_errors(document.data)]
    assert bool(errors) == any(not BEYOND_A_SCHEMA.search(message) for message in said), (said, errors)


def test_every_field_is_described() -> None:
    bare: list[str] = []

    def look(name: str, schema: dict[str, Any]) -> None:
        bare.extend(
            f"{name}.{key}" for key, value in schema.get("properties", {}).items() if not value.get("description")
        )

    whole = schemas()["city.schema.json"]
    look("City", whole)
    for name, definition in whole["$defs"].items():
        look(name, definition)
    assert not bare


def test_the_stamp_changes_with_the_schema() -> None:
    stamps = {schema["$comment"] for schema in schemas().values()}
    assert len(stamps) == 2
    assert all("make generate" in stamp for stamp in stamps)
