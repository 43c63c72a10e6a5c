"""What the cluster itself says the kit made: the record that outlives a killed run.

Every object that the stack writes carries the label `app.kubernetes.io/managed-by: huiju` and is applied by one fixed field
manager of the stack, so both "whose is it" and "who wrote it last" can be read back. Objects with owners (pods of a Deployment) are their
owners' business.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from catalog import names
from catalog.errors import UserError
from local import toolchain
from ops.stack.checkpoint import Say

DELETION_SECONDS = 420.0
"""Longer than the longest grace period of a pod in the plan, Envoy Gateway's own 360 s."""
SELECTOR = f"app.kubernetes.io/managed-by={names.MANAGED_BY}"
"""Finds what the kit made."""
_INCOMPLETE = "error: unable to retrieve the complete list of server APIs"
"""kubectl's last line when a group of the API does not answer; lines of its log may stand before."""


@dataclass(frozen=True)
class Live:
    """One object of the cluster."""

    group: str
    version: str
    kind: str
    namespace: str
    name: str
    created: float
    """Seconds since 1970."""
    terminating: bool = False
    """Whether its deletion was asked for and has not ended: it is there, and soon will not be."""

    @property
    def identity(self) -> tuple[str, str, str]:
        """(group, kind, `namespace/name`), as `recorded_identity` gives it for the state's."""
        return self.group, self.kind, "/".join(part for part in (self.namespace, self.name) if part)

    def __str__(self) -> str:
        return f"{self.kind} {self.identity[2]}"


def recorded_identity(kind: str, identity: str) -> tuple[str, str, str]:
    """The same triple from a Pulumi type such as `kubernetes:apps/v1:Deployment` and its id."""
    _, version, name = kind.split(":")
    group = version.rpartition("/")[0]
    return ("" if group == "core" else group), name, identity


def kubectl(words: Sequence[str], environment: Mapping[str, str], *, stdin: str | None = None) -> str:
    """Standard output of `kubectl WORDS`. Raises `UserError` when it fails."""
    done = _asked(words, environment, stdin)
    if done.returncode:
        raise _failed(words, done)
    return done.stdout


def _asked(
    words: Sequence[str], environment: Mapping[str, str], stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    command = [str(toolchain.tool("kubectl")), "--request-timeout=30s", *words]
    return subprocess.run(
        command, env={**os.environ, **environment}, input=stdin, capture_output=True, text=True, check=False
    )


def _failed(words: Sequence[str], done: subprocess.CompletedProcess[str]) -> UserError:
    return UserError(f"kubectl {' '.join(words[:2])} failed: {done.stderr.strip()}")


def require(environment: Mapping[str, str]) -> None:
    """Raise `UserError` when the cluster does not answer."""
    try:
        kubectl(["get", "--raw", "/readyz"], environment)
    except UserError as error:
        raise UserError(
            f"the cluster of {environment.get('KUBECONFIG', 'this shell')} does not answer: {error}. "
            "Start it (`huiju cluster up` for the embedded one), or delete the embedded one with all that is in it: `huiju cluster reset`"
        ) from error


def cluster_uid(environment: Mapping[str, str]) -> str:
    """Names the cluster: the uid of its `kube-system` namespace, the field's custom."""
    return kubectl(["get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}"], environment)


def managed(environment: Mapping[str, str], stack: str) -> list[Live]:
    """Every object that the stack's field manager applied."""
    found = {_live(item) for item in _applied_by(stack, ",".join(_kinds(environment)), environment)}
    return sorted(found, key=lambda live: live.identity)


def _kinds(environment: Mapping[str, str]) -> list[str]:
    """Every kind that can be listed and deleted, but for events.

    While a server that somebody added to the API is away, kubectl lists the rest and fails; what it serves is none of the kit's.
    """
    words = ["api-resources", "--verbs=list,delete", "-o", "name"]
    done = _asked(words, environment)
    if done.returncode and not (done.stdout and done.stderr.strip().rpartition("\n")[2].startswith(_INCOMPLETE)):
        raise _failed(words, done)
    return [kind for kind in done.stdout.split() if kind not in {"events", "events.events.k8s.io"}]


def _applied_by(stack: str, kinds: str, environment: Mapping[str, str]) -> list[dict[str, Any]]:
    """Objects of ``kinds`` that the stack's field manager applied, as the API gives them."""
    words = ["get", kinds, "-A", "-l", SELECTOR, "-o", "json", "--show-managed-fields", "--ignore-not-found"]
    manager = names.field_manager(stack)
    items = json.loads(kubectl(words, environment) or "{}").get("items", [])
    return [item for item in items if _applied(item["metadata"], manager)]


def _applied(metadata: Mapping[str, Any], manager: str) -> bool:
    writers = {
        entry.get("manager") for entry in metadata.get("managedFields") or () if entry.get("operation") == "Apply"
    }
    return manager in writers and not metadata.get("ownerReferences")


def _live(item: Mapping[str, Any]) -> Live:
    metadata = item["metadata"]
    group, _, version = item["apiVersion"].rpartition("/")
    created = datetime.fromisoformat(metadata["creationTimestamp"]).timestamp()
    terminating = "deletionTimestamp" in metadata
    return Live(group, version, item["kind"], metadata.get("namespace", ""), metadata["name"], created, terminating)


def await_deletions(environment: Mapping[str, str], stack: str, say: Say, seconds: float = DELETION_SECONDS) -> None:
    """Wait until what is being deleted is gone: a refresh would take it for present, and it would be missing afterwards.

    Raises `UserError` naming what is still there after ``seconds``.
    """
    end = time.monotonic() + seconds
    told: set[Live] = set()
    while going := [found for found in managed(environment, stack) if found.terminating]:
        if time.monotonic() > end:
            raise UserError(
                f"still being deleted after {seconds:.0f} s: {', '.join(map(str, going))}. "
                "`kubectl get -o yaml` of it shows the finalizer that it waits for; then run this again."
            )
        if new := [each for each in going if each not in told]:
            say(f"waiting for deletions under way: {', '.join(map(str, new))}")
            told.update(new)
        time.sleep(1.0)


def delete(live: Live, environment: Mapping[str, str]) -> None:
    """Delete one object and wait until it is gone."""
    kind = ".".join(part for part in (live.kind, live.version, live.group) if part) if live.group else live.kind
    place = ["-n", live.namespace] if live.namespace else []
    kubectl(["delete", kind, live.name, *place, "--ignore-not-found", "--timeout=25s"], environment)


@dataclass(frozen=True)
class HelmRecord:
    """One revision of a Helm release, as Helm keeps it in a Secret."""

    secret: str
    namespace: str
    release: str
    status: str


def helm_records(environment: Mapping[str, str], stack: str) -> list[HelmRecord]:
    """Every revision of every release in the stack's namespaces; those of other stacks, and of others, are not looked at."""
    ours = {item["metadata"]["name"] for item in _applied_by(stack, "namespaces", environment)}
    listing = json.loads(kubectl(["get", "secrets", "-A", "-l", "owner=helm", "-o", "json"], environment))
    return [
        HelmRecord(meta["name"], meta["namespace"], meta["labels"].get("name", ""), meta["labels"].get("status", ""))
        for meta in (item["metadata"] for item in listing["items"])
        if meta["namespace"] in ours
    ]


def forget(record: HelmRecord, environment: Mapping[str, str]) -> None:
    """Drop Helm's record of a revision; what it installed stays, and the next install of that release adopts it."""
    kubectl(["delete", "secret", record.secret, "-n", record.namespace, "--ignore-not-found"], environment)
