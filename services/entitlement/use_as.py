"""Acting in another capacity: a teacher who is a parent too, or a parent with children at two schools, chooses what to be here.

The roster is asked anew, and says no to whatever is not theirs today. The session that follows ends when the one before it ends, and knows
no more of how they signed in: nothing is opened by it that signing in again would not open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from derive import grounds, session_token
from derive.audit import PERSON
from services.entitlement import choosing, people, reasons, small_json
from services.entitlement.audit import Outcome, known
from services.entitlement.desk import STATUS as DECIDED
from services.entitlement.desk import Desk
from services.entitlement.journal import UnrecordedError
from services.entitlement.minting import MOST_SECONDS, Mint
from services.entitlement.people import Identity, PersonError
from services.entitlement.rules import Person, Rules
from services.entitlement.sessions import Session, SessionError
from services.entitlement.settings import Door
from services.entitlement.sign_in import SESSION
from services.entitlement.versions import Version

ADDRESS: Final = "/access/use-as"
USE_AS: Final = "use-as"
"""On record: what was done."""
UNNAMED: Final = "capacity-unnamed"
WORDS: Final = ("tier", "school", "district")
"""What names a capacity."""
OWN: Final = "same-origin"
"""What browsers say in `Sec-Fetch-Site` of what a page of ours sends: a school's box is another origin of the same site."""
UNKEPT = {"Cache-Control": "no-store", "Vary": "Cookie"}
STATUS: Mapping[str, HTTPStatus] = {**DECIDED, UNNAMED: HTTPStatus.BAD_REQUEST}
"""Reason -> status; every other one is 403."""


class _No(Exception):  # noqa: N818  # an answer, not a fault
    """Refused; its one argument is the reason's code."""


class UseAs:
    """The address. ``desk`` knows the rules and the roster, and keeps the record."""

    def __init__(self, desk: Desk, door: Door) -> None:
        self._desk, self._mint = desk, Mint(desk.settings.issuer, door)
        # Threads of their own: while the roster does not answer, lessons do not wait behind who waits for it.
        self._aside = anyio.CapacityLimiter(2 * people.LINES)

    def routes(self) -> list[Route]:
        """For the application."""
        return [Route(ADDRESS, self.choose, methods=["POST"])]

    async def choose(self, request: Request) -> Response:
        """The cookie of a session in the capacity that was chosen, or why not. Only a browser's own session is exchanged for another."""
        chosen, own = await _named(request), request.headers.get("sec-fetch-site", OWN) == OWN
        if chosen is None or not own:
            return _refused(UNNAMED)
        token = request.cookies.get(session_token.COOKIE)
        try:
            follows, seconds = await anyio.to_thread.run_sync(self._taken, token, chosen, limiter=self._aside)
        except _No as error:
            return _refused(str(error))
        answer = Response(status_code=HTTPStatus.NO_CONTENT, headers=UNKEPT)
        kept: dict[str, Any] = {"path": "/", "secure": True, "httponly": True, "samesite": "lax"}
        answer.set_cookie(session_token.COOKIE, follows, max_age=seconds, **kept)
        return answer

    def _taken(self, token: str | None, chosen: Identity) -> tuple[str, int]:
        """The session that follows and the seconds that are left of it, on record before it is given. Raises `_No`."""
        version, now = self._desk.settings.standing.version, int(self._desk.clock().timestamp())
        session = self._session(token)
        asked = partial(Outcome, USE_AS, SESSION, version=version)
        try:
            _may_choose(session, now)
            if version is None:
                raise PersonError("no-rules")
            follows = self._follows(session, chosen, version.rules)
        except (SessionError, PersonError) as error:
            self._note(session, asked(reason=str(error), facts=_wanted(chosen, version)))
            raise _No(str(error)) from error
        # Whoever follows the roster's id finds this session as they find the sign-in; what they were before stands beside it.
        before = {f"before_{key}": value for key in WORDS if (value := getattr(session.person, key))}
        facts = {PERSON: str(session.roster_id), **before}
        self._note(follows, asked(reason=None, facts=facts, ground={grounds.GRANT: grounds.ROSTER}))
        # The clock of whoever minted it may be ahead by a little, and no token is longer than a session.
        return self._mint.token(follows, max(now, follows.expires - MOST_SECONDS)), follows.expires - now

    def _session(self, token: str | None) -> Session:
        """Whoever is there. Raises `_No`, with nothing on record: anybody could have as much written there as they can send."""
        try:
            session = self._desk.session(token)
        except SessionError as error:
            raise _No(str(error)) from error
        if session is None:
            raise _No("session-invalid")
        return session

    def _follows(self, session: Session, chosen: Identity, rules: Rules) -> Session:
        """The same session in another capacity. Raises `PersonError`."""
        found = self._desk.people.find(session.roster_id or "")
        if chosen not in people.identities(found, rules.today(self._desk.clock()), rules):
            raise PersonError(choosing.NOT_THEIRS)
        if obstacle := choosing.obstacle(rules, session, chosen):
            raise PersonError(obstacle)
        return replace(session, person=Person(chosen.tier, chosen.school, district=chosen.district))

    def _note(self, session: Session, outcome: Outcome) -> None:
        try:
            self._desk.witness.decided(session, outcome)
        except UnrecordedError as error:
            raise _No("decision-unrecorded") from error


def _may_choose(session: Session, now: int) -> None:
    """Raises `SessionError` and `PersonError` where the session is none that can be exchanged."""
    # A token counts for some seconds past its end, since clocks differ; a new one would not begin then.
    if session.expires <= now:
        raise SessionError("session-ended")
    if not choosing.may_choose(session):
        raise PersonError("session-without-person")


def _wanted(chosen: Identity, version: Version | None) -> dict[str, str]:
    """What they named, as it goes on record."""
    rules = version.rules if version else None
    city = {"tier": rules.tiers, "school": rules.schools, "district": rules.districts} if rules else {}
    return {key: known(value, city.get(key, ())) for key in WORDS if (value := getattr(chosen, key))}


async def _named(request: Request) -> Identity | None:
    """The capacity that is named; None for what names none."""
    body = await small_json.read(request)
    tier, *places = ((body or {}).get(key) for key in WORDS)
    school, district = places
    if not isinstance(tier, str) or not isinstance(school, str | None) or not isinstance(district, str | None):
        return None
    return Identity(tier, school, district)


def _refused(reason: str) -> JSONResponse:
    return JSONResponse(reasons.text(reason, {}), STATUS.get(reason, HTTPStatus.FORBIDDEN), UNKEPT)
