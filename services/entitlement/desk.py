"""Where somebody asks: to play a lesson, what they may see, what is kept of a person. From a request's session to an answer, on record."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

import jwt

from derive import grounds, keys, lesson, permission, questions, video_token
from derive.grounds import Facts
from services.entitlement import mine, profile, reasons
from services.entitlement.audit import NO_ID, Outcome, Unwatched, Witness, known
from services.entitlement.journal import UnrecordedError
from services.entitlement.nights import Nights
from services.entitlement.passes import Passes
from services.entitlement.people import Found, Identity, Nobody, People, PersonError, identities
from services.entitlement.records import Records, UnreadableError
from services.entitlement.rules import SEAT_NEEDED, Decision, Lesson, Person, Rules
from services.entitlement.sessions import Session, SessionError, Verifier
from services.entitlement.settings import Settings
from services.entitlement.versions import Version

LOG = logging.getLogger(__package__)
PLAY, DOWNLOAD, VIEW, REPORT = "play", questions.TAKING.value, questions.VIEWING.value, questions.REPORTING[0].value
MINE = "mine"
"""On record: what was asked for by who asked what they may see."""
STATUS: Mapping[str, HTTPStatus] = {
    "no-rules": HTTPStatus.SERVICE_UNAVAILABLE,
    "no-such-lesson": HTTPStatus.NOT_FOUND,
    "no-file-to-take-away": HTTPStatus.NOT_FOUND,
    "record-unreadable": HTTPStatus.SERVICE_UNAVAILABLE,
    "decision-unrecorded": HTTPStatus.SERVICE_UNAVAILABLE,
    "roster-unreadable": HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Reason -> status; every other one is 403."""


class SeatWantedError(Exception):
    """It hangs on a seat, for which the roster has to be asked."""


@dataclass(frozen=True)
class Answer:
    """Status, JSON body, and the video token where there is one."""

    status: HTTPStatus
    body: Mapping[str, Any]
    token: str | None = field(default=None, repr=False)
    expires: int = 0
    wait: int = 0
    """Seconds after which to try again; 0: nothing is said of it."""
    ground: Facts = field(default_factory=dict)
    """Why it is given, for the record."""


@dataclass(frozen=True)
class Asked:
    """What somebody asks to do, with what, and from the cache of which place (a school's code; None: of none in particular)."""

    action: str
    resource: str
    place: str | None = None

    def facts(self, version: Version | None) -> Mapping[str, str]:
        """What else of it goes on record."""
        schools = version.rules.schools if version else ()
        return {} if self.place is None else {"place": known(self.place, schools)}


Giving = Callable[[Lesson, str, int], Answer]
"""From a lesson, the place of a cache and when it ends, Unix seconds, to what is given to who may have it."""
Deciding = Callable[[Rules, Session | None], Answer]
"""From the rules and who is there to an answer."""


