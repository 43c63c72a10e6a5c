"""Renaming and replacing objects with fixed names loses nothing, and a stuck one is named: a small program on a real cluster."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import UserError
from ops.stack import engine
from tests.integration.conftest import Cluster

pytestmark = pytest.mark.integration
PROGRAM = """
import json, os
import pulumi
from infra.components import part
from infra.plan import resource

class Formerly(resource.Resource):
    @property
    def logical_name(self):
        return f"{super().logical_name}-formerly"

wanted = json.loads(os.environ["WANTED"])
part.TIMEOUT = wanted["timeout"]
objects = [resource.resource(body, keeps_data=body["kind"] == "PersistentVolumeClaim") for body in wanted["objects"]]
if wanted["alias"]:
    resource.FORMER = {each.logical_name: (f"{each.logical_name}-formerly",) for each in objects}
if wanted["formerly"]:
    objects = [Formerly(**vars(each)) if each.kind == "ConfigMap" else each for each in objects]
cluster = part.provider(None, None, "small")
part.Part("huiju:test:Part", "part", objects, protect=True, opts=pulumi.ResourceOptions(provider=cluster))
"""
"""The kit's own component over objects from outside; `formerly` registers them under other logical names."""


@dataclass
class Stack:
    """A stack of the small program, with a namespace of its own."""

    folder: Path
    namespace: str
    environment: dict[str, str]
    cluster: Cluster

    def up(
        self, *objects: dict[str, Any], formerly: bool = False, alias: bool = False, timeout: str = "2m"
    ) -> engine.Outcome:
        """Bring ``objects`` about, in the stack's namespace."""
        placed = [{**each, "metadata": {**each["metadata"], "namespace": self.namespace}} for each in objects]
        wanted = {"objects": placed, "formerly": formerly, "alias": alias, "timeout": timeout}
        return self.run("up", {"WANTED": json.dumps(wanted)})

    def run(self, operation: str, more: dict[str, str]) -> engine.Outcome:
        words = [operation, "--yes", "--skip-preview", "--stack", "small"]
        return engine.run(words, {**self.environment, **more}, log=self.folder / "log", directory=self.folder)

    def ask(self, *words: str) -> str:
        return engine.ask([*words, "--stack", "small"], self.environment, self.folder)

    def read(self, kind: str, name: str, path: str = ".metadata.uid") -> str:
        """A field of the object in the cluster; empty when there is no object."""
        words = ("get", kind, name, "-n", self.namespace, "--ignore-not-found", "-o", f"jsonpath={{{path}}}")
        return self.cluster.kubectl(*words)


KEPT = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}, "data": {"a": "1"}}


def service(**spec: Any) -> dict[str, Any]:
    """A Service; its address is immutable."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "door"},
        "spec": {"ports": [{"port": 80}], **spec},
    }


def claim(mode: str) -> dict[str, Any]:
    """A volume; its access mode is immutable."""
    metadata = {"name": "data", "annotations": {"pulumi.com/skipAwait": "true"}}
    spec = {"accessModes": [mode], "resources": {"requests": {"storage": "1Mi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec}


def hopeless() -> dict[str, Any]:
    """A Deployment whose image cannot be had."""
    labels = {"app": "hopeless"}
    pod = {"containers": [{"name": "hopeless", "image": "huiju.local/none@sha256:" + "0" * 64}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "hopeless"}, "spec": spec}


@pytest.fixture
def stack(cluster: Cluster, tmp_path: Path) -> Iterator[Stack]:
    """An empty stack with a backend of its own; its namespace goes afterwards."""
    (tmp_path / "Pulumi.yaml").write_text("name: small\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    (tmp_path / "passphrase").write_text("a test")
    (tmp_path / "state").mkdir()
    environment = {
        **cluster.environment,
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(tmp_path / "passphrase"),
        "KUBECONFIG": str(cluster.kubeconfig),
    }
    small = Stack(tmp_path, f"small-{uuid.uuid4().hex[:8]}", environment, cluster)
    engine.ask(["stack", "init", "small"], environment, tmp_path)
    cluster.kubectl("create", "namespace", small.namespace)
    yield small
    cluster.kubectl("delete", "namespace", small.namespace, "--wait=false")


def test_a_renamed_resource_with_an_alias_keeps_its_object(stack: Stack) -> None:
    stack.up(KEPT, formerly=True)
    before = stack.read("configmap", "kept")
    outcome = stack.up(KEPT, alias=True)
    assert before
    assert stack.read("configmap", "kept") == before
    assert not {"deleted", "replaced", "created"} & set(outcome.changes)


def test_without_the_alias_the_object_is_lost_which_is_why_the_table_of_renames_exists(stack: Stack) -> None:
    stack.up(KEPT, formerly=True)
    assert stack.read("configmap", "kept")
    stack.up(KEPT)
    assert not stack.read("configmap", "kept"), "deleted under the old name after it was written under the new one"


def test_a_changed_immutable_field_replaces_the_object_and_leaves_one(stack: Stack) -> None:
    stack.up(service())
    before = stack.read("service", "door")
    stack.up(service(clusterIP="None"))
    assert stack.read("service", "door") not in ("", before)
    assert stack.read("service", "door", ".spec.clusterIP") == "None"
    assert not stack.up(service(clusterIP="None")).changed


def test_a_changed_config_map_is_changed_in_place(stack: Stack) -> None:
    stack.up(KEPT)
    before = stack.read("configmap", "kept")
    stack.up({**KEPT, "data": {"a": "2"}})
    assert (stack.read("configmap", "kept"), stack.read("configmap", "kept", ".data.a")) == (before, "2")


def test_what_holds_data_is_neither_replaced_nor_destroyed_while_protected(stack: Stack) -> None:
    stack.up(claim("ReadWriteOnce"))
    before = stack.read("pvc", "data")
    for objects, operation in (([claim("ReadWriteMany")], "up"), ([], "up"), ([], "destroy")):
        with pytest.raises(UserError, match="protect"):
            stack.up(*objects) if operation == "up" else stack.run("destroy", {})
        assert before
        assert stack.read("pvc", "data") == before


def test_what_holds_data_stays_in_the_cluster_when_the_protection_is_lifted(stack: Stack) -> None:
    stack.up(claim("ReadWriteOnce"), KEPT)
    before = stack.read("pvc", "data")
    stack.ask("state", "unprotect", "--all", "--yes")
    assert stack.run("destroy", {}).changed
    assert not stack.read("configmap", "kept")
    assert before
    assert stack.read("pvc", "data") == before
    stack.up(claim("ReadWriteOnce"))
    assert stack.read("pvc", "data") == before, "the next run takes it up again"


def test_a_timeout_names_the_stuck_object_and_what_it_lacks(stack: Stack) -> None:
    with pytest.raises(UserError, match=r"(?s)deployment/small-\w+/hopeless.*(ImagePull|unready)") as caught:
        stack.up(hopeless(), timeout="12s")
    assert "hopeless" in str(caught.value)
