"""What of the platform stands around the lab's caches: an object store, the gateway's door for boxes, keepers, ways to a pod's loopback."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path

from benchmarks.cdn import network
from benchmarks.cdn.lab import SCHOOLS_PORT, STORE, Lab
from benchmarks.cdn.origin import PORT as STORE_PORT
from catalog import names
from derive import school_cache
from local import toolchain
from ops.cdns.doors import Door
from services.packager.store import Bucket, client
from tests import box_cache
from tests.waiting import until

BLOCK = 1 << 16
SECONDS = 5
"""How often a keeper looks, as the role `school_box` says."""
ACCOUNT, REGION = "lab", "lab-1"
"""Of the lab's shield."""


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while block := source.recv(BLOCK):
            sink.sendall(block)
    for each in (source, sink):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


def _carry(line: socket.socket, space: str, to: tuple[str, int], tls: ssl.SSLContext | None) -> None:
    with suppress(OSError), network.plug(space) as far:
        near = tls.wrap_socket(line, server_side=True) if tls else line
        with near:
            far.connect(to)
            back = threading.Thread(target=_pump, args=(far, near), daemon=True)
            back.start()
            _pump(near, far)
            back.join()


@contextmanager
def tunnel(
    space: str,
    to: tuple[str, int],
    *,
    listening: tuple[str, str] = ("", "127.0.0.1"),
    tls: ssl.SSLContext | None = None,
) -> Iterator[tuple[str, int]]:
    """A way into a namespace, as `kubectl port-forward` is one into a pod, or from one to another: where it listens."""
    with network.inside(listening[0]) if listening[0] else nullcontext():
        door = socket.create_server((listening[1], 0))

    def accept() -> None:
        with suppress(OSError):
            while True:
                line, _ = door.accept()
                threading.Thread(target=_carry, args=(line, space, to, tls), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield door.getsockname()
    finally:
        with suppress(OSError):
            door.shutdown(socket.SHUT_RDWR)
        door.close()


@contextmanager
def _opened(space: str, port: int) -> Iterator[str]:
    with tunnel(space, ("127.0.0.1", port)) as (address, here):
        yield f"http://{address}:{here}"


def doors(lab: Lab) -> list[Door]:
    """The shield and every edge, as `ops.cdns.doors` finds them in a cluster."""
    edges = [Door(names.DISTRICT_EDGE, district, partial(_opened, network.space(district))) for district in lab.edges]
    return [Door(names.SHIELD, "shield", partial(_opened, network.ROOT)), *edges]


@contextmanager
def store(lab: Lab, folder: Path) -> Iterator[tuple[Bucket, Bucket]]:
    """A real object store in the place of the lab's own: its buckets of uploads and of lessons, the latter with versions."""
    lab.stop_origin()
    for name in ("objects", "versions"):
        (folder / name).mkdir(parents=True)
    line = (
        "ip",
        "netns",
        "exec",
        network.ROOT,
        str(toolchain.tool("versitygw")),
        "--port",
        STORE.removeprefix("http://"),
    )
    where = (
        "--quiet",
        "--region",
        REGION,
        "posix",
        "--versioning-dir",
        str(folder / "versions"),
        str(folder / "objects"),
    )
    account = {"ROOT_ACCESS_KEY": ACCOUNT, "ROOT_SECRET_KEY": ACCOUNT}
    process = subprocess.Popen((*line, *where), env={**os.environ, **account}, stdout=subprocess.DEVNULL)
    try:
        with tunnel(network.ROOT, (network.ORIGIN, STORE_PORT)) as (address, port):
            s3 = client(
                endpoint_url=f"http://{address}:{port}",
                region_name=REGION,
                aws_access_key_id=ACCOUNT,
                aws_secret_access_key=ACCOUNT,
            )
            until(lambda: _answers(s3), "the object store answers")
            for name in (names.BUCKET_UPLOADS, names.BUCKET_LESSONS):
                s3.create_bucket(Bucket=name)
            s3.put_bucket_versioning(Bucket=names.BUCKET_LESSONS, VersioningConfiguration={"Status": "Enabled"})
            yield Bucket(s3, names.BUCKET_UPLOADS), Bucket(s3, names.BUCKET_LESSONS)
    finally:
        process.kill()
        process.wait()


def _answers(s3: object) -> bool:
    try:
        s3.list_buckets()  # type: ignore[attr-defined]  # boto3 makes its methods when it runs
    except Exception:  # whatever it is, it is asked again
        return False
    return True


@contextmanager
def keepers(lab: Lab, folder: Path) -> Iterator[None]:
    """The keeper of every school's box, as the role runs it; it asks the shield behind a door that lets boxes' certificates in."""
    tls = folder / "tls"
    box_cache.certificates(tls, network.ORIGIN)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tls / "platform.crt"))
    context.load_cert_chain(tls / "server.crt", tls / "server.key")
    context.verify_mode = ssl.CERT_REQUIRED
    running = []
    with tunnel(
        network.ROOT, (network.ORIGIN, SCHOOLS_PORT), listening=(network.ROOT, network.ORIGIN), tls=context
    ) as (address, port):
        try:
            for code in lab.schools:
                running.append(_keeper(code, f"https://{address}:{port}", folder / code, tls))
            yield
        finally:
            for each in running:
                each.kill()
                each.wait()


def _keeper(code: str, platform: str, folder: Path, tls: Path) -> subprocess.Popen[bytes]:
    folder.mkdir()
    told = {
        "school": code,
        "platforms": [platform],
        "cache": f"http://127.0.0.1:{school_cache.LOCAL_PORT}",
        "state": str(folder),
        "metrics": str(folder / "keeper.prom"),
        "key": str(folder / "parcels.asc"),
        "mib": 256,
        "seconds": SECONDS,
    }
    (folder / "keeper.json").write_text(json.dumps(told))
    line = ("ip", "netns", "exec", network.space(code), sys.executable, "-I", str(box_cache.FILES), "serve")
    with (folder / "said").open("ab") as said:
        return subprocess.Popen(
            (*line, str(folder / "keeper.json")),
            env={**os.environ, "CREDENTIALS_DIRECTORY": str(tls)},
            stdout=said,
            stderr=said,
        )
