"""One whole run of a stack in a process of its own, so that it can be killed: `one_run DIRECTORY STACK up|destroy`."""

from __future__ import annotations

import sys
from pathlib import Path

from catalog.errors import UserError
from local import cluster
from ops.phases import Phases
from ops.stack import engine, session

if __name__ == "__main__":
    directory, stack, operation = sys.argv[1:]
    phases = Phases()
    wanted = session.Wanted(stack=stack, directory=Path(directory))
    environment = engine.shell(str(cluster.target().kubeconfig))
    try:
        since = session.settle(wanted, environment, phases)
        session.apply(wanted, operation, environment, phases, since=since)
    except UserError as error:
        sys.exit(f"error: {error}")
