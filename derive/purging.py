"""How a cache of ours is told to give up what it holds, or to fetch it: from its own loopback only, on a port that listens nowhere else.

Whoever stands on loopback is the box itself, or who forwards a port to the pod with the right to do so. A cache knows an object by the
address that it fetches it at, so a rule for purging leads where the rule for viewers leads.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from catalog import names

LOOPBACK = "127.0.0.1"
PORT = 8082
"""Of a cache in the cluster; the box of a school has its local port for this."""
METHOD = "PURGE"


def listening(port: int = PORT) -> str:
    """The word of `server_ports` for a port on loopback alone."""
    return f"{port}:ip-in={LOOPBACK}"


def rule(parent: str, port: int = PORT, plugins: Sequence[str] = ()) -> str:
    """The line of `remap.config` for lessons on ``port``: no token, since nobody but loopback reaches it; ``parent`` as for viewers.

    By the port that was reached, never by one that a client writes into its Host header; before all rules without a port.
    """
    path = f"/{names.BUCKET_LESSONS}/"
    return " ".join((f"regex_map_with_recv_port http://.*:{port}{path}", f"{parent}{path}", *plugins)) + "\n"


def allowed(methods: Sequence[str] = (METHOD,)) -> str:
    """The first rule of `ip_allow.yaml`: what loopback may do beside reading. The rule that fits an address first is the only one."""
    return f"""  - apply: in
    ip_addrs: {LOOPBACK}
    action: allow
    methods: {json.dumps(["GET", "HEAD", *methods])}
"""
