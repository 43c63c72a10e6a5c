"""What the roster says of who may sign in, brought to the accounts: only accounts that differ are touched.

Keycloak's Admin API takes some 17 ms for a change, so that writing all of 300,000 accounts would take over an hour. Who was switched off
lately is asked of the roster; who is back is found among the accounts that are off, which are few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from typing import Final

from derive import identity
from ops.rosters.importing import Connect, keeper
from services.entitlement.accounts import Account, Accounts

BATCH: Final = 500
"""People between two words of progress, and in one question to the roster."""
FEW: Final = 200
"""People whose accounts are looked up one by one. A look-up by an attribute goes through all accounts inside Keycloak: 22 ms among 600 of
them, where reading all 600 takes 0.4 s (Keycloak 26.7.3, two cores, 2026-11-28). For more people all accounts that are on are read once."""
Say = Callable[[str], None]
_GONE: Final = "SELECT id::text FROM people WHERE left_at >= %s OR (left_at IS NULL AND NOT enabled) ORDER BY id"
_BACK: Final = "SELECT id::text FROM people WHERE id = ANY(%s::uuid[]) AND enabled AND left_at IS NULL"


@dataclass(frozen=True)
class Done:
    """What a run did, or would have done."""

    looked_at: int
    """People whom the roster switched off."""
    disabled: int
    enabled: int


class People:
    """What is asked of the roster, each time in a short transaction: changing accounts takes minutes."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    def gone(self, since: datetime) -> list[str]:
        """Who was switched off since then, and who may not sign in by their register."""
        return self._ask(_GONE, since)

    def here(self, people: Sequence[str]) -> list[str]:
        """Those of them who may sign in."""
        return self._ask(_BACK, list(people))

    def _ask(self, words: str, *given: object) -> list[str]:
        with keeper(self._connect) as connection:
            return [row[0] for row in connection.execute(words, given)]


def sync(accounts: Accounts, people: People, since: datetime, today: date, say: Say, *, dry: bool) -> Done:
    """Switch off who was switched off in the roster since then, end their sessions, and switch on again who is back."""
    gone = people.gone(since)
    on = [account for account in _of(accounts, gone) if account.enabled]
    for count, account in enumerate(() if dry else on, 1):
        _off(accounts, account, today)
        if count % BATCH == 0:
            say(f"{count:,} of {len(on):,} accounts switched off")
    back = list(_back(accounts, people))
    for account in () if dry else back:
        accounts.change(account, enabled=True, attributes={identity.ATTRIBUTE_LEFT: None})
    return Done(len(gone), len(on), len(back))


def _of(accounts: Accounts, people: Sequence[str]) -> Iterator[Account]:
    """The accounts that these people have, at least those that are on."""
    if len(people) <= FEW:
        yield from chain.from_iterable(map(accounts.of_person, people))
        return
    wanted = set(people)
    for account in accounts.listed(enabled="true"):
        if account.attributes.get(identity.ATTRIBUTE_PERSON) in wanted:
            yield account


def _off(accounts: Accounts, account: Account, today: date) -> None:
    accounts.change(account, enabled=False, attributes={identity.ATTRIBUTE_LEFT: today.isoformat()})
    # After it is off: nobody signs in again in between.
    accounts.end_sessions(account.id)


def _back(accounts: Accounts, roster: People) -> Iterator[Account]:
    """Accounts that are off because of the roster, whose people it has again. All are read first: changing them moves the pages."""
    off: dict[str, list[Account]] = {}
    for account in accounts.listed(enabled="false"):
        if {identity.ATTRIBUTE_LEFT, identity.ATTRIBUTE_PERSON} <= account.attributes.keys():
            off.setdefault(account.attributes[identity.ATTRIBUTE_PERSON], []).append(account)
    people = sorted(off)
    for first in range(0, len(people), BATCH):
        for person in roster.here(people[first : first + BATCH]):
            yield from off[person]
