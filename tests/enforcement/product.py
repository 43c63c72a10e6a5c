"""What the run goes over: people, lessons, moments, and sessions and tokens of every state, good ones and all others."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from catalog import load_named
from catalog.access import Scope
from derive import keys, questions, session_token, video_token
from derive.questions import Person, Question, Thing
from tests.entitlement_server import ISSUER, SEED, signed
from tests.policies import reference, situations
from tests.policies.test_service_agrees import PLAYING, lessons, people

CITY: Final = situations.widened(load_named("tiny"))
SCHOOL: Final = CITY.schools[0].code
PLACES: Final = (video_token.CITY, SCHOOL)
"""A cache of the city, and one of a school."""
MOMENTS: Final = situations.moments(CITY, situations.published(CITY))
"""Both sides of every edge of every licence and agreement, Unix seconds."""
NOBODY: Final = Person("nobody", next(tier.id for tier in CITY.tiers if tier.scope is Scope.PUBLIC))
"""Without a session one is of the public."""
PEOPLE: Final = (*people(CITY), NOBODY)
HOUR, YEAR = 3600, 365 * 86_400
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"


def _named(what: Thing, number: int) -> Thing:
    high, low = divmod(number, len(_LETTERS))
    name, since = f"l-everypointever{_LETTERS[high]}{_LETTERS[low]}", datetime.fromtimestamp(what.published or 0, UTC)
    return questions.lesson(name, what.school or "", what.licence or "", since)


LESSONS: Final = tuple(_named(each, number) for number, each in enumerate(lessons(CITY)))
"""One of every owner under every licence, those that no city has among them."""


def after(what: Thing, steps: int = 1) -> Thing:
    """Another lesson."""
    other = LESSONS[(LESSONS.index(what) + steps) % len(LESSONS)]
    return other if other is not what else after(what)


def plain(who: Person, what: Thing, moment: int) -> bool:
    """Whether the reference lets them play it; nothing hands out seats yet."""
    return any(reference.allowed(CITY, Question(who, action, what, moment)) for action in PLAYING)


def claims(who: Person, moment: int) -> dict[str, Any]:
    """Claims of a session that began a minute ago."""
    school = who.schools[0] if who.schools else None
    return session_token.claims(
        ISSUER, who.tier, who.id, moment - 60, 2.0, school=school, district=who.district, partner=who.partner
    )


def session(who: Person, moment: int) -> str | None:
    """A good one; None for who has not signed in."""
    return None if who is NOBODY else signed(claims(who, moment))


FALSE_SESSIONS: Final[Mapping[str, Callable[[dict[str, Any]], str]]] = {
    "expired": lambda claims: signed({**claims, "exp": claims["iat"] + 30}),
    "not yet valid": lambda claims: signed({**claims, "nbf": claims["exp"]}),
    "wrong key": lambda claims: signed(claims, keys.VIDEO),
    "unknown key": lambda claims: signed(claims, keys.VIDEO, keys.VIDEO),
    "wrong audience": lambda claims: signed({**claims, "aud": "elsewhere"}),
    "wrong issuer": lambda claims: signed({**claims, "iss": "https://elsewhere.example"}),
    "altered": lambda claims: _altered(signed(claims)),
    "signed no more": lambda claims: _unsigned(signed(claims)),
}
"""State of a session -> how one comes to be in it."""


def tokens(what: Thing, place: str, moment: int) -> dict[str, str | None]:
    """State of a video token -> one for the lesson and the place."""
    (elsewhere,) = (each for each in PLACES if each != place)
    good = video_token.claims(ISSUER, place, what.id, moment + HOUR)
    old = {**good, "exp": moment - 5}
    return {
        "none": None,
        "good": minted(good),
        "expired": minted(old),
        "not yet valid": minted({**good, "nbf": moment + HOUR}),
        "wrong key": minted(good, keys.SESSION),
        "wrong issuer": minted({**good, "iss": "https://elsewhere.example"}),
        "wrong audience": minted({**good, "aud": "elsewhere"}),
        "another place's": minted({**good, "aud": elsewhere}),
        "another lesson's": minted(video_token.claims(ISSUER, place, after(what).id, moment + HOUR)),
        "altered": _altered(minted(old)),
        "signed no more": _unsigned(minted(good)),
    }


def minted(claims: dict[str, Any], purpose: str = keys.VIDEO) -> str:
    """A video token, by the key for ``purpose`` under the name of the right one."""
    return signed(claims, purpose, keys.VIDEO)


def configured(place: str) -> str:
    """`uri_signing.json` of a cache of ours."""
    return video_token.configuration(ISSUER, place, [keys.public_jwk(SEED, keys.VIDEO)])


def _altered(token: str) -> str:
    """The token with its end a year later, under the signature that it had."""
    head, claims, signature = token.split(".")
    found = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    return f"{head}.{_base64(json.dumps({**found, 'exp': found['exp'] + YEAR}).encode())}.{signature}"


def _unsigned(token: str) -> str:
    head, claims = _base64(b'{"alg":"none"}'), token.split(".")[1]
    return f"{head}.{claims}.AAAA"


def _base64(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()
