"""Choosing the address pair of the veth link between host and node, so that it clashes with nothing the host can reach."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

from catalog.errors import UserError
from local.cluster import process
from local.cluster.plan import Network

POOLS = tuple(IPv4Network(text) for text in ("10.213.0.0/16", "172.30.0.0/16", "192.168.213.0/24", "100.123.0.0/16"))
"""Private ranges (RFC 1918, RFC 6598) that are seldom routed; the cluster's own pod and service ranges are not among them."""

PREFIX = 30


def candidates(seed: str) -> Iterator[IPv4Network]:
    """The /30 networks of each pool, from a place that depends on ``seed``, so that clones seldom want the same."""
    for pool in POOLS:
        count = 2 ** (PREFIX - pool.prefixlen)
        first = int(hashlib.sha256(seed.encode()).hexdigest(), 16) % count
        for step in range(count):
            yield IPv4Network((int(pool.network_address) + 4 * ((first + step) % count), PREFIX))


def choose(seed: str, taken: list[IPv4Network]) -> IPv4Network:
    """The first candidate that overlaps none of ``taken``."""
    for candidate in candidates(seed):
        if not any(candidate.overlaps(other) for other in taken):
            return candidate
    raise UserError(
        "no free address range for the embedded cluster: every candidate overlaps a route of this machine.\n"
        f"Free a /30 of {', '.join(map(str, POOLS))} or use another cluster: `huiju up --context NAME`."
    )


def taken(routes: str) -> list[IPv4Network]:
    """Networks that ``ip -j -4 route show table all`` knows, without the default route."""
    found = []
    for route in json.loads(routes or "[]"):
        if (text := route.get("dst", "default")) != "default":
            found.append(IPv4Network(text, strict=False))
    return found


def routes() -> str:
    """This machine's IPv4 routes of every table, as :func:`taken` reads them."""
    command = ["ip", "-j", "-4", "route", "show", "table", "all"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout or "[]"


def interface(clone: str) -> str:
    """Name of the host's end of the veth pair; at most 15 characters (IFNAMSIZ)."""
    longest = 15 - len("hj-")
    return f"hj-{hashlib.sha256(clone.encode()).hexdigest()[:8]}" if len(clone) > longest else f"hj-{clone}"


def allot(clone: str, remembered: Path, outside: bool) -> Network:
    """The link of this clone: the remembered one while it is free (or its own interface holds it), else a new one."""
    name = interface(clone)
    others = taken(json.dumps([route for route in json.loads(routes()) if route.get("dev") != name]))
    link = IPv4Network(remembered.read_text().strip()) if remembered.exists() else None
    if link is None or any(link.overlaps(other) for other in others):
        link = choose(clone, others)
        process.replace(remembered, f"{link}\n")
    host, node = (str(address) for address in link.hosts())
    return Network(interface=name, host=host, node=node, prefix=PREFIX, outside=outside)
