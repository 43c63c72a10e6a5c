"""Trial schools: a school's box, link and classroom made on this machine, to provision and to break without a journey."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Sequence

from catalog.errors import UserError
from local import paths
from local.cluster import addresses, cgroups, network, process
from local.school import background, machine, wires
from local.school.material import material
from local.school.trial import Trial, all_folder, every, read

__all__ = ["Trial", "carries", "down", "every", "find", "link", "material", "read", "up"]

Progress = Callable[[str], None]
WAIT_SECONDS = 300
START_SECONDS, STOP_SECONDS = 15, 5


def up(code: str, mbps: float, *, port: int, login: str, packages: Sequence[str], say: Progress) -> Trial:
    """Make the school, or bring back whatever of it is not there; what was done to its box is kept.

    ``port`` is the platform's on loopback, ``login`` the public key that may enter the box as root. Needs root.
    """
    if os.geteuid() != 0:
        raise UserError("a trial school needs network namespaces and a container: run this as root")
    with process.locked(all_folder().with_suffix(".lock"), WAIT_SECONDS):
        found = read(code) or _new(code, mbps)
        if process.read(found.process("box")) is None:
            say("laying the wires")
            machine.power_off(found)
            wires.connect(found)
        say("installing a blank Debian")
        machine.install(found, material(packages, say) / "root.tar", login)
        _forward(found, port)
        say("booting the box")
        machine.boot(found)
    return found


def _new(code: str, mbps: float) -> Trial:
    clone = paths.clone_id()
    made = Trial(code, clone, "", mbps)
    free = addresses.choose(made.tag, addresses.taken(addresses.routes()))
    made = Trial(code, clone, str(free), mbps)
    made.write()
    return made


def _forward(trial: Trial, port: int) -> None:
    """Lead the platform's ``port`` to the school's end of the link, unless that is done."""
    mark = trial.forwarded
    if background.running(trial, "forwarder") and mark.exists() and mark.read_text() == str(port):
        return
    background.stop(trial, "forwarder", STOP_SECONDS)
    mark.unlink(missing_ok=True)
    running = background.start(trial, "forwarder", "local.school.forwarder", str(port))
    deadline = time.monotonic() + START_SECONDS
    while not mark.exists():
        if not running.alive() or time.monotonic() > deadline:
            raise UserError(f"the forwarder of trial school {trial.code} does not start; {trial.log} says why")
        time.sleep(0.05)


def down(trial: Trial) -> None:
    """Take everything away: processes, wires, namespaces, the box's disk."""
    with process.locked(all_folder().with_suffix(".lock"), WAIT_SECONDS):
        background.stop(trial, "forwarder", STOP_SECONDS)
        machine.power_off(trial)
        cgroups.remove(trial.cgroup, f"{trial.code}-link")
        wires.remove(trial)
        shutil.rmtree(trial.folder)
        if not every():
            cgroups.remove(trial.cgroup)


def find(code: str) -> Trial:
    """The trial school ``code``; UserError when there is none."""
    found = read(code)
    if found is None:
        there = ", ".join(each.code for each in every()) or "none"
        raise UserError(f"there is no trial school {code} here (there are: {there})")
    return found


def link(trial: Trial, mbps: float | None = None, *, whole: bool | None = None) -> None:
    """Change the link: its rate in Mbit/s, or cut (``whole=False``) and mended (``whole=True``)."""
    if mbps is not None:
        network.run(wires.rate(trial, mbps))
        Trial(trial.code, trial.clone, trial.link, mbps).write()
    if whole is not None:
        network.run(wires.mend(trial) if whole else wires.cut(trial))


def carries(trial: Trial) -> bool:
    """Whether the link is there and up."""
    return wires.carries(trial)
