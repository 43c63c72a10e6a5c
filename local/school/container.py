"""What becomes the box of a trial school: ``python -m local.school.container CODE`` turns into systemd-nspawn.

It enters its control group first: whatever kills it, everything of the box is found by the group. systemd-nspawn runs the box's own
systemd, in the network namespace that was made for it.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from local.cluster import cgroups
from local.school import trial as trials
from local.school.trial import Trial

NSPAWN = "systemd-nspawn"


def command(trial: Trial, *, host_has_systemd: bool) -> list[str]:
    """The container's command line."""
    line = [NSPAWN, "--quiet", "--boot", "--register=no", "--settings=no", f"--machine=box-{trial.code}"]
    line += [f"--directory={trial.root}", f"--network-namespace-path=/run/netns/{trial.box_space}"]
    line += ["--resolv-conf=off", "--timezone=off", "--link-journal=no", "--console=pipe"]
    # Without systemd on the host there is nobody to make a scope: the control group that was entered is the container's own.
    return line if host_has_systemd else [*line, "--keep-unit"]


def main(code: str) -> str:
    """Become the container; returns only to say why it could not."""
    trial = trials.read(code)
    if trial is None:
        return f"there is no trial school {code}"
    cgroups.join(trial.cgroup, trial.code)
    found = shutil.which(NSPAWN)
    if found is None:
        return f"{NSPAWN} is not installed: run `make setup` as root, or `apt-get install systemd-container`"
    line = command(trial, host_has_systemd=Path("/run/systemd/system").exists())
    return str(os.execv(found, line))  # noqa: S606 - to become another program is the point


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
