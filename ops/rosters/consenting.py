"""Writing down that a guardian agrees, or does no longer: judged by what the roster has of the pupil, then written in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeVar
from uuid import UUID

from psycopg.errors import ForeignKeyViolation

from catalog.errors import UserError
from ops.audits import deeds
from ops.audits.deeds import Deed
from ops.rosters.importing import Connect, keeper
from ops.rosters.person import Person
from services.roster.policies import CONSENT

T = TypeVar("T")
LAST: Final = "infinity"
"""The end of a consent that has none of its own, as PostgreSQL writes it: it lasts as long as a guardian has a say."""
NO_PUPIL: Final = "no guardian has a say about them, so none has to agree"
LEFT: Final = "they are not in the roster any more"
BUSY: Final = "a roster is being taken in: nothing was changed; again when it is done"
NO_GUARDIAN: Final = "the roster knows no guardian of theirs who may sign in: their school's register has to name one"


@dataclass(frozen=True)
class Wish:
    """What was asked for, as typed."""

    pupil: str
    guardian: str | None
    until: str | None
    withdraw: bool = False
    listed: bool = False


@dataclass(frozen=True)
class Meant:
    """What it comes to."""

    pupil: UUID
    guardian: UUID | None
    """None: whichever of them agreed, when it is withdrawn."""
    today: date
    """In the city."""
    until: str = LAST
    withdraw: bool = False
    done: bool = False
    """Whether there is nothing to do."""


def judged(
    wish: Wish, today: date, identity: Callable[[str, str], UUID], look_up: Callable[[UUID], Person]
) -> tuple[Person, Meant]:
    """The pupil, and what is meant. Raises `UserError` with everything that is wrong with it."""
    wrong: list[str] = []
    pupil = _or_wrong(lambda: identity(wish.pupil, "pupil"), wrong)
    guardian = _or_wrong(lambda: identity(wish.guardian or "", "guardian"), wrong) if wish.guardian else None
    wrong += _options(wish, today)
    known = _or_wrong(lambda: look_up(pupil), wrong) if pupil else None
    if known and not wish.listed:
        chosen, more = _guardian(known, wish, guardian)
        guardian, wrong = chosen, [*wrong, *more]
    if pupil is None or known is None or wrong:
        raise UserError("\n".join([*wrong, "nothing was changed"]))
    until = date.fromisoformat(wish.until).isoformat() if wish.until else LAST
    stand = [each for each in standing(known, today) if guardian is None or each["guardian"] == str(guardian)]
    done = not stand if wish.withdraw else any(each["ends"] == until for each in stand)
    return known, Meant(pupil, guardian, today, until, wish.withdraw, done)


def _or_wrong(look: Callable[[], T], wrong: list[str]) -> T | None:
    try:
        return look()
    except UserError as error:
        wrong.append(str(error))
        return None


def _options(wish: Wish, today: date) -> list[str]:
    """What is wrong with the words by themselves."""
    wrong = []
    if wish.listed and (wish.guardian or wish.until or wish.withdraw):
        wrong.append("--list shows what there is: leave the other options out")
    return [*wrong, *last_day(wish.until, today, withdraw=wish.withdraw)]


def last_day(until: str | None, today: date, *, withdraw: bool) -> list[str]:
    """What is wrong with the last day that was named."""
    wrong = ["--withdraw counts from now on: leave --until out"] if withdraw and until else []
    try:
        if until and date.fromisoformat(until) < today:
            wrong.append(f"--until {until} is over: name today or a later day")
    except ValueError:
        wrong.append(f"--until {until} is no day: write it as {today.isoformat()}")
    return wrong


def _guardian(known: Person, wish: Wish, named: UUID | None) -> tuple[UUID | None, list[str]]:
    """Who agrees, or does no longer, and why that cannot be."""
    wrong = [LEFT if known.left_at else NO_PUPIL] if known.minor is False and not wish.withdraw else []
    theirs = ", ".join(known.guardians)
    if named and str(named) not in known.guardians:
        who = f"{named} is no guardian of theirs"
        return None, [*wrong, f"{who}: the roster has {theirs}" if theirs else f"{who}; {NO_GUARDIAN}"]
    if named or wish.withdraw or wish.guardian or wrong:
        return named, wrong
    if len(known.guardians) == 1:
        return UUID(known.guardians[0]), wrong
    many = f"they have {len(known.guardians)} guardians: say with --guardian which of {theirs} agrees"
    return None, [many if theirs else NO_GUARDIAN]


def standing(known: Person, today: date) -> list[dict[str, str]]:
    """Consents about them that are neither withdrawn nor over."""
    # As text `infinity` comes after every day.
    return [
        each
        for each in known.consents
        if each["pupil"] == known.id and each["withdrawn_at"] is None and each["ends"] >= today.isoformat()
    ]


_WITHDRAW: Final = """
UPDATE consents SET withdrawn_at = now(), withdrawn_by = %(by)s
WHERE pupil = %(pupil)s AND guardian = coalesce(%(guardian)s, guardian) AND withdrawn_at IS NULL AND ends >= %(today)s
"""
_GIVE: Final = """
INSERT INTO consents (pupil, guardian, begins, ends, recorded_by)
VALUES (%(pupil)s, %(guardian)s, %(today)s, %(until)s, %(by)s)
"""


def write(connect: Connect, meant: Meant, by: str) -> None:
    """Write it as the keeper: a consent takes the place of one that stands. Raises `UserError` where the roster changed meanwhile."""
    about = {"pupil": meant.pupil, "guardian": meant.guardian, "today": meant.today, "until": meant.until, "by": by}
    try:
        with keeper(connect, CONSENT, BUSY) as connection:
            connection.execute(_WITHDRAW, about)
            if not meant.withdraw:
                connection.execute(_GIVE, about)
    except ForeignKeyViolation as error:
        raise UserError(f"{meant.guardian} is no guardian of theirs any more: nothing was changed") from error


def deed(meant: Meant) -> Deed:
    """How it goes on the audit record: as a deed to the pupil's profile, both by their ids on the platform."""
    facts: dict[str, str | int] = {"guardian": str(meant.guardian)} if meant.guardian else {}
    if not meant.withdraw:
        facts["until"] = meant.until
    return Deed("consent-withdraw" if meant.withdraw else "consent-give", deeds.profile(meant.pupil), facts)


def told(meant: Meant, *, dry: bool) -> str:
    """What was done, or would have been."""
    if meant.done:
        return "no consent stands; nothing to do" if meant.withdraw else "this consent stands already; nothing to do"
    who = meant.guardian or "every guardian"
    how = "until no guardian has a say" if meant.until == LAST else f"until {meant.until}"
    what = f"the consent of {who} {'would be' if dry else 'is'} "
    return what + ("withdrawn" if meant.withdraw else f"recorded, {how}") + ("; nothing was changed" if dry else "")
