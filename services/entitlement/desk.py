"""Where somebody asks to play a lesson: from a request's session and a lesson's id to an answer, with the token in it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import jwt

from derive import keys, lesson, video_token
from services.entitlement import reasons
from services.entitlement.audit import Outcome, Unwatched, Witness
from services.entitlement.journal import UnrecordedError
from services.entitlement.records import Records, UnreadableError
from services.entitlement.rules import Decision, Rules
from services.entitlement.sessions import Session, SessionError, Verifier
from services.entitlement.settings import Settings

LOG = logging.getLogger(__package__)
STATUS: Mapping[str, HTTPStatus] = {
    "no-rules": HTTPStatus.SERVICE_UNAVAILABLE,
    "no-such-lesson": HTTPStatus.NOT_FOUND,
    "record-unreadable": HTTPStatus.SERVICE_UNAVAILABLE,
    "decision-unrecorded": HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Reason -> status; every other one is 403."""


@dataclass(frozen=True)
class Answer:
    """Status, JSON body, and the video token where there is one."""

    status: HTTPStatus
    body: Mapping[str, Any]
    token: str | None = field(default=None, repr=False)
    expires: int = 0


class Desk:
    """Answers who asks. ``clock`` gives the time, aware; ``witness`` records what is decided before it is answered."""

    def __init__(
        self,
        settings: Settings,
        records: Records,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        witness: Witness | None = None,
    ) -> None:
        self.settings, self.records, self.clock = settings, records, clock
        self.witness = witness or Unwatched()
        self.verifier = Verifier(settings.issuer, settings.session_keys)

    def session(self, token: str | None) -> Session | None:
        """The session of a request, or None when it has none. Raises `SessionError` for one that does not count."""
        return self.verifier.session(token) if token else None

    def play(self, token: str | None, lesson_id: str, place: str | None) -> Answer:
        """What is answered to a request to play ``lesson_id`` from the cache of ``place`` (a school's code; None: the city's)."""
        session: Session | None = None
        # Taken once: an answer is by one version, whatever is swapped meanwhile.
        version = self.settings.standing.version
        try:
            session = self.session(token)
            answer = (
                self._decided(version.rules, session, lesson_id, place) if version else _refusal(Decision("no-rules"))
            )
        except SessionError as error:
            answer = _refusal(Decision(str(error)))
        except UnreadableError as error:
            LOG.error("the record of %s cannot be read: %s", lesson_id, error)
            answer = _refusal(Decision("record-unreadable"))
        digest = version.digest if version else None
        try:
            self.witness.decided(session, Outcome(lesson_id, place, answer.body.get("reason"), answer.expires, digest))
        except UnrecordedError as error:
            LOG.error("a decision about %s cannot be recorded: %s", lesson_id[:40], error)
            answer = _refusal(Decision("decision-unrecorded"))
        _note(session, lesson_id, place, answer, version.name if version else None)
        return answer

    def _decided(self, rules: Rules, session: Session | None, lesson_id: str, place: str | None) -> Answer:
        if place is not None and place not in rules.schools:
            return _refusal(Decision("unknown-place"))
        if not lesson.LESSON_ID.fullmatch(lesson_id):
            return _refusal(Decision("no-such-lesson"))
        found = self.records.lesson(lesson_id, lesson.record_key(lesson_id))
        if found is None:
            return _refusal(Decision("no-such-lesson"))
        decision = rules.decide(session.person if session else rules.public(), found, self.clock())
        if decision.until is None:
            return _refusal(decision)
        where, expires = place or self.settings.place, int(decision.until.timestamp())
        body = {"lesson": lesson_id, "master": lesson.public_path(found.master), "expires": expires, "place": where}
        return Answer(HTTPStatus.OK, body, self._signed(where, lesson_id, expires), expires)

    def _signed(self, place: str, lesson_id: str, expires: int) -> str:
        claims = video_token.claims(self.settings.issuer, place, lesson_id, expires)
        head = {"kid": self.settings.video_key_id}
        return jwt.encode(claims, self.settings.video_key, keys.ALGORITHM, headers=head)


def _refusal(decision: Decision) -> Answer:
    reason = decision.reason or "record-unreadable"
    return Answer(STATUS.get(reason, HTTPStatus.FORBIDDEN), reasons.text(reason, decision.facts))


def _note(session: Session | None, lesson_id: str, place: str | None, answer: Answer, version: str | None) -> None:
    """One line of JSON per decision, with the version of the rules it was made by; never a token."""
    who = {"sub": session.subject, "tier": session.person.tier, "school": session.person.school} if session else None
    verdict = answer.body.get("reason", "allowed")
    row = {"lesson": lesson_id[:40], "place": place, "who": who, "verdict": verdict, "rules": version}
    LOG.info(json.dumps(row, ensure_ascii=False))