class Desk:
    """Answers who asks.

    ``clock`` gives the time, aware; ``witness`` records what is decided before it is answered; ``people`` knows the roster;
    ``nights`` know what schools fetched ahead.
    """

    def __init__(
        self,
        settings: Settings,
        records: Records,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        witness: Witness | None = None,
        people: People | None = None,
        *,
        nights: Nights | None = None,
    ) -> None:
        self.settings, self.records, self.clock = settings, records, clock
        self.witness, self.people, self.nights = witness or Unwatched(), people or Nobody(), nights
        self._passes = Passes()
        self.verifier = Verifier(settings.issuer, settings.session_keys, clock)

    def session(self, token: str | None) -> Session | None:
        """The session of a request, or None when it has none. Raises `SessionError` for one that does not count."""
        return self.verifier.session(token) if token else None

    def play(self, token: str | None, lesson_id: str, place: str | None, *, look: bool = True) -> Answer:
        """What is answered to a request to play ``lesson_id`` from the cache of ``place`` (a school's code; None: the city's).

        Without ``look`` the roster is not asked: raises `SeatWantedError`, with nothing on record, where it has to be.
        """
        return self._lesson(token, Asked(PLAY, _as_lesson(lesson_id), place), self._play, look=look)

    def download(self, token: str | None, lesson_id: str, place: str | None, *, look: bool = True) -> Answer:
        """What is answered to a request to take ``lesson_id`` away from the cache of ``place``, as for `play`."""
        return self._lesson(token, Asked(DOWNLOAD, _as_lesson(lesson_id), place), self._download, look=look)

    def _lesson(self, token: str | None, asked: Asked, what: Giving, *, look: bool) -> Answer:
        version, session, answer = self._answered(
            token, asked, lambda rules, session: self._allowed(rules, session, asked, what, look=look)
        )
        _note(session, asked, answer, version)
        return answer

    def mine(self, token: str | None) -> Answer:
        """What is answered to who asks what they may see."""
        return self._answered(token, Asked(VIEW, MINE), self._mine)[2]

    def person(self, token: str | None, person: str) -> Answer:
        """What is answered to who asks for the facts of the pupil with this id of the roster."""
        asked = Asked(VIEW, f"{questions.PROFILE}/{_as_id(person)}")
        return self._answered(token, asked, lambda rules, session: self._person(rules, session, person))[2]

    def readings(self, token: str | None) -> Answer:
        """What is answered to the gateway about who wants to see the city's readings; a yes counts as long as one to play."""
        version = self.settings.standing.version
        if token and version and self._passes.holds(token, version.name, self.clock()):
            return Answer(HTTPStatus.OK, {})
        decided, _, answer = self._answered(token, Asked(REPORT, questions.READINGS), self._readings)
        if token and decided and answer.status is HTTPStatus.OK:
            self._passes.keep(token, decided.name, answer.expires)
        return answer

    def _answered(
        self, token: str | None, asked: Asked, decide: Deciding
    ) -> tuple[Version | None, Session | None, Answer]:
        """By which rules to whom what is answered, once that is on record."""
        session: Session | None = None
        # Taken once: an answer is by one version, whatever is swapped meanwhile.
        version = self.settings.standing.version
        try:
            session = self.session(token)
            answer = decide(version.rules, session) if version else _refusal(Decision("no-rules"))
        except (SessionError, PersonError) as error:
            answer = _refusal(Decision(str(error)))
        except UnreadableError as error:
            LOG.error("the record of %s cannot be read: %s", asked.resource, error)
            answer = _refusal(Decision("record-unreadable"))
        expires = answer.expires if answer.token else None
        reason, named = answer.body.get("reason"), permission.name(answer.token) if answer.token else None
        key = self.settings.video_key_id if named else None
        outcome = Outcome(
            asked.action, asked.resource, reason, version, asked.facts(version), expires, named, key, answer.ground
        )
        try:
            self.witness.decided(session, outcome)
        except UnrecordedError as error:
            LOG.error("a decision cannot be recorded: %s", error)
            answer = _refusal(Decision("decision-unrecorded"))
        return version, session, answer

    def _mine(self, rules: Rules, session: Session | None) -> Answer:
        found = self._me(rules, session)[1] if session and session.roster_id is not None else None
        body = mine.body(rules, session, found, rules.today(self.clock()))
        return Answer(HTTPStatus.OK, body, ground={grounds.GRANT: grounds.EVERYBODY})

    def _person(self, rules: Rules, session: Session | None, person: str) -> Answer:
        if session is None or session.roster_id is None:
            return _refusal(Decision("session-without-person" if session else "sign-in-first"))
        said, me = self._me(rules, session)
        pupil, now = self.people.find(person), self.clock()
        decision = profile.decide(rules, said, me, pupil, now)
        if pupil is None or not decision.allowed:
            return _refusal(decision)
        return Answer(HTTPStatus.OK, profile.body(rules, pupil, rules.today(now)), ground=_ground(decision))

    def _readings(self, rules: Rules, session: Session | None) -> Answer:
        if session is None:
            return _refusal(Decision("readings-to-nobody"))
        if session.roster_id is not None:
            # Whoever left, or is something else today, is not who the session says.
            self._me(rules, session)
        decision = rules.reporting(session.person, self.clock())
        if decision.until is None:
            return _refusal(decision)
        expires = min(int(decision.until.timestamp()), session.expires)
        return Answer(HTTPStatus.OK, {}, expires=expires, ground=_ground(decision))

    def _me(self, rules: Rules, session: Session) -> tuple[Identity, Found]:
        """Who signed in, as the roster has them now. Raises `PersonError`, also where they are no more what the session says."""
        found, person = self.people.find(session.roster_id or ""), session.person
        said = Identity(person.tier or "", person.school, person.district, person.partner)
        if said not in identities(found, rules.today(self.clock()), rules) or found is None:
            raise PersonError("roster-differs")
        return said, found

    def _allowed(self, rules: Rules, session: Session | None, asked: Asked, what: Giving, *, look: bool) -> Answer:
        """What is given to who may do what is asked with the lesson, or why they may not."""
        lesson_id, place = asked.resource, asked.place
        if place is not None and place not in rules.schools:
            return _refusal(Decision("unknown-place"))
        if not lesson.LESSON_ID.fullmatch(lesson_id):
            return _refusal(Decision("no-such-lesson"))
        found = self.records.lesson(lesson_id, lesson.record_key(lesson_id))
        if found is None:
            return _refusal(Decision("no-such-lesson"))
        asking = questions.downloading if asked.action == DOWNLOAD else questions.playing
        who, now = session.person if session else rules.public(), self.clock()
        decision = rules.decide(who, found, now, asking)
        # Only then: everything else plays on while the roster cannot be read.
        if decision.reason == SEAT_NEEDED and session and session.roster_id is not None:
            if not look:
                raise SeatWantedError
            decision = rules.decide(who, found, now, asking, self._seat(rules, session, found.licence, now))
        if decision.until is None:
            return _refusal(decision)
        given = what(found, place or self.settings.place, int(decision.until.timestamp()))
        return replace(given, ground=_ground(decision))

    def _seat(self, rules: Rules, session: Session, licence: str, now: datetime) -> int:
        """Until when who signed in holds a seat of the licence, Unix seconds; 0: they hold none. Raises `PersonError`."""
        seats = self._me(rules, session)[1].seated(rules.today(now))
        return rules.seat_until(each.ends for each in seats if each.licence == licence)

    def _play(self, found: Lesson, where: str, expires: int) -> Answer:
        body = {"lesson": found.id, "master": lesson.public_path(found.master), "expires": expires, "place": where}
        if where != self.settings.place and (kept := self._rendition(found, where)):
            body["rendition"] = kept
        claims = video_token.claims(self.settings.issuer, where, found.id, expires)
        return Answer(HTTPStatus.OK, body, self._signed(claims), expires)

    def _rendition(self, found: Lesson, school: str) -> str | None:
        """The rendition that the box of ``school`` was promised of a live class, or fetched of a lesson; None: any."""
        if found.live_until is not None:
            return found.promised.get(school)
        return self.nights.rendition(school, found.id) if self.nights else None

    def _download(self, found: Lesson, where: str, expires: int) -> Answer:
        if found.download is None:
            return _refusal(Decision("no-file-to-take-away"))
        file = {"path": lesson.public_path(found.download), "bytes": found.download_bytes}
        claims = video_token.download_claims(self.settings.issuer, where, found.id, expires)
        body = {"lesson": found.id, **file, "expires": expires, "place": where}
        return Answer(HTTPStatus.OK, body, self._signed(claims), expires)

    def _signed(self, claims: Mapping[str, Any]) -> str:
        head = {"kid": self.settings.video_key_id}
        return jwt.encode(dict(claims), self.settings.video_key, keys.ALGORITHM, headers=head)


