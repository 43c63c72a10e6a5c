"""The box of a trial school: a blank Debian booted with its own systemd, from a folder that keeps what is done to it."""

from __future__ import annotations

import shutil
import subprocess
import time
import uuid
from pathlib import Path

from catalog.errors import UserError
from local.cluster import cgroups, process
from local.school import background
from local.school.trial import Trial

BOOT_SECONDS = 90
STOP_SECONDS = 20
SSH_PORT = 22


def install(trial: Trial, root: Path, login: str) -> None:
    """Lay out the blank root as an installer leaves it: its own host keys, and the technician's public key in ``login``.

    An interrupted layout is begun again; a finished one is kept with all that was done to it since.
    """
    done = trial.folder / "installed"
    if done.exists():
        return
    shutil.rmtree(trial.root, ignore_errors=True)
    trial.root.mkdir(parents=True, mode=0o755)
    subprocess.run(("tar", "--extract", "--file", str(root), "--directory", str(trial.root)), check=True)
    keys = trial.root / "root" / ".ssh"
    keys.mkdir(mode=0o700, exist_ok=True)
    (keys / "authorized_keys").write_text(f"{login}\n")
    (trial.root / "etc" / "machine-id").write_text(f"{uuid.uuid4().hex}\n")
    (trial.root / "etc" / "hosts").write_text(f"127.0.0.1 localhost\n127.0.1.1 box-{trial.code}\n")
    (trial.root / "etc" / "hostname").write_text(f"box-{trial.code}\n")
    subprocess.run(("ssh-keygen", "-A", "-f", str(trial.root)), check=True, capture_output=True)
    done.touch()


def host_keys(trial: Trial) -> tuple[str, ...]:
    """The box's public keys as its console shows them: read from its disk, never over the network that they shall protect."""
    files = sorted((trial.root / "etc" / "ssh").glob("ssh_host_*_key.pub"))
    return tuple(" ".join(file.read_text().split()[:2]) for file in files)


def boot(trial: Trial) -> None:
    """Start the box unless it runs, and wait until its sshd answers. UserError with the console's last lines when it does not."""
    running = process.read(trial.process("box"))
    if running is None:
        _no_remains(trial)
        running = background.start(trial, "box", "local.school.container")
    deadline = time.monotonic() + BOOT_SECONDS
    while not answers(trial):
        if not running.alive() or time.monotonic() > deadline:
            tail = "\n".join(trial.log.read_text(errors="replace").splitlines()[-15:])
            raise UserError(f"the box of {trial.code} does not come up; its console ({trial.log}) ends with:\n{tail}")
        time.sleep(0.1)


def _no_remains(trial: Trial) -> None:
    if left := cgroups.remove(trial.cgroup, trial.code):
        raise UserError(
            f"processes of an earlier trial school will not end: {', '.join(left)}; the same command again in a moment"
        )


def answers(trial: Trial) -> bool:
    """Whether the box's sshd says who it is. Asked from inside the box's network, since its link may be cut."""
    ask = (
        "ip",
        "netns",
        "exec",
        trial.box_space,
        "bash",
        "-c",
        f"exec 3<>/dev/tcp/127.0.0.1/{SSH_PORT} && head -c 4 <&3",
    )
    return subprocess.run(ask, capture_output=True, text=True, check=False, timeout=10).stdout == "SSH-"


def power_off(trial: Trial) -> None:
    """Shut the box down in order, then make sure of it."""
    background.stop(trial, "box", STOP_SECONDS)  # on SIGTERM nspawn asks the box's systemd to shut down
    _no_remains(trial)
