"""Runs that are killed: start one in a process group of its own, and end everything that belongs to it at once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.scale import objects

MARK = "HUIJU_CAMPAIGN_RUN"
"""In the environment of every process of one run, plugins included."""
PROGRAM = Path(objects.__file__).parent


@dataclass
class Stack:
    """A stack of a program that registers whatever ``plan`` holds."""

    name: str
    directory: Path
    plan: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        for part in ("Pulumi.yaml", "__main__.py"):
            shutil.copy(PROGRAM / part, self.directory)

    def start(self, operation: str = "up") -> Run:
        """Begin a run of the present plan."""
        manifests = self.directory / "manifests.json"
        manifests.write_text(json.dumps(self.plan))
        mark = uuid.uuid4().hex
        environment = {**os.environ, "SCALE_MANIFESTS": str(manifests), MARK: mark}
        command = [sys.executable, "-m", "benchmarks.scale.one_run", str(self.directory), self.name, operation]
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=PROGRAM.parent.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        return Run(process, mark, time.monotonic())

    def finish(self, operation: str = "up") -> tuple[str, float]:
        """A whole run: what it said, and its seconds. Fails when it fails."""
        run = self.start(operation)
        said, _ = run.process.communicate(timeout=300)
        assert run.process.returncode == 0, said
        return said, time.monotonic() - run.started


@dataclass(frozen=True)
class Run:
    """A run under way."""

    process: subprocess.Popen[str]
    mark: str
    started: float

    def kill(self) -> int:
        """kill -9 of everything that belongs to the run, the provider included; how many processes that were."""
        killed = 0
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == self.mark:
                    process.send_signal(signal.SIGKILL)
                    killed += 1
            except psutil.Error:
                continue
        self.process.wait(timeout=30)
        return killed
