"""Running Ansible on the boxes, with the catalog and the enrolment as its inventory."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from catalog.errors import UserError
from local import paths
from ops.lessons import place
from ops.schools import enrolment, platform

PLAYBOOKS = paths.ROOT / "playbooks"


def variables(city: str = "") -> dict[str, str]:
    """What makes plain `ansible-playbook` use them: variables to add to the environment."""
    sources, enrolled = [PLAYBOOKS / "inventory" / "huiju.yml"], enrolment.inventory().exists()
    if enrolled:
        sources.append(enrolment.inventory())
    return {
        "ANSIBLE_CONFIG": str(PLAYBOOKS / "ansible.cfg"),
        "ANSIBLE_INVENTORY": ",".join(map(str, sources)),
        **({"CITY": city} if city else {}),
        **({"ANSIBLE_VAULT_PASSWORD_FILE": str(enrolment.vault_password())} if enrolled else {}),
    }


def play(codes: Sequence[str], stack: str, *words: str, capture: bool = False) -> subprocess.CompletedProcess[str]:
    """Run the playbook on these schools' boxes. UserError when one of them is not enrolled."""
    missing = sorted(set(codes) - set(enrolment.enrolled()))
    if missing:
        raise UserError(f"not enrolled: {', '.join(missing)}: `huiju school enrol CODE` pins a box's keys first")
    platform.write(stack)
    program = str(Path(sys.executable).parent / "ansible-playbook")
    limit = ("--limit", ",".join(codes)) if codes else ()
    environment = {**os.environ, **variables(place.of_stack(stack).city)}
    line = [program, *limit, *words, str(PLAYBOOKS / "site.yml")]
    return subprocess.run(
        line, env=environment, cwd=PLAYBOOKS, check=False, text=True, capture_output=capture, stdin=subprocess.DEVNULL
    )
