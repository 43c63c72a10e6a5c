"""The first time somebody signs in: with the slip that the school gave them they make their account, and choose its password.

The roster says who they are and Keycloak keeps the account. An account is switched on by the last step: one that was left half way has no
slip on it and is nobody's, and the next try with the same slip goes on from there. Every outcome is on record before it is answered.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final, Protocol
from uuid import UUID

from derive import first_sign_in
from derive.audit import Entry, Kind, Who
from derive.identity import ATTRIBUTE_LEFT, ATTRIBUTE_PERSON, ATTRIBUTE_SCHOOL, ATTRIBUTE_SLIP, ATTRIBUTE_TIER
from derive.pseudonym import Pseudonyms
from services.entitlement import passwords, people, reasons
from services.entitlement.accounts import Account, Accounts, DownError, RefusedError, TakenError
from services.entitlement.desk import Answer, Desk
from services.entitlement.journal import UnrecordedError
from services.entitlement.people import Identity, PersonError
from services.entitlement.tries import Tries

LOG = logging.getLogger(__package__)
ACTION: Final = "first-sign-in"
RESOURCE: Final = "account"
LONGEST: Final = 256
"""Characters of an id or a password that are looked at."""
STATUS: Final[Mapping[str, HTTPStatus]] = {
    "first-incomplete": HTTPStatus.BAD_REQUEST,
    "slip-wrong": HTTPStatus.FORBIDDEN,
    "slip-used": HTTPStatus.CONFLICT,
    "too-many-tries": HTTPStatus.TOO_MANY_REQUESTS,
    "not-in-roster": HTTPStatus.FORBIDDEN,
    "account-off": HTTPStatus.FORBIDDEN,
    "name-taken": HTTPStatus.CONFLICT,
    "password-refused": HTTPStatus.UNPROCESSABLE_ENTITY,
    "roster-down": HTTPStatus.SERVICE_UNAVAILABLE,
    "account-refused": HTTPStatus.CONFLICT,
    "identity-down": HTTPStatus.SERVICE_UNAVAILABLE,
    "account-unrecorded": HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Reason -> status."""


class RosterDownError(Exception):
    """The roster cannot be asked now."""


class Roster(Protocol):
    """The city's people."""

    def identity(self, person: UUID) -> Identity | None:
        """Who that is; None when nobody, or nobody who may sign in. Raises `RosterDownError`."""


