"""Orders for short runs against the stand-in platform."""

from __future__ import annotations

from catalog import load_named
from catalog.access import Scope
from derive import traffic
from loadtests import schedule, verdict
from loadtests.order import Order, bearer
from tests.loadtests import stand_in

CITY = load_named("tiny")
PEAK = traffic.sign_in_peak(traffic.day(CITY))


def order_for(server: stand_in.Platform, pem: str, seconds: float = 8, scale: float = 1, **limits: float) -> Order:
    """An order for ``server``; ``limits`` are values of targets by measure, with underscores."""
    goals = tuple(
        each.model_copy(update={"value": limits.get(each.measure.value.replace("-", "_"), each.value)})
        for each in verdict.goals(CITY.targets)
    )
    reach = {bearer(scope, code): (0,) for scope in (Scope.CLASS, Scope.ALLIANCE) for code in CITY.by_code}
    return Order(
        plan=schedule.plan(CITY, (PEAK - 300, PEAK + 900), seconds, scale), goals=goals, host="localhost",
        address=f"https://localhost:{server.server_port}", authority=pem, lessons=(stand_in.LESSON,), reach=reach,
        list_path="/lessons/index.json",
    )  # fmt: skip
