"""Bringing the embedded cluster up, down and away."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.errors import UserError
from local import paths
from local.cluster import (
    addons,
    addresses,
    cgroups,
    components,
    configuration,
    images,
    keeper,
    network,
    pki,
    ports,
    process,
    systemd,
    tools,
    waiting,
)
from local.cluster.api import Api
from local.cluster.layout import Layout, layout
from local.cluster.plan import Plan, digest_of
from local.cluster.supervisor import STOP_DATABASE_SECONDS, STOP_SECONDS

if TYPE_CHECKING:
    from local.images import Built

Progress = Callable[[str], None]
BUSY = "another `huiju` command is starting or stopping this clone's cluster; wait for it to end, or see `huiju cluster status`."
LOCK_SECONDS = 180
RESET_TRIES = 3


@dataclass(frozen=True)
class Rendered:
    """A plan and all that it needs on disk."""

    plan: Plan
    files: dict[Path, str]
    manifests: str
    images: dict[str, Built]
    tools: tools.Tools


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold a lock of this clone's cluster, or tell the user who else is at work."""
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(process.locked(lock, LOCK_SECONDS))
        except TimeoutError as error:
            raise UserError(BUSY) from error
        yield


def require_root() -> None:
    """:class:`UserError` unless this is root on Linux."""
    if sys.platform != "linux" or os.geteuid() != 0:
        raise UserError(
            "the embedded cluster needs root on Linux (it makes namespaces, mounts and a network link).\n"
            "Type `sudo -E huiju up`, or use a cluster that you have: `huiju up --context NAME` (needs no root)."
        )


def render(where: Layout) -> Rendered:
    """Everything a start needs, from the settings and what is on this machine; makes keys, certificates and images that are missing."""
    found = tools.find()
    built = images.own()
    wanted = {name: image.reference for name, image in built.items()}
    link = addresses.allot(
        paths.clone_id(), where.state / "link", outside=os.environ.get("HUIJU_CLUSTER_OUTSIDE") == "1"
    )
    pki.ensure_all(where.pki, pki.leaves(components.NODE_NAME, link.node, link.api_service))
    files = configuration.files(where, found, link, wanted["pause"])
    files[paths.kubeconfig()] = pki.kubeconfig(where.pki, "admin", components.server(link), embed=True)
    held = Plan.read(where.plan).port if running_digest(where) else None
    plan = Plan(
        clone=paths.clone_id(),
        root=str(where.root),
        network=link,
        port=ports.allot(where, held),
        node_port=ports.GATEWAY_NODE_PORT,
        path=found.path,
        parts=components.parts(where, found, link),
    )
    plan = replace(plan, digest=digest_of(plan, files))
    return Rendered(plan, files, addons.manifests(where, link, wanted), built, found)


def _write(rendered: Rendered, where: Layout) -> None:
    for path, text in rendered.files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text() != text:
            process.replace(path, text)
    process.replace(where.plan, rendered.plan.to_json())


def running_digest(where: Layout) -> str:
    """Digest of the plan that the running supervisor was started with, or empty."""
    if process.read(where.process("supervisor")) is None or not where.plan.exists():
        return ""
    return Plan.read(where.plan).digest


def up(progress: Progress = lambda _: None) -> Path:
    """Bring this clone's cluster up and return its kubeconfig; quick when it is up already."""
    require_root()
    where = layout()
    where.make()
    with _alone(where.lock):
        if running_digest(where) and process.read(where.process("keeper")) is None:
            keeper.spawn("keeper", where)  # first of all: rendering may have to build images
        rendered = render(where)
        api = Api(where, rendered.plan.network)
        if running_digest(where) != rendered.plan.digest:
            _start(rendered, where, progress)
        waiting.until(waiting.kept(where, rendered.plan.port), where, progress)
        waiting.until(waiting.api_ready(api), where, progress)
        _settle(rendered, where, progress)
        for condition in waiting.usable(api):
            waiting.until(condition, where, progress)
        systemd.install(paths.clone_id())
    return paths.kubeconfig()


def _start(rendered: Rendered, where: Layout, progress: Progress) -> None:
    """Stop what runs with another plan, then hand over to the keeper."""
    if process.read(where.process("supervisor")):
        progress("restarting the cluster: its configuration changed")
    _stop(where)
    progress("starting the cluster")
    _write(rendered, where)
    where.wanted.touch()
    keeper.spawn("keeper", where)


def _settle(rendered: Rendered, where: Layout, progress: Progress) -> None:
    """Images and addons, once per content."""
    mark = where.state / "addons"
    if mark.exists() and mark.read_text() == rendered.manifests:
        return
    progress("loading the cluster's own images")
    images.import_own(rendered.images)
    progress("applying cluster DNS and storage")
    addons.apply(rendered.tools, paths.kubeconfig(), rendered.manifests)
    process.replace(mark, rendered.manifests)


def _stop(where: Layout) -> None:
    """Stop guard, keeper and cluster, in this order, so that none mends what is being ended."""
    where.wanted.unlink(missing_ok=True)
    for name, seconds in (("guard", 5), ("keeper", 5), ("guard", 5)):
        if identity := process.read(where.process(name)):
            identity.stop(seconds)
    with _alone(where.launching):
        if identity := process.read(where.process("supervisor")):
            identity.stop(STOP_SECONDS + STOP_DATABASE_SECONDS + 4)
    if where.plan.exists():
        network.remove_host_link(Plan.read(where.plan).network)


def down(progress: Progress = lambda _: None) -> None:
    """Stop the cluster and leave nothing of it on the host but its data folder; without root only where there never was one."""
    where = layout()
    if not where.root.exists():
        return
    require_root()
    with _alone(where.lock):
        progress("stopping the cluster")
        systemd.remove(paths.clone_id())
        _stop(where)
        for name in ("guard", "keeper", "supervisor"):
            where.process(name).unlink(missing_ok=True)
        where.status.unlink(missing_ok=True)
        if left := cgroups.remove(paths.clone_id()):
            raise UserError(
                f"these control groups would not go: {', '.join(left)}; `huiju cluster down` again in a moment."
            )


def reset(progress: Progress = lambda _: None) -> None:
    """Stop the cluster and delete its data: objects, images, volumes, keys."""
    down(progress)
    progress("deleting the cluster's data")
    folder = paths.cluster_dir()
    for attempt in range(RESET_TRIES):
        if folder.exists():
            # On a busy machine a process that was ended a moment ago may still have written into an emptied folder.
            time.sleep(attempt)
            shutil.rmtree(folder, ignore_errors=attempt + 1 < RESET_TRIES)
