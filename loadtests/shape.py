"""The load's shape for Locust: brings in as many people as the timetable wants, before their moment, in the right classes.

Locust's user count is how many have come so far; nobody is taken away before the end, since Locust does not choose whom. With several
workers people come in rounds, one of each class to every worker, so that each worker knows whose turn it is without asking.
"""

from __future__ import annotations

import math
from typing import ClassVar

from locust import LoadTestShape, User
from locust.runners import MasterRunner

from loadtests.person import Person
from loadtests.run import LEAD, Run, due

AHEAD = LEAD + 1.5
"""Seconds by which people are there before their moment: Locust looks at a shape once a second, and takes one class at a time."""
Tick = tuple[int, float, list[type[User]] | None]


class Timetable(LoadTestShape):
    """People by the timetable."""

    part: ClassVar[Run]
    classes: ClassVar[tuple[type[Person], ...]]

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.there: dict[type[Person], int] = {}
        self.last: Tick | None = None

    def tick(self) -> Tick | None:
        """How many people are there in all, how fast they come, and of which class the new ones are; None at the end."""
        if self.part.finished or self.workers_lost:
            return None
        for kind in sorted(self.classes, key=self._lacking, reverse=True):
            lacking = self._lacking(kind)
            if lacking > 0 or self.last is None:
                self.there[kind] = self.there.get(kind, 0) + max(lacking, self.places)
                self.last = (sum(self.there.values()), float(max(lacking, self.places)), [kind])
                break
        return self.last

    @property
    def places(self) -> int:
        """Processes that people come to."""
        runner = self.runner
        return len(self.part.places) or (runner.worker_count if isinstance(runner, MasterRunner) else 1)

    @property
    def workers_lost(self) -> bool:
        """Whether a worker has gone, and its people with it."""
        runner = self.runner
        return isinstance(runner, MasterRunner) and self.part.begun.is_set() and runner.worker_count < self.places

    def _lacking(self, kind: type[Person]) -> int:
        """How many more of ``kind`` must come now, in whole rounds."""
        wanted = due(self.part.of(kind.kinds), self.part.second + AHEAD)
        return math.ceil(wanted / self.places) * self.places - self.there.get(kind, 0)
