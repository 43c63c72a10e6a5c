"""nginx as a cache of the lab, with or without its lock: what ours are compared with, one alone or one at each place of the tree."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.caching.caches import program
from benchmarks.cdn import caches, network
from benchmarks.cdn.lab import STORE, Lab
from benchmarks.cdn.request import Place, ask
from benchmarks.machine import cpu_seconds

FOLDERS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
LOCK_SECONDS = 60
"""How long a waiter waits for the one that fetches, before it asks for itself; nginx's own 5 s would end some waits early."""


@dataclass
class Nginx:
    """One server, listening at ``port`` of a namespace."""

    folder: Path
    port: int
    lock: bool
    space: str = network.ROOT
    address: str = network.ORIGIN
    """Where clients in its namespace ask."""
    tls: Path | None = None
    """Folder with `box.crt` and `box.key`, by which it is asked."""
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def door(self) -> Place:
        """Where clients ask."""
        return Place(self.space, self.address, self.port, "nginx", tls=self.tls is not None)

    def configuration(self, origin: str) -> str:
        """`nginx.conf`."""
        lock = (
            f"on; proxy_cache_lock_timeout {LOCK_SECONDS}s; proxy_cache_lock_age {LOCK_SECONDS}s"
            if self.lock
            else "off"
        )
        listen = f"{self.port} backlog=4096"
        if self.tls:
            listen += f" ssl; ssl_certificate {self.tls}/box.crt; ssl_certificate_key {self.tls}/box.key"
        temporary = "".join(f"  {name}_temp_path {self.folder}/{name};\n" for name in FOLDERS)
        return f"""user root; worker_processes 2; worker_rlimit_nofile 16000; daemon off;
pid {self.folder}/pid; error_log stderr error;
events {{ worker_connections 8000; }}
http {{
{temporary}  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000;
  proxy_cache_path {self.folder}/cache keys_zone=kept:10m max_size=1g;
  server {{
    listen {listen};
    location = /healthz {{ return 200 "ok\\n"; }}
    location / {{
      proxy_pass {origin}; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_cache kept; proxy_cache_lock {lock};
    }}
  }}
}}
"""

    def start(self, origin: str) -> None:
        """Run it until it answers. TimeoutError shows what it said."""
        self.folder.mkdir()
        path, said = self.folder / "nginx.conf", self.folder / "said"
        path.write_text(self.configuration(origin), encoding="utf-8")
        words = (program("nginx", "nginx-light"), "-c", str(path), "-p", str(self.folder), "-e", "stderr")
        with said.open("ab") as log:
            self.process = subprocess.Popen(
                ("ip", "netns", "exec", self.space, *words), stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + caches.WELL_SECONDS
        while ask(self.door, "/healthz").status != 200:  # noqa: PLR2004
            if time.monotonic() > deadline:
                raise TimeoutError(said.read_text())
            time.sleep(0.1)

    def cpu_seconds(self) -> float:
        """Of the processor, so far, workers included."""
        return cpu_seconds(psutil.Process(self.process.pid)) if self.process else 0.0


def alone(lab: Lab, port: int, lock: bool) -> Nginx:
    """One at the city's address, in front of the origin."""
    server = Nginx(lab.folder / f"nginx-{port}", port, lock)
    server.start(STORE)
    return server


def tree(lab: Lab, port: int, lock: bool) -> dict[str, Nginx]:
    """One beside each cache of the lab, by namespace, each asking the one above, in the clear where ours show certificates."""
    above: dict[str, str] = {}
    found: dict[str, Nginx] = {}
    for cache in lab.caches:
        tls = lab.folder / "tls" if cache.name in lab.schools else None
        address = network.ORIGIN if cache is lab.shield else "127.0.0.1"
        found[cache.space] = Nginx(lab.folder / f"nginx-{cache.name}-{port}", port, lock, cache.space, address, tls)
        found[cache.space].start(above.get(cache.space, STORE))
        above |= {
            link.child: f"http://{network.ORIGIN if cache is lab.shield else f'{link.net}.1'}:{port}"
            for link in network.links(lab.city)
            if link.parent == cache.space
        }
    return found