class OfToday:
    """The people of the desk's roster, as they are today by the rules in force."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def identity(self, person: UUID) -> Identity | None:
        """See `Roster`."""
        version = self._desk.settings.standing.version
        if version is None:
            raise RosterDownError("there are no rules, and so no day and no schools")
        try:
            found = self._desk.people.find(str(person))
            return people.identity(found, version.rules.today(self._desk.clock()), version.rules)
        except PersonError as error:
            if str(error) == people.UNREADABLE:
                raise RosterDownError(str(error)) from error
            return None


class Recorder(Protocol):
    """Who is told of every outcome before it is answered."""

    def noted(self, entry: Entry) -> None:
        """Record it. Raises `UnrecordedError`."""


@dataclass(frozen=True)
class Given:
    """What somebody typed."""

    identity: str
    """Id in the register."""
    code: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True)
class _Slip:
    """A slip whose code was right."""

    identity: str
    number: int
    person: UUID
    who: Identity

    @property
    def name(self) -> str:
        """Of the account."""
        return first_sign_in.account_name(self.identity)

    @property
    def on_record(self) -> Who:
        return Who(self.who.tier, self.who.school, str(self.person), self.who.district, self.who.partner)

    @property
    def attributes(self) -> dict[str, str | None]:
        """What the account says when it is done."""
        return {
            ATTRIBUTE_TIER: self.who.tier, ATTRIBUTE_SCHOOL: self.who.school, ATTRIBUTE_PERSON: str(self.person),
            ATTRIBUTE_SLIP: str(self.number), ATTRIBUTE_LEFT: None,
        }  # fmt: skip


class _No(Exception):  # noqa: N818  # an answer, not a fault
    """Refused for a reason, with what fills its text."""

    def __init__(self, reason: str, facts: Mapping[str, Any] | None = None, wait: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.facts, self.wait = reason, facts or {}, wait


class First:
    """Makes accounts; ``key`` is the roster's."""

    def __init__(self, roster: Roster, accounts: Accounts, key: str, recorder: Recorder, tries: Tries) -> None:
        self.roster, self.accounts, self.recorder, self.tries = roster, accounts, recorder, tries
        self._key, self._hashes = key, Pseudonyms(key)

    def take(self, given: Given) -> Answer:
        """What is answered to somebody who wants their account, or a new password for it."""
        # What is typed names somebody: on record it is a hash, as everywhere.
        who = Who(None, None, str(self._hashes.of(given.identity.strip()[:LONGEST])))
        try:
            slip = self._slip(given)
            who = slip.on_record
            made = self._account(slip, given.password)
        except (_No, DownError, RefusedError, RosterDownError) as error:
            return self._refused(_no(error), who)
        except UnrecordedError as error:
            return _unrecorded(error)
        LOG.info("an account of tier %s was %s by slip %s", slip.who.tier, made, slip.number)
        status = HTTPStatus.CREATED if made == "made" else HTTPStatus.OK
        return Answer(status, {"username": slip.name, "account": made})

    def _slip(self, given: Given) -> _Slip:
        """The slip that is meant. The code is judged before anything is looked up: whoever guesses learns nothing of who there is."""
        identity = given.identity.strip()
        if not (0 < len(identity) <= LONGEST and given.code and 0 < len(given.password) <= LONGEST):
            raise _No("first-incomplete")
        counted = str(self._hashes.of(identity.lower()))
        if wait := self.tries.wait(counted):
            raise _No("too-many-tries", {"minutes": str(-(-wait // 60))}, wait)
        # Telephones begin with a capital; the register's own spelling is one of these.
        for spelling in dict.fromkeys((identity, identity.lower(), identity.upper())):
            number = first_sign_in.slip_of(self._key, spelling, given.code)
            if number is not None:
                return self._known(spelling, number)
        self.tries.wrong(counted)
        raise _No("slip-wrong")

    def _known(self, identity: str, number: int) -> _Slip:
        person = self._hashes.of(identity)
        who = self.roster.identity(person)
        if who is None:
            raise _No("not-in-roster")
        return _Slip(identity, number, person, who)

    def _account(self, slip: _Slip, password: str) -> str:
        """Make or renew the account: ``made`` or ``renewed``."""
        account = self._found(slip)
        used = _used(account)
        if slip.number <= used:
            raise _No("slip-used", {"next": str(used + 1)})
        if used and not account.enabled and ATTRIBUTE_LEFT not in account.attributes:
            raise _No("account-off")
        if used:
            self._note(Kind.GRANT, "renewed", slip.on_record, {"slip": slip.number})
            self._equip(account, slip, password)
            self.accounts.change(account, enabled=True, attributes=slip.attributes)
            self.accounts.end_sessions(account.id)
            return "renewed"
        # It is switched off still, so that a password that is refused has changed nothing that is anybody's.
        self._equip(account, slip, password)
        self._note(Kind.GRANT, "made", slip.on_record, {"slip": slip.number})
        self.accounts.change(account, enabled=True, attributes=slip.attributes)
        return "made"

    def _equip(self, account: Account, slip: _Slip, password: str) -> None:
        before = account.attributes.get(ATTRIBUTE_TIER)
        if before and before != slip.who.tier:
            self.accounts.take_role(account.id, before)
        self.accounts.give_role(account.id, slip.who.tier)
        self.accounts.set_password(account.id, password)

    def _found(self, slip: _Slip) -> Account:
        """The account, made now and switched off where there was none; refused when the name is somebody else's."""
        found = self.accounts.find(slip.name)
        if found is None:
            begun = {key: text for key, text in slip.attributes.items() if text is not None and key != ATTRIBUTE_SLIP}
            try:
                self.accounts.make(slip.name, begun, enabled=False)
            except TakenError:
                LOG.info("an account was made by two at once")
            found = self.accounts.find(slip.name)
        if found is None or found.attributes.get(ATTRIBUTE_PERSON) != str(slip.person):
            raise _No("name-taken")
        return found

    def _note(self, kind: Kind, why: str, who: Who, facts: Mapping[str, str | int]) -> None:
        self.recorder.noted(Entry(kind, ACTION, RESOURCE, why, None, who, facts))

    def _refused(self, no: _No, who: Who) -> Answer:
        try:
            self._note(Kind.REFUSAL, no.reason, who, {})
        except UnrecordedError as error:
            return _unrecorded(error)
        return Answer(STATUS[no.reason], reasons.text(no.reason, no.facts), wait=no.wait)


def _no(error: Exception) -> _No:
    """The answer to what went wrong."""
    if isinstance(error, _No):
        return error
    if isinstance(error, RosterDownError):
        LOG.error("the roster cannot be asked: %s", error)
        return _No("roster-down")
    if isinstance(error, RefusedError) and passwords.is_about_passwords(error.code):
        return _No("password-refused", {"why": passwords.words(error.code, str(error))})
    LOG.error("no account was made: %s", error)
    return _No("identity-down" if isinstance(error, DownError) else "account-refused")


def _unrecorded(error: UnrecordedError) -> Answer:
    LOG.error("the outcome of a first sign-in cannot be recorded: %s", error)
    reason = "account-unrecorded"
    return Answer(STATUS[reason], reasons.text(reason, {}))


def _used(account: Account) -> int:
    """The number of the last slip that was used for it; 0: none was, so that it is not finished."""
    text = account.attributes.get(ATTRIBUTE_SLIP, "0")
    return int(text) if text.isdecimal() else first_sign_in.MOST_SLIPS
