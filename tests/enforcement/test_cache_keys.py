"""A cache without its keys, or with ones that are cut off, foreign or old, gives nobody a lesson: not with a good token, not without."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from derive import keys, video_token
from tests import traffic_server
from tests.enforcement import asking
from tests.enforcement.product import CITY, LESSONS, configured, minted
from tests.entitlement_server import ISSUER, SEED
from tests.traffic_server import NotReadyError, Origin

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
LESSON = LESSONS[0].id
GOOD = configured(video_token.CITY)
BROKEN = {
    "missing": None,
    "empty": "",
    "no keys": "{}",
    "cut off in the middle": GOOD[: len(GOOD) // 2],
    "cut off at the end": GOOD.rstrip()[:-1],
    "of zeros, as a power cut leaves it": "\0" * len(GOOD),
    "a key that is none": GOOD.replace('"x": "', '"x": "!').replace('"x":"', '"x":"!'),
    "of another deployment": video_token.configuration(
        ISSUER, video_token.CITY, [keys.public_jwk(SEED[::-1], keys.VIDEO)]
    ),
    "of another place": configured(CITY.schools[0].code),
    "of another issuer": video_token.configuration(
        "https://elsewhere.example", video_token.CITY, [keys.public_jwk(SEED, keys.VIDEO)]
    ),
}


@pytest.fixture
def origin() -> Iterator[Origin]:
    with traffic_server.counting() as found:
        yield found


@pytest.fixture(scope="module")
def counts(proof: Callable[[str, str], None]) -> Iterator[Counter[str]]:
    """What the states came to, for a row of all."""
    found = Counter[str]()
    yield found
    if found:
        asked = f"{found['shown']} requests with and without a good token, {found['dark']} caches did not start"
        said = f"{found['states']} of {len(BROKEN)} states, {asked}"
        proof("access: a cache whose keys are missing, empty, cut off, foreign or old", f"{said}: 0 lessons given")


def shown(tokens: str | None, origin: Origin) -> list[bool]:
    """Whether a cache with this configuration gives the lesson to who has a good token, and to who has none; empty: it does not start."""
    good = minted(video_token.claims(ISSUER, video_token.CITY, LESSON, int(time.time()) + 600))
    try:
        with traffic_server.running(CITY, tokens, origin) as cache:
            point = asking.at("cache", cache.port)
            return [bool(asking.show(point, LESSON, token)) for token in (good, None, good)]
    except NotReadyError:
        return []


def test_with_its_keys_it_gives_to_who_has_a_token(origin: Origin) -> None:
    assert shown(GOOD, origin) == [True, False, True]


@pytest.mark.parametrize("state", BROKEN)
def test_without_good_keys_nobody_is_given_anything(state: str, origin: Origin, counts: Counter[str]) -> None:
    assert BROKEN[state] != GOOD
    given = shown(BROKEN[state], origin)
    assert not any(given)
    assert not origin.asked, "and the origin is asked for no lesson"
    counts.update(states=1, shown=len(given), dark=not given)
