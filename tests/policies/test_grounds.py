"""The ground of a yes is right: by the plain reference it is enough by itself, nothing of it can be spared, and no narrower one is."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import product

import pytest

from catalog import City, load_named
from catalog.access import Scope
from derive import grants as matrix
from derive import grounds
from derive.grounds import Ground
from policies.access.deciding import Judge, Question
from policies.access.tables import Tables
from tests.builders import changed
from tests.policies import reference, situations

ASKED, MOST = 12_000, 3
"""So many questions are asked, and of each kind of ground so many are looked into: seconds."""
TINY = situations.widened(load_named("tiny"))


def why(tables: Tables, asked: Question) -> Ground | None:
    return grounds.ground(tables, tables.opening((asked.who.tier, *tables.everybody), (asked,)))


def drawn(city: City, number: int) -> Iterator[Question]:
    """Situations in which somebody of a tier asks for what its cells are about: far more of them are allowed than of all."""
    dice, cells, moments = (
        random.Random(3),
        list(matrix.cells(city)),
        situations.moments(city, situations.published(city)),
    )
    people, things = situations.people(city), list(situations.things(city))
    tiers = {each.tier: [who for who in people if who.tier == each.tier] for each in cells}
    classes = {each.resource: [what for what in things if what.resource == each.resource] for each in cells}
    for _ in range(number):
        chosen = dice.choice(cells)
        who = dice.choice(situations.close(dice.choice(tiers[chosen.tier])))
        what = dice.choice(classes[chosen.resource])
        if what.person and dice.random() < 0.25:  # their own
            what = replace(what, id=f"{what.id}-{who.id}", person=who.id)
        yield Question(who, chosen.action, what, dice.choice(moments), dice.random() < 0.5)  # half


@cache
def sampled() -> list[tuple[Question, Ground]]:
    """Allowed situations, a few for each kind of ground."""
    tables, seen, found = Tables.of(TINY), Counter[Ground](), []
    for asked in drawn(TINY, ASKED):
        given = why(tables, asked)
        assert bool(given) is tables.allows(asked), asked
        if given is None:
            continue
        seen[given] += 1
        if seen[given] <= MOST:
            found.append((asked, given))
    return found


def cell(given: Ground) -> tuple[str, str, str]:
    """Class, tier and action of the grant."""
    resource, tier, action = given.grant.split(".")
    return resource, tier, action


def only(city: City, given: Ground, scope: str) -> City:
    """The city with nothing but what the ground names, and with this scope for its own: one grant, one licence, one alliance."""
    name, tier, action = cell(given)
    resource = next(each for each in city.resources if each.id == name)
    for grant in resource.grants:
        if tier in grant.tiers and action in grant.actions:
            rows = {"tiers": (tier,), "actions": (action,), "scopes": (Scope(scope),)}
            left = resource.model_copy(update={"grants": (grant.model_copy(update=rows),)})
    return changed(
        city,
        resources=(left,),
        licences=tuple(each for each in city.licences if each.id == given.licence),
        agreements=tuple(each for each in city.agreements if each.id == given.agreement),
        alliances=tuple(each for each in city.alliances if each.id == given.alliance),
        data_rules=tuple(each for each in city.data_rules if each.id == given.rule),
    )


def spared(city: City, given: Ground) -> Iterator[City]:
    """The city without one thing that the ground names, one after the other."""
    for kind, name in (("agreements", given.agreement), ("alliances", given.alliance), ("licences", given.licence)):
        if name:
            yield changed(city, **{kind: tuple(each for each in getattr(city, kind) if each.id != name)})
    name, tier, action = cell(given)
    rows = []
    for resource in city.resources:
        kept = [
            grant.model_copy(update={"scopes": tuple(each for each in grant.scopes if each != given.scope)})
            if (resource.id, tier in grant.tiers, action in grant.actions) == (name, True, True)
            else grant
            for grant in resource.grants
        ]
        rows.append(resource.model_copy(update={"grants": tuple(kept)}))
    yield changed(city, resources=tuple(rows))


def test_what_a_ground_names_is_enough_by_itself_whatever_else_goes() -> None:
    for asked, given in sampled():
        assert reference.allowed(only(TINY, given, given.scope), asked), (asked, given)


def test_without_any_one_thing_that_it_names_the_ground_is_another_or_there_is_none() -> None:
    without = cache(lambda given: [(city, Tables.of(city)) for city in spared(TINY, given)])
    for asked, given in sampled():
        for city, tables in without(given):
            again = why(tables, asked)
            assert again != given, (asked, given)
            assert bool(again) is reference.allowed(city, asked), (asked, given, again)


def test_no_narrower_scope_would_have_been_enough_neither_of_their_tier_nor_of_everybody() -> None:
    order = [*(each for each in Scope if each is not Scope.AGREEMENT), Scope.AGREEMENT]
    public = [tier.id for tier in TINY.tiers if tier.scope is Scope.PUBLIC]
    rest = {name: getattr(TINY, name) for name in ("agreements", "alliances", "licences", "data_rules")}
    for asked, given in sampled():
        name, _, action = cell(given)
        for tier, scope in product((asked.who.tier, *public), order[: order.index(Scope(given.scope))]):
            grants = next(each.grants for each in TINY.resources if each.id == name)
            if any(tier in each.tiers and action in each.actions and scope in each.scopes for each in grants):
                narrower = changed(only(TINY, given._replace(grant=f"{name}.{tier}.{action}"), scope), **rest)
                assert not reference.allowed(narrower, asked), (asked, given, tier, scope)


def test_consent_and_seat_are_named_where_without_them_the_answer_is_no() -> None:
    for asked, given in sampled():
        city = only(TINY, given, given.scope)
        agreed = replace(asked, what=replace(asked.what, consent=False))
        assert reference.allowed(city, agreed) is not given.consent, (asked, given)
        assert reference.allowed(city, replace(asked, seat=False)) is not given.seat, (asked, given)


def test_the_rule_is_the_one_that_stands_with_the_grant() -> None:
    for _, given in sampled():
        name, tier, action = cell(given)
        resource = next(each for each in TINY.resources if each.id == name)
        (rule,) = {each.rule for each in resource.grants if tier in each.tiers and action in each.actions}
        assert given.rule == rule
        assert resource.personal is (given.rule is not None)


def test_the_grant_is_called_as_the_policy_that_says_yes() -> None:
    judge = Judge.of(TINY)
    asked = sampled()
    for (question, given), verdict in zip(asked, judge.decide([each for each, _ in asked]), strict=True):
        assert ".".join(filter(None, (given.grant, given.agreement))) in verdict.policies, (question, given, verdict)


def test_every_kind_of_ground_is_among_them() -> None:
    found = [given for _, given in sampled()]
    assert {each.scope for each in found} == {scope.value for scope in Scope}
    assert {each.rule for each in found} == {None, *(rule.id for rule in TINY.data_rules)}
    for name in ("agreement", "alliance", "licence", "seat", "consent"):
        assert {bool(getattr(each, name)) for each in found} == {True, False}, name
    assert any(each.scope == Scope.ALLIANCE and not each.alliance for each in found), "of their own school"


@pytest.mark.parametrize("name", grounds.FACTS)
def test_a_ground_names_rows_of_the_city_and_nobody(name: str) -> None:
    known = {each.id for rows in (TINY.agreements, TINY.alliances, TINY.licences, TINY.data_rules) for each in rows}
    known |= {scope.value for scope in Scope}
    words = {part for asked, given in sampled() for part in str(given.facts.get(name, True)).split(".")}
    if name == grounds.GRANT:
        known = {part for asked, given in sampled() for part in (asked.action.value, asked.what.resource)}
        known |= {tier.id for tier in TINY.tiers}
    assert words <= known | {"True"}
