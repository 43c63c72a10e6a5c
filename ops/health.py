"""Facts about a running platform, each judged: what the cluster, the stack, the public address and the disk say."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from cryptography import x509

from catalog.errors import UserError
from local import cluster, paths
from ops import firing
from ops.databases import state as databases
from ops.lessons.place import Place
from ops.stack import authority, backup, checkpoint, configuration, doubt, engine, live, lock, store, target, trust

SECONDS = 10.0
"""How long one fetch may take."""
DISK_GIB = 5
"""Free space under which the disk is called low: one image build takes about 2 GiB, one packaged lesson hour about 3."""
VERDICT_DAYS = 7
"""How long a NetworkPolicy verdict is believed before `huiju up` asks the cluster again."""


WORKLOADS = {
    "kubernetes:apps/v1:DaemonSet",
    "kubernetes:apps/v1:Deployment",
    "kubernetes:apps/v1:StatefulSet",
    "kubernetes:helm.sh/v3:Release",
}
"""Types in the state that make pods run for good."""


class Verdict(StrEnum):
    """How a fact is judged: `ok`, `warn` (works, but look at it) or `bad`."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True)
class Fact:
    """One line of `huiju status`."""

    component: str
    verdict: Verdict
    detail: str
    namespace: str = ""


def facts(stack: str) -> list[Fact]:
    """Every fact, worst surprises included: a check that cannot be made is itself a bad fact."""
    where = target.of_settings(configuration.settings(stack))
    environment = engine.shell(where.reached_by)
    checks: tuple[tuple[str, Callable[[], Iterator[Fact]]], ...] = (
        ("cluster", lambda: of_cluster(environment, embedded=where.embedded)),
        ("stack", lambda: of_stack(stack)),
        ("workloads", lambda: of_workloads(stack, environment)),
        ("alerts", lambda: of_alerts(environment)),
        ("database", lambda: of_database(environment)),
        ("address", lambda: of_address(stack)),
        ("network policies", lambda: of_policies(environment)),
        ("disk", of_disk),
    )
    return [fact for name, check in checks for fact in _tried(name, check)]


def _tried(name: str, check: Callable[[], Iterator[Fact]]) -> Iterator[Fact]:
    try:
        yield from check()
    except (UserError, OSError, ValueError) as error:
        yield Fact(name, Verdict.BAD, str(error).splitlines()[0])


def of_cluster(environment: Mapping[str, str], *, embedded: bool) -> Iterator[Fact]:
    """The API server, and every part where the cluster is the embedded one."""
    if embedded:
        parts = cluster.status()
        stopped = [f"{part.name} {part.state}" for part in parts if part.state != "running"]
        detail = ", ".join(stopped) or f"{len(parts)} parts running"
        yield Fact("embedded cluster", Verdict.BAD if stopped else Verdict.OK, detail)
    version = json.loads(live.kubectl(["version", "-o", "json"], environment))["serverVersion"]["gitVersion"]
    yield Fact("API server", Verdict.OK, f"Kubernetes {version}")


def of_stack(stack: str) -> Iterator[Fact]:
    """What the state records, who is at work on it, and how old its newest copy is."""
    backend = store.open_store()
    state = checkpoint.load(backend, stack)
    if state is None or not state.objects:
        yield Fact("stack", Verdict.BAD, f"{stack} is not provisioned: huiju up --stack {stack}")
        return
    holders = lock.holders(backend, stack)
    detail = f"{stack}: {len(state.objects)} objects, {len(backup.all_of(backend, stack))} copies of the state"
    if any(not holder.here or holder.alive for holder in holders):
        yield Fact("stack", Verdict.WARN, f"{detail}; being worked on by {holders[0]}")
    elif holders or state.pending or doubt.since(backend, stack) is not None:
        yield Fact("stack", Verdict.BAD, f"{detail}; a run was cut off: huiju up --stack {stack} recovers")
    else:
        yield Fact("stack", Verdict.OK, detail)


def of_workloads(stack: str, environment: Mapping[str, str]) -> Iterator[Fact]:
    """Deployments, StatefulSets and DaemonSets of the stack's namespaces with their ready pods, and Jobs that failed."""
    state = checkpoint.load(store.open_store(), stack)
    ours = set(state.outputs.get("namespaces") or ()) if state else set()
    planned = {item.id.split("/")[0] for item in (state.objects if state else ()) if item.kind in WORKLOADS}
    listing = json.loads(
        live.kubectl(["get", "deployments,statefulsets,daemonsets,jobs", "-A", "-o", "json"], environment)
    )
    items = [item for item in listing["items"] if item["metadata"]["namespace"] in ours]
    for item in sorted(items, key=lambda item: (item["metadata"]["namespace"], item["metadata"]["name"])):
        if fact := _workload(item):
            yield fact
    for empty in sorted(planned - {item["metadata"]["namespace"] for item in items}):
        yield Fact("(no workload)", Verdict.BAD, "nothing runs in this namespace", empty)


def _workload(item: Mapping[str, Any]) -> Fact | None:
    name, namespace, status = item["metadata"]["name"], item["metadata"]["namespace"], item.get("status") or {}
    if item["kind"] == "Job":
        failed = any(each["type"] == "Failed" and each["status"] == "True" for each in status.get("conditions") or ())
        return (
            Fact(name, Verdict.WARN, f"failed: kubectl logs -n {namespace} job/{name}", namespace) if failed else None
        )
    wanted, ready = item["spec"].get("replicas", 1), status.get("readyReplicas", 0)
    if item["kind"] == "DaemonSet":  # one pod a node
        wanted, ready = status.get("desiredNumberScheduled", 1), status.get("numberReady", 0)
    return Fact(name, Verdict.OK if ready >= wanted else Verdict.BAD, f"{ready}/{wanted} ready", namespace)


