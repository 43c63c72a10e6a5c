"""One table of path, method and host tricks, and tokens of every state: for gateway and shield in the cluster, and for every cache here.

What must be served and what must never be is said by `wanted`, which knows of no rule of the caches or of the gateway.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from derive import keys, video_token
from tests.integration.point import Point

ONE, OTHER = "l-trickstrickstri2", "l-trickstrickstri3"
MARK = b"a segment of a lesson. "
FOR_EVER = 4_000_000_000


def media(lesson: str) -> bytes:
    """A segment of the lesson, which says whose it is in its first hundred bytes."""
    return (MARK + lesson.encode() + b" ") * 20


class Trick(NamedTuple):
    """One way to ask; ``kind`` says what for: `same` is the thing itself, `near` reads like it once tidied up, `never` is neither."""

    kind: str
    path: str
    method: str = "GET"
    host: str = "{host}"
    headers: Mapping[str, str] = {}

    def __str__(self) -> str:
        return f"{self.method} {self.path} of {self.host}"

    @property
    def foreign(self) -> bool:
        """Whether it asks for the other lesson by its own plain path, wherever it says that this lies."""
        return re.sub("^http://[^/]*", "", self.path).startswith(FOREIGN)

    def at(self, asked: Point, headers: Mapping[str, str], number: int = 0) -> tuple[int, bytes]:
        """Status and body of asking so for segment ``number``."""
        names = {"host": asked.host, "HOST": asked.host.upper(), "others": asked.others}
        path = self.path.format(one=ONE, other=OTHER, n=number, **names)
        return asked.ask(self.method, path, {"Host": self.host.format(**names), **self.headers, **headers})


OWN, FOREIGN = "/lessons/{one}/h/{n}.m4s", "/lessons/{other}/h/{n}.m4s"
THEMSELVES: Final = {ONE: Trick("same", OWN), OTHER: Trick("same", FOREIGN)}
"""Lesson -> how its segment is asked for without a trick."""
TRICKS = (
    Trick("same", OWN),
    Trick("same", OWN, "HEAD"),
    Trick("same", OWN, headers={"Range": "bytes=0-99"}),
    Trick("same", OWN, host="{HOST}"),
    Trick("same", OWN, host="{host}:443"),
    Trick("same", OWN + "?x=y"),
    Trick("same", OWN, headers={"Authorization": "Bearer x.y.z"}),
    Trick("near", "/lessons/{one}/./h/{n}.m4s"),
    Trick("near", "/lessons/{one}/h/../h/{n}.m4s"),
    Trick("near", "/lessons/{other}/../{one}/h/{n}.m4s"),
    Trick("near", "/lessons/index.json/../{one}/h/{n}.m4s"),
    Trick("near", "//lessons/{one}/h/{n}.m4s"),
    Trick("near", "/lessons/{one}//h/{n}.m4s"),
    Trick("near", "/lessons/{one}/%68/{n}.m4s"),
    Trick("near", "/lessons/{one}/%2568/{n}.m4s"),
    Trick("near", "/%6Cessons/{one}/h/{n}.m4s"),
    Trick("near", "http://{host}" + OWN),
    Trick("near", "HTTP://{HOST}" + OWN),
    Trick("near", "https://{host}" + OWN),
    Trick("near", "/lessons/{one}/h/poster.jpg/../{n}.m4s"),
    Trick("never", OWN, "POST", headers={"Content-Length": "0"}),
    Trick("never", OWN, "OPTIONS"),
    Trick("never", OWN, "TRACE"),
    Trick("never", OWN, "PURGE"),
    Trick("never", FOREIGN),
    Trick("never", FOREIGN, "HEAD"),
    Trick("never", FOREIGN, headers={"Range": "bytes=0-99"}),
    Trick("never", FOREIGN, headers={"Cache-Control": "only-if-cached"}),
    Trick("never", FOREIGN, host="{HOST}"),
    # Names and ports that others ask by: only where a request came in may say whose it is.
    Trick("never", FOREIGN, host="lessons"),
    Trick("never", FOREIGN, host="{host}:{others[0]}"),
    Trick("never", FOREIGN, host="{host}:{others[1]}"),
    Trick("never", "http://127.0.0.1:{others[0]}" + FOREIGN),
    Trick("never", "http://127.0.0.1:{others[1]}" + FOREIGN),
    Trick("never", "/lessons/{one}/../{other}/h/{n}.m4s"),
    Trick("never", "/lessons/{one}/%2e%2e/{other}/h/{n}.m4s"),
    Trick("never", "/lessons/{one}/%252e%252e/{other}/h/{n}.m4s"),
    Trick("never", "/lessons/{one}/..%2f{other}/h/{n}.m4s"),
    Trick("never", "/lessons/{one}/..%252f{other}/h/{n}.m4s"),
    Trick("never", "/lessons/{one}/..;/{other}/h/{n}.m4s"),
    Trick("never", "/lessons/{other}/lesson.json/../h/{n}.m4s"),
    Trick("never", FOREIGN + "?/lessons/{one}/h/{n}.m4s"),
    Trick("never", FOREIGN + "#/lessons/{one}/h/{n}.m4s"),
    Trick("never", "http://{host}/lessons/{one}@x/lessons/{other}/h/{n}.m4s"),
)
ELSEWHERE: Final = "for another place's cache"
AWAY: Final = "to take it away"
TOKENS: dict[str, dict[str, Any] | None] = {
    "none": None,
    "good": {},
    "expired": {"seconds": -600},
    "not yet valid": {"nbf": FOR_EVER},
    "of another key": {"purpose": keys.SESSION},
    "for another audience": {"aud": "elsewhere"},
    ELSEWHERE: {"aud": "a place"},
    "of another issuer": {"iss": "https://elsewhere.example"},
    AWAY: {"cdniuc": video_token.download_claims("", "", ONE, 0)["cdniuc"]},
    "altered": {},
    "signed no more": {},
}


def tokens(minted: Callable[..., str], elsewhere: str) -> dict[str, str | None]:
    """State -> a token for `ONE`, as ``minted`` makes one of what it is given by name; ``elsewhere`` is another place of ours."""
    found: dict[str, str | None] = {}
    for state, given in TOKENS.items():
        changed = {"seconds": 3600, **(given or {}), **({"aud": elsewhere} if state == ELSEWHERE else {})}
        found[state] = None if given is None else spoilt(state, minted(**changed))
    return found


def wanted(state: str, trick: Trick) -> bool | None:
    """Whether a token for the lesson `ONE` opens it; None where either will do."""
    if state != "good" or trick.kind == "never":
        return False
    return True if trick.kind == "same" else None


def spoilt(state: str, token: str) -> str:
    """The token, altered or signed no more where the state says so."""
    head, claims, signature = token.split(".")
    if state == "altered":
        text = base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)).replace(b'"exp"', b'"exq"')
        claims = base64.urlsafe_b64encode(text).rstrip(b"=").decode()
    if state == "signed no more":
        head, signature = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode(), "AAAA"
    return f"{head}.{claims}.{signature}"


@dataclass
class Asked:
    """What came of asking: how much was asked and served, and what was not right."""

    number: int = 0
    served: int = 0
    wrong: list[object] = field(default_factory=list)

    def twice(self, at: Point, trick: Trick, headers: Mapping[str, str], number: int, *, right: bool | None,
              warmed: Callable[[int], None], facts: str) -> None:  # fmt: skip
        """Ask for a segment that no cache has yet, and again when ``warmed`` has brought both lessons' into the cache."""
        for heat in ("cold", "warm"):
            status, body = trick.at(at, headers, number)
            # To HEAD, whether it would have come.
            got = status in (200, 206) if trick.method == "HEAD" else MARK in body
            foreign = MARK + OTHER.encode() in body and not trick.foreign
            self.number, self.served = self.number + 1, self.served + got
            if foreign or (right is not None and got is not right):
                self.wrong.append((at.name, str(trick), facts, heat, status))
            warmed(number)
