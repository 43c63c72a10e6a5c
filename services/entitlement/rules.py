"""Decides about lessons by the compiled document (``access.json`` of the policies surface), and says in a code why not. Pure.

Whether it is a yes is decided by ``derive.tables`` and by nothing here; the code is the first thing that stood in the way there: who
somebody is, then what the lesson's licence says, then whose lessons are in reach. What the public may play, everybody may: signing in
takes nothing away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from derive import grounds, questions, tables
from derive.cells import ENDLESS, Agreed, Cell
from derive.grounds import Ground
from derive.questions import Question
from derive.tables import Obstacle, Tables


@dataclass(frozen=True)
class Person:
    """Who asks: a tier's id, and where they belong, as the session says; without a session the public."""

    tier: str | None
    school: str | None = None
    """Code."""
    signed_in: bool = True
    district: str | None = None
    """Id of the district that they work for."""
    partner: str | None = None
    """Id of the partner that they work for."""


@dataclass(frozen=True)
class Lesson:
    """What of a lesson's record counts. Times are aware."""

    id: str
    school: str
    licence: str
    published: datetime
    master: str
    """Key of the master playlist in the bucket of lessons."""
    download: str | None = None
    """Key of the file to take away; None: there is none."""
    download_bytes: int | None = None
    live_until: datetime | None = None
    """When class ends at the latest; None: it is recorded, or class has ended."""
    promised: Mapping[str, str] = field(default_factory=dict)
    """School code -> the rendition of it that a school is promised while it is live."""
    subject: str = ""
    """What is taught in it, in the words of its record."""


