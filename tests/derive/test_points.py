"""What is said of a point of enforcement is what it decides by, and whom a grant reaches over a scope that nothing serves."""

from __future__ import annotations

import pytest

from catalog import City, load_named, names
from catalog.access import Action, Scope
from derive import grants, points, questions, readers
from derive.points import SERVED, Giver, Point
from infra.plan import rbac
from tests.builders import changed


def of(point: Point) -> set[tuple[str, str]]:
    return {row for row, found in SERVED.items() if point in found.points}


def test_what_is_said_of_a_point_is_what_it_decides_by() -> None:
    recorded = {(names.RESOURCE_LESSON, action) for action in (*questions.PLAYING, questions.TAKING)}
    assert of(Point.CACHES) == recorded | {(names.RESOURCE_LIVE, action) for action in questions.PLAYING}
    assert of(Point.SERVICE) == of(Point.CACHES) | {(questions.PROFILE, questions.VIEWING)} | of(Point.GATEWAY)
    assert of(Point.KUBERNETES) == {(each.resource, each.action) for each in rbac.MEANINGS}
    assert of(Point.GATEWAY) <= {(questions.READINGS, action) for action in questions.REPORTING}


def with_grant(tier: str, resource: str, action: Action, *scopes: Scope) -> City:
    """The small city in which the tier has this of the class, and nobody anything else of it."""
    city = load_named("tiny")
    classes = {each.id: each for each in city.resources}
    grant = classes[resource].grants[0].model_copy(update={"tiers": (tier,), "actions": (action,), "scopes": scopes})
    others = tuple(each for each in city.resources if each.id != resource)
    return changed(city, resources=(*others, classes[resource].model_copy(update={"grants": (grant,)})))


@pytest.mark.parametrize("resource", [names.RESOURCE_PLATFORM, names.RESOURCE_SCHOOL_BOX])
@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("scope", Scope)
def test_the_cluster_binds_whom_it_is_said_to_give_it(resource: str, action: Action, scope: Scope) -> None:
    tier = "evaluator"
    city = with_grant(tier, resource, action, scope)
    found = points.givers(resource, action, grants.held(city, resource)[tier])
    assert found == {(Giver.PLATFORM if tier in rbac.tiers(city) else Giver.NOBODY): [scope]}


@pytest.mark.parametrize(("tier", "scope"), [("evaluator", Scope.CITY), ("general-public", Scope.PUBLIC)])
def test_the_gateway_lets_through_whom_it_is_said_to(tier: str, scope: Scope) -> None:
    city = with_grant(tier, names.RESOURCE_READINGS, Action.REPORT, scope)
    found = points.givers(names.RESOURCE_READINGS, Action.REPORT, grants.held(city, names.RESOURCE_READINGS)[tier])
    through = tier in {each.id for each in readers.dashboard_tiers(city)}
    assert found == {(Giver.PLATFORM if through else Giver.NOBODY): [scope]}


def test_who_mends_the_boxes_of_a_district_looks_at_them_too() -> None:
    held = {"view": ("district",), "administer": ("district",)}
    assert points.givers(names.RESOURCE_SCHOOL_BOX, "view", held) == {Giver.PLATFORM: ["district"]}


def test_of_a_grant_over_two_scopes_each_is_given_by_its_own() -> None:
    found = points.givers(names.RESOURCE_SCHOOL_BOX, "administer", {"administer": ("district", "agreement")})
    assert found == {Giver.PLATFORM: ["district"], Giver.NOBODY: ["agreement"]}


def test_a_class_that_a_city_adds_is_served_by_nothing() -> None:
    assert points.givers("homework", "view", {"view": ("class",)}) == {Giver.NOBODY: ["class"]}
