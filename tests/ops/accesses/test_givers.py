"""The page of what somebody may see, the command and the lawyer's page say the same of what a grant does not bring; by a table by hand."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest

from catalog import City, load_named
from catalog.access import Action
from derive import grants
from derive.points import Giver
from ops.accesses import page, table, why, words
from policies.access import document
from policies.access.words import ACTIONS
from services.entitlement import mine
from services.entitlement.rules import Person, Rules
from services.entitlement.sessions import Session

NOT_YET = {
    "lesson": "teacher remix, school-staff review, district-staff review, city-staff review",
    "course-material": (
        "student view, student download, teacher view, teacher download, teacher remix, teacher publish, school-staff view, "
        "school-staff review, university-partner view, general-public view, general-public download"
    ),
    "learning-record": "student view, parent view, parent report, teacher view, teacher report",
    "learning-figures": "teacher report, school-staff report, district-staff report, city-staff report, evaluator report",
    "school-box": "school-staff view, district-staff view",
    "audit-log": "city-staff review",
}
"""Class -> who may do what by the matrix and is given it by nothing; a grant that a city makes belongs here until something serves it."""
BY_OPERATOR = {
    "lesson": "teacher publish, enterprise-partner publish, university-partner publish",
    "live-lesson": "teacher publish",
    "pupil-profile": "school-staff administer",
    "audit-log": "platform-operator view",
}
Cell = tuple[str, str, str]


def cells(written: dict[str, str]) -> set[Cell]:
    """Class, tier and action."""
    return {(name, *_two(each)) for name, listed in written.items() for each in listed.split(", ")}


def _two(words: str) -> tuple[str, str]:
    tier, action = words.split()
    return tier, action


@pytest.fixture(params=["tiny", "neijiang"], scope="module")
def city(request: pytest.FixtureRequest) -> City:
    return load_named(request.param)


def test_the_page_of_what_one_may_see_marks_what_a_grant_does_not_bring(city: City) -> None:
    rules = Rules(document.document(city))
    english = {ACTIONS[each][1]: each.value for each in Action}
    found: dict[str, set[Cell]] = {"not_yet": set(), "by_operator": set()}
    for tier in city.tiers:
        body = mine.body(rules, Session(Person(tier.id), "someone", 0), None, date(2026, 10, 15))
        for row in body["resources"]:
            for each in row["grants"]:
                if each["everybody"] is (tier.id == rules.public_tier):
                    marked = {key for key in found if each[key]}
                    assert len(marked) < 2
                    for key in marked:
                        found[key].add((row["id"], tier.id, english[each["action"]["en"]]))
    assert found == {"not_yet": cells(NOT_YET), "by_operator": cells(BY_OPERATOR)}


def test_the_command_and_the_pages_for_people_say_the_same(city: City) -> None:
    wanted = {
        **dict.fromkeys(cells(NOT_YET), (words.GIVERS[Giver.NOBODY],)),
        **dict.fromkeys(cells(BY_OPERATOR), (words.GIVERS[Giver.OPERATOR],)),
    }
    rows = csv.DictReader(io.StringIO(table.csv_text(city).removeprefix("\ufeff")))
    written = {(row["resource"], row["tier"], row["action"]): (row["given_zh"], row["given_en"]) for row in rows}
    classes = {each.id: each for each in city.resources}
    for each in grants.cells(city):
        cell = (each.resource, each.tier, each.action.value)
        said = wanted.get(cell, ())
        assert why.given(city, classes[each.resource], each.tier, each.action) == said, cell
        assert written[cell] == (said[0] if said else ("", "")), cell
    for resource in city.resources:
        for row, actions in table.lines(city, resource):
            for action in actions[1].split(", "):
                named = next(each.value for each in Action if ACTIONS[each][1] == action)
                assert row.given == wanted.get((resource.id, row.cell.tier, named), ())


def test_the_lawyer_s_page_says_it_beside_each_right_and_marks_it_in_the_overview() -> None:
    city = load_named("tiny")
    boxes = next(each for each in city.resources if each.id == "school-box")
    alone = city.model_copy(update={"resources": (boxes,)})
    said = page.html(alone)
    assert said.count(words.GIVERS[Giver.NOBODY][0]) == said.count(words.GIVERS[Giver.NOBODY][1]) == 1 + 2
    assert said.count(f"{ACTIONS[Action.VIEW][1]}{page.MARK}</span>") == 2
    assert f"{page.MARK} {words.GIVERS[Giver.OPERATOR][1]}; or" in said
