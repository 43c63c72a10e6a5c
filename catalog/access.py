"""Who may do what: tiers and licences. `Tier` is about access only; on which resources its actions count stands in `catalog.resource`."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from catalog.agreement import PartnerKind
from catalog.roster import RosterRole
from catalog.types import Day, Fact, LicenceId, Money, Names, TierId, TimeZoneName, Words


class Scope(StrEnum):
    """Whose things a tier reaches, from the narrowest to the widest; not what it may do with them."""

    OWN = "own"
    CHILD = "child"
    CLASS = "class"
    SCHOOL = "school"
    AGREEMENT = "agreement"
    ALLIANCE = "alliance"
    DISTRICT = "district"
    CITY = "city"
    PUBLIC = "public"


class Action(StrEnum):
    """What one may do; not with whose things."""

    VIEW = "view"
    LEARN = "learn"
    DOWNLOAD = "download"
    REMIX = "remix"
    PUBLISH = "publish"
    REVIEW = "review"
    REPORT = "report"
    ADMINISTER = "administer"


class Use(StrEnum):
    """A use that a licence may allow."""

    STREAM = "stream"
    """To play it with the platform’s permission, also from a cache: what a cache holds is called back, and opens with a permission only."""
    DOWNLOAD = "download"
    """To take it away as a file."""
    OFFLINE = "offline"
    """To put it on a stick and bring it to a school: it leaves the platform, and lies where no withdrawal reaches it."""
    REMIX = "remix"


USES: Final[Mapping[Action, Use]] = {
    Action.VIEW: Use.STREAM,
    Action.LEARN: Use.STREAM,
    Action.DOWNLOAD: Use.DOWNLOAD,
    Action.REMIX: Use.REMIX,
}
"""Action -> the use that a licence has to allow for it; the other actions are not the licence's affair."""


class Tier(Fact):
    """A class of people, with what it may do and how far that reaches."""

    id: TierId
    """Short id."""
    name: Names
    """Its name."""
    description: Words
    """Who is in it and what for."""
    scope: Scope
    """The widest that it reaches by itself; an agreement may open more, and an alliance its live lessons. No other grant goes beyond it."""
    actions: tuple[Action, ...]
    """Everything that it may do with any resource; which, and whose, stands with the resources."""
    two_factor: bool
    """Whether a second factor is asked for at sign-in."""
    roster_roles: tuple[RosterRole, ...]
    """What somebody is in a school's roster to be in this tier; empty: no roster puts anybody in it."""
    partner_kind: PartnerKind | None
    """What the partner is whose people are in it; ``null``: it is of no partner."""


class LicenceReach(StrEnum):
    """How far from its owner a resource may be used at all, whatever tiers and agreements say; not by whom there."""

    ANYONE = "anyone"
    CITY = "city"
    """By people of the city's schools and offices; no partner and nobody who has not signed in."""
    SCHOOL = "school"
    """In the school that owns it."""


class Window(Fact):
    """A span of days in a time zone of its own, for terms that were agreed elsewhere."""

    starts: Day
    """First day on which it is open."""
    ends: Day
    """Last day on which it is open."""
    timezone: TimeZoneName
    """Time zone in which these days begin and end."""


class Seats(Fact):
    """Places that are paid for: who has none may not use the resource."""

    number: Annotated[int, Field(ge=1, le=10_000_000)]
    """How many people may hold one at a time, in the whole city."""
    yuan_per_seat: Money
    """What one costs for the whole window, yuan."""


class Licence(Fact):
    """The terms under which a resource is shared: every limit counts, and all of them together."""

    id: LicenceId
    """Short id."""
    name: Names
    """Its name."""
    uses: Annotated[tuple[Use, ...], Field(min_length=1)]
    """What it allows; without `download` nothing may be taken away, without `offline` no stick takes it."""
    tiers: Annotated[tuple[TierId, ...], Field(min_length=1)]
    """Whom it allows it to."""
    reach: LicenceReach
    """How far from its owner it lets a resource go."""
    window_days: Annotated[int, Field(ge=1, le=3660)] | None
    """Days from publication during which it holds; ``null``: without end."""
    window: Window | None
    """The days on which it holds at all; ``null``: on every day."""
    seats: Seats | None
    """How many people it is paid for; ``null``: it is not counted."""
    attribution: bool
    """Whether the author must be named."""


class Playback(Fact):
    """How long a permission to play a lesson lasts."""

    token_minutes: Annotated[int, Field(ge=10, le=1440)]
    """Minutes after which a player asks again: also how long a school's cache without a link plays on what was withdrawn."""


class Admission(Fact):
    """How much is let in at the gateway of what people ask the platform to decide."""

    headroom: Annotated[int, Field(ge=2, le=10_000)]
    """How many times the busiest moment of the city's own school day passes each second, before requests are refused for a moment."""


class SignIn(Fact):
    """What is asked of whoever signs in with a password; which tiers need a second factor stands with the tiers."""

    password_characters: Annotated[int, Field(ge=8, le=128)]
    """The fewest that a password has."""
    wrong_tries: Annotated[int, Field(ge=3, le=100)]
    """Wrong passwords after which an account is locked for a while."""
    locked_minutes: Annotated[int, Field(ge=1, le=1440)]
    """How long it is locked then, minutes."""
    idle_minutes: Annotated[int, Field(ge=5, le=720)]
    """Minutes without anything done after which the sign-in page asks for the password again."""
