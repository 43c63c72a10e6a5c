"""The profile `prod` on a second, empty embedded cluster, at reduced size: it comes up, guards its data, and finds them again.

`make proof` runs it: a second cluster and platform take minutes. What production's plan says is tested in `tests/infra` all the time.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.profiles import Exposure, Profile, ProfileName
from local import paths, toolchain

# After the platform that the others share has been taken down (`test_up.py`): two at once want more than two cores.
pytestmark = [pytest.mark.integration, pytest.mark.cluster, pytest.mark.last]
STACK = "prodtest"
DATABASE = ("clusters.postgresql.cnpg.io", "postgres", "-n", "database")
SMALL: dict[str, str] = {
    # One node without a load balancer, two cores shared with the other cluster.
    "exposure": "NodePort",
    "controllerReplicas": "1",
    "storeSizeGib": "2",
    # One machine is in no district.
    "districtGateways": "false",
    "cacheSizeGib": "1",
    "edgeCacheSizeGib": "1",
    "metricsSizeGib": "2",
    "metricsMemoryMib": "320",
    "drainSeconds": "1",
}


@dataclass(frozen=True)
class Second:
    """A clone id of its own: another cluster, another state, nothing shared but the checkout and the caches."""

    clone: str

    @property
    def state(self) -> Path:
        return paths.state_dir().parent / self.clone

    @property
    def environment(self) -> dict[str, str]:
        kubeconfig = self.state / "cluster" / "kubeconfig"
        return {**os.environ, "HUIJU_CLONE_ID": self.clone, "KUBECONFIG": str(kubeconfig)}

    def huiju(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the kit's command; the caller judges its exit code."""
        command = [str(Path(sys.executable).with_name("huiju")), *words]
        return subprocess.run(
            command, env=self.environment, cwd=paths.ROOT, capture_output=True, text=True, check=False
        )

    def up(self) -> None:
        overrides = [word for cell, value in SMALL.items() for word in ("--override", f"{cell}={value}")]
        done = self.huiju("up", "--stack", STACK, "--profile", "prod", "--no-lesson", *overrides)
        assert done.returncode == 0, done.stdout + done.stderr

    def get(self, *words: str) -> Any:
        command = [str(toolchain.tool("kubectl")), "get", *words, "-o", "json"]
        return json.loads(
            subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True).stdout
        )


@pytest.fixture(scope="module")
def second() -> Iterator[Second]:
    """The second cluster with the platform on it; both are gone afterwards."""
    other = Second(f"{paths.clone_id()}p")
    try:
        other.up()
        yield other
    finally:
        gone = other.huiju("cluster", "reset", "--yes")
        (paths.ROOT / f"Pulumi.{STACK}.yaml").unlink(missing_ok=True)
        assert gone.returncode == 0, gone.stdout + gone.stderr
        shutil.rmtree(other.state, ignore_errors=True)


def test_what_is_reduced_are_cells_of_the_profile_and_not_its_guards() -> None:
    cells = {field.alias or name for name, field in Profile.model_fields.items()}
    assert set(SMALL) <= cells - {"protect", "hstsSeconds", "quotas", "replicas", "gatewayReplicas"}
    assert SMALL["exposure"] in Exposure.__args__  # type: ignore[attr-defined]
    assert ProfileName.PROD.value == "prod"


@pytest.mark.slow
def test_production_runs_replicated_and_sends_its_headers(second: Second) -> None:
    workloads = {each["metadata"]["name"]: each for each in second.get("deployments", "-A")["items"]}
    for name, replicas in (("envoy", 2), ("shield-0", 1), ("shield-1", 1), ("district-edge", 2), ("portal", 2)):
        assert workloads[name]["status"]["readyReplicas"] == replicas, name
    headers = second.get("clienttrafficpolicy", "clients", "-n", "gateway")["spec"]["headers"]["lateResponseHeaders"][
        "set"
    ]
    assert "Strict-Transport-Security" in {header["name"] for header in headers}
    database = second.get(*DATABASE)
    assert (database["spec"]["instances"], database["status"]["readyInstances"]) == (3, 3)


def held(second: Second) -> list[str]:
    """What says that lessons and database are the same ones as before."""
    objects = second.get("pvc", "objects", "-n", "object-store")
    return [objects["metadata"]["uid"], objects["spec"]["volumeName"], second.get(*DATABASE)["metadata"]["uid"]]


@pytest.mark.slow
def test_it_is_not_taken_down_by_mistake(second: Second) -> None:
    refused = second.huiju("down", "--stack", STACK, "--yes")
    assert (refused.returncode, "protected" in refused.stderr) == (1, True)
    assert second.get("deployment", "portal", "-n", "portal")["status"]["readyReplicas"] == 2, "nothing half-done"


@pytest.mark.slow
def test_its_data_survive_a_destroy_and_the_next_run_takes_them_up(second: Second) -> None:
    before = held(second)
    done = second.huiju("down", "--stack", STACK, "--destroy-protected", STACK)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {each["metadata"]["name"] for each in second.get("namespaces")["items"]} & {
        "gateway",
        "portal",
        "object-store",
        "database",
    } == {"object-store", "database"}
    assert held(second) == before
    second.up()
    assert held(second) == before
    assert second.get(*DATABASE)["status"]["readyInstances"] == 3
