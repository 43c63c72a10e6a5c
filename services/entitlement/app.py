"""The service's addresses. Below ``/access/`` for people and players; the gateway's questions, health and figures for the cluster only.

Answers are never kept by a cache: what is allowed now may be refused in a minute.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

import anyio
import anyio.to_thread
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from derive import page_access, readers, session_token, video_token
from services.entitlement import mine, reasons
from services.entitlement.desk import Answer, Desk, SeatWantedError
from services.entitlement.people import LINES
from services.entitlement.rules import Rules
from services.entitlement.sessions import Session, SessionError

PREFIX = "/access"
IN_BODY = "x-token-in-body"
"""Header by which players without cookies ask for the token itself."""
UNKEPT = {"Cache-Control": "no-store", "Vary": "Cookie, Authorization"}
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Seconds; an answer from memory takes one or two milliseconds, one that asks the store ten times that."""


class Figures:
    """What Prometheus reads."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.decisions = Counter(
            "city_play_decisions", "Answers to requests to play, by verdict.", ["verdict"], registry=self.registry
        )
        self.downloads = Counter(
            "city_download_decisions",
            "Answers to requests to take a lesson away, by verdict.",
            ["verdict"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "city_play_decision_seconds", "Seconds until the answer.", buckets=BUCKETS, registry=self.registry
        )


class _Plainly:
    """Whoever spells an address otherwise (`/access/%70lay/`) finds none: the gateway may have counted them at another door."""

    def __init__(self, answers: ASGIApp) -> None:
        self._answers = answers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answers = self._answers
        if scope["type"] == "http" and scope["path"].startswith(f"{PREFIX}/"):
            _, *door = scope["raw_path"].split(b"/", 3)[:3]
            answers = answers if b"%" not in b"/".join(door) else PlainTextResponse("Not Found", HTTPStatus.NOT_FOUND)
        await answers(scope, receive, send)


def make(desk: Desk, *more: Collector, doors: Sequence[Route] = ()) -> Starlette:
    """The application; ``more`` is read by Prometheus too, ``doors`` are addresses by which people come in."""
    figures = Figures()
    for each in (desk.settings.standing, *more):
        figures.registry.register(each)

    # Threads of their own: while the roster does not answer, lessons do not wait behind who waits for it.
    aside = anyio.CapacityLimiter(2 * LINES)

    async def about(what: Callable[..., Answer], request: Request) -> Answer:
        asked = (_token(request), request.path_params["lesson"], request.query_params.get("place"))
        try:
            return await anyio.to_thread.run_sync(partial(what, look=False), *asked)
        except SeatWantedError:
            return await anyio.to_thread.run_sync(what, *asked, limiter=aside)

    async def play(request: Request) -> Response:
        begun = time.perf_counter()
        answer = await about(desk.play, request)
        figures.decisions.labels(answer.body.get("reason", "allowed")).inc()
        figures.seconds.observe(time.perf_counter() - begun)
        return _given(request, answer, desk, video_token.media_path)

    async def download(request: Request) -> Response:
        answer = await about(desk.download, request)
        figures.downloads.labels(answer.body.get("reason", "allowed")).inc()
        return _given(request, answer, desk, video_token.download_path)

    async def may_see(request: Request) -> Response:
        return _answered(await anyio.to_thread.run_sync(desk.mine, _token(request), limiter=aside))

    async def person(request: Request) -> Response:
        asked = (_token(request), request.path_params["person"])
        return _answered(await anyio.to_thread.run_sync(desk.person, *asked, limiter=aside))

    async def gate(request: Request) -> Response:
        return _answered(await anyio.to_thread.run_sync(desk.readings, _token(request), limiter=aside))

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(figures.registry), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[
            Route(f"{PREFIX}/play/{{lesson}}", play, methods=["POST"]),
            Route(f"{PREFIX}/download/{{lesson}}", download, methods=["POST"]),
            Route(f"{PREFIX}/mine", may_see, methods=["GET"]),
            Route(f"{PREFIX}/people/{{person}}", person, methods=["GET"]),
            Route(f"{PREFIX}/session", _bound(desk, _session), methods=["GET"]),
            Route(f"{PREFIX}/sign-in", _bound(desk, _sign_in), methods=["POST"]),
            *doors,
            Route(f"{readers.ASKED}{{path:path}}", gate, methods=["GET"]),
            Route("/healthz", _health, methods=["GET"]),
            Route("/readyz", _bound(desk, _ready), methods=["GET"]),
            Route("/metrics", metrics, methods=["GET"]),
        ],
        middleware=[Middleware(_Plainly)],
        exception_handlers={HTTPStatus.INTERNAL_SERVER_ERROR: _broken},
    )


def _bound(desk: Desk, answer: Callable[[Desk, Request], Response]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return answer(desk, request)

    return endpoint


def _token(request: Request) -> str | None:
    """The session token: the header's, else the cookie's."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" else request.cookies.get(session_token.COOKIE)


