"""A cache of the lab: Traffic Server in a namespace with the very files that the kit generates, told other addresses and folders only.

Every cache has mounts of its own over Debian's folders; they end with it, and so does all that it kept once the lab's folder goes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.cdn import network
from benchmarks.cdn.request import Place, ask
from derive import traffic_server

PROGRAM = "/usr/bin/traffic_server"
MODULES = Path("/usr/lib/trafficserver/modules")
CONFIGURATION, CACHE, LOGS = "/etc/trafficserver", "/var/cache/trafficserver", "/var/log/trafficserver"
RUN = "/run/trafficserver"
USER = "trafficserver"
WELL_SECONDS = 60
SYNC_SECONDS = 2
SOON = f"CONFIG proxy.config.cache.dir.sync_frequency INT {SYNC_SECONDS}\n"
"""What is on the disk is listed there every so many seconds; a proof does not wait for the server's own minute."""
_MOUNTS = """
mount --bind "$1/conf" /etc/trafficserver && mount --bind "$1/cache" /var/cache/trafficserver &&
mount --bind "$1/logs" /var/log/trafficserver && mount -t tmpfs tmpfs /run && mkdir /run/trafficserver &&
chown trafficserver /run/trafficserver && shift && exec "$@"
"""


@dataclass
class Cache:
    """One server: its place in the tree, its files and its process."""

    name: str
    space: str
    folder: Path
    files: Mapping[str, str]
    health: Place
    """Where `/healthz` answers."""
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def write(self, settings: Mapping[str, str]) -> None:
        """Its configuration, with these settings instead of its own, and empty folders."""
        own = self.files["records.config"].splitlines(keepends=True)
        kept = "".join(row for row in own if row.split()[1] not in settings)
        records = kept + SOON + traffic_server.records(settings)
        for name, text in {**self.files, "records.config": records}.items():
            path = self.folder / "conf" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        for name in ("cache", "logs"):
            (self.folder / name).mkdir(exist_ok=True)
        for path in (self.folder, *self.folder.rglob("*")):
            shutil.chown(path, USER, USER)

    def start(self, *, wait: bool = True) -> None:
        """Run it; with ``wait`` until it is well. TimeoutError shows what it said."""
        inside = ("ip", "netns", "exec", self.space, "unshare", "--mount")
        with (self.folder / "said").open("ab") as said:
            self.process = subprocess.Popen(
                (*inside, "sh", "-c", _MOUNTS, "sh", str(self.folder), PROGRAM),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        if wait:
            self.wait()

    def wait(self) -> None:
        """Until it is well."""
        deadline = time.monotonic() + WELL_SECONDS
        while time.monotonic() < deadline:
            if ask(self.health, "/healthz").status == 200:  # noqa: PLR2004
                return
            if self.process and self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise TimeoutError(f"{self.name} is not well:\n{self.said()}")

    def said(self) -> str:
        """The end of what it printed."""
        return (self.folder / "said").read_text(errors="replace")[-3000:]

    def kill(self) -> None:
        """SIGKILL, as when the power goes."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        if self.process:
            self.process.wait(30)
        self.process = None

    def stop(self) -> None:
        """An orderly end: what is in memory goes to the disk."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(15)
        self.kill()

    def counter(self, name: str) -> int:
        """One of its own counters."""
        answer = ask(self.health, "/_stats")
        found = [row for row in answer.data.decode().splitlines() if f'"{name}"' in row]
        return int(found[0].split('"')[3]) if found else 0

    def cpu_seconds(self) -> float:
        """Of the processor, so far."""
        if not self.process:
            return 0.0
        parts = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")

    def storage(self) -> Path:
        """The file that it keeps objects in."""
        (found,) = (self.folder / "cache").glob("*")
        return found


def fitted(files: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    """The files with other addresses and folders; ValueError when one that should be changed is not there."""
    found = dict(files)
    for old, new in changes.items():
        if not any(old in text for text in files.values()):
            raise ValueError(f"no file holds {old!r}")
        found = {name: text.replace(old, new) for name, text in found.items()}
    return found


def missing() -> str:
    """Why no lab can be made here, or nothing."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if not Path(PROGRAM).exists() or not (MODULES / "uri_signing.so").exists():
        return "no Traffic Server here (apt-get install trafficserver trafficserver-experimental-plugins)"
    probe = f"{network.TAG}-probe"
    if subprocess.run(("ip", "netns", "add", probe), capture_output=True, check=False).returncode:
        return "this machine makes no network namespaces"
    subprocess.run(("ip", "netns", "delete", probe), capture_output=True, check=False)
    return ""