def _as_lesson(lesson_id: str) -> str:
    """How a lesson's id is put on record: what is none may be anything, of any length."""
    return lesson_id if lesson.LESSON_ID.fullmatch(lesson_id) else NO_ID


def _as_id(person: str) -> str:
    """How an id of the roster is put on record; what is none may be a pupil's number, and the record cannot be changed."""
    try:
        return str(UUID(person))
    except ValueError:
        return NO_ID


def _ground(decision: Decision) -> Facts:
    return decision.ground.facts if decision.ground else {}


def _refusal(decision: Decision) -> Answer:
    reason = decision.reason or "record-unreadable"
    return Answer(STATUS.get(reason, HTTPStatus.FORBIDDEN), reasons.text(reason, decision.facts))


def _named(subject: str, person: Person) -> dict[str, str | None]:
    also = {"district": person.district, "partner": person.partner}
    return {
        "sub": subject,
        "tier": person.tier,
        "school": person.school,
        **{key: value for key, value in also.items() if value},
    }


def _note(session: Session | None, asked: Asked, answer: Answer, version: Version | None) -> None:
    """One line of JSON per decision, with the version of the rules it was made by; never a token."""
    who = _named(session.subject, session.person) if session else None
    row = {
        "action": asked.action,
        "lesson": asked.resource,
        "place": asked.facts(version).get("place"),
        "who": who,
        "verdict": answer.body.get("reason", "allowed"),
        "rules": version.name if version else None,
    }
    LOG.info(json.dumps(row, ensure_ascii=False))
