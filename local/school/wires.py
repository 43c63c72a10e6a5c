"""The trial school's wires: a link of a given rate between host and box, and a cable from the box to a classroom."""

from __future__ import annotations

import subprocess

from local.cluster.network import Command, run
from local.school.trial import LAN, PREFIX, Trial

WAN, LAN_PORT, ROOM_PORT = "wan0", "lan0", "eth0"
"""The box's interface towards the platform, its interface towards the school, and the classroom's only one."""
LATENCY = "200ms"
"""Longest wait in the link's queue before it drops: a common router's buffer."""


def lay(trial: Trial) -> list[Command]:
    """Commands that make namespaces, interfaces, addresses and rates."""
    box, room = trial.box_space, trial.room_space
    return [
        ("ip", "netns", "add", box),
        ("ip", "netns", "add", room),
        ("ip", "link", "add", trial.tag, "type", "veth", "peer", "name", WAN, "netns", box),
        ("ip", "-n", box, "link", "add", LAN_PORT, "type", "veth", "peer", "name", ROOM_PORT, "netns", room),
        ("ip", "address", "add", f"{trial.host}/{PREFIX}", "dev", trial.tag),
        ("ip", "link", "set", trial.tag, "up"),
        *_inside(box, WAN, f"{trial.box}/{PREFIX}"),
        *_inside(box, LAN_PORT, f"{trial.box_lan}/24"),
        *_inside(room, ROOM_PORT, f"{trial.room_lan}/24"),
        ("ip", "-n", box, "route", "add", "default", "via", trial.host),
        *rate(trial, trial.mbps),
    ]


def _inside(space: str, device: str, address: str) -> list[Command]:
    ip = ("ip", "-n", space)
    return [
        (*ip, "link", "set", "lo", "up"),
        (*ip, "address", "add", address, "dev", device),
        (*ip, "link", "set", device, "up"),
    ]


def rate(trial: Trial, mbps: float) -> list[Command]:
    """Both directions of the link at ``mbps`` Mbit/s: what leaves the host, and what leaves the box."""
    # A bucket of 10 ms of the rate, and never less than a few full frames (a veth hands over up to 64 KiB at once).
    bucket = max(int(mbps * 1e6 / 8 / 100), 96_000)
    shape = ("root", "tbf", "rate", f"{int(mbps * 1000)}kbit", "burst", str(bucket), "latency", LATENCY)
    return [
        ("tc", "qdisc", "replace", "dev", trial.tag, *shape),
        ("tc", "-n", trial.box_space, "qdisc", "replace", "dev", WAN, *shape),
    ]


def cut(trial: Trial) -> list[Command]:
    """The link goes down, as when a cable is pulled."""
    return [("ip", "link", "set", trial.tag, "down")]


def mend(trial: Trial) -> list[Command]:
    """The link comes back."""
    return [("ip", "link", "set", trial.tag, "up")]


def remove(trial: Trial) -> None:
    """Take away whatever is there; what is not there is no fault."""
    for command in (
        ("ip", "link", "delete", trial.tag),
        ("ip", "netns", "delete", trial.box_space),
        ("ip", "netns", "delete", trial.room_space),
    ):
        subprocess.run(command, capture_output=True, check=False)


def connect(trial: Trial) -> None:
    """All wires, from scratch. OSError says which command failed."""
    remove(trial)
    run(lay(trial))


def carries(trial: Trial) -> bool:
    """Whether the link is there and up."""
    shown = subprocess.run(("ip", "-br", "link", "show", trial.tag), capture_output=True, text=True, check=False).stdout
    return "LOWER_UP" in shown


def in_room(trial: Trial, *words: str) -> tuple[str, ...]:
    """``words`` as a command that runs in the classroom, with the box as its resolver (and the machine's files otherwise)."""
    names = trial.folder / "room-resolv.conf"
    names.write_text(f"nameserver {LAN}.1\n")
    mount = f'mount --bind {names} /etc/resolv.conf && exec "$@"'
    return ("ip", "netns", "exec", trial.room_space, "unshare", "--mount", "sh", "-c", mount, "sh", *words)