@dataclass(frozen=True)
class Decision:
    """Refused for ``reason`` (a code; ``facts`` fill its text), or allowed until ``until``."""

    reason: str | None
    until: datetime | None = None
    public: bool = False
    """Allowed because everybody may."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    ground: Ground | None = None
    """Why it is allowed; None: it is refused."""

    @property
    def allowed(self) -> bool:
        """Whether it may be done."""
        return self.reason is None


class Asking(Protocol):
    """From who, which lesson, when and with or without a seat to what is asked: `questions.playing` or `questions.downloading`."""

    def __call__(
        self, who: questions.Person, lesson: questions.Thing, now: datetime, *, seat: bool = False
    ) -> Sequence[Question]:
        """The questions."""


SEAT_NEEDED = "licence-needs-seat"
"""Reason where it hangs on a paid seat, and on nothing before it."""
Asked = Sequence[tuple[Cell, Question]]
"""What the matrix has about a tier, and what is asked of it."""
_PLAIN: Mapping[Obstacle, str] = {
    Obstacle.UNKNOWN_LICENCE: "unknown-licence",
    Obstacle.USE: "licence-without-streaming",
    Obstacle.SEAT: SEAT_NEEDED,
    Obstacle.NOT_BEGUN: "licence-not-begun",
    Obstacle.ENDED: "licence-ended",
    Obstacle.UNPUBLISHED: "not-yet-published",
}
"""Obstacle -> reason, where the one says the other."""
_TAKEN_AWAY = {Obstacle.USE: "licence-without-download"}
"""The same, where it is asked for to take away."""
_NOTHING: Mapping[str, str] = {
    questions.LESSON: "tier-plays-nothing",
    questions.LIVE: "live-not-for-tier",
    questions.READINGS: "readings-not-for-tier",
}
_FAR: Mapping[str, str] = {questions.LESSON: "out-of-reach", questions.LIVE: "live-in-alliance-only"}
"""Class of what is played -> reason."""


class Rules:
    """The document. Raises KeyError, TypeError, ValueError or AttributeError when it lacks a table, so that half of one never decides."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.zone = ZoneInfo(document["timezone"])
        self.longest = int(document["token_minutes"]) * 60
        self.public_tier: str | None = document["public_tier"]
        tables_of_names = ("tiers", "licences", "agreements", "schools")
        self.tiers, self.licences, self.agreements, self.schools = (dict(document[each]) for each in tables_of_names)
        self.districts, self.partners = dict(document["districts"]), dict(document["partners"])
        self.offices: dict[str, str] = {str(row["division_code"]): name for name, row in self.districts.items()}
        self.classes, self.actions, self.whose = (dict(document[each]) for each in ("classes", "actions", "whose"))
        self.subjects: dict[str, Mapping[str, str]] = {name: row["name"] for name, row in document["subjects"].items()}
        self.tables = Tables.read(document)
        self.consent_below = self.tables.consent_below(questions.PROFILE)
        """The age below which a guardian has a say about a pupil; 0: no row of the matrix asks for it."""
        self.consent_by = frozenset(map(str, document["guardian_consent_by"]))
        """As what the register has whoever may agree about a pupil."""

    def public(self) -> Person:
        """Whoever has not signed in."""
        return Person(self.public_tier, signed_in=False)

    def today(self, now: datetime) -> date:
        """The day that it is in the city at ``now`` (aware)."""
        return now.astimezone(self.zone).date()

    def seat_until(self, days: Iterable[date | None]) -> int:
        """Until when somebody holds a seat who holds some with these last days (None: without one), Unix seconds; 0: they hold none."""
        return max((ENDLESS if day is None else self._midnight_after(day) for day in days), default=0)

    def _midnight_after(self, day: date) -> int:
        return int(datetime.combine(day + timedelta(days=1), time(), self.zone).timestamp())

    def decide(
        self, person: Person, lesson: Lesson, now: datetime, asking: Asking = questions.playing, seat: int = 0
    ) -> Decision:
        """Whether ``person`` may play ``lesson`` (or what else is ``asking``) at ``now``, and until when at the latest.

        ``seat``: until when they hold one of its licence, Unix seconds.
        """
        asked = self._asked(person, lesson, now, asking, seat)
        own = self._decide(person, asked, seat)
        if own.allowed or not person.signed_in:
            return _while_live(own, lesson, now)
        public = self._yes(self.public_tier, asked, seat)
        return _while_live(replace(public, public=True) if public else own, lesson, now)

    def reporting(self, person: Person, now: datetime) -> Decision:
        """Whether ``person`` may see the readings of the whole city at ``now`` (aware), and until when at the latest."""
        return self._decide(person, questions.reporting(self._who_asks(person), now), 0)

    def _asked(self, person: Person, lesson: Lesson, now: datetime, asking: Asking, seat: int) -> Sequence[Question]:
        who = self._who_asks(person)
        subject = self.tables.subject(lesson.subject)
        what = (
            questions.lesson(lesson.id, lesson.school, lesson.licence, lesson.published, subject)
            if lesson.live_until is None
            else questions.live(lesson.id, lesson.school, subject)
        )
        return asking(who, what, now, seat=now.timestamp() < seat)

    def _who_asks(self, person: Person) -> questions.Person:
        """What is not the city's counts for nothing; whoever works for the whole city need not name a place."""
        return questions.Person(
            "",
            person.tier or "",
            schools=(person.school,) if person.school is not None and person.school in self.schools else (),
            district=person.district if person.district in self.districts else None,
            partner=person.partner if person.partner in self.partners else None,
            city=bool(self.tiers.get(person.tier, {}).get("city")),
        )

    def _decide(self, person: Person, asked: Sequence[Question], seat: int) -> Decision:
        refused = self._who(person, asked)
        if refused:
            return refused
        return self._yes(person.tier, asked, seat) or self._refused(person, asked)

    def _yes(self, tier: str | None, asked: Sequence[Question], seat: int) -> Decision | None:
        """A yes to ``tier``, until as late as any cell that says yes allows, by a ground that holds so long; None for a no."""
        opening = self.tables.opening((tier or "",), asked)
        if not opening:
            return None
        latest = min(max(self.tables.until(cell, each) for _, cell, each in opening), asked[0].now + self.longest)
        end = min(latest, seat) if self._by_seat(asked[0]) else latest
        return Decision(None, datetime.fromtimestamp(end, UTC), ground=grounds.ground(self.tables, opening, end))

    def _by_seat(self, question: Question) -> bool:
        """Whether it hangs on the seat that they hold, and ends with it."""
        terms = self.tables.licences.get(question.what.licence or "")
        return question.seat and terms is not None and terms.seats

    def _cells(self, tier: str | None, asked: Sequence[Question]) -> Asked:
        return [(cell, each) for each in asked if (cell := self.tables.cell(tier or "", each)) is not None]

    def _who(self, person: Person, asked: Sequence[Question]) -> Decision | None:
        tier = self.tiers.get(person.tier)
        if tier is None:
            return Decision("unknown-tier") if person.signed_in else Decision("sign-in-needed")
        facts = {"tier": tier["name"]}
        if not self._cells(person.tier, asked):
            return Decision(_nothing(person, asked), facts=facts)
        if person.school is not None and person.school not in self.schools:
            return Decision("unknown-school", facts=facts)
        return None

    def _refused(self, person: Person, asked: Sequence[Question]) -> Decision:
        """The first thing in the way of the cell that came furthest."""
        order, tier = list(Obstacle), person.tier or ""
        found = [(self.tables.obstacle(tier, cell, each), each) for cell, each in self._cells(tier, asked)]
        obstacle, question = max(((first, each) for first, each in found if first), key=lambda row: order.index(row[0]))
        if obstacle in {Obstacle.WHOSE, Obstacle.CONSENT}:
            return self._out_of_reach(person, question, self._cells(tier, asked))
        return self._by_licence(person, obstacle, question)

    def _by_licence(self, person: Person, obstacle: Obstacle, question: Question) -> Decision:
        name, tier = question.what.licence or "", self.tiers[person.tier]["name"]
        facts: dict[str, Any] = {"tier": tier}
        if name in self.licences:
            facts["licence"] = self.licences[name]["name"]
            facts |= self._dated(obstacle, question)
        plain = {**_PLAIN, **_TAKEN_AWAY} if question.action == questions.TAKING else _PLAIN
        return Decision(plain.get(obstacle) or self._for_whom(person, obstacle, question), facts=facts)

    def _dated(self, obstacle: Obstacle, question: Question) -> dict[str, str]:
        terms, published = self.tables.licences[question.what.licence or ""], question.what.published or 0
        days = {Obstacle.NOT_BEGUN: terms.starts, Obstacle.ENDED: terms.over(published)}
        return {"day": self._day(days[obstacle])} if obstacle in days else {}

    def _for_whom(self, person: Person, obstacle: Obstacle, question: Question) -> str:
        """The licence is for other tiers, or for people elsewhere."""
        if not person.signed_in:
            return "sign-in-needed"
        if obstacle is Obstacle.TIER:
            return "licence-not-for-tier"
        if not self.tables.city_only(question.what.licence):
            return "licence-own-school-only"
        # A partner is outside the city's schools, whatever its agreements open.
        return "licence-not-for-tier" if question.who.partner else "no-school"

    def _out_of_reach(self, person: Person, question: Question, cells: Asked) -> Decision:
        owner = question.what.school or ""
        facts: dict[str, Any] = {"tier": self.tiers[person.tier]["name"]}
        if owner not in self.schools:
            return Decision("unknown-owner", facts=facts)
        if not _belongs(question.who):
            return Decision("no-school" if person.signed_in else "sign-in-needed", facts=facts)
        facts["school"] = self.schools[owner]["name"]
        parties = (one for cell, asked in cells for one in tables.parties(cell, asked))
        # One about this subject says best why.
        nearest = min(parties, key=lambda one: not tables.about(one, question), default=None)
        if nearest is None:
            return Decision(_FAR[question.what.resource], facts=facts)
        return self._by_agreement(nearest, question, {**facts, "agreement": self.agreements[nearest.id]["name"]})

    def _by_agreement(self, agreement: Agreed, question: Question, facts: Mapping[str, Any]) -> Decision:
        """Why an agreement to which both sides are party does not open it."""
        if not tables.about(agreement, question):
            return Decision(
                "agreement-other-subject", facts={**facts, "subjects": self._joined(agreement.subjects or ())}
            )
        if question.now < agreement.starts:
            return Decision("agreement-not-begun", facts={**facts, "day": self._day(agreement.starts)})
        return Decision("agreement-ended", facts={**facts, "day": self._day(agreement.ends)})

    def _joined(self, subjects: Iterable[str]) -> dict[str, str]:
        """Their names, in the order of the city's list."""
        named = [name for subject, name in self.subjects.items() if subject in subjects]
        return {"zh": "、".join(each["zh"] for each in named), "en": ", ".join(each["en"] for each in named)}

    def _day(self, moment: int) -> str:
        return datetime.fromtimestamp(moment, self.zone).date().isoformat()


def _belongs(who: questions.Person) -> bool:
    """Whether they are somewhere that lessons could be in reach of."""
    return bool(who.schools or who.district or who.partner)


def _nothing(person: Person, asked: Sequence[Question]) -> str:
    """Why somebody of whose tier the matrix has nothing is refused."""
    if any(each.action == questions.TAKING for each in asked):
        return "tier-takes-nothing-away" if person.signed_in else "sign-in-to-take-away"
    return _NOTHING[asked[0].what.resource] if person.signed_in else "sign-in-needed"


def _while_live(decision: Decision, lesson: Lesson, now: datetime) -> Decision:
    """What is given for a class ends with it: the recording is decided about anew, by its licence.

    A record that still says live after that end is of a class that was lost: a yes would be a permission that has ended already.
    """
    if decision.until is None or lesson.live_until is None:
        return decision
    if lesson.live_until <= now:
        return Decision("live-over")
    return replace(decision, until=min(decision.until, lesson.live_until))
