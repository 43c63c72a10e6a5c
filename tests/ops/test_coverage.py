"""`huiju coverage` shows what was published, and what was not published as unknown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from typer.testing import CliRunner

from catalog import City, load_named, names
from catalog.errors import UserError
from ops import coverage
from ops.lessons.place import Place

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def tiny() -> City:
    return load_named("tiny")


def series(city: City) -> list[dict[str, Any]]:
    first, second = city.schools[:2]
    return [
        {"metric": {"__name__": names.METRIC_SCHOOL_STATE, "school": first.code, "state": state}, "value": [0, number]}
        for state, number in (("covered", "1"), ("stale", "0"))
    ] + [
        {"metric": {"__name__": names.METRIC_SCHOOL_STATE, "school": second.code, "state": "stale"}, "value": [0, "1"]},
        {"metric": {"__name__": names.METRIC_SCHOOL_HEARD, "school": second.code}, "value": [0, "1795485600"]},
        {"metric": {"__name__": names.METRIC_SCHOOL_JUDGED, "school": second.code}, "value": [0, "1795487400"]},
    ]


def test_every_school_of_the_catalog_is_there_and_silence_is_unknown(tiny: City) -> None:
    found = coverage.reaches(tiny, series(tiny))
    assert [each.school for each in found] == [school.code for school in tiny.schools]
    assert [each.state for each in found] == ["covered", "stale", *["unknown"] * 4]
    assert (found[1].fetched, found[1].judged) == (1795485600, 1795487400)


def test_the_document_counts_against_the_catalog(tiny: City) -> None:
    document = coverage.document(tiny, coverage.reaches(tiny, series(tiny)))
    assert document["ratio"] == pytest.approx(1 / 6)
    assert document["districts"] == {"east": pytest.approx(1 / 3), "hills": 0}


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch, tiny: City) -> None:
    """A stack whose Prometheus says what `series` has."""

    @contextmanager
    def forwarded(self: Place, *_: Any) -> Iterator[str]:
        yield "http://prometheus"

    monkeypatch.setattr(Place, "forwarded", forwarded)
    monkeypatch.setattr("ops.lessons.place.of_stack", lambda stack: Place(stack, {"city": "tiny"}, None, None))
    monkeypatch.setattr(coverage, "ask", lambda _: series(tiny))


@pytest.mark.usefixtures("stack")
def test_the_table_has_districts_and_the_city_and_one_district_has_its_schools(tiny: City) -> None:
    whole = RUNNER.invoke(coverage.app, []).output
    assert [line.split()[0] for line in whole.splitlines()] == ["district", "east", "hills", "tiny"]
    assert "33.3%" in whole
    assert "16.7%" in whole
    one = RUNNER.invoke(coverage.app, ["--district", "east"], terminal_width=200).output
    assert "2026-11-24 10:00:00" in one
    assert one.count("never") >= 4
    assert tiny.schools[3].code not in one


@pytest.mark.usefixtures("stack")
def test_for_programs_everything_is_there(tiny: City) -> None:
    found = json.loads(RUNNER.invoke(coverage.app, ["--json"]).output)
    assert len(found["schools"]) == len(tiny.schools)


@pytest.mark.usefixtures("stack")
def test_a_district_that_there_is_not_is_refused_with_those_there_are() -> None:
    refused = RUNNER.invoke(coverage.app, ["--district", "nowhere"]).exception
    assert isinstance(refused, UserError)
    assert "east, hills" in str(refused)


def test_a_prometheus_that_does_not_answer_is_one_clear_message() -> None:
    with pytest.raises(UserError, match="huiju status"):
        coverage.ask("http://127.0.0.1:1")
