"""The host's loopback port that leads to the gateway."""

from __future__ import annotations

import os
import socket

from catalog.errors import UserError
from local.cluster import process
from local.cluster.layout import Layout, layout

DEFAULT_PORT = 8443
GATEWAY_NODE_PORT = 30443
"""NodePort of the gateway's HTTPS listener (``infra`` gives its Service this one)."""
TRIES = 100
LOCK_SECONDS = 20


def free(port: int) -> bool:
    """Whether 127.0.0.1:port can be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def public_port(where: Layout | None = None) -> int:
    """The port of this clone: the one asked for (``HUIJU_PORT``), the remembered one, or the default."""
    remembered = (where or layout()).state / "port"
    if asked := os.environ.get("HUIJU_PORT"):
        return _number(asked)
    return int(remembered.read_text()) if remembered.exists() else DEFAULT_PORT


def _number(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 2**16:
        raise UserError(f"HUIJU_PORT={text!r} is not a port number (1-65535).")
    return int(text)


def spoken_for(where: Layout) -> set[int]:
    """Ports of this user's other clones whose clusters shall run: one that is just being started does not listen yet."""
    others = where.root.parent.parent.glob("*/cluster/state/port")
    return {
        int(file.read_text())
        for file in others
        if file.parent != where.state and (file.with_name("wanted").exists() or _starting(Layout(file.parents[1])))
    }


def _starting(other: Layout) -> bool:
    """Whether an `up` of another clone is at work."""
    try:
        with process.locked(other.lock, 0):
            return False
    except TimeoutError:
        return True


def allot(where: Layout, held: int | None = None) -> int:
    """Choose and remember the port; ``held`` is the one that this clone's own keeper listens on.

    One clone at a time, or two that start at once would both find the same port free.
    """
    with process.locked(where.root.parent.parent / "ports.lock", LOCK_SECONDS):
        return _allot(where, held)


def _allot(where: Layout, held: int | None) -> int:
    wanted, taken = public_port(where), spoken_for(where)

    def available(port: int) -> bool:
        return port not in taken and free(port)

    if wanted != held and not available(wanted):
        if "HUIJU_PORT" in os.environ:
            raise UserError(
                f"port {wanted} (HUIJU_PORT) is in use, maybe by another clone; free it, or choose another: `ss -ltnp sport = :{wanted}`."
            )
        wanted = next((port for port in range(DEFAULT_PORT, DEFAULT_PORT + TRIES) if available(port)), 0)
        if not wanted:
            raise UserError(f"no free port from {DEFAULT_PORT} to {DEFAULT_PORT + TRIES - 1}; set HUIJU_PORT.")
    process.replace(where.state / "port", str(wanted))
    return wanted
