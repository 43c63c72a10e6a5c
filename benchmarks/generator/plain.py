"""Plain Locust users: they repeat a list of requests as fast as they can, and look at nothing."""

from __future__ import annotations

import json
import os
from collections import deque
from pathlib import Path
from typing import Any, cast

import gevent
from locust import FastHttpUser, constant, task
from locust.exception import StopUser

WANTED: deque[tuple[str, str]] = deque(map(tuple, json.loads(Path(os.environ["BENCH_REQUESTS"]).read_text())))


class Plain(FastHttpUser):
    """Locust's own client with its defaults."""

    wait_time = constant(0)

    @task
    def next_one(self) -> None:
        """The next request of the list; whoever finds it empty ends the run."""
        if WANTED:
            method, path = WANTED.popleft()
            self.client.request(method, path)
        else:
            gevent.spawn(cast(Any, self.environment.runner).quit)
            raise StopUser
