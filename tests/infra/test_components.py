"""The components, against a monitor that keeps the raw requests: what reaches the engine is the plan, secrets marked, data kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks
from pulumi.runtime.rpc import _special_secret_sig, _special_sig_key

from catalog import City
from infra.components.platform import City as Everything
from infra.plan import renames, resource
from infra.plan.platform import Platform, plan
from tests.infra.conftest import FITS_TINY, Settings


@pytest.fixture(autouse=True)
def loop() -> Iterator[None]:
    """Pulumi's mocks take the thread's event loop, which another test's `asyncio.run` leaves closed."""
    mine = asyncio.new_event_loop()
    asyncio.set_event_loop(mine)
    yield
    mine.close()


class _Answers(mocks.Mocks):
    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        return args.name, args.inputs

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], None]:
        raise AssertionError(f"the program asks the provider for {args.token}")


class _Monitor(mocks.MockMonitor):
    """Keeps every registration as it was sent."""

    def __init__(self) -> None:
        super().__init__(_Answers())
        self.requests: dict[str, Any] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802  # the name of the RPC
        self.requests[request.name] = request
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]


def requests(city: City, settings: Settings, profile: str = "local") -> dict[str, Any]:
    """Registrations by logical name of the whole program."""
    stack, monitor = settings(profile=profile, overrides=FITS_TINY), _Monitor()
    mocks.set_mocks(_Answers(), "huiju", "test", monitor=monitor)

    @mocks.test  # type: ignore[untyped-decorator]
    def run() -> None:
        Everything(city.id, plan(city, stack), stack)

    run()
    return monitor.requests


def _objects(found: Mapping[str, Any], planned: Platform) -> dict[str, Any]:
    return {each.logical_name: found[each.logical_name] for each in planned.resources}


@pytest.mark.parametrize("profile", ["local", "prod"])
def test_every_planned_object_is_registered_and_nothing_else(tiny: City, settings: Settings, profile: str) -> None:
    found = requests(tiny, settings, profile)
    planned = plan(tiny, settings(profile=profile, overrides=FITS_TINY))
    tokens = {each.logical_name: each.token for each in planned.resources}
    assert {name: request.type for name, request in found.items() if "/" in name} == tokens
    own = {request.type for name, request in found.items() if "/" not in name} - {"pulumi:pulumi:Stack"}
    names = (
        "City",
        "Tenancy",
        "Rbac",
        "ObjectStore",
        "Gateway",
        "VideoLibrary",
        "Portal",
        "SchoolEdge",
        "DistrictEdges",
        "Entitlement",
        "Monitoring",
        "LogCollector",
        "DatabaseOperator",
        "Database",
        "DatabaseBackups",
        "LessonIndex",
        "Roster",
        "Identity",
    )
    parts = {f"huiju:platform:{name}" for name in names}
    assert own == parts | {"pulumi:providers:kubernetes"}


def test_what_a_secret_holds_is_marked_secret(tiny: City, settings: Settings) -> None:
    secrets = [request for name, request in requests(tiny, settings).items() if name.startswith("secret/")]
    assert len(secrets) >= 6
    for request in secrets:
        content = request.object.fields["stringData"].struct_value
        assert content.fields[_special_sig_key].string_value == _special_secret_sig, request.name
        assert set(request.additionalSecretOutputs) == {"data", "stringData"}


def test_production_protects_and_keeps_what_holds_data(tiny: City, settings: Settings) -> None:
    for profile, kept in (
        ("local", set()),
        (
            "prod",
            {
                each.logical_name
                for each in plan(tiny, settings(profile="prod", overrides=FITS_TINY)).resources
                if each.keeps_data
            },
        ),
    ):
        found = requests(tiny, settings, profile)
        assert {name for name, request in found.items() if request.protect} == kept
        assert {name for name, request in found.items() if request.retainOnDelete} == kept


def test_a_replaced_object_is_deleted_first_and_awaited_with_a_limit(tiny: City, settings: Settings) -> None:
    for name, request in _objects(requests(tiny, settings), plan(tiny, settings())).items():
        assert request.deleteBeforeReplace, name
        assert request.customTimeouts.create == resource.TIMEOUT
        assert request.version == "4.25.0"


def test_every_object_is_written_in_the_stack_s_name(tiny: City, settings: Settings) -> None:
    for name, request in _objects(requests(tiny, settings), plan(tiny, settings())).items():
        if not name.startswith("release/"):
            annotations = _annotations(request)
            assert annotations["pulumi.com/patchFieldManager"] == "huiju-test", name


def _annotations(request: Any) -> dict[str, str]:
    metadata = request.object.fields["metadata"].struct_value
    return {key: value.string_value for key, value in metadata.fields["annotations"].struct_value.fields.items()}


def test_a_renamed_resource_carries_its_former_name(
    tiny: City, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resource, "FORMER", {"service/portal/portal": ("service/portal/web",)})
    found = requests(tiny, settings)
    assert [alias.spec.name for alias in found["service/portal/portal"].aliases] == ["service/portal/web"]
    assert not found["deployment/portal/portal"].aliases


def test_every_former_name_is_of_an_object_that_is_planned(planned: Platform) -> None:
    there = {each.logical_name for each in planned.resources}
    assert set(renames.FORMER) <= there
    assert not {name for names in renames.FORMER.values() for name in names} & there


def test_pods_wait_for_the_walls_around_them(tiny: City, settings: Settings) -> None:
    found = requests(tiny, settings)
    # A child is registered after its component, and that after everything of the tenancy.
    assert "networkpolicy/portal/default-deny" in _names(found["portal"].dependencies)
    assert "service/portal/portal" in _names(found["deployment/portal/portal"].dependencies)


def test_what_needs_the_store_and_the_database_waits_for_both(tiny: City, settings: Settings) -> None:
    found = requests(tiny, settings)
    for part in ("databasebackups", "lessonindex"):
        waits = _names(found[part].dependencies)
        assert "database/database/postgres-lessons" in waits
        assert any(name.startswith("job/object-store/store-setup-") for name in waits)
    assert "database/database/postgres-roster" in _names(found["roster"].dependencies)
    assert not [name for name in _names(found["database"].dependencies) if name.startswith("statefulset/")]


def test_the_operator_outlives_what_it_holds_by_finalizers(tiny: City, settings: Settings) -> None:
    found = requests(tiny, settings)
    assert "deployment/database/cnpg-controller-manager" in _names(found["database"].dependencies)


def _names(urns: Any) -> set[str]:
    return {urn.rsplit("::", 1)[-1] for urn in urns}


def test_the_cluster_is_the_same_wherever_its_kubeconfig_lies(tiny: City, settings: Settings) -> None:
    provider = requests(tiny, settings)["cluster"].object
    assert provider.fields["clusterIdentifier"].string_value == "test"
    assert pulumi.get_stack() == "test"
