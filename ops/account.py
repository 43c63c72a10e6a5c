"""``huiju account``: accounts of staff and partners, who are in no school's roster, and deprovisioning of everybody."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from catalog import load_named, names
from catalog.errors import UserError
from derive import identity
from derive.moments import today
from ops.accounts import keeping, reaching, syncing, wish
from ops.accounts.wish import Wish
from ops.audits import deeds
from ops.audits.deeds import Deed
from ops.console import console
from ops.lessons import place
from ops.lessons.place import Place
from ops.rosters import reaching as rosters
from ops.rosters.person import read

app = typer.Typer(
    no_args_is_help=True,
    help="Accounts of staff and partners. Pupils, parents and teachers make theirs with a slip (`huiju roster slips`).",
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the account.")]
Stack = Annotated[str, typer.Option(help="The stack whose platform is meant.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Look, and change nothing.")]
SINCE_DAYS = 60
"""How far back people who left are looked at, days; every import looks by itself."""


@app.command()
def add(
    name: Name,
    *,
    tier: Annotated[str, typer.Option(metavar="TIER", help="A tier of the catalog (tiers.yaml).")],
    school: Annotated[
        str | None, typer.Option(metavar="CODE", help="Division code of the district, for tiers of a district.")
    ] = None,
    partner: Annotated[
        str | None, typer.Option(metavar="ID", help="The partner of the catalog, for tiers of a partner.")
    ] = None,
    stack: Stack = "local",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Make an account and print its one-time password, once.

    At the first sign-in it is replaced, and a second factor set up if the tier asks for one.

    Examples: `huiju account add li.na --tier city-staff`; `huiju account add zhang.wei --tier technician --school CODE`.
    """
    where, wanted = place.of_stack(stack), Wish(name.lower(), tier, school, partner)
    meant = wish.judged(wanted, load_named(where.city))
    facts: dict[str, Any] = {"name": wanted.name, **wish.attributes(wanted), "actions": wish.actions(meant)}
    if dry_run:
        _say({**facts, "made": False}, f"{wanted.name} would be a {tier}; nothing was changed", as_json=as_json)
        return
    deed = Deed("account-add", deeds.account(None), {**wish.attributes(wanted)})
    with reaching.keeping(where) as accounts, deeds.noted(where, deed):
        password = keeping.add(accounts, wanted, meant)
        deed.about = deeds.account(keeping.known(accounts, wanted.name).id)
    _say({**facts, "made": True, "password": password}, _handed(wanted.name, password), as_json=as_json)


