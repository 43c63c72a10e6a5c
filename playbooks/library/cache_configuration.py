"""Ansible module: the cache's configuration, replaced as a whole, and only by one that Traffic Server itself has accepted.

A state of the configuration is a folder named by its content. The new one is checked by the server, then a link is switched, the server
told, and asked whether it is well. If it is not, the link goes back: a school keeps the cache that it had. What was switched and not told
is noted on disk: a run that is cut off in between is brought to its end by the next one.
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
NEXT = ".next"
"""The state that is being checked. Its own name: the one in use may have the same content, or had before somebody edited it."""
UNTOLD = ".untold"
"""Note of a switch of which the server does not know yet: whether it restarts, and the state to go back to."""
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
    """Make the state's folder."""
    shutil.rmtree(state, ignore_errors=True)
    for name, text in files.items():
        path = state / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for path in (state, *state.rglob("*")):
        shutil.chown(path, "root", owner)
        path.chmod(0o750 if path.is_dir() else 0o640)


def complaint(state: Path) -> str:
    """Why Traffic Server would not take this state, or nothing."""
    line = ["/usr/bin/traffic_server", "-C", "verify_config", "-D", str(state)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    bad = [row for row in said.splitlines() if row.startswith(("ERROR", "FATAL"))]
    return "\n".join(bad) or said[-1500:] if done.returncode or bad else ""


def in_use(folder: Path) -> str:
    """Name of the state that the link points to; empty when there is none."""
    link = folder / CURRENT
    return link.readlink().name if link.is_symlink() else ""


def place(folder: Path, name: str) -> str:
    """Give the checked state its name, or a second one where the state in use has the first; never in place of the one in use."""
    name = f"{name}-again" if name == in_use(folder) else name
    shutil.rmtree(folder / name, ignore_errors=True)
    (folder / NEXT).rename(folder / name)
    return name


def untold(folder: Path) -> dict[str, Any] | None:
    """The note of a switch that the server was not told of, or None."""
    try:
        note = json.loads((folder / UNTOLD).read_text())
        return {"old": str(note["old"]), "restart": bool(note["restart"])}
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        # A power cut took what it said; that there was a switch is left.
        return {"old": "", "restart": True}


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


def prepare(params: dict[str, Any], before: dict[str, str]) -> str:
    """Check the new state and switch to it, with a note that the server does not know yet; what went wrong, or nothing."""
    folder, files = Path(params["folder"]), params["files"]
    write(folder / NEXT, files, params["owner"])
    if wrong := complaint(folder / NEXT):
        shutil.rmtree(folder / NEXT)
        return f"Traffic Server does not accept the new configuration; the old one stays in use:\n{wrong}"
    changed = {name for name in {*before, *files} if before.get(name) != files.get(name)}
    # One that was never told is no good one to go back to.
    note = untold(folder) or {"old": in_use(folder), "restart": False}
    note["restart"] = note["restart"] or bool(changed & set(params["restart"]))
    state = place(folder, digest(files))
    (folder / UNTOLD).write_text(json.dumps(note))
    switch(folder, state)
    return ""


def settle(params: dict[str, Any]) -> str:
    """Tell the server of the switch, and go back if it does no good; what went wrong, or nothing."""
    folder, unit = Path(params["folder"]), params["unit"]
    note = untold(folder) or {"old": "", "restart": True}
    wrong = tell(unit, restart=note["restart"]) or ill(unit, params["health"])
    if wrong and note["old"] and (folder / note["old"]).is_dir():
        switch(folder, note["old"])
        if not tell(unit, restart=True):
            (folder / UNTOLD).unlink()
        return f"Traffic Server is not well with the new configuration, so the old one is back in use: {wrong}"
    if not wrong:
        (folder / UNTOLD).unlink(missing_ok=True)
    return wrong


def due(folder: Path, before: dict[str, str], files: dict[str, str]) -> bool:
    """Whether there is something to do: other files, or a server that was not told of these."""
    return before != files or untold(folder) is not None


def replace(params: dict[str, Any], before: dict[str, str]) -> str:
    """Bring the files into use, unless they are and only the server was not told; what went wrong, or nothing."""
    wrong = prepare(params, before) if before != params["files"] else ""
    return wrong or settle(params)


def tidy(folder: Path) -> None:
    """Drop all but the newest states; never the one in use."""
    used = in_use(folder)
    states = sorted(
        (each for each in folder.iterdir() if each.is_dir() and not each.is_symlink()),
        key=lambda each: each.stat().st_mtime,
    )
    for state in states[:-KEPT]:
        if state.name != used:
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
    changed = due(folder, before, files)
    if changed and not module.check_mode:
        folder.mkdir(parents=True, exist_ok=True)
        if wrong := replace(module.params, before):
            module.fail_json(msg=wrong)
        tidy(folder)
    module.exit_json(changed=changed, diff={"prepared": difference(before, files)})


if __name__ == "__main__":
    main()
