"""`huiju school enrol|forget|apply|status|ssh`: technicians' dealings with boxes, real ones and trial ones alike."""

from __future__ import annotations

import ipaddress
import os
import subprocess
from typing import Annotated

import typer
import yaml
from rich.console import Console
from rich.table import Table

from catalog import load_named
from catalog.errors import UserError
from local import school
from ops import school_codes
from ops.lessons import place
from ops.schools import ansible, enrolment

Code = Annotated[str, typer.Argument(metavar="CODE", help="Code of the school.")]
Stack = Annotated[str, typer.Option(help="The stack whose platform is meant.")]
UNITS = (
    "chrony",
    "unbound",
    "trafficserver",
    "prometheus-node-exporter",
    "huiju-probe.timer",
    "huiju-keeper",
    "huiju-logs",
    "huiju-agent",
)
"""What the role `school_box` has running on a box."""


def enrol(  # noqa: PLR0917 - typer makes options of them
    code: Code,
    address: Annotated[str, typer.Option(help="Where the box is reached.")],
    host_key: Annotated[list[str], typer.Option(help="Public key as the box's console shows it; once per key.")],
    lan_address: Annotated[str, typer.Option(help="The box's address in the school.")],
    name_server: Annotated[
        list[str] | None,
        typer.Option(
            help="Address of a server that knows the platform's names; once per server. The box asks it for all but its own."
        ),
    ] = None,
    stack: Stack = "local",
) -> None:
    """Pin a box's keys, as read at its console, and make its secrets. Again for a box that was replaced."""
    city = load_named(place.of_stack(stack).city)
    if code not in city.by_code:
        raise UserError(school_codes.unknown(code, city))
    asked = {"school_box_name_servers": _addresses(name_server)} if name_server else {}
    enrolment.enrol(code, address, host_key, {"school_box_lan_address": lan_address, **asked})
    login = enrolment.login_key().with_suffix(".pub").read_text().strip()
    typer.echo(f"{code} is enrolled. The box lets technicians in by this line in root's .ssh/authorized_keys:\n{login}")


def _addresses(given: list[str]) -> list[str]:
    """UserError where one is no address: the resolver asks by address only."""
    try:
        return [str(ipaddress.ip_address(each)) for each in given]
    except ValueError as error:
        raise UserError(f"--name-server: {error}; give the server's address, for instance 203.0.113.53") from error


def forget(code: Code) -> None:
    """Take a box off the list, with its pinned keys and its secrets: it moved, or its code was a slip. The box stays as it is."""
    if code not in enrolment.enrolled():
        raise UserError(f"the box of {code} is not enrolled: `huiju school status` shows who is")
    enrolment.forget(code)
    typer.echo(
        f"{code} is enrolled no more; its box keeps its certificate until it is enrolled and provisioned for another school"
    )


def apply(
    codes: Annotated[
        list[str] | None, typer.Argument(metavar="[CODE]...", help="Schools; all enrolled ones without.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Show what would change, and change nothing.")] = False,
    stack: Stack = "local",
) -> None:
    """Provision boxes: `ansible-playbook site.yml`, wave by wave, with everything that it needs."""
    done = ansible.play(codes or [], stack, *(("--check", "--diff") if check else ()))
    raise typer.Exit(done.returncode)


def ssh(
    code: Code,
    words: Annotated[list[str] | None, typer.Argument(metavar="[COMMAND]...", help="Command to run there.")] = None,
) -> None:
    """Open a shell on a box, or run a command there; only the pinned key is believed."""
    line = command(code, *(words or []))
    os.execvp(line[0], line)  # noqa: S606 - the shell takes this process's place


def command(code: str, *words: str) -> list[str]:
    """The line that reaches a box."""
    if code not in enrolment.enrolled():
        raise UserError(f"the box of {code} is not enrolled: `huiju school enrol {code}`")
    folder = enrolment.folder()
    known = yaml.safe_load((folder / "host_vars" / code / "enrolment.yml").read_text())
    options = {
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": str(folder / "known_hosts"),
        "GlobalKnownHostsFile": "/dev/null",
        "HostKeyAlias": code,
        "IdentityFile": str(enrolment.login_key()),
        "IdentitiesOnly": "yes",
        "LogLevel": "ERROR",
        "ConnectTimeout": "15",
        "ServerAliveInterval": "10",
        "ServerAliveCountMax": "3",
    }
    return [
        "ssh",
        *(word for pair in options.items() for word in ("-o", "=".join(pair))),
        f"root@{known['ansible_host']}",
        *words,
    ]


def status() -> None:
    """Enrolled boxes, and trial schools on this machine."""
    trials = {each.code: each for each in school.every()}
    table = Table("School", "Box", "Link", "Services")
    for code in sorted({*enrolment.enrolled(), *trials}):
        trial = trials.get(code)
        link = "" if trial is None else f"{trial.mbps:g} Mbit/s" if school.carries(trial) else "cut"
        table.add_row(code, "trial" if trial else "enrolled", link, _services(code))
    Console().print(
        table if table.row_count else "No box is enrolled: `huiju school up CODE` makes a trial school here"
    )


def _services(code: str) -> str:
    try:
        done = subprocess.run(
            command(code, f"systemctl is-active {' '.join(UNITS)}"), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except UserError:
        return "not enrolled"
    states = done.stdout.split()
    if not states:
        return f"not reached: {done.stderr.strip().splitlines()[-1:] or ['no answer']}"
    off = [unit for unit, state in zip(UNITS, states, strict=False) if state != "active"]
    return f"off: {', '.join(off)}" if off else f"all {len(UNITS)} run"


def password(code: Code) -> None:
    """The password of the box's console, for whoever stands before it when no other way in is left."""
    typer.echo(enrolment.secret_vars(code)["console_password"])
