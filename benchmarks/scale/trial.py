"""One timed way of bringing N objects to a cluster, in a namespace and with stacks of its own, and what came of it."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from benchmarks.scale.objects import manifests
from local import paths, toolchain
from ops.phases import Phases
from ops.stack import backup, engine, live, session, store

PROGRAM = Path(__file__).parent
Manifests = list[dict[str, Any]]


@dataclass(frozen=True)
class Taken:
    """What one measured action took."""

    wall: float
    """Seconds."""
    cpu: float
    """Processor seconds of this process and of every one that the action started."""


def timed(action: Callable[..., object], *given: object) -> Taken:
    """Run ``action`` on what is ``given`` and time it with all of its child processes."""
    before, begun = _spent(), time.monotonic()
    action(*given)
    return Taken(time.monotonic() - begun, _spent() - before)


def _spent() -> float:
    """The kit does its own part, the state before all, in this process; its peers do everything in others."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


@dataclass
class Place:
    """A namespace of the cluster, emptied afterwards, and a folder for programs."""

    kubeconfig: Path
    folder: Path
    namespace: str = field(default_factory=lambda: f"scale-{uuid.uuid4().hex[:8]}")
    stacks: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """Variables for `pulumi` and `kubectl`."""
        return engine.shell(str(self.kubeconfig))

    def objects(self, count: int) -> Manifests:
        """What every way of doing it is given."""
        return manifests(count, self.namespace, self.namespace)

    def program(self, objects: Manifests, part: int = 0) -> session.Wanted:
        """A stack whose program registers ``objects``."""
        directory = self.folder / f"{self.namespace}-{part}"
        directory.mkdir(exist_ok=True)
        for name in ("Pulumi.yaml", "__main__.py"):
            shutil.copy(PROGRAM / name, directory)
        (directory / "manifests.json").write_text(json.dumps(objects))
        stack = f"{self.namespace}-{part}"
        self.stacks.append(stack)
        return session.Wanted(stack=stack, directory=directory)

    def read_back(self) -> dict[str, Any]:
        """Name -> data and labels of every object that is there."""
        listing = ["get", "configmaps", "-n", self.namespace, "-l", live.SELECTOR, "-o", "json"]
        items = json.loads(live.kubectl(listing, self.environment))["items"]
        return {item["metadata"]["name"]: (item["data"], item["metadata"]["labels"]) for item in items}


@contextmanager
def place(kubeconfig: Path) -> Iterator[Place]:
    """A fresh place; its stacks are forgotten and its namespace goes afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        made = Place(kubeconfig, Path(folder))
        live.kubectl(["create", "namespace", made.namespace], made.environment)
        try:
            yield made
        finally:
            live.kubectl(["delete", "namespace", made.namespace, "--timeout=120s"], made.environment)
            backend = store.open_store()
            for stack in made.stacks:
                backup.forget(backend, stack)
                for name in _state_files(stack):
                    backend.delete(name)


def kit(wanted: session.Wanted, where: Place) -> None:
    """As `huiju up` does it: marker, recovery, copy of the state, the engine with one state file at the end."""
    phases = Phases(Console(quiet=True))
    environment = {**where.environment, "SCALE_MANIFESTS": str(wanted.directory / "manifests.json")}
    since = session.settle(wanted, environment, phases)
    session.apply(wanted, "up", environment, phases, since=since)


def plain(extra: Mapping[str, str], words: tuple[str, ...] = ()) -> Callable[[session.Wanted, Place], None]:
    """Plain `pulumi up` with the engine's and the provider's defaults, but for ``extra`` variables."""

    def run(wanted: session.Wanted, where: Place) -> None:
        base = {key: text for key, text in where.environment.items() if key not in engine.CLIENT_RATE}
        manifests_file = str(wanted.directory / "manifests.json")
        environment = {**os.environ, **base, **extra, "SCALE_MANIFESTS": manifests_file}
        pulumi = str(toolchain.tool("pulumi"))
        if not _state_files(wanted.stack):
            command = [pulumi, "stack", "init", wanted.stack, "--no-select"]
            subprocess.run(command, env=environment, cwd=wanted.directory, check=True, capture_output=True)
        command = [pulumi, "up", "--yes", "--skip-preview", "--non-interactive", "--stack", wanted.stack, *words]
        subprocess.run(command, env=environment, cwd=wanted.directory, check=True, capture_output=True)

    return run


def _state_files(stack: str) -> list[str]:
    """The stack's state under every name that a compression gives it."""
    return [name for name in store.open_store().names(".pulumi/stacks") if f"/{stack}.json" in name]


Way = Callable[[session.Wanted, Place], None]


def side_by_side(way: Way, shares: int) -> Callable[[Manifests, Place], None]:
    """The same with the objects spread over ``shares`` stacks that run at once."""

    def run(objects: Manifests, where: Place) -> None:
        stacks = [where.program(objects[part::shares], part) for part in range(shares)]
        with ThreadPoolExecutor(shares) as pool:
            list(pool.map(lambda wanted: way(wanted, where), stacks))

    return run


def kubectl_apply(objects: Manifests, where: Place) -> None:
    """`kubectl apply --server-side` of the same objects in one list."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    words = ["apply", "--server-side", "--field-manager", where.namespace, "-f", "-"]
    live.kubectl(words, {**where.environment, "HOME": str(paths.state_dir())}, stdin=text)


def start(wanted: session.Wanted, where: Place) -> subprocess.Popen[bytes]:
    """Begin a run of the kit in a process of its own."""
    manifests_file = str(wanted.directory / "manifests.json")
    variables = {**os.environ, "HUIJU_KUBECONFIG": str(where.kubeconfig), "SCALE_MANIFESTS": manifests_file}
    command = [sys.executable, "-m", "benchmarks.scale.one_run", str(wanted.directory), wanted.stack, "up"]
    return subprocess.Popen(command, env=variables, cwd=paths.ROOT, stdout=subprocess.DEVNULL)


def end(run: subprocess.Popen[bytes]) -> None:
    """kill -9 of the run, engine, program and provider at once."""
    for process in [*psutil.Process(run.pid).children(recursive=True), psutil.Process(run.pid)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    run.wait()
