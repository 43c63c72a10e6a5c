"""The compiled rules (``access.json`` of the policies surface), and the decision by them. Pure.

The first thing that stands in the way is the reason: who somebody is, then what the lesson's licence says, then whose lessons are in reach.
What the public may play, everybody may: signing in takes nothing away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Person:
    """Who asks: a tier's id and a school's code, as the session says; without a session the public."""

    tier: str | None
    school: str | None = None
    signed_in: bool = True


@dataclass(frozen=True)
class Lesson:
    """What of a lesson's record counts. Times are aware."""

    id: str
    school: str
    licence: str
    published: datetime
    master: str
    """Key of the master playlist in the bucket of lessons."""


@dataclass(frozen=True)
class Decision:
    """Refused for ``reason`` (a code; ``facts`` fill its text), or allowed until ``until``."""

    reason: str | None
    until: datetime | None = None
    public: bool = False
    """Allowed because everybody may."""
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def allowed(self) -> bool:
        """Whether the lesson may be played."""
        return self.reason is None


class Rules:
    """The tables. Raises KeyError or TypeError at once when one is missing, so that a service without them never starts."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.zone = ZoneInfo(document["timezone"])
        self.longest = timedelta(minutes=document["token_minutes"])
        self.public_tier: str | None = document["public_tier"]
        tables = ("tiers", "licences", "agreements", "alliances", "schools")
        self.tiers, self.licences, self.agreements, self.alliances, self.schools = (
            dict(document[table]) for table in tables
        )

    def public(self) -> Person:
        """Whoever has not signed in."""
        return Person(self.public_tier, signed_in=False)

    def decide(self, person: Person, lesson: Lesson, now: datetime) -> Decision:
        """Whether ``person`` may play ``lesson`` at ``now``, and until when at the latest."""
        own = self._decide(person, lesson, now)
        if own.allowed or not person.signed_in:
            return own
        everybody = self._decide(self.public(), lesson, now)
        return replace(everybody, public=True) if everybody.allowed else own

    def _decide(self, person: Person, lesson: Lesson, now: datetime) -> Decision:
        refused = self._who(person) or self._licence(person, lesson, now)
        if refused:
            return refused
        ends = self._reach_ends(person, lesson.school, now)
        if ends is None:
            return self._out_of_reach(person, lesson.school, now)
        window = self._window_ends(lesson)
        return Decision(None, min(each for each in (now + self.longest, ends, window) if each))

    def _who(self, person: Person) -> Decision | None:
        tier = self.tiers.get(person.tier)
        if tier is None:
            return Decision("unknown-tier") if person.signed_in else Decision("sign-in-needed")
        facts = {"tier": tier["name"]}
        if not tier["grounds"]:
            return Decision("tier-plays-nothing", facts=facts)
        if person.school is not None and person.school not in self.schools:
            return Decision("unknown-school", facts=facts)
        return None

    def _licence(self, person: Person, lesson: Lesson, now: datetime) -> Decision | None:
        licence = self.licences.get(lesson.licence)
        if licence is None:
            return Decision("unknown-licence")
        facts = {"licence": licence["name"], "tier": self.tiers[person.tier]["name"]}
        if not licence["streams"]:
            return Decision("licence-without-streaming", facts=facts)
        if person.tier not in licence["tiers"]:
            return Decision("licence-not-for-tier" if person.signed_in else "sign-in-needed", facts=facts)
        return self._limits(person, lesson, facts) or self._times(lesson, now, facts)

    def _limits(self, person: Person, lesson: Lesson, facts: dict[str, Any]) -> Decision | None:
        licence = self.licences[lesson.licence]
        # That a licence for the city is not for partners or the public is in its list of tiers, which the catalog checks.
        if licence["reach"] not in ("anyone", "city") and person.school != lesson.school:
            return Decision("licence-own-school-only", facts=facts)
        # Nothing counts seats yet, so nobody holds one.
        return None if licence["seats"] is None else Decision("licence-needs-seat", facts=facts)

    def _times(self, lesson: Lesson, now: datetime, facts: dict[str, Any]) -> Decision | None:
        window, ends = self.licences[lesson.licence]["window"], self._window_ends(lesson)
        if window and now < (starts := datetime.fromisoformat(window["starts"])):
            return Decision("licence-not-begun", facts={**facts, "day": self._day(starts)})
        if ends is not None and ends <= now:
            return Decision("licence-ended", facts={**facts, "day": self._day(ends)})
        return Decision("not-yet-published") if lesson.published > now else None

    def _window_ends(self, lesson: Lesson) -> datetime | None:
        licence = self.licences[lesson.licence]
        days, window = licence["window_days"], licence["window"]
        ends = [] if days is None else [lesson.published + days * DAY]
        return min([*ends, *([datetime.fromisoformat(window["ends"])] if window else [])], default=None)

    def _reach_ends(self, person: Person, owner: str, now: datetime) -> datetime | None:
        """Until when ``owner``'s lessons are in reach: the latest of all grounds that hold now; None when none does."""
        return max((ends for _, starts, ends in self._grounds(person, owner) if starts <= now < ends), default=None)

    def _grounds(self, person: Person, owner: str) -> Iterator[tuple[str, datetime, datetime]]:
        """Ground or agreement, and from when to when it holds, of everything that puts ``owner``'s lessons in reach."""
        grounds, school, always = self.tiers[person.tier]["grounds"], person.school, (_FIRST, _LAST)
        if owner not in self.schools:
            return
        if "city" in grounds:
            yield ("city", *always)
        if school is None:
            return
        if "own" in grounds and school == owner:
            yield ("own", *always)
        if "district" in grounds and self.schools[school]["district"] == self.schools[owner]["district"]:
            yield ("district", *always)
        if "alliance" in grounds and any({school, owner} <= set(members) for members in self.alliances.values()):
            yield ("alliance", *always)
        for name, each in self.agreements.items() if "agreement" in grounds else ():
            if {school, owner} <= set(each["schools"]):
                yield (name, self._midnight(each["starts"]), self._midnight(each["ends"], 1))

    def _out_of_reach(self, person: Person, owner: str, now: datetime) -> Decision:
        facts: dict[str, Any] = {"tier": self.tiers[person.tier]["name"]}
        if owner not in self.schools:
            return Decision("unknown-owner", facts=facts)
        if person.school is None:
            return Decision("no-school" if person.signed_in else "sign-in-needed", facts=facts)
        facts["school"] = self.schools[owner]["name"]
        dated = [(name, starts, ends) for name, starts, ends in self._grounds(person, owner) if name in self.agreements]
        for name, starts, ends in dated:
            agreement = {**facts, "agreement": self.agreements[name]["name"]}
            if now < starts:
                return Decision("agreement-not-begun", facts={**agreement, "day": self._day(starts)})
            return Decision("agreement-ended", facts={**agreement, "day": self._day(ends)})
        return Decision("out-of-reach", facts=facts)

    def _midnight(self, day: str, later: int = 0) -> datetime:
        return datetime.combine(date.fromisoformat(day) + later * DAY, time(), self.zone)

    def _day(self, moment: datetime) -> str:
        return moment.astimezone(self.zone).date().isoformat()


_FIRST = datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC"))
_LAST = datetime(9000, 1, 1, tzinfo=ZoneInfo("UTC"))
