"""A viewer without a browser: asks the platform for permission to play and shows it, or shows one of the test's own making."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from catalog import City, load_named
from catalog.access import Scope, Use
from derive import keys, session_token, video_token
from ops import access
from ops.lessons import place
from ops.stack import configuration, renewal
from tests.integration.conftest import Platform


@dataclass(frozen=True)
class Answer:
    """Status, headers (lower case) and body."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def ask(platform: Platform, path: str, *, method: str = "GET", **headers: str) -> Answer:
    """What the gateway answers; ``_`` in a header's name stands for ``-``."""
    context = ssl.create_default_context(cafile=str(platform.authority))
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    request = urllib.request.Request(platform.url.rstrip("/") + path, method=method, headers=named)
    try:
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:
            return Answer(answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read())
    except urllib.error.HTTPError as error:
        return Answer(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read())


def city(platform: Platform) -> City:
    """The city that the platform is of."""
    return load_named(platform.wanted.city)


def session(platform: Platform, tier: str, school: str | None = None) -> str:
    """A session token of the platform, minted as `huiju access token` does."""
    return access.token_for(place.of_stack(platform.stack), access.Wish(tier, school, 1.0))


def person(platform: Platform, tier: str, school: str, roster_id: str, subject: str = "a-test") -> str:
    """A session token of somebody of the roster, as signing in with an account makes it."""
    where = place.of_stack(platform.stack)
    claims = session_token.claims(where.url, tier, subject, int(time.time()), 1.0, school=school, person=roster_id)
    return signer(platform, keys.SESSION)(claims)


def play(platform: Platform, lesson: str, token: str | None = None, query: str = "") -> Answer:
    """What is answered to a request to play; the token is in the body."""
    who = {"Authorization": f"Bearer {token}"} if token else {}
    return ask(platform, f"/access/play/{lesson}{query}", method="POST", X_Token_In_Body="1", **who)


def cookie(token: str) -> str:
    """The header by which a player shows a video token."""
    return f"{video_token.COOKIE}={token}"


def permission(platform: Platform, lesson: str) -> str:
    """The header with the token that the public is given for an open lesson."""
    answer = play(platform, lesson)
    assert answer.status == 200, answer.body
    return cookie(answer.json["token"])


def seed(platform: Platform) -> str:
    """The seed of the platform's signing keys."""
    return configuration.read_secrets(platform.stack)["accessKey"]


def signer(platform: Platform, purpose: str, by: str | None = None) -> Callable[[Mapping[str, Any]], str]:
    """Claims as a token of ``purpose``, signed as the platform signs just now (tests renew its keys), or by a key for another purpose."""
    epoch = renewal.ring(platform.stack).signs
    key, head = keys.private_key(seed(platform), by or purpose, epoch), {"kid": keys.key_id(purpose, epoch)}
    return lambda claims: jwt.encode(dict(claims), keys.pem(key), keys.ALGORITHM, headers=head)


def minted(platform: Platform, lesson: str, *, purpose: str = keys.VIDEO, seconds: int = 300, **claims: Any) -> str:
    """A video token of the test's own making; a claim that is None is left out."""
    given = {
        **video_token.claims(platform.url.rstrip("/"), video_token.CITY, lesson, int(time.time()) + seconds),
        **claims,
    }
    given = {key: value for key, value in given.items() if value is not None}
    return signer(platform, keys.VIDEO, by=purpose)(given)


def tier_of(known: City, scope: Scope) -> str:
    """A tier of this scope."""
    return next(tier.id for tier in known.tiers if tier.scope is scope)


def strict_licence(known: City) -> str:
    """A licence that lets some tier stream and the public not."""
    public = tier_of(known, Scope.PUBLIC)
    return next(each.id for each in known.licences if Use.STREAM in each.uses and public not in each.tiers)
