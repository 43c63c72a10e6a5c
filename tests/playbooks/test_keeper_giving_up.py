"""What a box's keeper takes for given up: only what its cache says is gone, or never was there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests import box_cache
from tests.box_cache import LESSON, OTHER
from tests.loopback import Quiet, listening

MINE, OTHERS = f"/lessons/{LESSON}/lesson.json", f"/lessons/{OTHER}/lesson.json"


@dataclass
class Answering:
    """A cache that answers each path with its status, 200 where none is named."""

    url: str = ""
    status: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def answering() -> Iterator[Answering]:
    found = Answering()

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_PURGE(self) -> None:
            found.asked.append(self.path)
            self.send_response_only(found.status.get(self.path, 200))
            self.send_header("Content-Length", "0")
            self.end_headers()

    with listening(Handler) as found.url:
        yield found


@dataclass
class Given:
    """What the keeper knows of two withdrawn lessons, and its way to the cache."""

    cache: Any
    known: Any

    def up(self) -> int:
        found, wrong = self.known.purge(self.cache)
        if wrong:
            raise wrong
        return int(found)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch, answering: Answering, tmp_path: Path) -> Given:
    monkeypatch.syspath_prepend(str(box_cache.FILES))
    from keeper import cache, withdrawals  # type: ignore[import-not-found]  # as it lies on the box

    found = Given(cache.Cache(answering.url), withdrawals.Withdrawals(tmp_path))
    rows = [{"id": path.split("/")[2], "at": "2026-11-29T05:00:00Z", "paths": [path]} for path in (MINE, OTHERS)]
    found.known.hear({"lessons": rows})
    return found


@pytest.mark.parametrize("status", [302, 403, 500, 503])
def test_a_cache_that_refuses_is_asked_again_in_the_same_round(given: Given, answering: Answering, status: int) -> None:
    answering.status = {MINE: status}
    with pytest.raises(OSError, match=f"the cache answered {status}"):
        given.up()
    assert answering.asked == [MINE, OTHERS], "one that is refused keeps no other one"
    answering.status = {}
    assert given.up() == 1
    assert answering.asked[2:] == [MINE]


def test_what_the_cache_never_had_is_given_up(given: Given, answering: Answering) -> None:
    answering.status = {MINE: 404}
    assert (given.up(), given.up()) == (1, 0)
    assert answering.asked == [MINE, OTHERS], "a minute later again"


def test_the_plan_is_looked_after_anew_for_what_was_given_up_beside_a_refusal(
    given: Given, answering: Answering, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keeper import service

    settings = {"platforms": ["https://127.0.0.1:9"], "school": "1", "state": str(tmp_path), "seconds": 5}
    box_cache.certificates(tmp_path / "tls")
    keeper = service.Keeper({**settings, "cache": given.cache.address}, tmp_path / "tls")
    renewed: list[bool] = []
    monkeypatch.setattr(keeper.prefetch, "renew", lambda: renewed.append(True))
    for answer, times in ((403, 1), (403, 1), (200, 2)):
        answering.status = {MINE: answer}
        if answer == 403:
            with pytest.raises(OSError, match="the cache answered 403"):
                keeper.withdraw()
        else:
            keeper.withdraw()
        assert len(renewed) == times, "once for each that was given up"