def _answered(answer: Answer) -> Response:
    return JSONResponse(answer.body, answer.status, UNKEPT)


def _given(request: Request, answer: Answer, desk: Desk, opened: Callable[[str], str]) -> Response:
    """The answer, and the token in a cookie for the path that it opens."""
    body = dict(answer.body)
    if answer.token and request.headers.get(IN_BODY) == "1":
        body["token"] = answer.token
    response = JSONResponse(body, answer.status, UNKEPT)
    # A school's cache has a host name of its own, for which no cookie can be set here.
    if answer.token and answer.body["place"] == desk.settings.place:
        age = max(0, answer.expires - int(desk.clock().timestamp()))
        path = opened(answer.body["lesson"])
        response.set_cookie(
            video_token.COOKIE, answer.token, max_age=age, path=path, secure=True, httponly=True, samesite="lax"
        )
    return response


def _session(desk: Desk, request: Request) -> Response:
    """Who is signed in, for the page to show, and whether by a session that the operator made."""
    try:
        session = desk.session(_token(request))
    except SessionError as error:
        return JSONResponse(reasons.text(str(error), {}), HTTPStatus.FORBIDDEN, UNKEPT)
    return JSONResponse(_shown(desk, session), headers=UNKEPT)


def _shown(desk: Desk, session: Session | None) -> dict[str, Any]:
    version = desk.settings.standing.version
    if session is None:
        return {"signed_in": False, "stand_in": False}
    names = mine.names(version.rules, session.person) if version else dict.fromkeys(mine.NAMED)
    found = {"signed_in": True, "stand_in": session.stand_in, "more": session.more, "expires": session.expires, **names}
    return {**found, "cache": _cache(desk, session, version.rules if version else None)}


def _cache(desk: Desk, session: Session, rules: Rules | None) -> dict[str, str] | None:
    """The cache in the person's school: the place that a permission for it names, and where it answers; None: there is none."""
    school, domain = session.person.school, desk.settings.boxes
    if domain is None or school is None or rules is None or school not in rules.schools:
        return None
    return {"place": school, "origin": page_access.origin(school, domain)}


def _sign_in(desk: Desk, request: Request) -> Response:
    """Put a session token that counts into the browser's cookie: for those that the operator made.

    Anybody's own, which they read off their browser, would sign whoever opens their link in as them.
    """
    token = _token(request)
    try:
        session = desk.session(token)
    except SessionError as error:
        return JSONResponse(reasons.text(str(error), {}), HTTPStatus.FORBIDDEN, UNKEPT)
    if session is None or token is None or not session.stand_in:
        return JSONResponse(reasons.text("session-invalid", {}), HTTPStatus.FORBIDDEN, UNKEPT)
    response = Response(status_code=HTTPStatus.NO_CONTENT, headers=UNKEPT)
    age = max(0, session.expires - int(desk.clock().timestamp()))
    response.set_cookie(session_token.COOKIE, token, max_age=age, path="/", secure=True, httponly=True, samesite="lax")
    return response


async def _health(_: Request) -> Response:
    """The process answers; by which rules, and whether by any, is asked of ``/readyz``."""
    return PlainTextResponse("ok\n")


def _ready(desk: Desk, _: Request) -> Response:
    """Ready with rules in force, even where a later version was refused: one bad file must not stop every pod at once."""
    standing = desk.settings.standing
    version = standing.version
    body = {"rules": version.name if version else None, "refused": standing.problem}
    return JSONResponse(body, HTTPStatus.OK if version else HTTPStatus.SERVICE_UNAVAILABLE, UNKEPT)


async def _broken(_: Request, __: Exception) -> Response:
    """A fault of our own refuses, in words, like everything else."""
    return JSONResponse(reasons.text("record-unreadable", {}), HTTPStatus.SERVICE_UNAVAILABLE, UNKEPT)
