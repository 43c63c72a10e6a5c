"""The address to which the page of the first sign-in sends what somebody typed."""

from __future__ import annotations

from http import HTTPStatus

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.entitlement import reasons, small_json
from services.entitlement.first import First, Given

ADDRESS = "/access/first"
AT_ONCE = 8
"""Accounts being made at one moment: each keeps Keycloak busy for some hundred ms, most of it with hashing the password."""
UNKEPT = {"Cache-Control": "no-store"}


def routes(first: First) -> list[Route]:
    """Where accounts are made."""
    # Threads of their own: while Keycloak does not answer, lessons do not wait behind who waits for it.
    aside = anyio.CapacityLimiter(AT_ONCE)

    async def endpoint(request: Request) -> Response:
        given = await typed(request)
        if given is None:
            return JSONResponse(reasons.text("first-incomplete", {}), HTTPStatus.BAD_REQUEST, UNKEPT)
        answer = await anyio.to_thread.run_sync(first.take, given, limiter=aside)
        wait = {"Retry-After": str(answer.wait)} if answer.wait else {}
        return JSONResponse(answer.body, answer.status, {**UNKEPT, **wait})

    return [Route(ADDRESS, endpoint, methods=["POST"])]


async def typed(request: Request) -> Given | None:
    """What was typed; None for what is no small JSON object with three texts. Half a pair of UTF-16 can stand in JSON, and is no text."""
    body = await small_json.read(request)
    if body is None:
        return None
    try:
        found = [body[key] for key in ("id", "code", "password")]
        for each in found:
            str.encode(each)
    except (ValueError, KeyError, TypeError):
        return None
    return Given(*found)
