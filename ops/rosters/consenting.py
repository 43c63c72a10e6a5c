"""Writing down that a guardian agrees, or does no longer: judged by what the roster has of the pupil, then written in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final, TypeVar
from uuid import UUID

from psycopg.errors import ForeignKeyViolation
from psycopg.rows import dict_row

from catalog.errors import UserError
from derive.guardians import may_agree
from ops.audits import deeds
from ops.audits.deeds import Deed
from ops.rosters import linking
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
    roles: tuple[str, ...] = ()
    """As what the register has the guardian: what the consent rests on."""


def judged(
    wish: Wish,
    today: date,
    by: Collection[str],
    identity: Callable[[str, str], UUID],
    look_up: Callable[[UUID], Person],
) -> tuple[Person, Meant]:
    """The pupil, and what is meant; ``by``: as what the register has whoever may agree. Raises `UserError` with all that is wrong."""
    wrong: list[str] = []
    pupil = _or_wrong(lambda: identity(wish.pupil, "pupil"), wrong)
    guardian = _or_wrong(lambda: identity(wish.guardian or "", "guardian"), wrong) if wish.guardian else None
    wrong += _options(wish, today)
    known = _or_wrong(lambda: look_up(pupil), wrong) if pupil else None
    if known and not wish.listed:
        chosen, more = _guardian(known, wish, guardian, by)
        guardian, wrong = chosen, [*wrong, *more]
    if pupil is None or known is None or wrong:
        raise UserError("\n".join([*wrong, "nothing was changed"]))
    until = date.fromisoformat(wish.until).isoformat() if wish.until else LAST
    stand = [each for each in standing(known, today) if guardian is None or each["guardian"] == str(guardian)]
    done = not stand if wish.withdraw else any(each["ends"] == until for each in stand)
    return known, Meant(pupil, guardian, today, until, wish.withdraw, done, known.linked_as.get(str(guardian), ()))


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


def _guardian(known: Person, wish: Wish, named: UUID | None, by: Collection[str]) -> tuple[UUID | None, list[str]]:
    """Who agrees, or does no longer, and why that cannot be."""
    wrong = [LEFT if known.left_at else NO_PUPIL] if known.minor is False and not wish.withdraw else []
    theirs = ", ".join(known.guardians)
    if named and str(named) not in known.guardians:
        who = f"{named} is no guardian of theirs"
        return None, [*wrong, f"{who}: the roster has {theirs}" if theirs else f"{who}; {NO_GUARDIAN}"]
    if named and not wish.withdraw:
        return named, [*wrong, *_may_not(known, str(named), by)]
    if named or wish.withdraw or wish.guardian or wrong:
        return named, wrong
    may = [each for each in known.guardians if may_agree(known.linked_as.get(each, ()), by)]
    if len(may) == 1:
        return UUID(may[0]), wrong
    if may:
        return None, [f"they have {len(may)} guardians: say with --guardian which of {', '.join(may)} agrees"]
    return None, [line for each in known.guardians for line in _may_not(known, each, by)] or [NO_GUARDIAN]


def _may_not(known: Person, adult: str, by: Collection[str]) -> list[str]:
    """Why this adult may not agree about the pupil, and what would let them; nothing where they may."""
    roles = known.linked_as.get(adult, ())
    return [] if may_agree(roles, by) else [f"{adult} may not agree: {not_theirs(roles, by)}"]


def not_theirs(roles: Collection[str], by: Collection[str]) -> str:
    """Why nobody may agree who is ``roles`` in the register, and what would let them."""
    held, asked = " and ".join(sorted(roles)), " or ".join(sorted(by))
    if not roles:
        return "the roster does not say what they are where the pupil is: take the school's roster in"
    if set(roles).isdisjoint(by):
        why = "the law asks for a parent or another guardian, and closeness makes nobody one"
        return f"the register has them as {held}, not as {asked}: {why}. Where they are one in law, the register has to say so"
    others = " and ".join(sorted(set(roles) - set(by)))
    return f"the register has them as {held} at the pupil's school, and not of whom: it has to leave {others} out where they are {asked}"


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
INSERT INTO consents (pupil, guardian, roles, begins, ends, recorded_by)
VALUES (%(pupil)s, %(guardian)s, %(roles)s, %(today)s, %(until)s, %(by)s)
"""
_VOID: Final = f"""
SELECT pupil::text, guardian::text, roles, begins::text, ends::text, recorded_at::text, recorded_by, NULL AS withdrawn_at
FROM consents WHERE withdrawn_at IS NULL AND ends >= %(today)s AND NOT {linking.may_agree("roles")} ORDER BY pupil, id
"""  # noqa: S608  # our own columns


def void(connect: Connect, today: date, by: Collection[str]) -> list[dict[str, Any]]:
    """Every consent that stands and does not count, because who gave it may not agree about the pupil; rows as `Person.consents` has."""
    with keeper(connect, CONSENT, BUSY) as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_VOID, {"today": today, "by": [str(each) for each in by]}).fetchall()


def write(connect: Connect, meant: Meant, by: str) -> None:
    """Write it as the keeper: a consent takes the place of one that stands. Raises `UserError` where the roster changed meanwhile."""
    about = {**asdict(meant), "roles": list(meant.roles), "by": by}
    try:
        with keeper(connect, CONSENT, BUSY) as connection:
            connection.execute(_WITHDRAW, about)
            if not meant.withdraw:
                connection.execute(_GIVE, about)
    except ForeignKeyViolation as error:
        raise UserError(
            f"{meant.guardian} is no guardian of theirs any more, or as something else: nothing was changed; the same command says more"
        ) from error


def deed(meant: Meant) -> Deed:
    """How it goes on the audit record: as a deed to the pupil's profile, both by their ids on the platform."""
    facts: dict[str, str | int] = {"guardian": str(meant.guardian)} if meant.guardian else {}
    if not meant.withdraw:
        facts |= {"until": meant.until, "roles": " ".join(meant.roles)}
    return Deed("consent-withdraw" if meant.withdraw else "consent-give", deeds.profile(meant.pupil), facts)


def told(meant: Meant, *, dry: bool) -> str:
    """What was done, or would have been."""
    if meant.done:
        return "no consent stands; nothing to do" if meant.withdraw else "this consent stands already; nothing to do"
    who = meant.guardian or "every guardian"
    how = "until no guardian has a say" if meant.until == LAST else f"until {meant.until}"
    what = f"the consent of {who} {'would be' if dry else 'is'} "
    return what + ("withdrawn" if meant.withdraw else f"recorded, {how}") + ("; nothing was changed" if dry else "")