def of_alerts(environment: Mapping[str, str]) -> Iterator[Fact]:
    """Alerts that fire and are not silenced; an Alertmanager that cannot be asked is its own row's business."""
    try:
        found = firing.firing(environment)
    except UserError as error:
        yield Fact("alerts", Verdict.WARN, f"not asked: {str(error).splitlines()[0]}")
        return
    detail = ", ".join(f"{count} {name}" for name, count in sorted(found.items())) or "none fires"
    yield Fact("alerts", Verdict.WARN if found else Verdict.OK, detail)


def of_database(environment: Mapping[str, str]) -> Iterator[Fact]:
    """Instances of the database, its archive and its newest backup."""
    space = databases.SPACE
    now = databases.read(lambda *words: live.kubectl(words, environment))
    verdict = Verdict.OK if now.healthy else Verdict.BAD
    yield Fact("database", verdict, f"{now.ready}/{now.wanted} instances ready, {now.primary or 'none'} writes", space)
    if now.archiving is False:
        yield Fact("database archive", Verdict.WARN, f"{now.archiving_says}: huiju database status", space)
    age = now.age(datetime.now(UTC))
    if age is None:
        yield Fact("database backup", Verdict.WARN, "none yet: huiju database backup", space)
        return
    verdict = Verdict.OK if age <= databases.OVERDUE else Verdict.WARN
    yield Fact("database backup", verdict, f"the last one is {databases.span(age)} old", space)


def of_address(stack: str) -> Iterator[Fact]:
    """The portal and the list of lessons, really fetched, and the certificate that answered."""
    state = checkpoint.load(store.open_store(), stack)
    address = str((state.outputs if state else {}).get("url") or "")
    if not address:
        yield Fact("address", Verdict.BAD, "the stack exports no URL")
        return
    known = trust.context(configuration.settings(stack))
    page = fetch(f"{address}/", known)
    yield Fact("portal", Verdict.OK if b"<html" in page else Verdict.BAD, f"{address}/ answers ({len(page)} bytes)")
    count = _lessons(address, known)
    yield Fact("lessons", Verdict.OK if count else Verdict.WARN, f"{count} published")
    days = (certificate_end(address, known) - datetime.now(UTC)).days
    verdict = Verdict.OK if days > authority.RENEW_BEFORE.days else Verdict.WARN if days >= 0 else Verdict.BAD
    yield Fact("certificate", verdict, f"{days} days left")


def _lessons(address: str, known: ssl.SSLContext) -> int:
    """How many lessons are listed; the list itself appears with the first one."""
    try:
        return len(json.loads(fetch(f"{address}/lessons/index.json", known))["lessons"])
    except HTTPError as error:
        if error.code == HTTPStatus.NOT_FOUND:
            return 0
        raise


def fetch(url: str, known: ssl.SSLContext) -> bytes:
    """The body at ``url`` over TLS, verified by ``known``. Raises `OSError` with the reason."""
    request = Request(url, headers={"User-Agent": "huiju-status"})  # noqa: S310 - the stack's own https address
    with urlopen(request, timeout=SECONDS, context=known) as answer:  # noqa: S310
        body: bytes = answer.read()
        return body


def certificate_end(url: str, known: ssl.SSLContext) -> datetime:
    """When the certificate that answers at ``url`` ends."""
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    with (
        socket.create_connection((host, parts.port or 443), SECONDS) as plain,
        known.wrap_socket(plain, server_hostname=host) as secure,
    ):
        return x509.load_der_x509_certificate(secure.getpeercert(binary_form=True) or b"").not_valid_after_utc


def of_disk() -> Iterator[Fact]:
    """Free space where the kit keeps things."""
    for name, folder in (("state", paths.state_dir()), ("cache", paths.cache_dir())):
        free = shutil.disk_usage(folder if folder.exists() else folder.home()).free / 2**30
        yield Fact(f"disk ({name})", Verdict.OK if free >= DISK_GIB else Verdict.WARN, f"{free:.0f} GiB free")


def _verdicts() -> dict[str, list[Any]]:
    """Cluster's uid -> [verdict, seconds since 1970]."""
    try:
        found = json.loads((paths.state_dir() / "network-policies.json").read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def policies_known(environment: Mapping[str, str]) -> str | None:
    """What was found out about this cluster's NetworkPolicies in the last days, or None."""
    verdict, when = _verdicts().get(live.cluster_uid(environment), ("", 0.0))
    return str(verdict) if verdict and time.time() - float(when) < VERDICT_DAYS * 86_400 else None


def verify_policies(stack: str, where: target.Target) -> str:
    """Find out whether the cluster enforces NetworkPolicies, and remember it."""
    # An image of the stack's own: what its nodes can get for certain.
    image = Place(stack, configuration.settings(stack), None, None).image
    environment = engine.shell(where.reached_by)
    verdict = cluster.verify_network_policies(cluster.Target(where.kubeconfig, where.context, embedded=False), image)
    file = paths.state_dir() / "network-policies.json"
    file.write_text(json.dumps({**_verdicts(), live.cluster_uid(environment): [verdict, time.time()]}))
    return verdict


def of_policies(environment: Mapping[str, str]) -> Iterator[Fact]:
    """Whether default-deny is a wall or a wish on this cluster."""
    verdict = policies_known(environment) or "not verified"
    if verdict == "enforced":
        yield Fact("network policies", Verdict.OK, verdict)
    else:
        yield Fact("network policies", Verdict.WARN, f"{verdict}; huiju status --verify finds out")
