"""The refusal of a code names a command, and the command lists the codes."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from catalog import City, find, load, named
from local import paths
from ops import catalog, school_codes


@pytest.fixture(scope="module", params=named())
def city(request: pytest.FixtureRequest) -> City:
    return load(find(request.param))


def test_the_command_that_a_refusal_names_lists_every_code(city: City) -> None:
    (command,) = re.findall("`huiju catalog (.+?)`", school_codes.unknown("0000000000", city))
    listed = ""
    for district in city.by_district:
        result = CliRunner().invoke(catalog.app, command.replace("ID", district).split())
        assert result.exit_code == 0, result.output
        listed += result.output
    assert [code for code in city.by_code if code not in listed] == []


def test_nobody_says_it_of_the_whole_city_at_a_glance_which_names_no_school() -> None:
    files = [paths.ROOT / "Makefile", *(paths.ROOT / "ops").rglob("*.py"), *(paths.ROOT / "docs").rglob("*.md")]
    text = "\n".join(path.read_text() for path in files)
    assert re.findall(r"`huiju catalog show(?![^`]* --district)[^`]*` (?:lists|shows its)", text) == []
