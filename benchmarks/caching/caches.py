"""Caches on loopback in front of one origin: Traffic Server as the kit configures its shield, and what it is compared with."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import jwt
import psutil

from benchmarks.caching import sandbox
from benchmarks.machine import cpu_seconds
from catalog import City
from derive import cache_pod, keys, shield, video_token
from derive.video_token import COOKIE
from local.ports import free_port

ISSUER, SEED = "https://localhost", "benchmark"
HOUR = 3600
MIB = 900
"""Of each cache."""
SECRET = "a-secret-of-the-benchmark"  # noqa: S105 - it guards nothing


@dataclass(frozen=True)
class Cache:
    """A running cache and how it is asked for a path."""

    name: str
    port: int
    process: psutil.Process
    header: str = ""
    """A request header, ``Name: value``."""
    query: Callable[[str], str] = lambda path: ""
    """What is put behind a path."""

    @property
    def cpu_seconds(self) -> float:
        """User and system time of its processes so far."""
        return cpu_seconds(self.process)


def program(name: str, package: str) -> str:
    """Path of a program. Raises RuntimeError that names the package to install."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if not found:
        raise RuntimeError(f"{name} is not installed: apt-get install {package}")
    return found


@contextmanager
def running(command: Sequence[str], port: int, **environment: str) -> Iterator[psutil.Process]:
    """The program, listening on ``port``, until the body ends."""
    with subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL) as process:
        try:
            _await(port, process)
            yield psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait(20)


def _await(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"{process.args!r} does not listen on port {port}")


WHOLE, SIGNATURES, PATHS, OPEN = "with tokens", "signatures only", "paths only", "open"
"""What of the shield's checks a Traffic Server is left with: all; the plugin that checks tokens alone; the guard of paths alone; none."""


@contextmanager
def traffic_server(city: City, lesson: str, origin: int, folder: Path, checks: str) -> Iterator[Cache]:
    """Traffic Server with the very files of the shield, but for the checks that it is not left with."""
    port = free_port()
    tokens = video_token.configuration(ISSUER, video_token.CITY, [keys.public_jwk(SEED, keys.VIDEO)])
    files = shield.files(city, f"http://127.0.0.1:{origin}", 1, tokens)
    sandbox.write(folder, _left(files, checks), port, free_port(), MIB)
    claims = video_token.claims(ISSUER, video_token.CITY, lesson, int(time.time()) + HOUR)
    token = jwt.encode(claims, keys.private_key(SEED, keys.VIDEO), keys.ALGORITHM, {"kid": keys.key_id(keys.VIDEO)})
    with running((program("traffic_server", "trafficserver"),), port, TS_RUNROOT=str(folder)) as process:
        shown = f"Cookie: {COOKIE}={token}" if checks in (WHOLE, SIGNATURES) else ""
        yield Cache(f"Traffic Server, {checks}", port, process, shown)


def _left(files: Mapping[str, str], checks: str) -> dict[str, str]:
    """The files without the other checks. Raises ValueError for a check that is not in them."""
    signatures, name = ("remap.config", f"{shield.CHECK[0]} "), ("remap.config", f"{shield.CHECK[1]} ")
    paths = ("plugin.config", f"{cache_pod.EVERY_REQUEST[0]}\n")
    gone = {WHOLE: (), SIGNATURES: (name, paths), PATHS: (signatures, name), OPEN: (signatures, name, paths)}
    found = dict(files)
    for file, text in gone[checks]:
        if text not in found[file]:
            raise ValueError(f"{file} does not hold {text!r}")
        found[file] = found[file].replace(text, "")
    return found


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@contextmanager
def nginx(origin: int, folder: Path) -> Iterator[Cache]:
    """nginx with its cache and `secure_link`: an MD5 over path, end and a secret, in the address; what its modules offer."""
    port = free_port()
    ends = int(time.time()) + HOUR
    _write(folder / "nginx.conf", _nginx_conf(folder, port, origin))
    command = (program("nginx", "nginx-light"), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr")

    def query(path: str) -> str:
        digest = hashlib.md5(f"{ends}{path} {SECRET}".encode(), usedforsecurity=False).digest()
        return f"?md5={base64.urlsafe_b64encode(digest).decode().rstrip('=')}&expires={ends}"

    with running(command, port) as process:
        yield Cache("nginx, secure_link", port, process, query=query)


def _nginx_conf(folder: Path, port: int, origin: int) -> str:
    return f"""daemon off;
worker_processes 2;
pid {folder}/nginx.pid;
error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  access_log {folder}/access.log;
  sendfile on;
  proxy_temp_path {folder}/temporary;
  client_body_temp_path {folder}/body;
  proxy_cache_path {folder}/cache levels=1:2 keys_zone=lessons:10m max_size={MIB}m use_temp_path=off;
  server {{
    listen 127.0.0.1:{port};
    keepalive_requests 1000000;
    location /lessons/ {{
      secure_link $arg_md5,$arg_expires;
      secure_link_md5 "$secure_link_expires$uri {SECRET}";
      if ($secure_link = "") {{ return 403; }}
      if ($secure_link = "0") {{ return 410; }}
      proxy_cache lessons;
      proxy_cache_lock on;
      proxy_cache_key $uri;
      proxy_pass http://127.0.0.1:{origin}$uri;
    }}
  }}
}}
"""


@contextmanager
def varnish(origin: int, folder: Path) -> Iterator[Cache]:
    """Varnish with its defaults and a cache in memory; it looks at no permission."""
    port = free_port()
    command = (
        program("varnishd", "varnish"), "-F", "-a", f"127.0.0.1:{port}", "-b", f"127.0.0.1:{origin}",
        "-n", str(folder / "varnish"), "-s", f"malloc,{MIB}m", "-j", "none",
    )  # fmt: skip
    with running(command, port) as process:
        yield Cache("Varnish, open", port, process)


def fetch(cache: Cache, path: str) -> bytes:
    """What the cache answers for the path. OSError for anything but 200."""
    headers = dict([cache.header.split(": ", 1)]) if cache.header else {}
    request = Request(f"http://127.0.0.1:{cache.port}{path}{cache.query(path)}", headers=headers)
    with urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
        return bytes(answer.read())
