"""Fetch what a plan names into the box's cache: in order, inside its window, no faster than its rate, and only what is not there yet."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from .cache import Cache, Refused
from .plan import Item, Plan

IDLE, AGAIN = 2.0, 10.0
"""Seconds between looks when nothing is to be done; and after a failure, which may be the link's."""
LATER = 300.0
"""Seconds until an item that the platform does not have is asked for again."""
_BURST = 1.0
"""Seconds whose worth of bytes may come at once."""


class Pace:
    """A bucket that fills with ``kbps``: who takes bytes waits until they are paid for."""

    def __init__(
        self, kbps: float, clock: Callable[[], float] = time.monotonic, rest: Callable[[float], None] = time.sleep
    ) -> None:
        self._rate, self._clock, self._rest = kbps * 125, clock, rest
        self._paid_at = clock()

    def take(self, size: int) -> None:
        """Take ``size`` bytes, and wait."""
        now = self._clock()
        self._paid_at = max(self._paid_at, now - _BURST) + size / self._rate
        if self._paid_at > now:
            self._rest(self._paid_at - now)


class Cancelled(Exception):  # noqa: N818  # nothing went wrong
    """The plan is no longer in force."""


class Prefetch:
    """Carries out one plan at a time; ``withdrawn`` says of a lesson and a moment whether it was withdrawn then or later."""

    def __init__(self, cache: Cache, withdrawn: Callable[[str, float], bool]) -> None:
        self._cache, self._withdrawn = cache, withdrawn
        self._todo, self._due = deque[Item](), dict[str, float]()
        self._fetched = 0
        self.failed = set[str]()
        self.plan: Plan | None = None
        self.wanted: Plan | None = None
        """What is in force by now; set from another thread, taken up between two blocks."""
        self._pace, self._anew = Pace(1), False

    def renew(self) -> None:
        """Look for everything of the plan anew, since something was given up; for another thread."""
        self._anew = True

    def step(self) -> float:
        """Look after one item at most; seconds until the next step."""
        if self.plan is not self.wanted or self._anew:
            self._anew = False
            self._begin(self.wanted)
        plan = self.plan
        if not plan or not self._open(plan):
            return IDLE
        item = next((each for each in self._todo if self._due.get(each.path, 0) <= time.monotonic()), None)
        if item is None:
            return IDLE
        self._todo.remove(item)
        if self._withdrawn(item.lesson, plan.made):
            return 0
        try:
            return self._have(item)
        except Cancelled:
            self._todo.appendleft(item)
            return 0
        except OSError as error:
            return self._missed(item, error)

    def readings(self) -> dict[str, float]:
        """Series and values of the plan in hand."""
        plan = self.plan
        counts = {
            "city_prefetch_planned_bytes": float(sum(item.size for item in plan.items) if plan else 0),
            "city_prefetch_fetched_bytes": float(self._fetched),
            "city_prefetch_failed_items": float(len(self.failed)),
        }
        if not plan:
            return counts
        info = f'city_prefetch_plan_info{{version="{plan.version}"}}'
        return {**counts, "city_prefetch_plan_timestamp_seconds": plan.made, info: 1.0}

    def _begin(self, plan: Plan | None) -> None:
        self.plan = plan
        self._todo, self._due = deque(plan.items if plan else ()), {}
        self._fetched, self.failed, self._pace = 0, set(), Pace(plan.kbps if plan else 1)

    @staticmethod
    def _open(plan: Plan) -> bool:
        return plan.not_before <= time.time() < plan.not_after

    def _have(self, item: Item) -> float:
        """See that the cache has the item, and its size is right."""
        if self._cache.held(item.path) != item.size:
            got = self._cache.fetch(item.path, self._read)
            if got != item.size:
                self._cache.purge([item.path])
                raise Refused(0)
        self._fetched += item.size
        self.failed.discard(item.path)
        return 0

    def _read(self, size: int) -> None:
        self._pace.take(size)
        if self.plan is None or self.plan is not self.wanted or not self._open(self.plan):
            raise Cancelled

    def _missed(self, item: Item, error: OSError) -> float:
        """Note it and go on with the others: the same again later."""
        self.failed.add(item.path)
        self._todo.append(item)
        # What the platform does not have, or has in another size, is that item's own fault; all else may be the link's.
        own = isinstance(error, Refused) and error.status < 500  # noqa: PLR2004
        self._due[item.path] = time.monotonic() + (LATER if own else AGAIN)
        return 0 if own else AGAIN
