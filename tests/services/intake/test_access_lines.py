"""Access logs of boxes at the intake: a school's own lines are printed as that school's, and nothing else that is sent ever is."""

from __future__ import annotations

import asyncio
import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from derive import access_log, box_log
from services.intake import app
from services.intake.access_lines import ENCODING, TYPE, checked
from services.intake.places import Busy, Pace, Paces
from services.intake.refusal import Refused
from services.intake.settings import Limits, Settings
from tests.derive.test_access_log import BOX
from tests.services.intake.running import SUBJECT, Running, certificate, intake
from tests.services.intake.told import CODE, OTHER

FORMAT = {"Content-Type": TYPE, "Content-Encoding": ENCODING}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with intake(tmp_path_factory.mktemp("intake"), "http://127.0.0.1:9/api/v1/write") as process:
        yield process


def line(**changes: Any) -> bytes:
    return json.dumps({**BOX, **changes}).encode() + b"\n"


def send(running: Running, body: bytes, headers: dict[str, str] | None = None) -> int:
    given = {**FORMAT, SUBJECT: certificate(CODE)} if headers is None else headers
    answer = httpx.post(f"{running.outer}{app.LOG_PATH}", content=body, headers=given, timeout=30, trust_env=False)
    return answer.status_code


def printed(running: Running) -> list[access_log.Access]:
    """What readers of the kept logs make of all that it has printed."""
    return [each for each in map(access_log.parse, running.log.read_text().splitlines()) if each]


def figure(running: Running, name: str) -> float:
    text = httpx.get(f"{running.inner}/metrics", trust_env=False).text
    return float(next(row.split()[1] for row in text.splitlines() if row.startswith(f"{name} ")))


def test_a_school_s_lines_are_printed_as_its_own_whatever_they_say_of_themselves(running: Running) -> None:
    body = gzip.compress(line(path="/lessons/own") + line(path="/lessons/claimed", school=OTHER, subject="s-1"))
    assert send(running, body) == 204
    found = {each.path: each for each in printed(running)}
    assert set(found) == {"/lessons/own", "/lessons/claimed"}
    assert {(each.place, each.school, each.subject) for each in found.values()} == {(access_log.BOX, CODE, None)}
    assert running.count("taken") == 1
    assert figure(running, "city_intake_log_lines_total") == 2


def test_a_line_that_no_box_prints_is_left_out_counted_and_said_and_holds_up_no_other(running: Running) -> None:
    forged = line(access_log="gateway", path="/planted"), line(path="/planted?token=x"), b"\0\0{planted\n", b"planted"
    before = figure(running, "city_intake_left_out_log_lines_total")
    assert send(running, gzip.compress(forged[0] + line(path="/lessons/beside") + b"".join(forged[1:]))) == 204
    assert figure(running, "city_intake_left_out_log_lines_total") == before + 4
    assert [each.path for each in printed(running)][-1] == "/lessons/beside"
    log = running.log.read_text()
    assert f"left-out-lines=4 school={CODE}" in log
    assert "planted" not in log


GOOD = gzip.compress(line(path="/unwanted"))
BOMB = gzip.compress(bytes(64 << 20), 1)


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"", "broken"),
        (b"x" * 100, "broken"),
        (GOOD[:-9], "broken"),
        (zlib.compress(line()), "broken"),
        (BOMB, "too-large"),
    ],
    ids=["nothing", "noise", "cut", "zlib", "bomb"],
)
def test_what_can_never_be_taken_is_dropped_by_the_box_and_costs_little(
    running: Running, body: bytes, outcome: str
) -> None:
    before = running.count(outcome)
    assert send(running, body) == 400, "the shipper drops a batch at 400 alone"
    assert running.count(outcome) == before + 1
    assert running.peak_mib() < 150


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (FORMAT, 403),
        ({**FORMAT, SUBJECT: certificate("0000000000")}, 403),
        ({SUBJECT: certificate(CODE)}, 415),
        ({**FORMAT, SUBJECT: certificate(CODE), "Content-Encoding": "identity"}, 415),
    ],
)
def test_without_a_school_s_certificate_or_the_format_nothing_is_printed(
    running: Running, headers: dict[str, str], status: int
) -> None:
    assert send(running, GOOD, headers) == status
    assert "/unwanted" not in running.log.read_text()


