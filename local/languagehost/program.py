"""Running a Pulumi program: the command line and environment of ``pulumi-language-python-exec``, and what its end means."""

from __future__ import annotations

import json
import os
from pathlib import Path

from local.languagehost.stubs import language_pb2

SHOWN = 32
"""Exit code of the runner when the user has already been shown the error (from pulumi-language-python-exec)."""


def command(python: Path, runner: Path, request: language_pb2.RunRequest, engine: str) -> list[str]:
    """The command line that runs the program of ``request`` under ``python``."""
    info = request.info
    program = os.path.normpath(Path(info.program_directory, info.entry_point or "."))
    options = {
        "monitor": request.monitor_address,
        "engine": engine,
        "project": request.project,
        "stack": request.stack,
        "organization": request.organization or "organization",
        "root_directory": info.root_directory,
        "pwd": request.pwd or info.program_directory,
        "dry_run": "true" if request.dryRun else "false",
        "parallel": str(request.parallel),
    }
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    # Unbuffered, so that what the program prints appears while it runs.
    return [str(python), "-u", str(runner), *flags, str(program), *request.args]


def environment(request: language_pb2.RunRequest, python: Path) -> dict[str, str]:
    """The program's environment: configuration and the names of its secrets, and the virtual environment as if it were active."""
    return {
        **os.environ,
        "PULUMI_CONFIG": json.dumps(dict(request.config)),
        "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        "PATH": os.pathsep.join([str(python.parent), os.environ.get("PATH", os.defpath)]),
    }


def outcome(code: int) -> language_pb2.RunResponse:
    """What the engine is told about a program that ended with ``code`` (negative: the signal that killed it)."""
    if code == SHOWN:
        return language_pb2.RunResponse(bail=True)
    if code < 0:
        return language_pb2.RunResponse(error=f"the program was ended by signal {-code}")
    return language_pb2.RunResponse(error=f"Program exited with non-zero exit code: {code}" if code else "")
