"""What `local` and `prod` mean: one typed row each; a difference between them is a cell of this table, never an `if`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Count = Annotated[int, Field(ge=1, le=20)]
Seconds = Annotated[int, Field(ge=0)]
Exposure = Literal["NodePort", "LoadBalancer"]
Gibibytes = Annotated[int, Field(ge=1, le=100_000)]
Mebibytes = Annotated[int, Field(ge=256, le=1_000_000)]
Days = Annotated[int, Field(ge=1, le=3650)]
MetricsMemory = Annotated[int, Field(ge=128, le=1_000_000)]
FlushSeconds = Annotated[int, Field(ge=5, le=600)]
ShipSeconds = Annotated[int, Field(ge=1, le=3600)]


class ProfileName(StrEnum):
    """Where the platform runs. It is not a size: a small city in production is still `prod`."""

    LOCAL = "local"
    PROD = "prod"


class Profile(BaseModel):
    """The choices that differ between a trial on one machine and a city in production."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    replicas: Count = Field(description="Pods of each stateless service (shield, portal).")
    gateway_replicas: Count = Field(description="Envoy pods that carry the city's traffic.")
    controller_replicas: Count = Field(description="Envoy Gateway controller pods.")
    exposure: Exposure = Field(description="Type of the gateway's Service. `NodePort` uses port 30443 of every node.")
    store_size_gib: Gibibytes = Field(description="Size of the embedded object store's volume, in GiB.")
    cache_size_gib: Gibibytes = Field(description="Disk cache of each pod of the shield, in GiB.")
    edge_cache_size_gib: Gibibytes = Field(description="Disk cache of each pod of a district's edge, in GiB.")
    edges_only_in_zone: bool = Field(
        description="Run a district's edge and gateway in its zone (the catalog's `zone`) or not at all, instead of preferably there."
    )
    district_gateways: bool = Field(
        description="Put a gateway into each district with a `zone`, by which its boxes reach its edge. "
        "With `NodePort` they use the ports from 30444 on, in the order of the catalog's districts."
    )
    metrics_size_gib: Gibibytes = Field(description="Size of Prometheus' volume, in GiB.")
    metrics_memory_mib: MetricsMemory = Field(
        description="Memory of Prometheus, in MiB: about 3 kB a series, and as much again for queries."
    )
    logs_flush_seconds: FlushSeconds = Field(
        description="How long a log line waits for others before they become an object, in seconds."
    )
    audit_ship_seconds: ShipSeconds = Field(
        description="How long an audit record stays on its writer's own disk before it is shipped to the locked bucket, in seconds."
    )
    database_instances: Count = Field(description="PostgreSQL instances: one that writes, the others follow it.")
    database_size_gib: Gibibytes = Field(description="Volume of each PostgreSQL instance, in GiB.")
    database_memory_mib: Mebibytes = Field(
        description="Memory of each PostgreSQL instance, in MiB; a quarter is its own cache."
    )
    identity_memory_mib: Mebibytes = Field(description="Memory of each Keycloak pod, in MiB; two thirds are its heap.")
    backup_keep_days: Days = Field(
        description="How many days back the database can be restored to; older backups are deleted."
    )
    protect: bool = Field(description="Refuse to delete what holds data, and keep its volumes on `pulumi destroy`.")
    redirect_http: bool = Field(
        description="Listen on port 80 too and send browsers on to HTTPS; ACME HTTP-01 challenges come in there."
    )
    drain_seconds: Seconds = Field(
        description="How long a pod of the gateway or the database that ends lets its open connections finish, in seconds."
    )
    hsts_seconds: Seconds = Field(description="Strict-Transport-Security max-age in seconds; 0 sends no header.")
    quotas: bool = Field(description="Put the catalog's quota on each namespace.")


PROFILES: dict[ProfileName, Profile] = {
    ProfileName.LOCAL: Profile(
        replicas=1,
        gateway_replicas=1,
        controller_replicas=1,
        exposure="NodePort",
        store_size_gib=10,
        cache_size_gib=1,
        edge_cache_size_gib=1,
        edges_only_in_zone=False,
        # On one machine there is no link to spare.
        district_gateways=False,
        metrics_size_gib=2,
        metrics_memory_mib=320,
        logs_flush_seconds=20,
        audit_ship_seconds=5,
        database_instances=1,
        database_size_gib=2,
        database_memory_mib=384,
        identity_memory_mib=768,
        backup_keep_days=7,
        protect=False,
        redirect_http=False,
        drain_seconds=1,
        # A browser would remember it for `localhost` and break every other local site.
        hsts_seconds=0,
        quotas=True,
    ),
    ProfileName.PROD: Profile(
        replicas=2,
        gateway_replicas=2,
        controller_replicas=2,
        exposure="LoadBalancer",
        store_size_gib=500,
        cache_size_gib=50,
        edge_cache_size_gib=50,
        edges_only_in_zone=False,
        district_gateways=True,
        metrics_size_gib=200,
        metrics_memory_mib=2048,
        logs_flush_seconds=300,
        audit_ship_seconds=30,
        database_instances=3,
        database_size_gib=10,
        database_memory_mib=512,
        identity_memory_mib=1024,
        backup_keep_days=35,
        protect=True,
        redirect_http=True,
        drain_seconds=60,
        hsts_seconds=31_536_000,
        quotas=True,
    ),
}
"""The table. A city changes single cells for itself with the stack config key `overrides`."""


def _cell(name: str) -> Any:  # noqa: ANN401  # what pydantic's Field() itself returns
    """An optional field described as the profile's own."""
    return Field(default=None, description=Profile.model_fields[name].description)


class Overrides(BaseModel):
    """Cells of the profile's row that one stack sets otherwise; what is absent keeps the row's value."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    replicas: Count | None = _cell("replicas")
    gateway_replicas: Count | None = _cell("gateway_replicas")
    controller_replicas: Count | None = _cell("controller_replicas")
    exposure: Exposure | None = _cell("exposure")
    store_size_gib: Gibibytes | None = _cell("store_size_gib")
    cache_size_gib: Gibibytes | None = _cell("cache_size_gib")
    edge_cache_size_gib: Gibibytes | None = _cell("edge_cache_size_gib")
    edges_only_in_zone: bool | None = _cell("edges_only_in_zone")
    district_gateways: bool | None = _cell("district_gateways")
    metrics_size_gib: Gibibytes | None = _cell("metrics_size_gib")
    metrics_memory_mib: MetricsMemory | None = _cell("metrics_memory_mib")
    logs_flush_seconds: FlushSeconds | None = _cell("logs_flush_seconds")
    audit_ship_seconds: ShipSeconds | None = _cell("audit_ship_seconds")
    database_instances: Count | None = _cell("database_instances")
    database_size_gib: Gibibytes | None = _cell("database_size_gib")
    database_memory_mib: Mebibytes | None = _cell("database_memory_mib")
    identity_memory_mib: Mebibytes | None = _cell("identity_memory_mib")
    backup_keep_days: Days | None = _cell("backup_keep_days")
    protect: bool | None = _cell("protect")
    redirect_http: bool | None = _cell("redirect_http")
    drain_seconds: Seconds | None = _cell("drain_seconds")
    hsts_seconds: Seconds | None = _cell("hsts_seconds")
    quotas: bool | None = _cell("quotas")


def profile(name: ProfileName, overrides: Overrides) -> Profile:
    """The row of ``name`` with this stack's own cells in it."""
    return PROFILES[name].model_copy(update=overrides.model_dump(exclude_none=True))
