"""Two small processes on the host that keep the cluster and each other running: `python -m local.cluster.keeper keeper|guard`.

The keeper forwards the public port and restarts the cluster's first process when it is killed; the guard restarts the keeper, and the
keeper the guard. Each waits on the other's pidfd, so a ``kill -9`` is noticed at once and nothing polls.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time

from local import paths
from local.cluster import cgroups, process
from local.cluster.layout import Layout, layout
from local.cluster.plan import Plan

ROLES = {"keeper": "guard", "guard": "keeper"}
"""Role -> the role it watches."""
LAUNCH_BACK_OFF = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)
STEADY = 30.0
"""Seconds of running after which failed starts are forgotten."""
LOG_BYTES = 2**20


def spawn(role: str, where: Layout) -> None:
    """Start a role, detached from the caller. A second one of the same role ends at once, by its lock."""
    log = where.logs / "keeper.log"
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as output:
        subprocess.Popen(
            [sys.executable, "-m", "local.cluster.keeper", role],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=paths.ROOT,
            start_new_session=True,
        )


async def _watch(role: str, where: Layout) -> None:
    """Restart ``role`` whenever it ends, as long as the cluster is wanted."""
    while where.wanted.exists():
        identity = process.read(where.process(role))
        if identity is None:
            _say(f"starting the {role}")
            spawn(role, where)
            await _appears(role, where)
        else:
            await _end_of(identity)


async def _appears(role: str, where: Layout) -> None:
    for _ in range(100):
        await asyncio.sleep(0.1)
        if process.read(where.process(role)):
            return


async def _end_of(identity: process.Identity) -> None:
    """Wait for the end of any process, by its pidfd."""
    try:
        handle = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        return
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(handle, ended.set)
    try:
        if identity.alive():
            await ended.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)


async def _keep_cluster(where: Layout) -> None:
    """Launch the cluster's namespaces whenever their first process is gone."""
    failures = 0
    while where.wanted.exists():
        identity = process.read(where.process("supervisor"))
        if identity is None:
            await asyncio.sleep(LAUNCH_BACK_OFF[min(failures, len(LAUNCH_BACK_OFF) - 1)])
            _say("starting the cluster")
            started = time.monotonic()
            await _launch(where)
            identity = process.read(where.process("supervisor"))
        else:
            started = time.monotonic()
        if identity:
            await _end_of(identity)
        failures = 0 if time.monotonic() - started > STEADY else failures + 1


async def _launch(where: Layout) -> None:
    if not where.wanted.exists():
        return
    child = await asyncio.create_subprocess_exec(sys.executable, "-m", "local.cluster.launch", cwd=paths.ROOT)
    await child.wait()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(2**18):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


async def _forward(plan: Plan, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection to the public port: both ways to the gateway's NodePort, until both ends are done."""
    try:
        far_reader, far_writer = await asyncio.open_connection(
            plan.network.node, plan.node_port, local_addr=(plan.network.host, 0)
        )
        try:
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        finally:
            far_writer.close()
    except OSError:
        pass  # nothing listens on the NodePort yet: the client sees a closed connection
    finally:
        writer.close()


async def _serve(where: Layout) -> None:
    """Listen on the public port; retried, because a killed keeper's port may linger for a moment."""
    plan = Plan.read(where.plan)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _forward(plan, reader, writer)

    for host in ("127.0.0.1", "::1"):
        for _ in range(50):
            try:
                await asyncio.start_server(connected, host, plan.port)
                break
            except OSError as error:
                _say(f"port {plan.port} of {host}: {error.strerror}")
                if host == "::1":
                    break  # a machine without IPv6: 127.0.0.1 is enough
                await asyncio.sleep(0.2)


def _say(text: str) -> None:
    print(f"{time.strftime('%FT%TZ', time.gmtime())} {text}", flush=True)


async def _main(role: str, where: Layout) -> None:
    loop = asyncio.get_running_loop()
    current = asyncio.current_task()
    if current:
        loop.add_signal_handler(signal.SIGTERM, current.cancel)
    tasks = [_watch(ROLES[role], where)]
    if role == "keeper":
        tasks += [_serve(where), _keep_cluster(where)]
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks)


def main(role: str) -> None:
    """Take the role's lock (or leave it to the one who has it), record the identity, keep watch."""
    where = layout()
    with (where.state / f"{role}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        identity = process.identify(os.getpid())
        if identity is None or not where.wanted.exists():
            return
        process.write(where.process(role), identity)
        cgroups.join(paths.clone_id(), "host")
        asyncio.run(_main(role, where))


if __name__ == "__main__":
    main(sys.argv[1])
