"""The intake's two doors: readings and access logs on one port, health and figures on another that the gateway does not reach."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

import httpx
from prometheus_client import generate_latest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from services.intake import access_lines, meters, sender, upstream
from services.intake.places import Busy, Pace, Paces, Places
from services.intake.readings import checked
from services.intake.refusal import Reason, Refused
from services.intake.series_seen import SeriesSeen
from services.intake.settings import Limits, Settings

PATH, LOG_PATH = "/api/v1/write", "/api/v1/access-log"
AGAIN = {"Retry-After": "15"}
"""With every answer after which the same request may well be taken, in seconds."""
Use = Callable[[Request, str], Awaitable[None]]
"""What is done with a request of a school (code). Raises `Refused`, `Busy` or `upstream.Unavailable` when it is not taken."""
log = logging.getLogger("intake")


@dataclass(frozen=True)
class End:
    """What came of a request."""

    school: str
    """`-` while it is not known."""
    outcome: str
    status: HTTPStatus
    detail: str = ""
    quoted: str = ""
    """For the box, not for the log."""

    def answer(self) -> Response:
        """For the box."""
        headers = AGAIN if self.status == HTTPStatus.SERVICE_UNAVAILABLE else None
        text = ": ".join(part for part in (self.detail, self.quoted.strip()) if part)
        return PlainTextResponse(text, self.status, headers)


class Intake:
    """One deployment's requests."""

    def __init__(self, settings: Settings, client: httpx.AsyncClient) -> None:
        self.settings, self.client = settings, client
        self.meters = meters.Meters()
        self.places = Places(settings.at_once, settings.at_once_of_a_school)
        self.seen = SeriesSeen(settings.series_of_a_school)
        self.paces = Paces(
            Pace(settings.log_rate, settings.log_burst),
            lambda: Pace(settings.log_rate_of_a_school, settings.log_burst_of_a_school),
        )

    async def write(self, request: Request) -> Response:
        """Take readings in."""
        return await self._take(request, self._hand_on)

    async def lines(self, request: Request) -> Response:
        """Take lines of a box's access log in."""
        return await self._take(request, self._print)

    async def _take(self, request: Request, use: Use) -> Response:
        """Take one request in, whatever comes of it; counted, timed and, when it is not taken, logged."""
        began = time.monotonic()
        ended = await self._end(request, use)
        self.meters.requests.labels(ended.outcome).inc()
        self.meters.seconds.labels(ended.outcome).observe(time.monotonic() - began)
        if ended.outcome != meters.TAKEN:
            log.warning("outcome=%s school=%s status=%d %s", ended.outcome, ended.school, ended.status, ended.detail)
        return ended.answer()

    async def _end(self, request: Request, use: Use) -> End:
        school = "-"
        try:
            school = sender.school(request.headers.getlist(sender.HEADER), self.settings.schools)
            with self.places.place(school), self.meters.held.track_inprogress():
                await use(request, school)
        except Refused as refused:
            return End(school, str(refused.reason), refused.status, refused.detail, refused.quoted)
        except Busy:
            return End(school, meters.BUSY, HTTPStatus.SERVICE_UNAVAILABLE, "too many requests at once")
        except upstream.Unavailable as error:
            return End(school, meters.UNAVAILABLE, HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        except (ClientDisconnect, TimeoutError):
            return End(school, meters.CUT_OFF, HTTPStatus.REQUEST_TIMEOUT, "the body did not arrive")
        return End(school, meters.TAKEN, HTTPStatus.NO_CONTENT)

    async def _hand_on(self, request: Request, school: str) -> None:
        upstream.require_format(request.headers)
        body = await received(request, self.settings.limits)
        self.meters.bytes.inc(len(body))
        found = checked(body, school, self.settings, partial(self.seen.takes, school))
        if found.series:
            await upstream.send(self.client, self.settings.upstream, found.content)
        self.meters.series.inc(found.series)
        if found.left_out:
            self.meters.left_out.inc(found.left_out)
            log.info("left-out=%d school=%s", found.left_out, school)
        if found.too_many:
            self.meters.too_many.inc(found.too_many)
            log.warning("too-many-series=%d school=%s", found.too_many, school)

    async def _print(self, request: Request, school: str) -> None:
        access_lines.require_format(request.headers)
        body = await received(request, self.settings.limits)
        self.meters.bytes.inc(len(body))
        found = access_lines.checked(body, school, self.settings.limits)
        self.paces.take(school, len(found.text))
        access_lines.print_out(found.text)
        self.meters.lines.inc(len(found.lines))
        if found.left_out:
            self.meters.lines_left_out.inc(found.left_out)
            log.info("left-out-lines=%d school=%s", found.left_out, school)


async def received(request: Request, limits: Limits) -> bytes:
    """The body. Raises `Refused` as soon as it is too large, `TimeoutError` when it is too slow."""
    declared = request.headers.get("content-length", "")
    body = bytearray()
    async with asyncio.timeout(limits.receive_seconds):
        if declared.isdecimal() and int(declared) > limits.body_bytes:
            raise Refused(Reason.TOO_LARGE, f"a body of more than {limits.body_bytes} bytes")
        async for chunk in request.stream():
            body += chunk
            if len(body) > limits.body_bytes:
                raise Refused(Reason.TOO_LARGE, f"a body of more than {limits.body_bytes} bytes")
    return bytes(body)


def doors(settings: Settings, own_port: int) -> ASGIApp:
    """The application: requests that arrive on ``own_port`` see health and figures, all others take readings and access logs in."""
    client = httpx.AsyncClient(timeout=settings.upstream_seconds, trust_env=False)
    intake = Intake(settings, client)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with client:
            yield

    async def health(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def figures(_: Request) -> Response:
        return Response(generate_latest(intake.meters.registry), media_type="text/plain; version=0.0.4")

    takes = [Route(PATH, intake.write, methods=["POST"]), Route(LOG_PATH, intake.lines, methods=["POST"])]
    outer = Starlette(routes=takes, lifespan=lifespan)
    inner = Starlette(routes=[Route("/healthz", health), Route("/metrics", figures)])

    async def choose(scope: Scope, receive: Receive, send: Send) -> None:
        own = scope["type"] == "http" and scope["server"][1] == own_port
        await (inner if own else outer)(scope, receive, send)

    return choose
