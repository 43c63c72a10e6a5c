"""Signing in: Keycloak says who somebody is, the roster or the account what they are, and the platform's own session follows from both.

The code flow of OpenID Connect with PKCE, by Authlib. What a session is and who verifies it is the same wherever it was minted: sessions go
on while Keycloak is away, and nobody gets a new one.
"""

from __future__ import annotations

import html
import logging
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

import anyio
import anyio.to_thread
import httpx
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.starlette_client import OAuth
from joserfc.errors import JoseError
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from derive import grounds, identity, session_token
from derive.audit import PERSON
from services.entitlement import choosing, people, reasons
from services.entitlement.audit import Outcome
from services.entitlement.desk import STATUS as DECIDED
from services.entitlement.desk import Desk
from services.entitlement.journal import UnrecordedError
from services.entitlement.minting import MOST_SECONDS, Mint
from services.entitlement.people import Identity, PersonError
from services.entitlement.rules import Person, Rules
from services.entitlement.sessions import Session
from services.entitlement.settings import Door

LOG = logging.getLogger(__package__)
BEGIN, CALLBACK, END = "/access/sign-in", "/access/callback", "/access/sign-out"
SIGN_IN, SESSION = "sign-in", "session"
"""On record: what was done, and what was asked for."""
ATTEMPT: Final = "__Host-huiju_sign_in"
"""Cookie with what belongs to one attempt (state, nonce, PKCE's secret): signed, and read by nobody else.

Tied to this host like the session's: who could plant theirs would have somebody else sign in as them."""
ATTEMPT_SECONDS: Final = 900
"""Long enough to set a second factor up on the way."""
PROOF: Final = "huiju_signed_in"
"""Cookie with Keycloak's ID token: shown again when somebody signs out, so that Keycloak ends its own session without asking."""
AGAIN: Final = "again"
ELSEWHERE: Final = "cross-site"
"""What browsers say in `Sec-Fetch-Site` of a request that another site began (https://www.w3.org/TR/fetch-metadata/)."""
PATIENCE: Final = 10.0
UNKEPT = {"Cache-Control": "no-store"}
STATUS: Mapping[str, HTTPStatus] = {**DECIDED, "identity-away": HTTPStatus.SERVICE_UNAVAILABLE}
"""Reason -> status of the page; every other one is 403."""


