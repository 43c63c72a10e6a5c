"""Watches over a run: the generator's own CPU and timers in every process, and all processes' tallies in the one that leads."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any, Final, cast

import gevent
import psutil
from locust.env import Environment
from locust.runners import LocalRunner, MasterRunner, WorkerRunner

from loadtests.run import LEAD, Run
from loadtests.tally import Tally

BEGIN: Final = "huiju-begin"
"""Message with which the leading process says when the run begins, and who takes part."""
REPORT: Final = "huiju"
"""Key of our tally in the reports of Locust's workers."""
NAP: Final = 0.05
"""Pause by which the lateness of timers is measured, s."""


class Watch:
    """One per process. ``leads`` says whether this process brings people in and judges (Locust's local runner or its master)."""

    def __init__(self, environment: Environment, run: Run) -> None:
        self.environment, self.run = environment, run
        self.runner = cast(Any, environment.runner)  # what the kinds of runners have in common is not typed
        self.leads = isinstance(self.runner, LocalRunner | MasterRunner)
        self.works = isinstance(self.runner, LocalRunner | WorkerRunner)
        self.runner.register_message(BEGIN, self._begin)
        events = environment.events
        gevent.spawn(self._mind_the_parent)
        if self.leads:
            # Locust minds SIGTERM only after a headless shape has ended.
            gevent.signal_handler(signal.SIGTERM, self.runner.quit)
            events.test_start.add_listener(self._start)
            events.worker_report.add_listener(self._reported)
            gevent.spawn(self._say)
        if self.works:
            events.report_to_master.add_listener(self._report)
            gevent.spawn(self._feel)

    def _start(self, **_: Any) -> None:  # noqa: ANN401 - Locust's events
        """Tell everybody, this process included, when second 0 is."""
        master = isinstance(self.runner, MasterRunner)
        epoch, places = time.time() + LEAD, sorted(self.runner.clients) if master else [self.runner.client_id]
        if master:
            self.run.begin(epoch, places, "")
        self.runner.send_message(BEGIN, {"epoch": epoch, "places": places})

    def _begin(self, msg: Any, **_: Any) -> None:  # noqa: ANN401
        self.run.begin(msg.data["epoch"], msg.data["places"], self.runner.client_id)

    def _report(self, data: dict[str, Any], **_: Any) -> None:  # noqa: ANN401
        self.run.tally.until = self.run.second
        data[REPORT] = self.run.tally.model_dump()

    def _reported(self, client_id: str, data: dict[str, Any], **_: Any) -> None:  # noqa: ANN401
        if REPORT in data:
            self.run.reports[client_id] = Tally.model_validate(data[REPORT])

    def _feel(self) -> None:
        """Once a second while the run lasts: how much of a core this process took, and how late its timers were at worst."""
        process = psutil.Process()
        self.run.begun.wait()
        while self.run.left > 0:
            process.cpu_percent()
            lag, begun = 0.0, time.perf_counter()
            while time.perf_counter() - begun < 1:
                asleep = time.perf_counter()
                gevent.sleep(NAP)
                lag = max(lag, time.perf_counter() - asleep - NAP)
            if self.run.second > 0:
                self.run.tally.second(process.cpu_percent() / 100, lag)

    def _mind_the_parent(self) -> None:
        """End when whoever started this process is gone: nobody would read the result, and the platform shall have its peace."""
        parent = os.getppid()
        while os.getppid() == parent:
            gevent.sleep(1)
        self.runner.quit()

    def _say(self) -> None:
        """Once a second: how far the run is, as a line of JSON on standard output."""
        while not self.run.finished:
            total_stats, whole = self.environment.stats.total, self.run.whole
            say(
                progress={
                    "second": round(self.run.second, 1), "of": self.run.order.plan.seconds, "arrived": whole.arrived,
                    "expected": len(self.run.people), "playing": whole.playing, "requests": total_stats.num_requests,
                    "failed": total_stats.num_failures, "per_second": round(total_stats.current_rps, 1), "stalls": whole.stalls,
                }
            )  # fmt: skip
            gevent.sleep(1)


def say(**what: object) -> None:
    """One line of JSON on standard output, for whoever started the run."""
    sys.stdout.write(json.dumps(what, ensure_ascii=False) + "\n")
    sys.stdout.flush()
