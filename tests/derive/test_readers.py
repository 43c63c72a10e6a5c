"""Dashboards are for those whose reports reach the whole city, and for nobody else."""

from __future__ import annotations

import itertools

import pytest

from catalog import City, load_named, named, names
from catalog.access import Action, Scope
from derive import readers
from tests.builders import granted, with_tier


def city_with(scope: Scope, *actions: Action, resource: str = names.RESOURCE_READINGS) -> City:
    return granted(with_tier(load_named("tiny"), scope, *actions), resource, scope, *actions)


@pytest.mark.parametrize(("scope", "action"), list(itertools.product(Scope, Action)))
def test_only_who_reports_or_administers_for_the_whole_city_reads(scope: Scope, action: Action) -> None:
    found = readers.dashboard_tiers(city_with(scope, action))
    assert bool(found) == (scope is Scope.CITY and action in {Action.REPORT, Action.ADMINISTER})


def test_who_reports_on_other_things_of_the_whole_city_does_not_read() -> None:
    assert not readers.dashboard_tiers(city_with(Scope.CITY, Action.REPORT, resource=names.RESOURCE_LESSON))


@pytest.mark.parametrize("name", named())
def test_every_city_has_somebody_who_may_look(name: str) -> None:
    assert readers.dashboard_tiers(load_named(name))
