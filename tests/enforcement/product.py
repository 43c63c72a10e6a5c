"""What the run goes over: people, lessons, moments, and sessions and tokens of every state, good ones and all others."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from catalog import load_named, names
from catalog.access import Action, Scope, Use
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
EDGES: Final = tuple(each for each in MOMENTS if each - 1 in MOMENTS)
"""The later side of each: when something begins or has ended."""
NOBODY: Final = Person("nobody", next(tier.id for tier in CITY.tiers if tier.scope is Scope.PUBLIC))
"""Without a session one is of the public."""
PEOPLE: Final = (*people(CITY), NOBODY)
HOUR, YEAR = 3600, 365 * 86_400
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"


ENDS_SOON: Final = 300
"""Seconds from a moment to the end of the class that ends soon after it."""


def _id(number: int) -> str:
    high, low = divmod(number, len(_LETTERS))
    return f"l-everypointever{_LETTERS[high]}{_LETTERS[low]}"


def _named(what: Thing, number: int) -> Thing:
    if what.resource == names.RESOURCE_LIVE:
        return questions.live(_id(number), what.school or "", what.subject)
    since = datetime.fromtimestamp(what.published or 0, UTC)
    return questions.lesson(_id(number), what.school or "", what.licence or "", since, what.subject)


_FOUND: Final = tuple(_named(each, number) for number, each in enumerate(lessons(CITY)))
_DOWNLOADABLE: Final = {each.id for each in CITY.licences if Use.DOWNLOAD in each.uses}
PACKAGED: Final = tuple(each for each in _FOUND if each.resource == names.RESOURCE_LESSON)
"""One of every owner under every licence, those that no city has among them; each with a file, whatever its licence says."""
WITHOUT_FILE: Final = tuple(
    _named(each, number)
    for number, each in enumerate(PACKAGED, len(_FOUND))
    if each.school == SCHOOL and each.licence in _DOWNLOADABLE
)
"""Classes that have ended and are not packaged yet: lessons by their licence, with nothing to take away."""
LIVE: Final = tuple(each for each in _FOUND if each.resource == names.RESOURCE_LIVE)
"""Classes of every owner that go on for as long as anybody asks."""
_NEXT: Final = len(_FOUND) + len(PACKAGED)
OVER: Final = questions.live(_id(_NEXT), SCHOOL)
"""A class that is over, although its record does not say so: whatever streamed it was lost."""
ENDING: Final = {moment: questions.live(_id(_NEXT + 1 + number), SCHOOL) for number, moment in enumerate(MOMENTS)}
"""Moment -> a class that ends soon after it."""
ENDS: Final[Mapping[str, int]] = {
    OVER.id: MOMENTS[0] - 1,
    **{each.id: moment + ENDS_SOON for moment, each in ENDING.items()},
}
"""Id of a class -> when it ends, Unix seconds, where that is ever asked."""
RECORDED: Final = (*PACKAGED, *WITHOUT_FILE)
LESSONS: Final = (*RECORDED, *LIVE, OVER, *ENDING.values())


@dataclass(frozen=True)
class Way:
    """What may be done with a lesson, and by which permission."""

    name: str
    """Below `/access/`."""
    actions: tuple[Action, ...]
    """A yes to any of them is enough."""
    claims: Callable[[str, str, str, int], dict[str, Any]]
    tokens: str
    """What its permissions are called here."""

    def piece(self, lesson: str, name: str) -> str:
        """Path of something that its permission opens."""
        return f"{video_token.media_path(lesson)}h/{name}" if self is PLAY else video_token.download_path(lesson) + name


PLAY: Final = Way("play", PLAYING, video_token.claims, "tokens")
DOWNLOAD: Final = Way("download", (Action.DOWNLOAD,), video_token.download_claims, "file tokens")
WAYS: Final = (PLAY, DOWNLOAD)


def is_live(what: Thing) -> bool:
    """Whether its record says that class goes on."""
    return what.resource == names.RESOURCE_LIVE


def other(way: Way) -> Way:
    """The one whose permission opens nothing of this one's."""
    return DOWNLOAD if way is PLAY else PLAY


def after(what: Thing, steps: int = 1) -> Thing:
    """Another lesson."""
    found = LESSONS[(LESSONS.index(what) + steps) % len(LESSONS)]
    return found if found is not what else after(what)


def asked(way: Way, who: Person, what: Thing, moment: int) -> list[Question]:
    """What the matrix is asked; sessions that name nobody of the roster hold no seat."""
    return [Question(who, action, what, moment) for action in way.actions]


def granted(way: Way, who: Person, what: Thing, moment: int) -> bool:
    """Whether the reference lets them."""
    return any(reference.allowed(CITY, each) for each in asked(way, who, what, moment))


def right(way: Way, who: Person, what: Thing, moment: int) -> bool:
    """Whether they are to be given it: the reference lets them, and it is there."""
    there = what not in WITHOUT_FILE if way is DOWNLOAD else moment < ENDS.get(what.id, moment + 1)
    return there and granted(way, who, what, moment)


def plain(who: Person, what: Thing, moment: int) -> bool:
    """Whether they are to be let play it."""
    return right(PLAY, who, what, moment)


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


def tokens(way: Way, what: Thing, place: str, moment: int) -> dict[str, str | None]:
    """State of a video token -> one for the lesson and the place."""
    (elsewhere,) = (each for each in PLACES if each != place)
    good = way.claims(ISSUER, place, what.id, moment + HOUR)
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
        "another lesson's": minted(way.claims(ISSUER, place, after(what).id, moment + HOUR)),
        "of the other kind": minted(other(way).claims(ISSUER, place, what.id, moment + HOUR)),
        "altered": _altered(minted(old)),
        "signed no more": _unsigned(minted(good)),
    }


def minted(claims: dict[str, Any], purpose: str = keys.VIDEO) -> str:
    """A video token, by the key for ``purpose`` under the name of the right one."""
    return signed(claims, purpose, keys.VIDEO)


def configured(place: str) -> str:
    """`uri_signing.json` of a cache of ours."""
    return video_token.configuration(ISSUER, place, [keys.public_jwk(SEED, keys.VIDEO)])


def read(token: str) -> dict[str, Any]:
    """Its claims, whoever signed them."""
    claims = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    return found


def _altered(token: str) -> str:
    """The token with its end a year later, under the signature that it had."""
    (head, _, signature), found = token.split("."), read(token)
    return f"{head}.{_base64(json.dumps({**found, 'exp': found['exp'] + YEAR}).encode())}.{signature}"


def _unsigned(token: str) -> str:
    head, claims = _base64(b'{"alg":"none"}'), token.split(".")[1]
    return f"{head}.{claims}.AAAA"


def _base64(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()