class SignIn:
    """The three addresses. ``desk`` knows the rules and the roster, and keeps the record."""

    def __init__(self, desk: Desk, door: Door, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._desk, self._door = desk, door
        self._public = desk.settings.issuer
        self._mint = Mint(self._public, door)
        # Threads of their own: while the roster does not answer, lessons do not wait behind who wants to come in.
        self._aside = anyio.CapacityLimiter(2 * people.LINES)
        self._keycloak: Any = OAuth().register(
            "keycloak",
            client_id=identity.CLIENT_PORTAL,
            client_secret=door.client_secret,
            server_metadata_url=f"{door.identity_url}/realms/{identity.REALM}/.well-known/openid-configuration",
            client_kwargs={
                "scope": "openid",
                "code_challenge_method": "S256",
                "timeout": PATIENCE,
                "transport": transport,
            },
        )

    def routes(self) -> list[Route]:
        """For the application."""
        attempt = Middleware(
            SessionMiddleware,
            secret_key=self._door.cookie_secret,
            session_cookie=ATTEMPT,
            max_age=ATTEMPT_SECONDS,
            path="/",
            same_site="lax",
            https_only=True,
        )
        return [
            Route(BEGIN, self.begin, methods=["GET"], middleware=[attempt]),
            Route(CALLBACK, self.callback, methods=["GET"], middleware=[attempt]),
            Route(END, self.end, methods=["GET"]),
        ]

    async def begin(self, request: Request) -> Response:
        """Off to Keycloak's page; with `?again`, whoever is signed in there already is asked once more."""
        prompt = {"prompt": "login"} if AGAIN in request.query_params else {}
        try:
            answer: Response = await self._keycloak.authorize_redirect(request, f"{self._public}{CALLBACK}", **prompt)
        except (httpx.HTTPError, OAuthError, ValueError) as error:
            return self._away(error)
        answer.headers.update(UNKEPT)
        return answer

    async def callback(self, request: Request) -> Response:
        """Back with a code: hand it in, see who it is, and let them in."""
        try:
            given = await self._keycloak.authorize_access_token(request)
            claims = dict(given["userinfo"])
        except httpx.HTTPError as error:
            return self._away(error)
        except (OAuthError, JoseError, KeyError, ValueError) as error:
            LOG.warning("a sign-in came back that does not count: %s", type(error).__name__)
            return _refused("sign-in-failed")
        try:
            token, seconds = await anyio.to_thread.run_sync(self._let_in, claims, limiter=self._aside)
        except PersonError as error:
            return _refused(str(error))
        except UnrecordedError:
            return _refused("decision-unrecorded")
        answer = RedirectResponse(f"{self._public}/", HTTPStatus.SEE_OTHER, UNKEPT)
        kept: dict[str, Any] = {"max_age": seconds, "secure": True, "httponly": True, "samesite": "lax"}
        answer.set_cookie(session_token.COOKIE, token, path="/", **kept)
        answer.set_cookie(PROOF, given["id_token"], path=END, **kept)
        return answer

    async def end(self, request: Request) -> Response:
        """Out of the platform, and out of Keycloak; another site's link leads to the start and ends nothing."""
        if request.headers.get("sec-fetch-site") == ELSEWHERE:
            return RedirectResponse(f"{self._public}/", HTTPStatus.SEE_OTHER, UNKEPT)
        proof = request.cookies.get(PROOF)
        query = {"client_id": identity.CLIENT_PORTAL, "post_logout_redirect_uri": f"{self._public}/"}
        where = f"{self._public}{identity.PATH}/realms/{identity.REALM}/protocol/openid-connect/logout"
        goal = f"{where}?{urlencode({**query, 'id_token_hint': proof})}" if proof else f"{self._public}/"
        answer = RedirectResponse(goal, HTTPStatus.SEE_OTHER, UNKEPT)
        for cookie, path in ((session_token.COOKIE, "/"), (PROOF, END)):
            answer.delete_cookie(cookie, path=path, secure=True, httponly=True, samesite="lax")
        return answer

    def _let_in(self, claims: Mapping[str, Any]) -> tuple[str, int]:
        """The session that follows, and its seconds; on record before it is given. Raises `PersonError` and `UnrecordedError`."""
        version, issued = self._desk.settings.standing.version, int(self._desk.clock().timestamp())
        seconds, subject = MOST_SECONDS, str(claims["sub"])
        known = claims.get(identity.ATTRIBUTE_PERSON) or None
        asked = partial(Outcome, SIGN_IN, SESSION, version=version)
        try:
            if version is None:
                raise PersonError("no-rules")
            who, more = self._identity(claims, version.rules)
            _second_factor(who.tier, claims, version.rules)
        except PersonError as error:
            self._desk.witness.decided(Session(_claimed(claims), subject, 0, known), asked(reason=str(error)))
            raise
        person = Person(who.tier, who.school, district=who.district, partner=who.partner)
        session = Session(person, subject, issued + seconds, known, factors=_factors(claims), more=more)
        # The first sign-in and the roster know them by this id, all that the session does has its subject: here the two stand together.
        both = {PERSON: str(known)} if known else {}
        ground = {grounds.GRANT: grounds.ROSTER if known else grounds.ACCOUNT}
        self._desk.witness.decided(session, asked(reason=None, facts=both, ground=ground))
        return self._mint.token(session, issued), seconds

    def _identity(self, claims: Mapping[str, Any], rules: Rules) -> tuple[Identity, bool]:
        """Of somebody in the roster what the roster says today, and whether it says more; of anybody else what their account says.

        An outside provider makes people of one tier. It may name them, but could name anybody: they are let in as that tier or not at all.
        Whom it should name and does not is nobody: the roster could not be asked whether they are there today.
        """
        person, tier = claims.get(identity.ATTRIBUTE_PERSON), claims.get(identity.ATTRIBUTE_TIER)
        if person:
            found = self._desk.people.find(str(person))
            theirs = people.identities(found, rules.today(self._desk.clock()), rules)
            outside = bool(claims.get(identity.CLAIM_PROVIDER))
            who = next((each for each in theirs if not outside or each.tier == tier), None)
            if who is None:
                raise PersonError("provider-differs")
            return who, len(theirs) > 1
        if claims.get(identity.CLAIM_PROVIDER) in self._door.naming:
            raise PersonError("person-unknown")
        if tier not in rules.tiers or tier == rules.public_tier:
            raise PersonError("unknown-tier")
        place, partner = (_text(claims.get(name)) for name in (identity.ATTRIBUTE_SCHOOL, identity.ATTRIBUTE_PARTNER))
        return people.placed(str(tier), place, rules, partner if partner in rules.partners else None), False

    def _away(self, error: Exception) -> Response:
        LOG.error("Keycloak does not answer: %s", type(error).__name__)
        return _refused("identity-away")


def _text(value: object) -> str | None:
    return str(value) if value else None


def _claimed(claims: Mapping[str, Any]) -> Person:
    """What the account says of somebody who is not let in, for the record."""
    names = (identity.ATTRIBUTE_TIER, identity.ATTRIBUTE_SCHOOL, identity.ATTRIBUTE_PARTNER)
    tier, school, partner = (_text(claims.get(name)) for name in names)
    return Person(tier, school, partner=partner)


def _second_factor(tier: str, claims: Mapping[str, Any], rules: Rules) -> None:
    """Whoever became a member of such a tier after their account was made is not let in by a password alone."""
    if not choosing.proved(rules, tier, claims.get("amr") or ()):
        raise PersonError("second-factor-needed")


def _factors(claims: Mapping[str, Any]) -> tuple[str, ...] | None:
    """What the session says of how they signed in; of what an outside provider saw nothing is said."""
    if claims.get(identity.CLAIM_PROVIDER):
        return None
    return (identity.SECOND_FACTOR,) if identity.SECOND_FACTOR in (claims.get("amr") or ()) else ()


def _refused(reason: str) -> Response:
    """A page of its own, since nobody is on the portal's at this moment: why, in both languages, and a way back."""
    said = reasons.text(reason, {})
    words = "".join(f'<p lang="{lang}">{html.escape(said[key])}</p>' for lang, key in (("zh-CN", "zh"), ("en", "en")))
    body = (
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>登录 · Sign in</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1"></head>'
        f'<body data-reason="{reason}"><main role="alert"><h1>无法登录 · Not signed in</h1>{words}'
        f'<p><a href="{BEGIN}?{AGAIN}">重新登录 · Sign in again</a></p>'
        '<p><a href="/">返回首页 · Back to the start</a></p></main></body></html>'
    )
    policy = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}
    return HTMLResponse(body, STATUS.get(reason, HTTPStatus.FORBIDDEN), {**UNKEPT, **policy})
