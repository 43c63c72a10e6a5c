"""The compiled policies, the tables and the plain reference say the same, in every situation of the small city, in many of the large."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any

import cedarpy
import pytest

from catalog import City, load_named, names
from catalog.access import LicenceReach, Scope
from derive import grants, questions
from policies.access import matrix
from policies.access.deciding import Judge, Question
from policies.access.tables import Tables
from tests.builders import changed
from tests.policies import reference, situations

SAMPLE = 10_000
"""Questions of `make test`: about five seconds."""


TINY = situations.widened(load_named("tiny"))
"""The small city with three licences more, so that there is a state for each limit."""


def compare(city: City, about: int | None) -> Counter[str]:
    """How many there are, were asked, allowed and different; ``about`` so many are asked, the same each time; None: all."""
    judge, tables, dice, counts = Judge.of(city), Tables.of(city), random.Random(8), Counter[str]()
    lists = sum(len(situations.close(each)) for each in situations.people(city))
    for listed in situations.questions(city):
        counts["total"] += len(listed)
        share = 1 if about is None else about / lists / len(listed)
        chosen = listed if share >= 1 else [each for each in listed if dice.random() < share]
        if not chosen:
            continue
        for asked, verdict in zip(chosen, judge.decide(chosen), strict=True):
            wanted = reference.allowed(city, asked)
            counts.update(asked=1, allowed=verdict.allowed, mismatches=verdict.allowed is not wanted)
            assert verdict.allowed is tables.allows(asked) is wanted, (asked, verdict, wanted)
    return counts


@pytest.mark.proof
def test_cedar_and_the_reference_agree_in_every_situation_of_the_small_city(
    campaign: Callable[[int, int], int], proof: Callable[[str, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    counts = compare(TINY, campaign(SAMPLE, 0) or None)
    asked = f"{counts['asked']:,} of {counts['total']:,} situations"
    said = f"{asked}, {counts['allowed']:,} allowed, {counts['mismatches']} mismatches"
    with capsys.disabled():
        print(f"\nmatrix of tiny: {said}")
    proof("access: policies, tables and a plain reference, every situation of the city tiny", said)
    assert counts["allowed"] > counts["asked"] / 200, "a matrix that refuses everything proves nothing"
    assert counts["allowed"] < counts["asked"] / 2


@pytest.mark.proof
def test_cedar_and_the_reference_agree_in_a_sample_of_the_large_city(
    campaign: Callable[[int, int], int], proof: Callable[[str, str], None]
) -> None:
    counts = compare(load_named("neijiang"), campaign(SAMPLE // 3, SAMPLE * 20))
    proof(
        "access: the same, a sample of the city neijiang",
        f"{counts['asked']:,} situations, {counts['mismatches']} mismatches",
    )
    assert counts["allowed"]


def test_every_kind_of_situation_is_among_them() -> None:
    city = TINY
    granted = {
        (tier, action, resource.id)
        for resource in city.resources
        for grant in resource.grants
        for tier in grant.tiers
        for action in grant.actions
    }
    tiers, resources, licences = set(), set(), set()
    for asked in (each for listed in situations.questions(city) for each in listed):
        tiers.add(asked.who.tier)
        resources.add(asked.what.resource)
        licences.add(asked.what.licence)
        cell = (asked.who.tier, asked.action, asked.what.resource)
        if cell in granted and reference.allowed(city, asked):
            granted.remove(cell)
    assert tiers > {tier.id for tier in city.tiers}
    assert resources > {resource.id for resource in city.resources}
    assert licences > {licence.id for licence in city.licences}
    assert not granted, f"never allowed in any situation: {sorted(granted)}"


def test_they_agree_about_live_classes_that_agreements_open_at_every_moment() -> None:
    live = [each for each in situations.things(TINY) if each.resource == names.RESOURCE_LIVE]
    moments = situations.moments(TINY, situations.published(TINY))
    tiers = {each.tier for each in grants.cells(TINY) if each.resource == names.RESOURCE_LIVE}
    people = [each for each in situations.people(TINY) if each.tier in tiers]
    asked = [Question(*each) for each in product(people, questions.PLAYING, live, moments)]
    judge, tables, found = Judge.of(TINY), Tables.of(TINY), dict[tuple[object, ...], bool]()
    for each, verdict in zip(asked, judge.decide(asked), strict=True):
        wanted = reference.allowed(TINY, each)
        assert verdict.allowed is tables.allows(each) is wanted, (each, verdict, wanted)
        found[each.who, each.action, each.what.school, each.what.subject, each.now] = wanted
    for fixed, what in (((0, 1, 2, 3), "the moment"), ((0, 1, 2, 4), "the subject")):
        seen: dict[object, set[bool]] = {}
        for key, wanted in found.items():
            seen.setdefault(tuple(key[at] for at in fixed), set()).add(wanted)
        assert {True, False} in seen.values(), f"nothing about which {what} has a say"


def first(rows: tuple[Any, ...], **changes: Any) -> tuple[Any, ...]:
    """The rows with the first one changed."""
    return (rows[0].model_copy(update=changes), *rows[1:])


def spoilt(city: City) -> dict[str, City]:
    """The city with one fact changed: name of the change -> city."""
    agreement, rule = city.agreements[0], city.data_rules[-1]
    bounded = next(each for each in city.licences if each.window)
    others = tuple(each for each in city.licences if each is not bounded)
    late = (
        bounded.window.model_copy(update={"ends": bounded.window.ends + timedelta(days=1)}) if bounded.window else None
    )
    dated = next(each for each in city.licences if each.window_days)
    return {
        "agreement a day longer": changed(
            city, agreements=first(city.agreements, ends=agreement.ends + timedelta(days=1))
        ),
        "agreement unsigned": changed(city, agreements=first(city.agreements, signatures=())),
        "window a day longer": changed(city, licences=(*others, bounded.model_copy(update={"window": late}))),
        "seats not counted": changed(city, licences=(*others, bounded.model_copy(update={"seats": None}))),
        "licence a day longer": changed(
            city,
            licences=tuple(
                each.model_copy(update={"window_days": each.window_days + 1})
                if each is dated and each.window_days
                else each
                for each in city.licences
            ),
        ),
        "licence of a school for the city": changed(
            city,
            licences=tuple(
                each.model_copy(update={"reach": LicenceReach.CITY}) if each.reach is LicenceReach.SCHOOL else each
                for each in city.licences
            ),
        ),
        "no consent": changed(
            city, data_rules=(*city.data_rules[:-1], rule.model_copy(update={"guardian_consent": False}))
        ),
        "a year younger": changed(city, minors=city.minors.model_copy(update={"guardian_consent_below": 13})),
        "an agreement about one subject for all": changed(
            city, agreements=tuple(each.model_copy(update={"subjects": None}) for each in city.agreements)
        ),
        "one alliance less": changed(city, alliances=city.alliances[1:]),
    }


TOUCHED = {Scope.CLASS, Scope.ALLIANCE, Scope.SCHOOL}
"""Scopes of the tiers that each of these facts touches."""


@pytest.mark.parametrize("what", list(spoilt(TINY)))
def test_the_comparison_sees_a_policy_that_was_compiled_from_another_fact(what: str) -> None:
    other, dice = spoilt(TINY)[what], random.Random(5)
    judge, personal = Judge.of(other), (other.data_rules, other.minors) != (TINY.data_rules, TINY.minors)
    asking = situations.questions(TINY, *(tier.id for tier in TINY.tiers if tier.scope in TOUCHED))
    touched = ([q for q in each if (q.what.person is not None) is personal] for each in asking)
    parts = (dice.sample(listed, len(listed) // (1 if personal else 4)) for listed in touched)
    assert any(_differs(TINY, judge, part) for part in parts if part), what


def _differs(city: City, judge: Judge, chosen: list[Question]) -> bool:
    """Whether the policies and the reference differ over these questions."""
    answers = zip(chosen, judge.decide(chosen), strict=True)
    return any(verdict.allowed is not reference.allowed(city, asked) for asked, verdict in answers)


def fullest(city: City, resource: str) -> str:
    """Id of the class's policy with the most conditions.

    Of an agreement, to a tier that sees no ally's, so that no condition follows from another.
    """
    compiled = matrix.policies(city)
    allied = {each.tier for each in grants.cells(city) if each.resource == resource and Scope.ALLIANCE in each.scopes}
    parts = {name: name.split(".") for name in compiled}
    found = [name for name, each in parts.items() if len(each) == 4 and each[0] == resource and each[1] not in allied]
    return max(found, key=lambda name: len(compiled[name]["conditions"]))


def about(city: City, policy: str) -> Iterator[list[Question]]:
    """The questions that a policy answers, a list for each person."""
    resource, tier, action, *_ = policy.split(".")
    for listed in situations.questions(city, tier):
        yield [each for each in listed if (each.what.resource, each.action.value) == (resource, action)]


CONDITIONS = [
    (name, position)
    for name in (fullest(TINY, resource) for resource in (names.RESOURCE_LESSON, names.RESOURCE_LIVE))
    for position in range(len(matrix.policies(TINY)[name]["conditions"]))
]


@pytest.mark.parametrize(("name", "position"), CONDITIONS)
def test_the_comparison_sees_a_policy_that_lost_one_condition(name: str, position: int) -> None:
    compiled = matrix.policies(TINY)
    policy = compiled[name]
    left = [body for at, body in enumerate(policy["conditions"]) if at != position]
    spoilt = {**compiled, name: {**policy, "conditions": left}}
    document = json.dumps({"staticPolicies": spoilt, "templates": {}, "templateLinks": []})
    judge = replace(Judge.of(TINY), policies=cedarpy.PolicySet.from_json_str(document))
    assert any(_differs(TINY, judge, each) for each in about(TINY, name)), json.dumps(policy["conditions"][position])
