"""Whose namespaces there are: one for each service, and of the service `district-edge` one in each district. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from catalog import City, names
from catalog.school import District
from catalog.service import Service


def tenants(city: City) -> tuple[Service, ...]:
    """Every namespace as a service: its id is the namespace, and `reaches` names namespaces."""
    return tuple(_tenants(city))


def service_of(tenant: str) -> str:
    """The service of the catalog behind a namespace."""
    return names.DISTRICT_EDGE if tenant.startswith(names.EDGE_PREFIX) else tenant


def district_of(tenant: str) -> str:
    """The district whose edge a namespace holds; empty for any other."""
    return tenant.removeprefix(names.EDGE_PREFIX) if service_of(tenant) == names.DISTRICT_EDGE else ""


def _tenants(city: City) -> Iterator[Service]:
    spaces = tuple(names.edge_namespace(district.id) for district in city.districts)
    for service in city.services:
        reaches = tuple(
            space for reached in service.reaches for space in (spaces if reached == names.DISTRICT_EDGE else (reached,))
        )
        plain = service.model_copy(update={"reaches": reaches})
        yield from (_edge(plain, each) for each in city.districts) if service.id == names.DISTRICT_EDGE else (plain,)


def _edge(service: Service, district: District) -> Service:
    name = {"zh": f"{district.name.zh} {service.name.zh}", "en": f"{district.name.en}: {service.name.en}"}
    more = {"id": names.edge_namespace(district.id), "name": service.name.model_copy(update=name)}
    return service.model_copy(update=more)
