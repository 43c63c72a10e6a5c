"""How long does an access decision take from outside, through the gateway, and what does it cost the platform?

Asked of the running platform of this clone (`huiju up` first), over verified TLS, on a few connections that stay open, at a fixed rate far
below what it can do, so that nobody waits behind another. A round asks every way in turns. "Play" is the whole decision: session checked,
matrix asked, record written to the disk, token signed. A segment is served by the shield behind the gateway with its token checked; a
poster is what the same shield serves to anybody, and the page is the gateway and a web server alone. Milliseconds are the median of a
round's requests, and each row says the median, least and most of the rounds; processor seconds are of every process of the cluster
together, Kubernetes' own with the platform's, for 1,000 requests, what they spend at rest taken off.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import psutil

from benchmarks.machine import cluster_processes
from benchmarks.report import row
from catalog import City, load_named
from catalog.access import Action, Scope
from catalog.errors import UserError
from derive import lesson, video_token
from ops import access
from ops.lessons import library, place
from ops.lessons.place import Place
from ops.stack import authority

TITLE = "Access decisions through the gateway"
STACK = os.environ.get("HUIJU_STACK", "local")
"""Whose platform is asked."""
ROUNDS, REQUESTS, RATE, LINKS = 5, 400, 40, 4
"""Rounds; requests of a round and way; requests a second; connections."""


@dataclass(frozen=True)
class Way:
    """One kind of request."""

    name: str
    method: str
    path: str
    headers: Mapping[str, str]
    status: int = 200


def run() -> list[dict[str, Any]]:
    """Two rows for each way: milliseconds and processor seconds."""
    where = place.of_stack(STACK)
    asked = list(ways(where))
    milliseconds: dict[str, list[float]] = {each.name: [] for each in asked}
    spent: dict[str, list[float]] = {each.name: [] for each in asked}
    for number in range(ROUNDS):
        turn = number % len(asked)
        for each in asked[turn:] + asked[:turn]:
            rest = _cpu_of(lambda: time.sleep(REQUESTS / RATE))
            times: list[float] = []
            busy = _cpu_of(lambda: times.extend(_ask(where, each)))  # noqa: B023 - called at once
            milliseconds[each.name].append(1000 * statistics.median(times))
            spent[each.name].append(1000 * max(0.0, busy - rest) / REQUESTS)
    note = f"{REQUESTS} requests a round, {RATE} a second"
    return [
        *(row(f"{name}: until the answer", values, "ms", note) for name, values in milliseconds.items()),
        *(row(f"{name}: 1,000 requests", values, "CPU s", note) for name, values in spent.items()),
    ]


def ways(where: Place) -> Iterator[Way]:
    """What is asked, with the permissions that it takes. UserError where no lesson is published."""
    city = load_named(where.city)
    with where.buckets() as (_, lessons):
        listed = (lessons.read_json(lesson.INDEX) or {}).get("lessons")
        if not listed:
            raise UserError("no lesson is published: `huiju up` publishes one")
        record = library.record(lessons, listed[0]["id"])
    session = access.token_for(where, access.Wish(teacher(city), record["school"]["code"], 1.0))
    who, body = {"Authorization": f"Bearer {session}"}, {"X-Token-In-Body": "1"}
    play = f"/access/play/{record['id']}"
    token = _token(where, play, {**who, **body})
    top = record["master"].removesuffix("master.m3u8")
    rung = f"{top}{record['recipe']}/{record['renditions'][0]['name']}"
    cookie = {"Cookie": f"{video_token.COOKIE}={token}"}
    yield Way("the page, no decision", "GET", "/", {})
    yield Way("play, allowed", "POST", play, {**who, **body})
    if (refused := _refused(where, [each["id"] for each in listed])) is not None:
        yield Way("play, refused", "POST", refused, {}, 403)
    yield Way("a poster, no token", "GET", lesson.public_path(record["poster"]), {})
    yield Way("a segment, token checked", "GET", lesson.public_path(f"{rung}/init.mp4"), cookie)
    yield Way("a segment, refused", "GET", lesson.public_path(f"{rung}/init.mp4"), {}, 403)


def _refused(where: Place, lessons: list[str]) -> str | None:
    """Where somebody who has not signed in asks to play a lesson that is not open to the public; None: every lesson is."""
    for each in lessons:
        link, path = _link(where), f"/access/play/{each}"
        link.request("POST", path)
        answer = link.getresponse()
        answer.read()
        if answer.status == HTTPStatus.FORBIDDEN:
            return path
    return None


def teacher(city: City) -> str:
    """A tier of one school that watches lessons."""
    return next(each.id for each in city.tiers if each.scope is Scope.SCHOOL and Action.VIEW in each.actions)


def _token(where: Place, path: str, headers: Mapping[str, str]) -> str:
    link = _link(where)
    link.request("POST", path, headers=dict(headers))
    said = json.loads(link.getresponse().read())
    if "token" not in said:
        raise UserError(f"the platform gave no permission to play: {said}")
    return str(said["token"])


def _link(where: Place) -> http.client.HTTPSConnection:
    address, context = urlsplit(where.url), ssl.create_default_context(cafile=str(authority.certificate_file()))
    return http.client.HTTPSConnection(address.hostname or "", address.port, context=context, timeout=30)


def _ask(where: Place, way: Way) -> list[float]:
    """Seconds until each answer was read whole, at the fixed rate. RuntimeError for another status than the expected one."""
    found: list[float] = []
    wrong: list[int] = []
    begun = time.monotonic() + 0.2

    def line(first: int) -> None:
        link = _link(where)
        link.connect()
        for number in range(first, REQUESTS, LINKS):
            time.sleep(max(0.0, begun + number / RATE - time.monotonic()))
            at = time.perf_counter()
            link.request(way.method, way.path, headers=dict(way.headers))
            answer = link.getresponse()
            answer.read()
            found.append(time.perf_counter() - at)
            if answer.status != way.status:
                wrong.append(answer.status)

    threads = [threading.Thread(target=line, args=(first,)) for first in range(LINKS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    if wrong or len(found) != REQUESTS:
        raise RuntimeError(
            f"{way.name}: {len(found)} of {REQUESTS} answered; not {way.status} but {sorted(set(wrong))}"
        )
    return found


def _cpu_of(what: Callable[[], object]) -> float:
    """Processor seconds of all processes of the embedded cluster while ``what`` runs."""
    before = _spent()
    what()
    after = _spent()
    return sum(seconds - before.get(process, 0.0) for process, seconds in after.items())


def _spent() -> dict[tuple[int, float], float]:
    found: dict[tuple[int, float], float] = {}
    for each in cluster_processes():
        try:
            times = each.cpu_times()
            found[each.pid, each.create_time()] = times.user + times.system
        except psutil.Error:
            continue
    return found
