"""The state of one process in a run: when it began, whose turn it is, what was counted. Knows gevent, not Locust."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from functools import cached_property

import gevent
from gevent.event import Event

from derive.traffic import Kind
from loadtests.order import Order, bearer, sessions
from loadtests.schedule import Arrival, arrivals
from loadtests.tally import Tally, total

LEAD = 3.0
"""Seconds between the start of the processes and the first second of the run: time to bring the first people in."""
GRACE = 4.0
"""Seconds that the last reports may take at most (Locust's workers send one every 3 s)."""


class Run:
    """One process's part. Moments are seconds of ``time.perf_counter``; seconds of the run count from its beginning."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.tally = Tally()
        self.reports: dict[str, Tally] = {}
        """In the process that leads several: their newest tallies, by their ids in Locust."""
        self.begun = Event()
        self._zero = 0.0
        self.places: tuple[str, ...] = ()
        """The processes that people come to, by their ids in Locust."""
        self._of: dict[frozenset[Kind], list[Arrival]] = {}
        self._waiting: dict[frozenset[Kind], deque[Arrival]] = {}
        self._place = 0
        self._leads_others = False

    @cached_property
    def people(self) -> tuple[Arrival, ...]:
        """Everybody of the whole run."""
        return arrivals(self.order.plan)

    @cached_property
    def sessions(self) -> dict[str, str]:
        """Session tokens by ``bearer``."""
        return sessions()

    def of(self, kinds: frozenset[Kind]) -> list[Arrival]:
        """Everybody of the whole run who comes for one of ``kinds``, in order."""
        if kinds not in self._of:
            self._of[kinds] = [person for person in self.people if person.kind in kinds]
        return self._of[kinds]

    def begin(self, epoch: float, places: Sequence[str], own: str) -> None:
        """Second 0 is at ``epoch`` (s since 1970); people come to ``places``, of which this process is ``own`` (or none, the master)."""
        self._zero = time.perf_counter() + epoch - time.time()
        self.places = tuple(places)
        self._leads_others = own not in self.places
        self._place = 0 if self._leads_others else self.places.index(own)
        self.begun.set()

    @property
    def second(self) -> float:
        """The second of the run that it is now; negative before it begins."""
        return time.perf_counter() - self._zero if self.begun.is_set() else -LEAD

    @property
    def left(self) -> float:
        """Seconds until the end of the run; negative afterwards."""
        return self.order.plan.seconds - self.second

    @property
    def patience(self) -> float:
        """How long a request may stay unanswered after the end before it counts as failed, s: a segment's length."""
        return float(self.order.plan.segment_seconds)

    @property
    def whole(self) -> Tally:
        """The tallies of all processes."""
        return total(self.reports.values()) if self._leads_others else self.tally

    @property
    def finished(self) -> bool:
        """Whether the run is at its end: all have left and said so, or have had the time for both."""
        if self.left > 0:
            return False
        whole = self.whole
        told = not self._leads_others or (
            len(self.reports) == len(self.places) and whole.until > self.order.plan.seconds
        )
        return (told and not whole.present) or self.left < -(self.patience + GRACE)

    def claim(self, kinds: frozenset[Kind]) -> Arrival | None:
        """The next person of this process; None when nobody is left."""
        if kinds not in self._waiting:
            self._waiting[kinds] = deque(self.of(kinds)[self._place :: len(self.places)])
        waiting = self._waiting[kinds]
        return waiting.popleft() if waiting else None

    def arrive(self, person: Arrival) -> float:
        """Wait for the person's moment; the moment that was meant, which the clock may have passed."""
        meant = self._zero + person.at
        gevent.sleep(max(0.0, meant - time.perf_counter()))
        self.tally.arrive(time.perf_counter() - meant)
        return meant

    def token(self, person: Arrival) -> str | None:
        """The session of somebody like that; None for the anonymous."""
        return self.sessions.get(bearer(person.scope, person.school))


def due(people: Sequence[Arrival], second: float) -> int:
    """How many of ``people``, who are in order, have come by ``second``."""
    return bisect_right(people, second, key=lambda person: person.at)
