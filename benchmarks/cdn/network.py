"""The lab's wires: a namespace for the city, one per district, one per school, and links of the rates that the catalog has contracted.

Everything carries the lab's name, so the next lab removes what a killed one left. One lab at a time on a machine.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from catalog import City
from local.cluster.network import Command, run

TAG = "hjcdn"
"""First part of the name of every namespace of the lab."""
SPACES = Path("/run/netns")
LATENCY = "200ms"
"""Longest wait in a link's queue before it drops: a common router's buffer."""
_CLONE_NEWNET = 0x40000000
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Link:
    """A link from a namespace up to its parent: names, addresses and Mbit/s."""

    parent: str
    child: str
    device: str
    """The parent's interface; the child's is `top`."""
    net: str
    """First three parts of the addresses: the parent is `.1`, the child `.2`."""
    mbps: float

    @property
    def address(self) -> str:
        """The child's."""
        return f"{self.net}.2"


def space(name: str) -> str:
    """Namespace of a district or a school, or of the city as such."""
    return f"{TAG}-{name}"


ROOT = space("city")
ORIGIN = "10.77.0.1"
"""The city's own address: the store's, and the shield's."""


def links(city: City) -> tuple[Link, ...]:
    """Districts first. A school without a contracted link gets the smallest of the others: less than nothing cannot be built."""
    rates = [school.uplink.contracted_mbps for school in city.schools if school.uplink]
    districts = [
        Link(ROOT, space(each.id), f"d{n}", f"10.77.{n}", each.backbone_mbps)
        for n, each in enumerate(city.districts, 1)
    ]
    schools = [
        Link(
            space(each.district),
            space(each.code),
            f"s{n}",
            f"10.78.{n}",
            each.uplink.contracted_mbps if each.uplink else min(rates),
        )
        for n, each in enumerate(city.schools, 1)
    ]
    return (*districts, *schools)


def space_link(city: City, name: str) -> Link:
    """The link up from a district or a school."""
    (found,) = (each for each in links(city) if each.child == space(name))
    return found


def lay(city: City) -> list[Command]:
    """Commands that make namespaces, interfaces, addresses, routes and rates."""
    wires = links(city)
    spaces = [ROOT, *(each.child for each in wires)]
    above = {each.child: each for each in wires}
    commands: list[Command] = [("ip", "netns", "add", each) for each in spaces]
    commands += [("ip", "-n", each, "link", "set", "lo", "up") for each in spaces]
    commands.append(("ip", "-n", ROOT, "address", "add", f"{ORIGIN}/32", "dev", "lo"))
    for each in wires:
        commands += _link(each)
        if each.parent in above:
            # The city answers a school through its district.
            way = ("via", above[each.parent].address)
            commands.append(("ip", "-n", ROOT, "route", "add", f"{each.net}.0/24", *way))
    forward = ("sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
    return [*commands, *(("ip", "netns", "exec", each, *forward) for each in spaces)]


def _link(link: Link) -> list[Command]:
    up, down = ("ip", "-n", link.parent), ("ip", "-n", link.child)
    return [
        (*up, "link", "add", link.device, "type", "veth", "peer", "name", "top", "netns", link.child),
        (*up, "address", "add", f"{link.net}.1/24", "dev", link.device),
        (*down, "address", "add", f"{link.address}/24", "dev", "top"),
        (*up, "link", "set", link.device, "up"),
        (*down, "link", "set", "top", "up"),
        (*down, "route", "add", "default", "via", f"{link.net}.1"),
        *rate(link, link.mbps),
    ]


def rate(link: Link, mbps: float) -> list[Command]:
    """Both directions at ``mbps`` Mbit/s."""
    # A bucket of 10 ms of the rate, and never less than a few full frames (a veth hands over up to 64 KiB at once).
    bucket = max(int(mbps * 1e6 / 8 / 100), 96_000)
    shape = ("root", "tbf", "rate", f"{int(mbps * 1000)}kbit", "burst", str(bucket), "latency", LATENCY)
    return [
        ("tc", "-n", link.parent, "qdisc", "replace", "dev", link.device, *shape),
        ("tc", "-n", link.child, "qdisc", "replace", "dev", "top", *shape),
    ]


def connect(city: City) -> None:
    """All of it, from scratch. OSError says which command failed."""
    remove()
    run(lay(city))


def left() -> list[str]:
    """The lab's namespaces that are there."""
    return sorted(each.name for each in SPACES.glob(f"{TAG}-*")) if SPACES.is_dir() else []


def remove() -> None:
    """End what still runs in the lab's namespaces, and take them away; nothing there is no fault."""
    for name in left():
        for _ in range(50):
            found = subprocess.run(("ip", "netns", "pids", name), capture_output=True, text=True, check=False)
            if not found.stdout.split():
                break
            for pid in found.stdout.split():
                _end(int(pid))
            time.sleep(0.05)
        subprocess.run(("ip", "netns", "delete", name), capture_output=True, check=False)


def _end(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@contextmanager
def inside(name: str) -> Iterator[None]:
    """This thread in another network namespace; a socket that is made here stays there wherever it is used."""
    with Path("/proc/thread-self/ns/net").open("rb") as home, (SPACES / name).open("rb") as there:
        _enter(there.fileno())
        try:
            yield
        finally:
            _enter(home.fileno())


def _enter(number: int) -> None:
    if _LIBC.setns(number, _CLONE_NEWNET):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def plug(name: str) -> socket.socket:
    """A TCP socket of the namespace, not connected, sending at once what it is given."""
    with inside(name):
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made
