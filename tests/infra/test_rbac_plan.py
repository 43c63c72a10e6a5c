"""The matrix in the cluster: for every tier, verb, kind and namespace the plan says what a plain reference says, and no spoilt one does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from catalog import City, names
from catalog.access import Action, Scope
from catalog.resource import Grant
from infra.plan import rbac
from infra.plan.platform import Platform
from infra.plan.rbac import Role
from infra.plan.resource import Resource, ordered
from tests.builders import changed, granted, with_tier
from tests.infra import rbac_reference as reference
from tests.infra.rbac_reference import Asked
from tests.infra.test_platform_plan import CLUSTER_WIDE

Given = frozenset[tuple[str, str, str, str, str]]
"""Group, namespace (`*` for all), verb, API group, kind."""


def given(resources: Iterable[Resource]) -> Given:
    """All that the bindings of a plan give, as the API server reads them."""
    found = list(resources)
    roles = {each.name: each.props["rules"] for each in found if each.kind == "ClusterRole"}
    return frozenset(
        (subject["name"], each.namespace or "*", verb, group, kind)
        for each in found
        if each.kind in {"RoleBinding", "ClusterRoleBinding"}
        for subject in each.props["subjects"]
        for rule in roles[each.props["roleRef"]["name"]]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for kind in rule["resources"]
    )


def permits(found: Given, asked: Asked) -> bool:
    """Whether the API server lets it pass."""
    group = names.tier_group(asked.tier)
    return any((group, place, asked.verb, *asked.kind) in found for place in ("*", asked.namespace))


def differences(city: City, resources: Iterable[Resource]) -> Iterator[Asked]:
    """Questions to which plan and reference give different answers."""
    found = given(resources)
    return (asked for asked in reference.questions(city) if permits(found, asked) is not reference.allowed(city, asked))


def test_the_plan_says_what_the_reference_says_about_everything(city: City) -> None:
    assert list(differences(city, rbac.plan(city))) == []
    asked = list(reference.questions(city))
    yes = sum(reference.allowed(city, each) for each in asked)
    assert len(asked) > 50_000
    assert len(asked) / 200 < yes < len(asked) / 10, "a matrix that refuses everything proves nothing"


PODS, LOG, SECRETS, DEPLOYMENTS = ("", "pods"), ("", "pods/log"), ("", "secrets"), ("apps", "deployments")


@pytest.mark.parametrize(
    ("asked", "open_"),
    [
        (Asked("technician", "get", PODS, "school-edge"), True),
        (Asked("technician", "get", PODS, "portal"), False),
        (Asked("technician", "get", LOG, "school-edge"), True),
        (Asked("technician", "get", LOG, "entitlement"), False),
        (Asked("technician", "delete", PODS, "school-edge"), True),
        (Asked("technician", "delete", PODS, "video-library"), False),
        (Asked("technician", "create", PODS, "school-edge"), False),
        (Asked("technician", "patch", DEPLOYMENTS, "school-edge"), False),
        (Asked("technician", "get", SECRETS, "school-edge"), False),
        (Asked("technician", "create", ("", "pods/exec"), "school-edge"), False),
        (Asked("technician", "get", ("", "nodes"), ""), False),
        (Asked("platform-operator", "patch", DEPLOYMENTS, "school-edge"), True),
        (Asked("platform-operator", "patch", DEPLOYMENTS, "kube-system"), False),
        (Asked("platform-operator", "patch", ("networking.k8s.io", "networkpolicies"), "portal"), False),
        (Asked("platform-operator", "get", SECRETS, "object-store"), True),
        (Asked("platform-operator", "update", SECRETS, "object-store"), False),
        (Asked("platform-operator", "get", SECRETS, "kube-system"), False),
        (Asked("platform-operator", "get", ("", "nodes"), ""), True),
        (Asked("platform-operator", "patch", ("", "nodes"), ""), False),
        (Asked("platform-operator", "list", PODS, ""), False),
        (Asked("district-staff", "get", PODS, "school-edge"), False),
        (Asked("school-staff", "get", PODS, "school-edge"), False),
        (Asked("general-public", "get", PODS, "video-library"), False),
    ],
)
def test_each_edge_has_two_sides(city: City, asked: Asked, open_: bool) -> None:
    assert permits(given(rbac.plan(city)), asked) is open_


def test_only_who_administers_the_platform_reads_secrets(city: City) -> None:
    holding = {role for role, rules in rbac.RULES.items() if any("secrets" in rule["resources"] for rule in rules)}
    assert holding == {Role.ADMINISTER}
    assert {group for group, *_, kind in given(rbac.plan(city)) if kind == "secrets"} == {"huiju:platform-operator"}


def test_no_rule_says_all_and_none_lets_anybody_become_another(city: City) -> None:
    found = given(rbac.plan(city))
    assert not {word for each in found for word in each[2:] if "*" in word}
    assert not {each[2] for each in found} & {"impersonate", "bind", "escalate"}
    assert {each[2] for each in found if each[3] == rbac.API} == {"get", "list", "watch"}
    assert not [each for each in found if each[1] == "*" and each[2] not in {"get", "list", "watch"}]


def test_who_views_sees_every_kind_that_the_plan_makes_in_a_namespace(planned: Platform) -> None:
    seen = {
        (group, kind) for rule in rbac.RULES[Role.VIEW] for group in rule["apiGroups"] for kind in rule["resources"]
    }
    made = {
        (api.rpartition("/")[0], _plural(each.kind))
        for each in planned.resources
        if each.kind not in {*CLUSTER_WIDE, "Secret", "Release"}
        for api in [each.props["apiVersion"]]
    }
    assert len(made) > 20
    assert made <= seen


def _plural(kind: str) -> str:
    word = kind.lower()
    return f"{word[:-1]}ies" if word.endswith(("cy", "xy")) else f"{word}s"


@pytest.mark.parametrize(
    ("resource", "scope", "action", "roles"),
    [
        ("school-box", Scope.CITY, Action.ADMINISTER, {("school-edge", "mend")}),
        ("school-box", Scope.DISTRICT, Action.ADMINISTER, {("school-edge", "mend")}),
        ("school-box", Scope.SCHOOL, Action.ADMINISTER, set()),
        ("school-box", Scope.CITY, Action.VIEW, {("school-edge", "view")}),
        ("school-box", Scope.DISTRICT, Action.VIEW, set()),
        ("school-box", Scope.CITY, Action.REPORT, set()),
        ("platform", Scope.PUBLIC, Action.ADMINISTER, set()),
        ("platform", Scope.CITY, Action.REVIEW, set()),
        ("pupil-profile", Scope.CITY, Action.ADMINISTER, set()),
        ("lesson", Scope.CITY, Action.VIEW, set()),
        ("audit-log", Scope.CITY, Action.VIEW, set()),
    ],
)
def test_a_grant_opens_what_it_reaches_and_nothing_wider(
    tiny: City, resource: str, scope: Scope, action: Action, roles: set[tuple[str, str]]
) -> None:
    found = rbac.plan(granted(with_tier(tiny, scope, action), resource, scope, action))
    bound = {(each.namespace, each.name.removeprefix("huiju-")) for each in found if each.kind.endswith("Binding")}
    assert bound == roles


@pytest.mark.parametrize(
    ("action", "role", "more"),
    [(Action.VIEW, "view", {("", "nodes")}), (Action.ADMINISTER, "administer", set())],
)
def test_the_platform_is_every_service_of_the_city(
    tiny: City, action: Action, role: str, more: set[tuple[str, str]]
) -> None:
    known = granted(with_tier(tiny, Scope.CITY, action), "platform", Scope.CITY, action)
    bound = {(b.namespace, b.name.removeprefix("huiju-")) for b in rbac.plan(known) if b.kind.endswith("Binding")}
    assert bound == {(space, role) for space in reference.spaces(tiny)} | more


def test_a_service_moved_in_the_catalog_takes_its_technicians_along(tiny: City) -> None:
    moved = tuple(
        each.model_copy(update={"service": "portal"}) if each.id == "school-box" else each for each in tiny.resources
    )
    assert list(differences(changed(tiny, resources=moved), rbac.plan(changed(tiny, resources=moved)))) == []
    assert list(differences(changed(tiny, resources=moved), rbac.plan(tiny)))


def test_the_roles_are_stamped_with_the_state_of_the_catalog(tiny: City) -> None:
    def stamps(city: City) -> set[str]:
        roles = [each for each in rbac.plan(city) if each.kind == "ClusterRole"]
        return {each.props["metadata"]["annotations"][names.ANNOTATION_DIGEST] for each in roles}

    assert stamps(tiny) == {tiny.digest}
    assert stamps(changed(tiny, schools=tiny.schools[1:])) != stamps(tiny)


def test_a_role_is_there_before_who_is_bound_to_it(tiny: City) -> None:
    assert [{each.kind for each in group} for group in ordered(rbac.plan(tiny))] == [
        {"ClusterRole"},
        {"ClusterRoleBinding", "RoleBinding"},
    ]


def apart(city: City) -> City:
    """The city with a tier of its own for each right, so that nobody has a thing in two ways."""
    rights = {
        "platform": (("evaluator", Action.VIEW, Scope.CITY), ("platform-operator", Action.ADMINISTER, Scope.CITY)),
        "school-box": (("city-staff", Action.VIEW, Scope.CITY), ("technician", Action.ADMINISTER, Scope.DISTRICT)),
    }
    return changed(
        city,
        resources=tuple(
            each.model_copy(
                update={
                    "grants": tuple(
                        Grant(tiers=(tier,), actions=(action,), scopes=(scope,), rule=None)
                        for tier, action, scope in rights.get(each.id, ())
                    )
                }
            )
            for each in city.resources
        ),
    )


def spoilt(city: City) -> Iterator[tuple[str, list[Resource]]]:
    """The plan with one thing wrong with it: what, and the plan."""
    sound = rbac.plan(city)
    secrets = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["list"]}
    group = {"kind": "Group", "name": names.tier_group(city.tiers[0].id)}
    for at, each in enumerate(sound):
        if each.kind == "ClusterRole":
            for number, rule in enumerate(each.props["rules"]):
                yield f"{each.name} without {rule}", _with(sound, at, "rules", number)
            if each.name != "huiju-administer":
                yield f"{each.name} with Secrets", _with(sound, at, "rules", secrets)
        else:
            yield f"without {each.logical_name}", [*sound[:at], *sound[at + 1 :]]
            yield f"{each.logical_name} with one more", _with(sound, at, "subjects", group)


def _with(sound: tuple[Resource, ...], at: int, key: str, change: int | dict[str, Any]) -> list[Resource]:
    """The plan with one row of one object left out, or with one more."""
    rows = list(sound[at].props[key])
    rows = [*rows, change] if isinstance(change, dict) else rows[:change] + rows[change + 1 :]
    return [*sound[:at], replace(sound[at], props={**sound[at].props, key: rows}), *sound[at + 1 :]]


def test_the_comparison_sees_every_single_fault(tiny: City) -> None:
    city = apart(tiny)
    assert list(differences(city, rbac.plan(city))) == []
    answers: dict[tuple[str, ...], list[tuple[Asked, bool]]] = {}
    for asked in reference.questions(city):
        answers.setdefault((asked.verb, *asked.kind), []).append((asked, reference.allowed(city, asked)))

    def seen(found: Given) -> bool:
        """Whether an answer differs; only what the fault touches is asked about."""
        touched = {each[2:] for each in found ^ sound}
        return any(permits(found, asked) is not yes for what in touched for asked, yes in answers[what])

    sound, faults = given(rbac.plan(city)), {what: given(plan) for what, plan in spoilt(city)}
    assert len(faults) > 60
    assert not [what for what, found in faults.items() if not seen(found)]
