"""The shipper of a box's access log: every finished line reaches the city, over a cut link, a roll and a crash; a drop is counted."""

from __future__ import annotations

import errno
import gzip
import json
import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from derive import access_log, school_cache
from infra.plan.routes import ROUTES, SCHOOLS
from services.intake import access_lines
from services.intake.app import LOG_PATH
from services.intake.refusal import Refused
from services.intake.settings import Limits
from tests import box_cache
from tests.box_cache import CODE
from tests.derive.test_access_log import BOX
from tests.playbooks.test_modules import module_of
from tests.waiting import until

PROGRAM = box_cache.FILES.parent / "log_shipper.py"
SHIPPER: ModuleType = module_of(PROGRAM)
MOST = 1 << 20


class City:
    """What the city took; while ``wrong`` is set it takes nothing."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.wrong: Exception | None = None

    def send(self, body: bytes) -> None:
        if self.wrong:
            raise self.wrong
        self.sent.append(gzip.decompress(body))

    @property
    def lines(self) -> list[str]:
        return b"".join(self.sent).decode().splitlines()


class Box:
    """A log that the cache writes, and a shipper over it that can be started anew."""

    def __init__(self, folder: Path, most: int = MOST) -> None:
        self.logs, self.state, self.most, self.city = folder / "logs", folder / "state", most, City()
        self.logs.mkdir()
        self.state.mkdir()
        self.log = self.logs / f"{school_cache.LOG}.log"
        self.again()

    def again(self) -> None:
        """As after a power cut: only what is on disk is known."""
        queue = SHIPPER.Queue(self.state, self.most)
        self.shipper = SHIPPER.Shipper(SHIPPER.Log(self.logs, school_cache.LOG), queue, self.city)

    def write(self, *lines: str, end: str = "\n") -> None:
        with self.log.open("a") as file:
            file.write("\n".join(lines) + end)

    def roll(self, number: int) -> Path:
        """As Traffic Server does it."""
        return self.log.rename(
            self.logs / f"{school_cache.LOG}.log_box.20261130.05h34m{number:02}s-20261130.05h34m59s.old"
        )

    def reading(self, name: str) -> float:
        return float(self.shipper.queue.readings()[name])


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of a hundred bytes."""
    monkeypatch.setattr(SHIPPER, "BATCH", 100)


def rows(first: int, last: int) -> list[str]:
    return [f"line {number:04}" for number in range(first, last)]


def test_a_line_is_sent_once_and_not_before_it_is_finished(box: Box) -> None:
    box.shipper.step()
    box.write("one", "two")
    box.write("thr", end="")
    box.shipper.step()
    box.shipper.step()
    assert box.city.lines == ["one", "two"]
    box.write("ee")
    box.shipper.step()
    assert box.city.lines == ["one", "two", "three"]
    assert (box.reading(SHIPPER.SENT), box.reading(SHIPPER.WAITING)) == (3, 0)


@pytest.mark.usefixtures("small")
def test_more_than_a_batch_goes_at_once_in_batches_that_the_intake_takes(box: Box) -> None:
    box.write(*rows(0, 95))
    box.shipper.step()
    box.shipper.step()
    assert box.city.lines == rows(0, 95)
    assert max(map(len, box.city.sent)) <= 100


def test_a_file_that_is_rolled_is_read_to_its_end_and_not_again(box: Box) -> None:
    box.write("a 1", "a 2")
    box.shipper.step()
    box.write("a 3")
    box.roll(1)
    box.write("b 1")
    box.roll(2)
    box.write("c 1")
    box.shipper.step()
    box.again()
    box.shipper.step()
    assert box.city.lines == ["a 1", "a 2", "a 3", "b 1", "c 1"]


