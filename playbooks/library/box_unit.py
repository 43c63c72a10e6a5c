"""Ansible module: a systemd unit runs, and is not older than what it reads.

A handler is lost when the link drops between the change and the restart, and nothing would ever tell: the next run finds the file in
place. This one asks the machine instead, so that any later run mends it.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: box_unit
short_description: A systemd unit runs, and is not older than what it reads
description: Enables and starts the unit, and restarts it when a file that it reads has changed since it started.
options:
  name: {description: The unit., type: str, required: true}
  state: {description: Whether it shall run., choices: [running, off], default: running, type: str}
  reads: {description: Files whose change needs a restart., type: list, elements: path, default: []}
  pending: {description: Whether such a file would have changed by now (in check mode)., type: bool, default: false}
author: [The huiju authors]
"""
SHOWN = (
    "LoadState",
    "ActiveState",
    "UnitFileState",
    "NeedDaemonReload",
    "ActiveEnterTimestamp",
    "ExecMainStartTimestamp",
    "Type",
)
SETTLE_SECONDS = 1.0


def systemctl(*words: str) -> subprocess.CompletedProcess[str]:
    """Run systemctl."""
    line = ["systemctl", "--no-pager", *words]
    return subprocess.run(
        line, capture_output=True, text=True, check=False, env={"LC_ALL": "C", "TZ": "UTC", "PATH": "/usr/bin:/bin"}
    )


def show(name: str) -> dict[str, str]:
    """What systemd knows of the unit."""
    rows = systemctl("show", name, "--timestamp=unix", f"--property={','.join(SHOWN)}").stdout.splitlines()
    return dict(row.split("=", 1) for row in rows if "=" in row)


def started(shown: dict[str, str]) -> float:
    """When the unit started last, Unix seconds; 0 when it never did."""
    stamp = shown.get("ExecMainStartTimestamp") or shown.get("ActiveEnterTimestamp") or ""
    return float(stamp.lstrip("@") or 0) if stamp.startswith("@") else 0.0


def changed_since(moment: float, files: list[str]) -> list[str]:
    """Files that changed in or after that second (what it tells of is cut to whole seconds)."""
    return [name for name in files if Path(name).exists() and Path(name).stat().st_ctime >= moment + SETTLE_SECONDS]


def wanted(shown: dict[str, str], state: str, stale: bool) -> list[str]:
    """The systemctl verbs that bring the unit to its state, in order."""
    active = shown.get("ActiveState") in {"active", "activating", "reloading"}
    enabled = shown.get("UnitFileState") in {"enabled", "static", "indirect", "generated"}
    if state == "off":
        return (["stop"] if active else []) + (["disable"] if enabled else [])
    verbs = [] if enabled else ["enable"]
    return verbs + (["restart"] if active and stale else [] if active else ["start"])


def carry_out(name: str, verbs: list[str]) -> str:
    """Do it, and see that a started unit stays up; what went wrong, or nothing."""
    if verbs:
        systemctl("daemon-reload")  # a new folder of additions to a unit is not noticed by itself
    for verb in verbs:
        done = systemctl(verb, name)
        if done.returncode:
            log = subprocess.run(
                ["journalctl", "-u", name, "-n", "15", "--no-pager", "-o", "cat"],
                capture_output=True,
                text=True,
                check=False,
            )
            return f"systemctl {verb} {name}: {done.stderr.strip()}\n{log.stdout.strip()}"
    if {"start", "restart"} & set(verbs):
        time.sleep(SETTLE_SECONDS)
        shown = show(name)
        if shown.get("ActiveState") not in {"active", "activating"} and shown.get("Type") != "oneshot":
            return f"{name} ended again at once: journalctl -u {name}"
    return ""


def main() -> None:
    """The module."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["running", "off"], "default": "running"},
            "reads": {"type": "list", "elements": "path", "default": []},
            "pending": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    name, state = module.params["name"], module.params["state"]
    shown = show(name)
    if (shown.get("LoadState") == "not-found" or shown.get("NeedDaemonReload") == "yes") and not module.check_mode:
        systemctl("daemon-reload")
        shown = show(name)
    if shown.get("LoadState") == "not-found":
        if not module.check_mode:
            module.fail_json(msg=f"there is no unit {name}")
        module.exit_json(changed=True, verbs=["enable", "start"] if state == "running" else ["disable"])
    newer = changed_since(started(shown), module.params["reads"])
    verbs = wanted(shown, state, bool(newer) or module.params["pending"])
    if not module.check_mode:
        wrong = carry_out(name, verbs)
        if wrong:
            module.fail_json(msg=wrong)
    module.exit_json(changed=bool(verbs), verbs=verbs, newer=newer)


if __name__ == "__main__":
    main()
