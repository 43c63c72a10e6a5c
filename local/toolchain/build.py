"""Building a bundle from the Go module registry with its committed go.mod and go.sum."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from catalog.errors import UserError
from local import paths
from local.toolchain import golang, pins, provenance, store
from local.toolchain.pins import Bundle, ModuleFile
from local.toolchain.report import Say

UNREACHABLE = re.compile(r"dial tcp|no such host|i/o timeout|TLS handshake|proxyconnect|network is unreachable")
"""What Go says of a module registry that it cannot talk to."""
UNREACHABLE_HINT = (
    "The module registry cannot be reached. Is this machine on the network? Behind a firewall, name your proxy or mirror: "
    "docs/engineer/toolchain.md, 'Behind a firewall'."
)
NO_DEBUG = "-gcflags=all=-dwarf=false"
"""The linker drops what debuggers read (`-w`), so the compiler need not spend its time on writing it."""
PULSE_SECONDS = 10
"""A build says where it is this often."""


def fill(name: str, bundle: Bundle, into: Path, say: Say) -> None:
    """Build ``bundle`` into ``into``: programs under ``bin/``, the module files it lists wherever they say."""
    check_disk(name, bundle)
    tools = paths.cache_dir() / "tools"
    log = tools / f"{name}.log"
    with (
        store.locked(tools / "build.lock", lambda: say(f"{name}: another build is running, waiting for it")),
        tempfile.TemporaryDirectory(prefix=".build-", dir=tools) as folder,
    ):
        _Build(name, bundle, Path(folder), log, say).run(into)
        log.unlink(missing_ok=True)


def check_disk(name: str, bundle: Bundle) -> None:
    """Refuse to begin a build that would fill the disk."""
    cache = paths.cache_dir()
    (cache / "tools").mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(cache).free / 2**30
    if free < bundle.disk_gib:
        raise UserError(
            f"building {name} needs {bundle.disk_gib} GiB free under {cache}, there are {free:.1f}.\n"
            "Free some (huiju toolchain clean drops Go's caches), or set XDG_CACHE_HOME to a larger disk."
        )


class _Build:
    """One build in a folder of its own, so that the clone is never written to."""

    def __init__(self, name: str, bundle: Bundle, folder: Path, log: Path, say: Say) -> None:
        self.name, self.bundle, self.folder, self.log, self.say = name, bundle, folder, log, say
        self.recipe = pins.RECIPES / bundle.recipe
        self.go = str(golang.command(say))
        self.begun = time.monotonic()
        self.log.write_text("")

    def run(self, into: Path) -> None:
        shutil.copytree(self.recipe, self.folder, dirs_exist_ok=True)
        self._copy(self.bundle.sources, self.folder)
        packages, tags = list(self.bundle.packages), f"-tags={','.join(self.bundle.tags)}"
        self._report("fetching modules")
        total = len(self._go(["list", tags, "-deps", *packages], "fetching modules, {count}").split())
        (into / "bin").mkdir()
        for package, program in self.bundle.packages.items():
            flags = " ".join(["-s -w", *self.bundle.ldflags])
            output = str(into / "bin" / program)
            state = f"building {program}, {{count}} of at most {total} packages"
            self._go(["build", tags, "-v", "-trimpath", NO_DEBUG, "-ldflags", flags, "-o", output, package], state)
        self._copy(self.bundle.extras, into)
        for name, place in self.bundle.files.items():
            _place(self.recipe / name, into / place)
        self._refuse_changed_sums()
        provenance.write(into, how="build", source=f"recipes/{self.bundle.recipe}", go=golang.version(self.go))
        self._report("built")

    def _copy(self, files: Iterable[ModuleFile], into: Path) -> None:
        for file in files:
            answer = self._go(["mod", "download", "-json", file.module], "fetching modules, {count}")
            _place(Path(json.loads(answer)["Dir"]) / file.path, into / file.to)

    def _refuse_changed_sums(self) -> None:
        for name in ("go.mod", "go.sum"):
            if (self.folder / name).read_bytes() != (self.recipe / name).read_bytes():
                raise UserError(
                    f"{self.recipe / name} is not complete: the build wanted to change it. Run go mod tidy there, review and commit."
                )

    def _go(self, arguments: list[str], state: str) -> str:
        """Run Go, report every few seconds, keep its messages in the log; its standard output is the answer."""
        with subprocess.Popen(
            [self.go, *arguments], cwd=self.folder, env=golang.environment(), text=True, close_fds=False,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            reader = threading.Thread(target=self._follow, args=(process.stderr, state), daemon=True)
            reader.start()
            answer = process.stdout.read() if process.stdout else ""
            reader.join()
        if process.returncode:
            # One unreachable registry is said once for every module.
            tail = "\n".join(list(dict.fromkeys(self.log.read_text().splitlines()))[-15:])
            hint = f"\n{UNREACHABLE_HINT}" if UNREACHABLE.search(tail) else ""
            raise UserError(
                f"building {self.name} failed: go {arguments[0]} ended with {process.returncode}\n{tail}\nThe whole log: {self.log}{hint}"
            )
        return answer

    def _follow(self, stream: Iterable[str] | None, state: str) -> None:
        count, spoke = 0, time.monotonic()
        with self.log.open("a") as log:
            for line in stream or ():
                log.write(line)
                count += 1
                if time.monotonic() - spoke > PULSE_SECONDS:
                    spoke = time.monotonic()
                    self._report(state.format(count=count))

    def _report(self, state: str) -> None:
        self.say(f"{self.name} {self.bundle.version}: {state} ({time.monotonic() - self.begun:.0f} s)")


def _place(source: Path, target: Path) -> None:
    """Copy a file or a folder; the module cache is read-only, the copy is not."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, copy_function=shutil.copyfile)
        for path in [target, *target.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
    else:
        shutil.copyfile(source, target)
        target.chmod(0o755 if target.parent.name == "bin" else 0o644)
