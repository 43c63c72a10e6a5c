"""The compiled policies are sound Cedar, say where they come from, and no value of the catalog ever becomes code in them."""

from __future__ import annotations

import json
from typing import Any

import cedarpy
import pytest

from catalog import City, load_named
from catalog.access import Action
from policies import generate
from policies.access import entities, matrix
from policies.access.deciding import Judge, Question
from policies.access.entities import Person, Thing
from tests.builders import changed
from tests.policies import situations

EVIL = (
    'x"); permit(principal, action, resource); //',
    'x", action, resource);\npermit(principal, action, resource) when { true };\n@id("y',
    "x\\",
    'x\\"',
    "' || true || '",
    "*/ permit(principal, action, resource);",
    "x\u2028permit(principal, action, resource);",
    "\u0000\u001b[2J",
    "{{ x }} ${x} `x` %s",
)
"""What an id could be if nothing checked it."""


@pytest.fixture(params=["tiny", "neijiang"], scope="module")
def city(request: pytest.FixtureRequest) -> City:
    return load_named(request.param)


def test_cedar_finds_nothing_wrong_with_policies_entities_and_schema(city: City) -> None:
    schema = entities.schema_text()
    result = cedarpy.validate_policies(matrix.text(city), schema)
    assert result.validation_passed, result.errors[:3]
    assert len(cedarpy.Entities.from_json_str(entities.text(city), schema)) > len(city.schools)


def test_the_printed_policies_are_those_that_decide(city: City) -> None:
    printed = json.loads(cedarpy.policies_to_json_str(matrix.text(city)))["staticPolicies"]
    assert list(printed.values()) == list(matrix.policies(city).values())


def test_the_printed_policies_name_the_catalog_that_they_come_from(city: City) -> None:
    assert f"// catalog sha256:{city.digest}\n" in generate.files(city)["access.cedar"]


def test_no_policy_forbids_and_each_cell_has_one_of_its_own(city: City) -> None:
    compiled = matrix.policies(city)
    assert {each["effect"] for each in compiled.values()} == {"permit"}
    assert all(each["resource"]["op"] == "is" for each in compiled.values()), "never about everything there is"
    cells = {(r.id, t, a.value) for r in city.resources for g in r.grants for t in g.tiers for a in g.actions}
    assert {tuple(name.split(".")[:3]) for name in compiled} == cells


def test_only_what_is_for_the_public_is_for_everybody(city: City) -> None:
    public = next(tier.id for tier in city.tiers if tier.scope == "public")
    for name, each in matrix.policies(city).items():
        assert (each["principal"]["op"] == "All") is (name.split(".")[1] == public), name


def renamed(city: City, old: str, new: str) -> City:
    """The city with one text replaced wherever it stands as a value, checked by nothing."""

    def swap(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: swap(each) for key, each in value.items()}
        if isinstance(value, tuple | list):
            return tuple(swap(each) for each in value)
        if hasattr(value, "model_copy"):
            return value.model_copy(update={key: swap(getattr(value, key)) for key in type(value).model_fields})
        return new if type(value) is str and value == old else value

    return changed(city, **{name: swap(getattr(city, name)) for name in City.model_fields})


def asked(city: City, tier: str, school: str, licence: str) -> Question:
    """A pupil of the school asks for a lesson of it."""
    moment = 1_790_000_000
    lesson = Thing("thing", city.resources[0].id, school=school, licence=licence, published=moment - 1)
    return Question(Person("person", tier, schools=(school,)), Action.VIEW, lesson, moment)


KINDS = ("tier", "licence", "agreement", "subject", "school", "resource", "rule", "district", "city")
PAIRS = [
    # Each kind and each text some of the time; each compiles a whole city.
    pytest.param(kind, evil, marks=() if (row + column) % 4 == 0 else pytest.mark.slow)
    for row, kind in enumerate(KINDS)
    for column, evil in enumerate(EVIL)
]


@pytest.mark.parametrize(("what", "evil"), PAIRS)
def test_no_value_of_the_catalog_becomes_code(what: str, evil: str) -> None:
    city = situations.widened(load_named("tiny"))
    old = {
        "tier": city.tiers[0].id,
        "licence": city.licences[0].id,
        "agreement": city.agreements[-1].id,
        "subject": city.subjects[0].id,
        "school": city.schools[0].code,
        "resource": city.resources[0].id,
        "rule": city.data_rules[0].id,
        "district": city.districts[0].id,
        "city": city.id,
    }
    spoilt = renamed(city, old[what], evil)
    text = matrix.text(spoilt)
    assert cedarpy.validate_policies(text, entities.schema()).validation_passed
    assert len(cedarpy.PolicySet.from_str(text)) == len(matrix.policies(city))
    new = {**old, what: evil}
    good = asked(spoilt, new["tier"], new["school"], new["licence"])
    stranger = asked(spoilt, "nobody-of-the-city", new["school"], city.licences[1].id)
    judge = Judge.of(spoilt)
    [yes, no] = judge.decide([good]) + judge.decide([stranger])
    assert (yes.allowed, no.allowed) == (True, False)


@pytest.mark.parametrize("evil", [*EVIL, ""])
def test_no_value_of_a_question_becomes_code(evil: str) -> None:
    city = load_named("tiny")
    judge, base = Judge.of(city), asked(city, city.tiers[0].id, city.schools[0].code, city.licences[1].id)
    assert judge.decide([base])[0].allowed
    who = Person(evil, evil, schools=(evil,), classes=(evil,), children=(evil,), district=evil, partner=evil)
    what = Thing(evil, evil, school=evil, person=evil, group=evil, licence=evil, published=base.now, subject=evil)
    lesson = Thing(evil, base.what.resource, school=evil, licence=evil, published=base.now, subject=evil)
    for question in (Question(who, Action.VIEW, each, base.now) for each in (what, lesson, base.what)):
        assert not judge.decide([question])[0].allowed


def test_a_yes_names_its_policy(city: City) -> None:
    found = asked(city, city.tiers[0].id, city.schools[0].code, city.licences[1].id)
    [verdict] = Judge.of(city).decide([found])
    assert f"{city.resources[0].id}.{city.tiers[0].id}.view" in verdict.policies
