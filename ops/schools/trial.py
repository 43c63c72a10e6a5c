"""`huiju school up|down|link`: a school made on this machine, enrolled and provisioned like any other."""

from __future__ import annotations

from typing import Annotated

import typer

from catalog import load_named
from catalog.errors import UserError
from derive import school_box
from local import school
from local.school import machine
from ops import school_codes
from ops.lessons import place
from ops.parcels import making, publishing
from ops.phases import Phases
from ops.schools import ansible, enrolment

Code = Annotated[str, typer.Argument(metavar="CODE", help="Code of the school.")]
Stack = Annotated[str, typer.Option(help="The stack whose platform is meant.")]
CACHE_MIB = 512
"""Disk of a trial school's cache."""


def up(
    code: Code,
    rate: Annotated[float | None, typer.Option(help="Rate of its link, Mbit/s; else what the catalog says.")] = None,
    provision: Annotated[bool, typer.Option(help="Provision the box too.")] = True,
    stack: Stack = "local",
) -> None:
    """Make a trial school here: a blank box behind a link of the school's rate. Run again, it goes on or changes nothing."""
    phases = Phases()
    where = place.of_stack(stack)
    mbps = rate or _contracted(where.city, code)
    with phases.phase("parcel"):
        parcel = making.make(school.material(school_box.PACKAGES, phases.now) / "pool")
        with publishing.bucket_of(where) as bucket:
            publishing.publish(bucket, parcel, lambda done, total: phases.now(f"{100 * done // max(1, total)} %"))
    with phases.phase("school"):
        made = make(code, mbps, where, phases)
    if provision:
        with phases.phase("provision"):
            run = ansible.play([code], stack)
        if run.returncode:
            raise UserError(f"the box of {code} was not provisioned as a whole; the same command goes on from here")
    phases.say(
        f"{code}: {made.box} behind {made.mbps:g} Mbit/s; `huiju school play {code}`, `huiju school ssh {code}`, `huiju school down {code}`"
    )


def make(code: str, mbps: float, where: place.Place, phases: Phases) -> school.Trial:
    """The trial school, up and enrolled."""
    login = enrolment.login_key().with_suffix(".pub").read_text().strip()
    port = int(where.settings.get("publicPort") or 443)
    made = school.up(code, mbps, port=port, login=login, packages=school_box.PACKAGES, say=phases.now)
    variables = {
        "school_box_platform_address": made.host,
        "school_box_lan_address": made.box_lan,
        "school_box_time_servers": [made.host],
        "school_box_clock_steers": False,
        "school_box_cache_mib": CACHE_MIB,
        # A trial's cache is smaller than the plans that the catalog allows, and that is no fault here.
        "school_box_prefetch_mib": 0,
    }
    enrolment.enrol(code, made.box, machine.host_keys(made), variables)
    return made


def _contracted(city: str, code: str) -> float:
    """The rate of the school's link by the catalog, Mbit/s."""
    found = load_named(city)
    if code not in found.by_code:
        raise UserError(school_codes.unknown(code, found))
    uplink = found.school(code).uplink
    if uplink is None:
        raise UserError(f"no link is contracted for {code}: name a rate, `--rate 20`")
    return float(uplink.contracted_mbps)


def down(code: Code) -> None:
    """Take a trial school away, with everything that it left on this machine."""
    school.down(school.find(code))
    enrolment.forget(code)
    typer.echo(f"{code} is gone")


def link(
    code: Code,
    what: Annotated[str, typer.Argument(metavar="cut|mend|rate", help="What to do to the link.")],
    mbps: Annotated[float | None, typer.Argument(metavar="MBPS", help="The new rate, Mbit/s.")] = None,
) -> None:
    """Cut, mend or slow down the link of a trial school."""
    trial = school.find(code)
    if what not in ("cut", "mend", "rate") or (what == "rate") != (mbps is not None):
        raise UserError(f"`huiju school link {code} cut`, `... mend` or `... rate 8`")
    school.link(trial, mbps, whole={"cut": False, "mend": True}.get(what))
    state = "carries" if school.carries(trial) else "is cut"
    typer.echo(f"{code}: the link {state}, {school.find(code).mbps:g} Mbit/s")
