"""A systemd unit that brings the cluster back at boot, on machines where systemd is PID 1; elsewhere the next `up` does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from local import paths
from local.cluster import process

UNITS = Path("/etc/systemd/system")
KEPT = (
    "HOME",
    "XDG_CACHE_HOME",
    "XDG_STATE_HOME",
    "XDG_CONFIG_HOME",
    "HUIJU_SETTINGS",
    "HUIJU_CLONE_ID",
    "HUIJU_PORT",
    "HUIJU_CLUSTER_OUTSIDE",
)
"""Settings of the shell that decide where the cluster's data are and how it is set up."""


def runs_here() -> bool:
    """Whether systemd is PID 1."""
    return Path("/run/systemd/system").is_dir()


def name(clone: str) -> str:
    """Name of the clone's unit."""
    return f"huiju-{clone}.service"


def quoted(text: str) -> str:
    """A word of a unit file: quoted, with systemd's two own signs doubled. ValueError when it has a line break."""
    if "\n" in text:
        raise ValueError(f"a line break in {text!r}")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def unit(root: Path, command: str, settings: dict[str, str]) -> str:
    """The unit's text. One shot: keeper and guard outlive it in a control group of their own."""
    # No "$$" in Environment=: systemd expands variables in commands only.
    environment = [
        f"Environment={quoted(f'{key}={value}').replace('$$', '$')}" for key, value in sorted(settings.items())
    ]
    return "\n".join(
        [
            "[Unit]",
            "Description=huiju embedded cluster",
            "After=local-fs.target network.target",
            "",
            "[Service]",
            "Type=oneshot",
            "RemainAfterExit=yes",
            f"WorkingDirectory={str(root).replace('%', '%%')}",
            *environment,
            f"ExecStart={quoted(command)} cluster up",
            "TimeoutStartSec=600",
            "",
            "[Install]",
            "WantedBy=multi-user.target",
            "",
        ]
    )


def install(clone: str) -> None:
    """Write and enable the unit, where systemd runs and it is not there yet."""
    if not runs_here():
        return
    settings = {key: os.environ[key] for key in KEPT if key in os.environ}
    text, file = unit(paths.ROOT, str(Path(sys.executable).with_name("huiju")), settings), UNITS / name(clone)
    if file.exists() and file.read_text() == text:
        return
    process.replace(file, text, 0o644)
    _systemctl("daemon-reload")
    _systemctl("enable", name(clone))


def remove(clone: str) -> None:
    """Take the unit away again."""
    file = UNITS / name(clone)
    if file.exists():
        _systemctl("disable", name(clone))
        file.unlink()
        _systemctl("daemon-reload")


def _systemctl(*arguments: str) -> None:
    subprocess.run(["systemctl", *arguments], capture_output=True, check=False)
