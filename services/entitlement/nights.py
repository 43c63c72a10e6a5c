"""In which rendition a school's night fetched a lesson, by its published plan. It is advice: whatever is amiss, nothing is known."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from derive import prefetch
from services.entitlement.records import UnreadableError, named

LOG = logging.getLogger(__package__)
FRESH_SECONDS: Final = 30.0
"""A plan that is replaced is noticed after that long; a class that opens one lesson asks the store once."""
PATIENCE_SECONDS: Final = 0.3
"""So long an answer waits for a plan, ten times what a store that is well takes. Afterwards play goes on without."""
LINES: Final = 8
"""Plans that are read at once; of each school one."""

Fetched = Mapping[str, str]
"""Lesson -> rendition."""
Fetch = Callable[[str], bytes | None]
"""From a key to the beginning of the object; None: there is none."""


@dataclass(frozen=True)
class _Asked:
    at: float
    answer: Future[Fetched]


class Nights:
    """Plans by school. ``fetch`` reads them, aside; ``clock`` gives seconds that only grow."""

    def __init__(self, fetch: Fetch, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch, self._clock = fetch, clock
        self._asked: dict[str, _Asked] = {}
        self._lock = threading.Lock()
        self._aside = ThreadPoolExecutor(LINES, "nights")

    def rendition(self, school: str, lesson: str) -> str | None:
        """That in which the box of ``school`` fetches ``lesson``; None where that is not known. Never raises, and waits for a moment."""
        asked = self._ask(school)
        try:
            return asked.answer.result(max(0.0, asked.at + PATIENCE_SECONDS - self._clock())).get(lesson)
        except TimeoutError:
            return None

    def _ask(self, school: str) -> _Asked:
        now = self._clock()
        with self._lock:
            asked = self._asked.get(school)
            # While the store is silent nobody asks again, and who comes later does not wait for it either.
            if asked is None or (now - asked.at >= FRESH_SECONDS and asked.answer.done()):
                asked = self._asked[school] = _Asked(now, self._aside.submit(self._read, school))
        return asked

    def _read(self, school: str) -> Fetched:
        try:
            text = self._fetch(prefetch.KEY.format(school=school))
            return fetched(text, school) if text is not None else {}
        except (UnreadableError, ValueError, RecursionError) as error:
            LOG.warning("the plan of school %s counts for nothing: %s", school, error)
            return {}

    def close(self) -> None:
        """Read nothing more."""
        self._aside.shutdown(wait=False, cancel_futures=True)


def fetched(text: bytes, school: str) -> Fetched:
    """What the plan that begins with ``text`` fetches for ``school``. Raises ValueError for one that is not of that school."""
    plan = prefetch.head(text)
    # A plan of before this was said has no such list.
    found = plan.get(prefetch.LESSONS, {})
    if plan.get("school") != school or not isinstance(found, dict):
        raise ValueError("it is no plan of this school")
    return named(found)
