"""The service as its pod runs it, over a real roster and a real object store, with a record of every lesson."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from derive import lesson
from tests import entitlement_server, roster_server
from tests.enforcement import records, register
from tests.enforcement.product import CITY, LESSONS, MOMENTS
from tests.enforcement.register import Register
from tests.entitlement_server import Given, Running
from tests.media import Store
from tests.media import store as objects  # noqa: F401  # a fixture: a real object store


@pytest.fixture(scope="session")
def roster() -> Iterator[roster_server.Server]:
    with roster_server.running() as found:
        yield found


@pytest.fixture(scope="session")
def known(roster: roster_server.Server) -> Register:
    """The register, in the database too; what changes in it does on the day on which the catalog's first agreement begins."""
    found = register.make(CITY, CITY.agreements[0].starts)
    register.fill(found, roster)
    return found


@pytest.fixture(scope="session")
def service(
    tmp_path_factory: pytest.TempPathFactory,
    objects: Store,  # noqa: F811
    roster: roster_server.Server,
) -> Iterator[Running]:
    """The service; whoever asks says first what time it is there."""
    _, bucket = objects.pair()
    for each in LESSONS:
        bucket.put(lesson.record_key(each.id), json.dumps(records.of(each)).encode(), "no-store")
    given = Given(tmp_path_factory.mktemp("entitlement"), CITY, objects, bucket.name, roster)
    with entitlement_server.running(given, MOMENTS[0]) as found:
        yield found
