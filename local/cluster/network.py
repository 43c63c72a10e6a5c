"""The cluster's network: one veth pair on the host, and everything else inside the cluster's own network namespace."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from local.cluster.plan import Network

Command = tuple[str, ...]


def run(commands: Iterable[Command]) -> None:
    """Run commands in order; the first failure raises with its message."""
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise OSError(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")


def host_link(network: Network, pid: int) -> list[Command]:
    """Make the veth pair and give its far end to the network namespace of ``pid``."""
    name, ip = network.interface, "ip"
    return [
        (ip, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", str(pid)),
        (ip, "address", "add", f"{network.host}/{network.prefix}", "dev", name),
        (ip, "link", "set", name, "up"),
    ]


def outside_rules(network: Network) -> list[Command]:
    """The host's rules that let the node reach the outside; only where that was asked for."""
    link = ("-s", f"{network.node}/32")
    tag = ("-m", "comment", "--comment", network.interface)
    return [
        (
            "iptables",
            "-w",
            "-t",
            "nat",
            "-A",
            "POSTROUTING",
            *link,
            "!",
            "-o",
            network.interface,
            *tag,
            "-j",
            "MASQUERADE",
        ),
        ("iptables", "-w", "-I", "FORWARD", "-i", network.interface, *tag, "-j", "ACCEPT"),
        ("iptables", "-w", "-I", "FORWARD", "-o", network.interface, *tag, "-j", "ACCEPT"),
    ]


def undo(rule: Command) -> Command:
    """The command that deletes what ``rule`` added."""
    return tuple("-D" if word in ("-A", "-I") else word for word in rule)


def remove_host_link(network: Network) -> None:
    """Delete the host's end (its peer goes with it) and the host's rules, if any."""
    subprocess.run(("ip", "link", "delete", network.interface), capture_output=True, check=False)
    if network.outside:
        for rule in outside_rules(network):
            subprocess.run(undo(rule), capture_output=True, check=False)


def connect_host(network: Network, pid: int) -> None:
    """Host side of the link, from scratch."""
    remove_host_link(network)
    run(host_link(network, pid))
    if network.outside:
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        run(outside_rules(network))


def node_link(network: Network) -> list[Command]:
    """Addresses and routes inside. Without a default route the node's own processes could not use service addresses."""
    ip = "ip"
    return [
        (ip, "link", "set", "lo", "up"),
        (ip, "address", "add", f"{network.node}/{network.prefix}", "dev", "eth0"),
        (ip, "link", "set", "eth0", "up"),
        (ip, "route", "add", "default", "via", network.host),
    ]


def policy_rules(network: Network) -> list[Command]:
    """Hand every new connection of a pod to the NetworkPolicy agent.

    In the mangle table, because a queue's "accept" ends the table: the filter table (kube-proxy's rejections, ours) still gets its say.
    FORWARD sees pod to pod and pod to outside, INPUT pod to node (the API server); the node's own probes of pods pass neither.
    No ``--queue-bypass``: while the agent is down new connections wait (their SYN is sent again) instead of passing unjudged.
    """
    queue = ("-m", "conntrack", "--ctstate", "NEW", "-j", "NFQUEUE", "--queue-num", str(network.queue))
    places = (("FORWARD", "-i"), ("FORWARD", "-o"), ("INPUT", "-i"))
    # A packet between two pods matches both FORWARD rules but is queued once: the verdict "accept" leaves the table.
    return [("iptables", "-w", "-t", "mangle", "-A", chain, side, network.bridge, *queue) for chain, side in places]


def outside_policy(network: Network) -> list[Command]:
    """Inside rules about the outside: refuse at once (so that nothing hangs), or hide the pods behind the node."""
    if network.outside:
        pods = ("-s", network.pods, "!", "-d", network.pods, "-o", "eth0")
        return [("iptables", "-w", "-t", "nat", "-A", "POSTROUTING", *pods, "-j", "MASQUERADE")]
    far = ("-o", "eth0", "!", "-d", network.host, "-j", "REJECT", "--reject-with", "icmp-net-unreachable")
    return [("iptables", "-w", "-A", chain, *far) for chain in ("FORWARD", "OUTPUT")]


SYSCTLS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/bridge/bridge-nf-call-iptables": "1",
    "net/ipv4/ip_unprivileged_port_start": "1024",
}
"""Per network namespace; a missing one (no br_netfilter) is left alone."""


def configure_node(network: Network) -> None:
    """Everything inside the namespace; run by its first process."""
    for key, value in SYSCTLS.items():
        try:
            Path("/proc/sys", key).write_text(value)
        except OSError as error:
            print(
                f"{key} cannot be set ({error.strerror}); `huiju cluster verify` tells whether policies work",
                flush=True,
            )
    run(node_link(network))
    run(policy_rules(network))
    run(outside_policy(network))
