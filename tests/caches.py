"""The caches' own configuration files, run by the host's Traffic Server on loopback: for tests of a whole tree without a cluster.

What the files say is left as it is, but for what a machine has only once: folders, ports and addresses. Every host name of the tree is a
loopback address of its own, known to a name server that the tree brings along.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path

from derive import cache_pod, purging, school_cache, shield
from local.ports import free_port

PROGRAM = "/usr/bin/traffic_server"
GATEWAY = 443
"""Of the gateway and of a box."""
PATIENCE = 20
"""Seconds until a server must listen."""


class Names(threading.Thread):
    """A name server that knows `hosts` (name -> IPv4 address) and no other name; A records, over UDP."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.hosts: dict[str, str] = {}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = int(self.socket.getsockname()[1])

    def run(self) -> None:
        """Answer until the socket is closed."""
        while True:
            try:
                asked, who = self.socket.recvfrom(4096)
                self.socket.sendto(self._answer(asked), who)
            except OSError:
                return

    def _answer(self, asked: bytes) -> bytes:
        labels, at = [], 12
        while size := asked[at]:
            labels.append(asked[at + 1 : at + 1 + size].decode())
            at += 1 + size
        question = asked[12 : at + 5]
        address = self.hosts.get(".".join(labels).lower())
        found = bool(address) and asked[at + 1 : at + 3] == b"\x00\x01"
        head = asked[:2] + (b"\x81\x80" if address else b"\x81\x83") + b"\x00\x01\x00" + bytes([found]) + bytes(4)
        record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04" + socket.inet_aton(address or "0.0.0.0")
        return head + question + (record if found else b"")


@dataclass
class Cache:
    """One server of the tree: its files as they are here, its address and its process."""

    name: str
    folder: Path
    address: str
    port: int
    """Where it is waited for."""
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        """Run it, and wait until it listens."""
        environment = {**os.environ, "PROXY_CONFIG_CONFIG_DIR": str(self.folder / "etc")}
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen([PROGRAM], env=environment, stdout=output, stderr=output)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection((self.address, self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"{self.name} does not listen: {self.output()}")

    def complaint(self) -> str:
        """What Traffic Server has against its files, or nothing."""
        place = {**os.environ, "PROXY_CONFIG_CONFIG_DIR": str(self.folder / "etc")}
        done = subprocess.run([PROGRAM, "-C", "verify_config"], capture_output=True, text=True, check=False, env=place)
        said = done.stdout + done.stderr
        bad = [row for row in said.splitlines() if row.startswith(("ERROR", "FATAL", "Fatal"))]
        return "\n".join(bad) or (said[-500:] if done.returncode else "")

    def stop(self) -> None:
        """End it as a node that fails does."""
        if self.process:
            self.process.kill()
            self.process.wait(PATIENCE)
            self.process = None

    def output(self) -> str:
        """What it printed."""
        return (self.folder / "output").read_text(errors="replace")


class Tree:
    """Servers that know each other by name."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack, self.taken = folder, stack, 0
        self.names = Names()
        self.names.start()
        stack.callback(self.names.socket.close)
        kept = (
            shield.PORT,
            shield.VIEWERS_PORT,
            cache_pod.FIGURES_PORT,
            purging.PORT,
            GATEWAY,
            school_cache.LOCAL_PORT,
            school_cache.FIRST_WAY,
            school_cache.FIRST_WAY + 1,
        )
        self.ports = {port: free_port() for port in kept}

    def address(self, *hosts: str) -> str:
        """A loopback address of their own for ``hosts``."""
        self.taken += 1
        address = f"127.11.{os.getpid() % 250}.{self.taken}"
        self.names.hosts.update(dict.fromkeys(hosts, address))
        return address

    def cache(
        self, name: str, files: Mapping[str, str], secrets: Mapping[str, Mapping[str, str]], *hosts: str, port: int
    ) -> Cache:
        """A server that runs ``files``, not started yet; ``secrets`` are folders of the original with their files.

        It is known as ``hosts`` and waited for on what is ``port`` in the files.
        """
        root, address = self.folder / name, self.address(*hosts)
        placed = self._placed(root, address)
        for part in ("etc", "cache", "logs", "run"):
            (root / part).mkdir(parents=True)
        for number, (place, entries) in enumerate(secrets.items()):
            (root / f"secret-{number}").mkdir()
            for entry, text in entries.items():
                (root / f"secret-{number}" / entry).write_text(text.replace(place, str(root / f"secret-{number}")))
        moved = {place: str(root / f"secret-{number}") for number, place in enumerate(secrets)}
        for path, text in files.items():
            target = root / "etc" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(placed(path, reduce(lambda found, row: found.replace(*row), moved.items(), text)))
        cache = Cache(name, root, address, self.ports[port])
        self.stack.callback(cache.stop)
        return cache

    def _placed(self, root: Path, address: str) -> Callable[[str, str], str]:
        """What turns a file of the original into one of this machine."""
        folders = {
            f"{school_cache.FOLDER}/current": root / "etc",
            cache_pod.CONFIGURATION: root / "etc",
            cache_pod.CACHE: root / "cache",
        }
        records = {
            "log.logfile_dir": f"STRING {root}/logs",
            "local_state_dir": f"STRING {root}/run",
            "dns.nameservers": f"STRING 127.0.0.1:{self.names.port}",
            "dns.resolv_conf": "STRING NULL",
            "admin.user_id": "STRING #-1",
            # A test does not wait ten seconds for what comes back.
            "http.parent_proxy.retry_time": "INT 1",
            "http.down_server.cache_time": "INT 1",
            # Smaller than in a pod: many of them run at once.
            "cache.ram_cache.size": "INT 4194304",
        }

        def placed(path: str, text: str) -> str:
            for before, after in folders.items():
                text = text.replace(before, str(after))
            if path == "storage.config":
                return re.sub(r"\d+M", "64M", text)
            if path in {"remap.config", "parent.config"}:
                return re.sub(r":(\d+)", lambda found: f":{self.ports.get(int(found[1]), int(found[1]))}", text)
            if path != "records.config":
                return text
            lines = [line for line in text.splitlines() if line.split()[1].removeprefix("proxy.config.") not in records]
            lines = [self._listening(line, address) for line in lines]
            return "\n".join([*lines, *(f"CONFIG proxy.config.{key} {value}" for key, value in records.items()), ""])

        return placed

    def _listening(self, line: str, address: str) -> str:
        if "http.server_ports" not in line:
            return line
        head, ports = line.split("STRING ")
        # All caches of the tree share one loopback here: each has its own address there for what a pod has on its own.
        ports = ports.replace(purging.listening(), f"{purging.PORT}:ip-in={address}")
        moved = [re.sub(r"^\d+", lambda found: str(self.ports[int(found[0])]), each) for each in ports.split()]
        return f"{head}STRING {' '.join(each if 'ip-in' in each else f'{each}:ip-in={address}' for each in moved)}"


@contextmanager
def tree(folder: Path) -> Iterator[Tree]:
    """A tree without servers; those that it is given end with the body."""
    with ExitStack() as stack:
        yield Tree(folder, stack)
