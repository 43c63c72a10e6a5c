"""What is done to single accounts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from catalog.access import Tier
from catalog.errors import UserError
from derive import identity
from ops.accounts import wish
from ops.accounts.wish import Wish
from services.entitlement.accounts import Account, Accounts, TakenError

_ROSTER: Final = {identity.ATTRIBUTE_PERSON, identity.ATTRIBUTE_SLIP, identity.ATTRIBUTE_LEFT}
"""Attributes of accounts that came by the roster; one is enough."""
_EVERYBODYS: Final = f"default-roles-{identity.REALM}"
"""Keycloak's own role, which every account of the realm has from the start."""


def add(accounts: Accounts, wanted: Wish, tier: Tier) -> str:
    """Make the account, switched on by the last step, and return its one-time password. Raises `UserError` when the name is taken."""
    facts = wish.attributes(wanted)
    undo: Callable[[str], None] = accounts.remove
    try:
        made = accounts.make(wanted.name, facts, enabled=False, actions=wish.actions(tier))
    except TakenError:
        # An account that was there before this run stays, whatever fails: only the role that this run gave is taken back.
        made, undo = _unfinished(accounts, wanted, tier), partial(accounts.take_role, role=wanted.tier)
    try:
        accounts.give_role(made, wanted.tier)
        password = _renewed(accounts, made)
        accounts.change(known(accounts, wanted.name), enabled=True)
    except BaseException:
        # Also when the terminal ends it: what is left would only be in the way.
        undo(made)
        raise
    return password


def _unfinished(accounts: Accounts, wanted: Wish, tier: Tier) -> str:
    """The account that a run was cut off at; anything else of this name is somebody's, also when it is off."""
    found = known(accounts, wanted.name)
    if taken := _taken(accounts, found):
        raise UserError(f"there is an account {wanted.name} already{taken}")
    # What the run before said of where somebody works, and of what they are asked for, goes with it.
    nowhere = {identity.ATTRIBUTE_SCHOOL: None, identity.ATTRIBUTE_PARTNER: None}
    said = {**nowhere, **wish.attributes(wanted)}
    accounts.change(found, attributes=said, requiredActions=wish.actions(tier))
    return found.id


def _taken(accounts: Accounts, found: Account) -> str:
    """Whose the account is and what to type; empty where it is nobody's yet: off, without a role, and not of the roster.

    A role is the first thing that a run gives, and nobody takes it when an account is switched off. Who got somebody's old account would
    be them on the audit record, with their rights and their one-time codes.
    """
    name = found.username
    if _ROSTER & found.attributes.keys():
        return f", of somebody in the roster: take another name; `huiju account list --all` shows {name}"
    if found.enabled:
        return f": `huiju account list` shows it, `huiju account reset {name}` gives it a new password"
    if accounts.roles(found.id) - {_EVERYBODYS}:
        return (
            f", switched off: for the same person `huiju account enable {name}`, then `huiju account reset {name}`; "
            "anybody else, and any other tier, takes another name"
        )
    return ""


def known(accounts: Accounts, name: str) -> Account:
    """The account of this name. Raises `UserError` when there is none."""
    found = accounts.find(name)
    if found is None:
        raise UserError("there is no account of that name: `huiju account list` shows those of staff and partners")
    return found


def reset(accounts: Accounts, found: Account, *, second_factor: bool) -> str:
    """A new one-time password; ``second_factor``: one-time codes are set up anew as well, and asked for. Ends every session."""
    if second_factor:
        # Whoever is a teacher first and head of the school besides is asked by no role of a teacher.
        accounts.give_role(found.id, identity.ROLE_TWO_FACTOR)
        asked = {*found.whole.get("requiredActions", ()), wish.CONFIGURE_TOTP}
        accounts.forget_second_factor(found.id)
        accounts.change(found, requiredActions=sorted(asked))
    password = _renewed(accounts, found.id)
    accounts.end_sessions(found.id)
    return password


def follow(accounts: Accounts, found: Account, tier: str, school: str | None) -> bool:
    """Bring tier, school and role to what the roster says today; whether anything was another."""
    said = {identity.ATTRIBUTE_TIER: tier, identity.ATTRIBUTE_SCHOOL: school}
    before = found.attributes.get(identity.ATTRIBUTE_TIER)
    if all(found.attributes.get(key) == value for key, value in said.items()):
        return False
    if before and before != tier:
        accounts.take_role(found.id, before)
    accounts.give_role(found.id, tier)
    accounts.change(found, attributes=said)
    return True


def _renewed(accounts: Accounts, account_id: str) -> str:
    password = wish.one_time_password()
    # Temporary: Keycloak asks for another one at the next sign-in.
    accounts.set_password(account_id, password, temporary=True)
    return password


def differs(found: Account, *, on: bool) -> bool:
    """Whether switching does anything: one that the roster switched off is not off by a person's decision yet, and would come back."""
    return found.enabled != on or (not on and identity.ATTRIBUTE_LEFT in found.attributes)


def switch(accounts: Accounts, name: str, *, on: bool) -> bool:
    """Switch an account on, or off with all its sessions; whether it was another way."""
    found = known(accounts, name)
    if not differs(found, on=on):
        return False
    # A person's decision: the roster does not undo it.
    accounts.change(found, enabled=on, attributes={identity.ATTRIBUTE_LEFT: None})
    if not on:
        accounts.end_sessions(found.id)
    return True


def row(found: Account) -> Mapping[str, Any]:
    """What is shown of an account."""
    said = found.attributes
    return {
        "id": found.id,
        "name": found.username,
        "tier": said.get(identity.ATTRIBUTE_TIER),
        "school": said.get(identity.ATTRIBUTE_SCHOOL),
        "partner": said.get(identity.ATTRIBUTE_PARTNER),
        "enabled": found.enabled,
        "roster": identity.ATTRIBUTE_PERSON in said,
        "slip": said.get(identity.ATTRIBUTE_SLIP),
        "left": said.get(identity.ATTRIBUTE_LEFT),
    }
