"""What Locust loads: the two kinds of people, the shape of the day, and the targets that decide the exit code.

`huiju load run` starts it with an order (``loadtests/order.py``); alone it says so and ends.
"""

from __future__ import annotations

from typing import Any

from locust import events, runners
from locust.env import Environment

from loadtests import ending, order
from loadtests.person import Person
from loadtests.run import Run
from loadtests.shape import Timetable
from loadtests.viewer import Viewer
from loadtests.visitor import Visitor
from loadtests.watch import Watch

# Locust gives a worker up for lost after 3 s of silence, which a full machine makes of a busy one; a lost worker breaks the run.
runners.HEARTBEAT_LIVENESS = 15
RUN = Run(order.read())
Person.part = Timetable.part = RUN
Timetable.classes = (Viewer, Visitor)


def watch_over(environment: Environment, **_: Any) -> None:  # noqa: ANN401 - Locust's events
    """Every process watches itself; the one that leads also judges."""
    watch = Watch(environment, RUN)
    if watch.leads:
        environment.events.quitting.add_listener(lambda environment, **_: ending.finish(environment, watch))


events.init.add_listener(watch_over)
