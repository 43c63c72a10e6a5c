"""A person of a load test: comes at the moment that the plan says, does one thing, leaves. One Locust user is one person, never used again.

So arrivals do not wait for a slow platform (an open workload), and every time is taken from the moment that was meant: a request that
begins late because the generator was slow is measured as late, not left out (no coordinated omission).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, ClassVar

import gevent
from gevent.event import Event
from locust import FastHttpUser, task
from locust.contrib.fasthttp import ResponseContextManager
from locust.env import Environment

from derive.traffic import Kind
from loadtests import connection
from loadtests.run import Run
from loadtests.schedule import Arrival

JOURNEY = "journey"
"""Type of what a person waits for that takes several requests; beside GET and POST in Locust's tables."""
FAILED_MS = 60_000.0
"""A journey that failed counts as a minute: whoever got nothing must not make the times look better."""
Check = Callable[[bytes], str]


class UnansweredError(BaseException):
    """The run has ended and the platform has not answered. Not an Exception, so that no library takes it for a broken connection."""


class Person(FastHttpUser):
    """What all have in common."""

    abstract = True
    kinds: ClassVar[frozenset[Kind]]
    """What they come for."""
    part: ClassVar[Run]
    """This process's part of the run."""

    def __init__(self, environment: Environment) -> None:
        order = self.part.order
        type(self).host = order.address
        self.connections = self.client_pool = connection.pool(order.host, order.authority)
        super().__init__(environment)
        # Cookies are few and known; the library's jar costs more than the request that it decorates.
        self.client.client.cookiejar = None
        self.cookies: dict[str, str] = {}
        self.token: str | None = None
        """The person's session; None for the anonymous."""

    @task
    def life(self) -> None:
        """Come, do what one came for, leave; then wait to be taken away, since Locust would send somebody else in place of who is gone."""
        self.part.begun.wait()
        person = self.part.claim(self.kinds)
        if person is not None:
            try:
                self._visit(person)
            except Exception as error:  # Locust would let the same user go on as somebody else
                self.environment.events.user_error.fire(user_instance=self, exception=error, tb=error.__traceback__)
            self.connections.close()
        Event().wait()

    def _visit(self, person: Arrival) -> None:
        since = self.part.arrive(person)
        self.token = self.part.token(person)
        self.part.tally.present += 1
        try:
            with gevent.Timeout(self.part.left + self.part.patience, UnansweredError):
                self.visit(person, since)
        except UnansweredError:
            self.left_waiting(person, since)
        finally:
            self.part.tally.present -= 1

    @staticmethod
    def now() -> float:
        """The moment, s, on the clock of the run."""
        return time.perf_counter()

    def visit(self, person: Arrival, since: float) -> None:
        """Do what one came for; ``since`` is when one meant to begin."""
        raise NotImplementedError

    def left_waiting(self, person: Arrival, since: float) -> None:
        """The run ended in the middle of a request, which is on record; note what else did not come of it."""

    def fetch(
        self, path: str, name: str, since: float, *, method: str = "GET", check: Check | None = None, bearer: str = ""
    ) -> bytes | None:
        """The whole body of ``path``; None when there is none, which is then on record under ``name``.

        ``since`` is the moment at which the answer was first wanted; ``check`` says what is wrong with a body, or nothing. ``bearer`` is
        a session token to show; otherwise the cookies speak.
        """
        begun = time.time()
        try:
            with self.client.request(
                method, path, name=name, headers=self._headers(bearer), catch_response=True
            ) as answer:
                answer.request_meta["response_time"] = (self.now() - since) * 1000
                body, problem = received(answer)
                problem = problem or (check(body) if check else "")
                if problem:
                    answer.failure(problem)
                    return None
                self._keep(answer)
                return body
        except UnansweredError:
            self.part.tally.unanswered += 1
            self._record(method, name, since, begun, "not answered before the end of the run")
            raise

    def journey(self, name: str, since: float, problem: str = "") -> None:
        """Note how long something took that the person waited for, or what went wrong."""
        self._record(JOURNEY, name, since, time.time(), problem)

    def _record(self, kind: str, name: str, since: float, begun: float, problem: str) -> None:
        passed = (self.now() - since) * 1000
        journey_failed = bool(problem) and kind == JOURNEY
        self.environment.events.request.fire(
            request_type=kind, name=name, response_time=FAILED_MS if journey_failed else passed, response_length=0,
            exception=RuntimeError(problem) if problem else None, context={}, start_time=begun, response=None, url="",
        )  # fmt: skip

    def _headers(self, bearer: str) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return headers

    def _keep(self, answer: ResponseContextManager) -> None:
        """Take the cookies that came, without their attributes: a person sees one host only."""
        for line in answer.headers.getlist("set-cookie") if answer.headers else ():
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name.strip()] = value.strip()


def received(answer: ResponseContextManager) -> tuple[bytes, str]:
    """The body, and what is wrong with the answer, whatever it was asked for; empty when nothing is."""
    status = answer.status_code
    if not status:
        return b"", f"no answer: {getattr(answer, 'error', None)!r}"
    try:
        body: bytes = answer.content or b""
    except Exception as error:  # whatever breaks a connection half-way: sockets, TLS, HTTP, compression
        return b"", f"broken off: {error!r}"
    if status >= HTTPStatus.BAD_REQUEST:
        return body, f"HTTP {status} {_reason(body)}".strip()
    headers: Any = answer.headers or {}
    promised = headers.get("content-length")
    if promised and not headers.get("content-encoding") and int(str(promised)) != len(body):
        return body, f"broken off: {len(body)} bytes of {promised}"
    broken = answer.request_meta["exception"]
    return body, f"broken off: {broken!r}" if broken else ""


def _reason(body: bytes) -> str:
    """The platform's own word for a refusal, where it gives one."""
    try:
        return str(json.loads(body)["reason"])
    except (ValueError, TypeError, KeyError):
        return ""
