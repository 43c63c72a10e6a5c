"""The processes of a trial school on this host: started apart from the command that wants them, known beyond doubt, stopped by name."""

from __future__ import annotations

import subprocess
import sys

from catalog.errors import UserError
from local import paths
from local.cluster import process
from local.school.trial import Trial


def start(trial: Trial, name: str, module: str, *words: str) -> process.Identity:
    """Run ``module`` for this school in the background, its output in the school's log."""
    with trial.log.open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", module, trial.code, *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=paths.ROOT,
            start_new_session=True,
        )
    identity = process.identify(child.pid)
    if identity is None:
        raise UserError(f"{name} of trial school {trial.code} ended at once; {trial.log} says why")
    process.write(trial.process(name), identity)
    return identity


def running(trial: Trial, name: str) -> process.Identity | None:
    """The process called ``name``, or None."""
    return process.read(trial.process(name))


def stop(trial: Trial, name: str, seconds: float) -> None:
    """End it: asked first, killed after ``seconds``."""
    if identity := running(trial, name):
        identity.stop(seconds)
    trial.process(name).unlink(missing_ok=True)
