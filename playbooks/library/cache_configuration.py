"""Ansible module: the cache's configuration, replaced as a whole, and only by one that Traffic Server itself has accepted.

A state of the configuration is a folder named by its content. The new one is checked by the server, then a link is switched, the server
told, and asked whether it is well. If it is not, the link goes back: a school keeps the cache that it had.
"""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: cache_configuration
short_description: The cache's configuration, checked before it replaces a good one
description: Writes a folder per state, has Traffic Server check it, switches to it, and goes back when the server is not well.
options:
  folder: {description: Holds the states and the link `current`., type: path, required: true}
  files: {description: Path below a state to its content., type: dict, required: true}
  owner: {description: Who may read them., type: str, required: true}
  restart: {description: Files whose change needs a restart instead of a reload., type: list, elements: str, required: true}
  health: {description: URL that answers 200 when the server is well., type: str, required: true}
  unit: {description: The server's unit., type: str, default: trafficserver.service}
author: [The huiju authors]
"""
CURRENT = "current"
KEPT = 3
"""States on disk: the one in use and the two before."""
WELL_SECONDS = 30


def digest(files: dict[str, str]) -> str:
    """Name of the state."""
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:16]


def read(state: Path) -> dict[str, str]:
    """The files of a state; empty when there is none."""
    found = (path for path in sorted(state.rglob("*")) if path.is_file())
    return {str(path.relative_to(state)): path.read_text() for path in found}


def difference(before: dict[str, str], after: dict[str, str]) -> str:
    """A unified difference of all files."""
    rows: list[str] = []
    for name in sorted({*before, *after}):
        old, new = (each.get(name, "").splitlines(keepends=True) for each in (before, after))
        rows += difflib.unified_diff(old, new, f"before: {name}", f"after: {name}")
    return "".join(rows)


def write(state: Path, files: dict[str, str], owner: str) -> None:
    """Make the state's folder, whole or not at all."""
    part = state.with_name(f".{state.name}")
    shutil.rmtree(part, ignore_errors=True)
    for name, text in files.items():
        path = part / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for path in (part, *part.rglob("*")):
        shutil.chown(path, "root", owner)
        path.chmod(0o750 if path.is_dir() else 0o640)
    shutil.rmtree(state, ignore_errors=True)
    part.rename(state)


def complaint(state: Path) -> str:
    """Why Traffic Server would not take this state, or nothing."""
    line = ["/usr/bin/traffic_server", "-C", "verify_config", "-D", str(state)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    bad = [row for row in said.splitlines() if row.startswith(("ERROR", "FATAL"))]
    return "\n".join(bad) or said[-1500:] if done.returncode or bad else ""


def switch(folder: Path, state: str) -> None:
    """Let the link point to ``state``, at once and atomically."""
    part = folder / ".current"
    part.unlink(missing_ok=True)
    part.symlink_to(state)
    part.replace(folder / CURRENT)


def tell(unit: str, restart: bool) -> str:
    """Have the running server take it; what went wrong, or nothing. A server that does not run takes it when it starts."""
    if subprocess.run(["systemctl", "is-active", "--quiet", unit], check=False).returncode:
        return ""
    line = ["systemctl", "restart", unit] if restart else ["traffic_ctl", "config", "reload"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode else ""


def ill(unit: str, health: str) -> str:
    """Why a running server is not well, or nothing."""
    if subprocess.run(["systemctl", "is-active", "--quiet", unit], check=False).returncode:
        return ""
    deadline, reason = time.monotonic() + WELL_SECONDS, "no answer"
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(health, timeout=2) as answer:  # noqa: S310 - the box's own loopback
                if answer.status == 200:  # noqa: PLR2004
                    return ""
        except OSError as error:
            reason = str(error)
        time.sleep(0.2)
    return f"{health}: {reason}"


def replace(params: dict[str, Any], before: dict[str, str], state: Path) -> str:
    """Check the new state, switch to it, and go back if it does no good; what went wrong, or nothing."""
    folder, unit = state.parent, params["unit"]
    write(state, params["files"], params["owner"])
    if wrong := complaint(state):
        shutil.rmtree(state)
        return f"Traffic Server does not accept the new configuration; the old one stays in use:\n{wrong}"
    old = (folder / CURRENT).readlink().name if before else ""
    changed = {name for name in {*before, *params["files"]} if before.get(name) != params["files"].get(name)}
    switch(folder, state.name)
    wrong = tell(unit, restart=bool(changed & set(params["restart"]))) or ill(unit, params["health"])
    if wrong and old:
        switch(folder, old)
        tell(unit, restart=True)
        return f"Traffic Server is not well with the new configuration, so the old one is back in use: {wrong}"
    return wrong


def tidy(folder: Path) -> None:
    """Drop all but the newest states; never the one in use."""
    in_use = (folder / CURRENT).readlink().name
    states = sorted(
        (each for each in folder.iterdir() if each.is_dir() and not each.is_symlink()),
        key=lambda each: each.stat().st_mtime,
    )
    for state in states[:-KEPT]:
        if state.name != in_use:
            with contextlib.suppress(OSError):
                shutil.rmtree(state)


def main() -> None:
    """The module."""
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "required": True},
            "files": {"type": "dict", "required": True},
            "owner": {"type": "str", "required": True},
            "restart": {"type": "list", "elements": "str", "required": True},
            "health": {"type": "str", "required": True},
            "unit": {"type": "str", "default": "trafficserver.service"},
        },
        supports_check_mode=True,
    )
    folder, files = Path(module.params["folder"]), module.params["files"]
    before = read(folder / CURRENT)
    changed = before != files
    if changed and not module.check_mode:
        folder.mkdir(parents=True, exist_ok=True)
        if wrong := replace(module.params, before, folder / digest(files)):
            module.fail_json(msg=wrong)
        tidy(folder)
    module.exit_json(changed=changed, diff={"prepared": difference(before, files)})


if __name__ == "__main__":
    main()