def test_a_roll_while_it_looks_reads_no_line_twice(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    box.write("one")
    glob = Path.glob

    def rolled(folder: Path, pattern: str) -> Any:
        if folder == box.logs and box.log.exists():
            box.roll(1)
        return glob(folder, pattern)

    monkeypatch.setattr(Path, "glob", rolled)
    box.shipper.step()
    box.shipper.step()
    assert box.city.lines == ["one"]


@pytest.mark.usefixtures("small")
def test_lines_wait_while_the_link_is_down_and_are_all_there_when_it_is_back_after_a_restart_too(box: Box) -> None:
    box.city.wrong = OSError("no route")
    for number in range(60):
        box.write(*rows(number, number + 1))
        with pytest.raises(OSError, match="no route"):
            box.shipper.step()
        if number % 7 == 0:
            box.again()
    assert box.reading(SHIPPER.WAITING) > 0
    assert len(box.shipper.queue.batches()) < 20, "not a batch for each look"
    box.city.wrong = None
    box.shipper.step()
    box.shipper.step()
    assert box.city.lines == rows(0, 60)
    assert box.reading(SHIPPER.DROPPED) == 0


@pytest.mark.usefixtures("small")
def test_the_oldest_lines_go_where_there_is_no_room_and_are_counted_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = Box(tmp_path, most=300)
    box.city.wrong = OSError("no route")
    box.write(*rows(0, 200))
    with pytest.raises(OSError, match="no route"):
        box.shipper.step()
    assert sum(path.stat().st_size for path in box.shipper.queue.batches()) <= 300
    box.again()
    box.city.wrong = None
    box.shipper.step()
    box.shipper.step()
    assert box.city.lines == rows(200 - len(box.city.lines), 200), "the newest"
    assert box.reading(SHIPPER.DROPPED) == 200 - len(box.city.lines) > 0
    assert time.time() - box.reading(SHIPPER.LOSS) < 60
    assert "lines of the access log are dropped: no room" in capsys.readouterr().err


@pytest.mark.usefixtures("small")
def test_a_loss_behind_a_cut_link_is_told_as_of_when_the_link_is_back_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day, now = 86_400.0, [1_000_000.0]
    monkeypatch.setattr(SHIPPER.time, "time", lambda: now[0])
    box = Box(tmp_path, most=300)
    box.city.wrong = OSError("no route")
    box.write(*rows(0, 200))
    with pytest.raises(OSError, match="no route"):
        box.shipper.step()
    assert box.reading(SHIPPER.LOSS) == now[0]
    now[0] += 2 * day
    box.again()
    box.city.wrong = None
    box.shipper.step()
    assert box.reading(SHIPPER.LOSS) == now[0], "else the alert, which looks a day back, never sees it"
    told, now[0] = now[0], now[0] + 2 * day
    box.write("more")
    box.shipper.step()
    assert box.reading(SHIPPER.LOSS) == told


@pytest.mark.usefixtures("small")
def test_a_full_disk_does_not_keep_from_sending_what_would_make_room(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    box.write(*rows(0, 1))
    box.city.wrong = OSError("no route")
    with pytest.raises(OSError, match="no route"):
        box.shipper.step()
    box.city.wrong = None
    box.write(*rows(1, 40))
    fsync = os.fsync

    def full(file: int) -> None:
        if box.shipper.queue.batches():
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(file)

    monkeypatch.setattr(SHIPPER.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        box.shipper.step()
    assert box.city.lines[:1] == rows(0, 1)
    assert not list(box.state.glob("*.part")), "half a file takes room, too"
    monkeypatch.setattr(SHIPPER.os, "fsync", fsync)
    box.shipper.step()
    box.shipper.step()
    assert box.city.lines == rows(0, 40)
    assert box.reading(SHIPPER.DROPPED) == 0


def test_a_crash_between_the_batch_and_the_note_neither_loses_nor_doubles(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    box.write("one")
    with monkeypatch.context() as patched:
        patched.setattr(SHIPPER.Queue, "keep", cut)
        with pytest.raises(KeyboardInterrupt):
            box.shipper.step()
    assert box.shipper.queue.batches(), "the batch was there already"
    box.again()
    box.write("two")
    box.shipper.step()
    assert box.city.lines == ["one", "two"]


def test_what_the_city_took_before_a_crash_is_sent_again_rather_than_lost(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object, **__: object) -> None:
        raise OSError("power cut")

    box.write("one")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", cut)
        with pytest.raises(OSError, match="power cut"):
            box.shipper.step()
    box.again()
    box.shipper.step()
    assert box.city.lines == ["one", "one"]


def test_a_batch_that_the_city_refuses_holds_up_no_other_and_is_counted(
    box: Box, capsys: pytest.CaptureFixture[str]
) -> None:
    box.write("one", "two")
    box.city.wrong = SHIPPER.Refused("broken")
    box.shipper.step()
    box.city.wrong = None
    box.write("three")
    box.shipper.step()
    assert box.city.lines == ["three"]
    assert box.reading(SHIPPER.DROPPED) == 2
    assert time.time() - box.reading(SHIPPER.LOSS) < 60
    assert "2 lines of the access log are dropped: the city refused them: broken" in capsys.readouterr().err


def test_a_batch_that_the_disk_has_damaged_holds_up_no_other(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    box.city.wrong = OSError("cut off")
    box.write("one")
    with pytest.raises(OSError, match="cut off"):
        box.shipper.step()
    (batch,) = box.shipper.queue.batches()
    packed = bytearray(batch.read_bytes())
    # Past its head: what is no gzip at all is another fault to Python.
    packed[10:14] = b"\xff" * 4
    batch.write_bytes(packed)

    def send(body: bytes) -> None:
        try:
            access_lines.checked(body, CODE, Limits())
        except Refused as error:
            raise SHIPPER.Refused(str(error)) from error
        box.city.sent.append(gzip.decompress(body))

    box.city.send = send  # type: ignore[method-assign]
    box.again()
    for line in ("two", "three"):
        box.write(line)
        box.shipper.step()
    assert (box.city.lines, box.shipper.queue.batches()) == (["two", "three"], [])
    assert time.time() - box.reading(SHIPPER.LOSS) < 60


def test_a_file_that_went_before_it_was_read_is_counted_and_one_that_was_read_is_not(box: Box) -> None:
    box.write("a 1")
    box.shipper.step()
    read = box.roll(1)
    box.shipper.step()
    read.unlink()
    box.shipper.step()
    assert box.reading(SHIPPER.LOST) == box.reading(SHIPPER.LOSS) == 0
    box.write("b 1")
    box.shipper.step()
    box.log.unlink()
    box.write("c 1")
    box.shipper.step()
    box.shipper.step()
    assert box.reading(SHIPPER.LOST) == 1
    assert time.time() - box.reading(SHIPPER.LOSS) < 60
    assert box.city.lines == ["a 1", "b 1", "c 1"]


def test_what_a_power_cut_leaves_in_the_file_stops_nothing(box: Box) -> None:
    box.write("one")
    with box.log.open("ab") as file:
        file.write(bytes(3 * SHIPPER.BATCH))
    for _ in range(4):
        box.shipper.step()
    box.write("", "two")
    box.shipper.step()
    assert [line.strip("\0") for line in box.city.lines if line.strip("\0")] == ["one", "two"]


@contextmanager
def door(folder: Path) -> Iterator[tuple[str, list[tuple[str, access_lines.Kept]], list[int]]]:
    """The city's door: asks for a certificate, looks at what is sent as the intake does; its answers are those of the list, then 204."""
    arrived, answers = list[tuple[str, access_lines.Kept]](), list[int]()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = answers.pop(0) if answers else 204
            if status == 204:
                access_lines.require_format({name.lower(): value for name, value in self.headers.items()})
                arrived.append((self.path, access_lines.checked(body, CODE, Limits())))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "platform.crt"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_address[1]}", arrived, answers
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def process(settings: Path, credentials: Path, said: Path) -> Iterator[None]:
    """The program as the unit runs it, ended as a power cut ends it."""
    environment = {**os.environ, "CREDENTIALS_DIRECTORY": str(credentials)}
    with said.open("a") as log:
        running = subprocess.Popen(
            (sys.executable, "-I", "-B", str(PROGRAM), str(settings)), env=environment, stderr=log
        )
    try:
        yield
        assert running.poll() is None, said.read_text()
    finally:
        running.kill()
        running.wait()


def test_the_program_itself_keeps_what_is_not_taken_and_goes_on_after_it_was_killed(tmp_path: Path) -> None:
    box_cache.certificates(tmp_path / "tls")
    (tmp_path / "state").mkdir()
    (tmp_path / "logs").mkdir()
    log, metrics, settings = tmp_path / "logs" / "school.log", tmp_path / "logs.prom", tmp_path / "logs.json"
    said = tmp_path / "said"

    def write(path: str) -> None:
        with log.open("a") as file:
            file.write(json.dumps({**BOX, "path": path}) + "\n")

    def reading(name: str) -> float:
        text = metrics.read_text() if metrics.exists() else ""
        return next((float(row.split()[1]) for row in text.splitlines() if row.startswith(f"{name} ")), -1)

    with door(tmp_path / "tls") as (address, arrived, answers):
        told = {"platform": address, "logs": str(log.parent), "name": "school", "state": str(tmp_path / "state")}
        settings.write_text(json.dumps({**told, "metrics": str(metrics), "mib": 1, "seconds": 0.05}))
        answers += [503, 403, 415, 404]
        write("/lessons/1")
        with process(settings, tmp_path / "tls", said):
            until(lambda: arrived and reading(SHIPPER.SENT) == 1)
        write("/lessons/2")
        with process(settings, tmp_path / "tls", said):
            until(lambda: reading(SHIPPER.SENT) == 2)
    assert {path for path, _ in arrived} == {LOG_PATH}
    found = [access_log.parse(line) for _, kept in arrived for line in kept.lines]
    assert [each and (each.path, each.school) for each in found] == [("/lessons/1", CODE), ("/lessons/2", CODE)]
    assert "the city answered 503" in said.read_text() and "well again" in said.read_text()


def test_box_gateway_and_intake_agree_on_the_path_and_the_size_of_a_batch() -> None:
    (route,) = [each for each in ROUTES if each.name == "intake-access-log"]
    assert (route.path, route.listener, route.match) == (LOG_PATH, SCHOOLS, "Exact")
    assert [LOG_PATH, Limits().log_bytes] == [SHIPPER.PATH, SHIPPER.BATCH]
    assert SHIPPER.HEADERS["Content-Type"] == access_lines.TYPE