def test_a_batch_as_large_as_it_may_be_is_taken_and_one_byte_more_is_not() -> None:
    row = line(path="/lessons/1")
    for count in range(1, 40):
        limits = replace(Limits(), log_bytes=count * len(row))
        assert len(checked(gzip.compress(row * count), CODE, limits).lines) == count
        with pytest.raises(Refused, match="bytes unpacked"):
            checked(gzip.compress(row * count + b"\n"), CODE, limits)


def test_no_more_lines_than_a_batch_can_have_are_looked_at() -> None:
    limits = replace(Limits(), log_lines=3)
    assert len(checked(gzip.compress(line() * 3), CODE, limits).lines) == 3
    with pytest.raises(Refused, match="more than 3 lines"):
        checked(gzip.compress(b"\n" * 4), CODE, limits)


def test_what_is_looked_at_are_the_lines_that_were_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[bytes] = []
    monkeypatch.setattr(box_log, "kept", lambda each, _: looked.append(each))
    limits = Limits()
    assert checked(gzip.compress(b"\r" * limits.log_bytes), CODE, limits).left_out == len(looked) == 1
    looked.clear()
    assert checked(gzip.compress(b"a\r\x0b\x0cb\n\nc"), CODE, limits).left_out == 3
    assert looked == [b"a\r\x0b\x0cb", b"", b"c"]


async def answers(doors: Any, *senders: str) -> list[httpx.Response]:
    """What boxes of these schools (codes) are told, one after the other."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(doors), base_url="http://127.0.0.1:8080") as box:
        headers = [{**FORMAT, SUBJECT: certificate(code)} for code in senders]
        return [await box.post(app.LOG_PATH, content=GOOD, headers=each) for each in headers]


@pytest.mark.parametrize(("of_all", "of_one"), [(10, 1000), (1000, 10)])
def test_who_sends_faster_than_lines_may_be_printed_keeps_them(
    settings: Settings, capsys: pytest.CaptureFixture[str], of_all: int, of_one: int
) -> None:
    tight = replace(settings, log_burst=of_all, log_burst_of_a_school=of_one)
    [answer] = asyncio.run(answers(app.doors(tight, 8081), CODE))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "15")
    assert capsys.readouterr().out == ""


def test_a_school_that_floods_the_log_waits_alone(settings: Settings) -> None:
    size = len(checked(GOOD, CODE, settings.limits).text)
    tight = replace(settings, log_burst=2 * size, log_burst_of_a_school=size, log_rate_of_a_school=0, log_rate=0)
    found = asyncio.run(answers(app.doors(tight, 8081), CODE, CODE, CODE, OTHER))
    assert [each.status_code for each in found] == [204, 503, 503, 204]


def test_what_is_refused_is_taken_of_neither_pace() -> None:
    paces = Paces(Pace(0, 100), lambda: Pace(0, 60))
    paces.take(CODE, 60)
    paces.take(OTHER, 30)
    with pytest.raises(Busy):
        paces.take(OTHER, 20)
    with pytest.raises(Busy):
        paces.take(CODE, 10)
    paces.take(OTHER, 10)


def test_the_worst_batch_that_is_taken_can_be_printed_some_day() -> None:
    least = dict.fromkeys(box_log.FORM, "") | {"access_log": box_log.PLACE, "policy": "0" * 12, "from": "::"}
    least |= dict.fromkeys(("time", "status", "cache", "bytes", "ms"), "1")
    text = json.dumps({**least, "path": "PATH"}, separators=(",", ":"))
    row = text.encode().replace(b"PATH", b"\xff" * box_log.MOST) + b"\n"
    limits = Limits()
    found = checked(gzip.compress(row * (limits.log_bytes // len(row))), CODE, limits)
    assert found.lines and not found.left_out
    assert len(found.text) < Settings.log_burst_of_a_school < Settings.log_burst


def test_what_may_be_printed_comes_back_with_time_and_never_beyond_the_burst() -> None:
    now = [0.0]
    pace = Pace(10, 100, lambda: now[0])
    pace.take(100)
    now[0] = 4.9
    with pytest.raises(Busy):
        pace.take(50)
    now[0] = 5.0
    pace.take(50)
    now[0] = 1000.0
    pace.take(100)
    with pytest.raises(Busy):
        pace.take(1)
