"""The platform's components, one per part of the plan, and how they stand on each other."""

from __future__ import annotations

import pulumi

from infra.components.part import Part, provider
from infra.config import StackSettings
from infra.plan.platform import Platform
from infra.plan.resource import Resource


class Tenancy(Part):
    """Namespaces with their limits and networks."""


class Rbac(Part):
    """Who may do what with the cluster's own objects."""


class ObjectStore(Part):
    """The object store and its buckets."""


class Gateway(Part):
    """The front door."""


class VideoLibrary(Part):
    """The shield and the packaging accounts."""


class DistrictEdges(Part):
    """The caches between the schools of a district and the shield."""


class Portal(Part):
    """The static pages."""


class SchoolEdge(Part):
    """What boxes in schools report to."""


class Entitlement(Part):
    """Who may play what."""


class Monitoring(Part):
    """Readings, rules, alerts and probes."""


class LogCollector(Part):
    """What pods print, kept."""


class DatabaseOperator(Part):
    """Who looks after PostgreSQL."""


class Database(Part):
    """PostgreSQL, its roles and databases."""


class DatabaseBackups(Part):
    """When the database is backed up."""


class LessonIndex(Part):
    """The lessons' tables and rows."""


class Roster(Part):
    """The tables of who is what at which school."""


class Identity(Part):
    """Accounts and sign-in."""


class City(pulumi.ComponentResource):
    """Everything of one city on one cluster."""

    url: pulumi.Output[str]
    namespaces: pulumi.Output[list[str]]

    def __init__(self, name: str, planned: Platform, settings: StackSettings) -> None:
        super().__init__("huiju:platform:City", name)
        cluster = provider(settings.kubeconfig, settings.context, identity=pulumi.get_stack())
        protect = settings.row.protect

        def part(kind: type[Part], resources: tuple[Resource, ...], *before: pulumi.Resource) -> Part:
            token, label = f"huiju:platform:{kind.__name__}", kind.__name__.lower()
            opts = pulumi.ResourceOptions(parent=self, provider=cluster, depends_on=list(before))
            return kind(token, label, resources, protect=protect, opts=opts)

        tenancy = part(Tenancy, planned.tenancy)
        store = part(ObjectStore, planned.object_store, tenancy)
        for kind, resources in (
            (Rbac, planned.rbac),
            (Gateway, planned.gateway),
            (VideoLibrary, planned.video_library),
            (DistrictEdges, planned.district_edges),
            (Portal, planned.portal),
            (SchoolEdge, planned.school_edge),
            (Entitlement, planned.entitlement),
            (Monitoring, planned.monitoring),
            (LogCollector, planned.log_collector),
        ):
            part(kind, resources, tenancy)
        # Beside the rest, since it takes as long as all of it; only what needs both waits for both.
        operator = part(DatabaseOperator, planned.database_operator, tenancy)
        database = part(Database, planned.database, operator)
        part(DatabaseBackups, planned.database_backups, store, database)
        part(LessonIndex, planned.lesson_index, store, database)
        part(Roster, planned.roster, database)
        part(Identity, planned.identity, database)
