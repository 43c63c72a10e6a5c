"""The whole platform as one frozen plan: a city and a stack's settings in, resources by component out."""

from __future__ import annotations

from dataclasses import dataclass, fields

from catalog import City, names
from catalog.errors import UserError
from derive import link_budget
from infra.config import StackSettings
from infra.plan import (
    database,
    database_backups,
    database_operator,
    disruption,
    district_edges,
    entitlement,
    gateway,
    identity,
    lesson_index,
    log_collector,
    monitoring,
    object_store,
    portal,
    rbac,
    roster,
    school_edge,
    tenancy,
    video_library,
)
from infra.plan.resource import Resource

IMAGES = (
    "versitygw",
    "media-tools",
    "envoy-gateway",
    "envoy",
    "trafficserver",
    "portal",
    "kit",
    names.VIEWER,
    names.PROMETHEUS,
    names.ALERTMANAGER,
    names.BLACKBOX,
    names.LOG_COLLECTOR,
    names.KEYCLOAK,
    "cloudnative-pg",
    "barman-cloud",
    "postgresql",
)
"""Images that the plan's pods run."""


@dataclass(frozen=True)
class Platform:
    """Resources by component; every name in it is fixed."""

    tenancy: tuple[Resource, ...]
    rbac: tuple[Resource, ...]
    object_store: tuple[Resource, ...]
    gateway: tuple[Resource, ...]
    video_library: tuple[Resource, ...]
    district_edges: tuple[Resource, ...]
    portal: tuple[Resource, ...]
    school_edge: tuple[Resource, ...]
    entitlement: tuple[Resource, ...]
    monitoring: tuple[Resource, ...]
    log_collector: tuple[Resource, ...]
    database_operator: tuple[Resource, ...]
    database: tuple[Resource, ...]
    database_backups: tuple[Resource, ...]
    lesson_index: tuple[Resource, ...]
    roster: tuple[Resource, ...]
    identity: tuple[Resource, ...]

    @property
    def resources(self) -> tuple[Resource, ...]:
        """All of them."""
        return tuple(each for part in fields(self) for each in getattr(self, part.name))


def plan(city: City, settings: StackSettings) -> Platform:
    """The platform of ``city``. Raises UserError when the settings lack something that the city needs."""
    _check(city, settings)
    bare = Platform(
        tenancy=tenancy.plan(city, settings),
        rbac=rbac.plan(city),
        object_store=object_store.plan(city, settings),
        gateway=gateway.plan(city, settings),
        video_library=video_library.plan(city, settings),
        district_edges=district_edges.plan(city, settings),
        portal=portal.plan(city, settings),
        school_edge=school_edge.plan(city, settings),
        entitlement=entitlement.plan(city, settings),
        monitoring=monitoring.plan(city, settings),
        log_collector=log_collector.plan(city, settings),
        database_operator=database_operator.plan(city, settings),
        database=database.plan(city, settings),
        database_backups=database_backups.plan(city, settings),
        lesson_index=tuple(lesson_index.plan(city, settings)),
        roster=tuple(roster.plan(city, settings)),
        identity=tuple(identity.plan(city, settings)),
    )
    parts = {part.name: getattr(bare, part.name) for part in fields(bare)}
    whole = Platform(**{name: (*own, *disruption.budgets(own)) for name, own in parts.items()})
    if problems := tenancy.problems(city, settings, whole.resources):
        raise UserError("\n".join(problems))
    return whole


def _check(city: City, settings: StackSettings) -> None:
    services = {service.id for service in city.services}
    problems = [
        f"catalog: the city has no service {core!r}, which the platform needs"
        for core in names.CORE_SERVICES
        if core not in services
    ]
    problems += identity.problems(city, settings)
    problems += gateway.problems(city, settings) if names.GATEWAY in services else []
    problems += [f"catalog: {each} (`huiju cdn budget` shows every link)" for each in link_budget.refusals(city)]
    missing = [image for image in IMAGES if image not in settings.images]
    if missing:
        problems.append(
            f"huiju:images: no reference for {', '.join(missing)}; run `huiju up`, or `huiju images push` for an own registry"
        )
    if problems:
        raise UserError("\n".join(problems))
