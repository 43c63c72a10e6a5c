"""All the findings, in the order in which a user mends them."""

from __future__ import annotations

from local.doctor import kernel, machine, parts
from local.doctor.finding import Finding
from local.toolchain import upkeep


def examine() -> list[Finding]:
    """Look at everything; nothing is changed and nothing is installed."""
    states = upkeep.states()
    in_use, target = parts.cluster()
    embedded = target is None or target.embedded
    found = [
        *machine.findings(building=any(row.how == "missing" for row in states)),
        *parts.tools(states),
        *parts.host_programs(embedded),
        *kernel.findings(embedded),
        in_use,
    ]
    return [*found, parts.port()] if embedded else found
