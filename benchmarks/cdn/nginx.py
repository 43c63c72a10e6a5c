"""nginx as a cache in front of the lab's origin, with or without its lock: what the shield is compared with."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.caching.caches import program
from benchmarks.cdn import caches, network
from benchmarks.cdn.request import Place, ask
from benchmarks.machine import cpu_seconds

FOLDERS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
LOCK_SECONDS = 60
"""How long a waiter waits for the one that fetches, before it asks for itself; nginx's own 5 s would end some waits early."""


@dataclass
class Nginx:
    """One server, listening at ``port`` of the city."""

    folder: Path
    port: int
    lock: bool
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def door(self) -> Place:
        """Where clients ask."""
        return Place(network.ROOT, network.ORIGIN, self.port, "nginx")

    def configuration(self, origin: str) -> str:
        """`nginx.conf`."""
        lock = (
            f"on; proxy_cache_lock_timeout {LOCK_SECONDS}s; proxy_cache_lock_age {LOCK_SECONDS}s"
            if self.lock
            else "off"
        )
        temporary = "".join(f"  {name}_temp_path {self.folder}/{name};\n" for name in FOLDERS)
        return f"""user root; worker_processes 2; worker_rlimit_nofile 16000; daemon off;
pid {self.folder}/pid; error_log stderr error;
events {{ worker_connections 8000; }}
http {{
{temporary}  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000;
  proxy_cache_path {self.folder}/cache keys_zone=kept:10m max_size=1g;
  server {{
    listen {network.ORIGIN}:{self.port} backlog=4096;
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
                ("ip", "netns", "exec", network.ROOT, *words), stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + caches.WELL_SECONDS
        while ask(self.door, "/healthz").status != 200:  # noqa: PLR2004
            if time.monotonic() > deadline:
                raise TimeoutError(said.read_text())
            time.sleep(0.1)

    def cpu_seconds(self) -> float:
        """Of the processor, so far, workers included."""
        return cpu_seconds(psutil.Process(self.process.pid)) if self.process else 0.0