@app.command(name="list")
def list_command(
    stack: Stack = "local",
    tier: Annotated[str | None, typer.Option(metavar="TIER", help="Only of this tier.")] = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Only those that are off.")] = False,
    everybody: Annotated[bool, typer.Option("--all", help="Also those that came by the roster: many.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show accounts: of staff and partners, or with --all of everybody, by ids of the register; that goes on the audit record first."""
    where = place.of_stack(stack)
    if tier:
        wish.known(tier, load_named(where.city))
    query = {
        **({"q": f"{identity.ATTRIBUTE_TIER}:{tier}"} if tier else {}),
        **({"enabled": "false"} if disabled else {}),
    }
    deed = Deed("account-list", deeds.ACCOUNTS)
    with reaching.keeping(where) as accounts, deeds.noted(where, deed) if everybody else nullcontext():
        found = [keeping.row(each) for each in accounts.listed(**query)]
    rows = [each for each in found if each["tier"] and (everybody or not each["roster"])]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    table = Table("Name", "Tier", "School or partner", "", box=None, pad_edge=False)
    for each in rows:
        left = f" since {each['left']}: the roster switched them off" if each["left"] else ""
        of = each["school"] or each["partner"] or ""
        table.add_row(each["name"], each["tier"], of, "" if each["enabled"] else f"off{left}")
    console().print(table)
    typer.echo(f"{len(rows):,} accounts")


@app.command()
def disable(name: Name, stack: Stack = "local", dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Switch an account off and end its sessions with the identity service. The roster does not switch it on again."""
    _switch(name, stack, on=False, dry=dry_run, as_json=as_json)


@app.command()
def enable(name: Name, stack: Stack = "local", dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Switch an account on again."""
    _switch(name, stack, on=True, dry=dry_run, as_json=as_json)


@app.command()
def reset(
    name: Name,
    *,
    second_factor: Annotated[
        bool,
        typer.Option(
            "--second-factor", help="Also have one-time codes set up anew, for a lost telephone, and asked for always."
        ),
    ] = False,
    stack: Stack = "local",
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Print a new one-time password, once, and end the account's sessions with the identity service.

    See who is in front of you before you hand it over.

    Somebody of the roster also gets the tier that they have there today, with a second factor if it asks for one.
    """
    where = place.of_stack(stack)
    with reaching.keeping(where) as accounts:
        found = keeping.known(accounts, name)
        if dry_run:
            _say(keeping.row(found), f"{found.username} would get a new password; nothing was changed", as_json=as_json)
            return
        person = found.attributes.get(identity.ATTRIBUTE_PERSON)
        today = _today(where, person) if person else None
        deed = Deed("account-reset", deeds.account(found.id), {"second_factor": int(second_factor)})
        if today:
            deed.facts[identity.ATTRIBUTE_TIER] = today[0]
        with deeds.noted(where, deed):
            if today and keeping.follow(accounts, found, *today):
                found = keeping.known(accounts, name)
            password = keeping.reset(accounts, found, second_factor=second_factor)
    _say({"name": name.lower(), "password": password}, _handed(name.lower(), password), as_json=as_json)


@app.command()
def sync(
    stack: Stack = "local",
    days: Annotated[int, typer.Option(min=1, help="Look at people who left in so many days.")] = SINCE_DAYS,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Switch off accounts of people whom the roster switched off, end their sessions, and switch on those whom it has again.

    `huiju roster import` does it by itself; this is for when the identity service was down then.
    """
    where = place.of_stack(stack)
    done = synced(where, datetime.now(UTC) - timedelta(days=days), dry=dry_run)
    _say(asdict(done), told(done, dry=dry_run), as_json=as_json)


def synced(where: Place, since: datetime, *, dry: bool = False) -> syncing.Done:
    """Bring what the roster says to the accounts. Raises `UserError` when either cannot be reached."""
    # Only for people who watch: what a program reads stays clean.
    progress = Console(stderr=True, soft_wrap=True)
    with rosters.connecting(where, names.ROLE_ROSTER_KEEPER) as connect, reaching.keeping(where) as accounts:
        people, today = syncing.People(connect), datetime.now(UTC).date()
        if dry:
            return syncing.sync(accounts, people, since, today, progress.print, dry=True)
        deed = Deed("account-sync", deeds.ACCOUNTS)
        with deeds.noted(where, deed):
            done = syncing.sync(accounts, people, since, today, progress.print, dry=False)
            deed.facts |= asdict(done)
        return done


def told(done: syncing.Done, *, dry: bool = False) -> str:
    """What a run did, in a line."""
    would = "would be " if dry else ""
    return (
        f"accounts: {done.disabled:,} {would}switched off and signed out, {done.enabled:,} {would}switched on again; "
        f"{done.looked_at:,} people looked at"
    )


def _today(where: Place, person: str) -> tuple[str, str | None]:
    """Tier and school of somebody of the roster. Raises `UserError` when it has none for them."""
    day = today(load_named(where.city).timezone)
    with rosters.connecting(where, names.reader_role(names.DATABASE_ROSTER)) as connect, connect() as connection:
        known = read(connection, UUID(person))
    found = known.today(day) if known and known.enabled else None
    if found is None:
        raise UserError(
            f"the roster does not let them sign in any more: `huiju roster show {person}` says why; nothing was changed"
        )
    return found


def _switch(name: str, stack: str, *, on: bool, dry: bool, as_json: bool) -> None:
    word = "on" if on else "off"
    where = place.of_stack(stack)
    with reaching.keeping(where) as accounts:
        found = keeping.known(accounts, name)
        differs = keeping.differs(found, on=on)
        if differs and not dry:
            with deeds.noted(where, Deed("account-enable" if on else "account-disable", deeds.account(found.id))):
                keeping.switch(accounts, name, on=on)
    done = f"{'would be' if dry else 'is now'} switched {word}"
    if found.enabled == on:
        done = f"{'would stay' if dry else 'stays'} {word} whatever the roster says"
    said = done if differs else f"is {word} already"
    _say(
        {"name": name.lower(), "enabled": on, "changed": differs and not dry}, f"{name.lower()} {said}", as_json=as_json
    )


def _handed(name: str, password: str) -> str:
    return f"{name}: {password}\nShown this once: hand it over in person. At the first sign-in it is replaced."


def _say(facts: Any, words: str, *, as_json: bool) -> None:  # noqa: ANN401
    typer.echo(json.dumps(facts, ensure_ascii=False, indent=2) if as_json else words)
