"""The probe of a school's box: what it writes when a try is good, when it is not, and when it is not done in time."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from tests import box_cache
from tests.playbooks.test_modules import module_of

FILES = Path(__file__).resolve().parents[2] / "playbooks" / "roles" / "school_box" / "files"
INDEX = "/lessons/index.json"
FETCHED, TOOK, FAILED = (
    "city_school_lesson_fetch_timestamp_seconds",
    "city_school_lesson_fetch_seconds",
    "box_probe_failed",
)


@pytest.fixture(scope="module")
def probe() -> ModuleType:
    return module_of(FILES / "lesson_probe.py")


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """A platform that takes no connection; readings of a good fetch before."""
    metrics = tmp_path / "lesson.prom"
    metrics.write_text(f"# HELP x\n{FETCHED} 1000.5\n{TOOK} 0.25\n{FAILED} 0.0\n")
    return {"platform": "https://127.0.0.1:1", "metrics": str(metrics), "stats": "http://127.0.0.1:1/_stats"}


def readings(settings: dict[str, str]) -> dict[str, float]:
    rows = (line.rsplit(" ", 1) for line in Path(settings["metrics"]).read_text().splitlines() if line[0] != "#")
    return {name: float(value) for name, value in rows}


def test_a_failed_try_keeps_the_moment_of_the_last_good_one_and_no_duration(
    probe: ModuleType, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(probe.signal, "signal", lambda *_: None)
    monkeypatch.setattr(probe, "fetch", lambda *_: (_ for _ in ()).throw(OSError("no route")))
    assert probe.main(settings) == 1
    assert readings(settings) == {FETCHED: 1000.5, FAILED: 1.0}
    monkeypatch.setattr(probe, "fetch", lambda *_: {FETCHED: 2000.0, TOOK: 0.5})
    assert probe.main(settings) == 0
    assert readings(settings) == {FETCHED: 2000.0, TOOK: 0.5, FAILED: 0.0}


def test_a_try_that_is_not_done_in_time_failed(settings: dict[str, str], tmp_path: Path) -> None:
    """A platform that takes the connection and never says a word, and systemd, which asks to end."""
    subprocess.run(
        ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x",
         "-keyout", str(tmp_path / "box.key"), "-out", str(tmp_path / "box.crt")),
        check=True, capture_output=True,
    )  # fmt: skip
    (tmp_path / "platform.crt").write_text((tmp_path / "box.crt").read_text())
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings["platform"] = f"https://127.0.0.1:{silent.getsockname()[1]}"
        file = tmp_path / "probe.json"
        file.write_text(json.dumps(settings))
        line = (sys.executable, "-I", str(FILES / "lesson_probe.py"), str(file))
        running = subprocess.Popen(line, env={**os.environ, "CREDENTIALS_DIRECTORY": str(tmp_path)})
        silent.settimeout(20)
        with silent.accept()[0]:
            running.send_signal(signal.SIGTERM)
            assert running.wait(20) == 1
    assert readings(settings) == {FETCHED: 1000.5, FAILED: 1.0}


@pytest.fixture
def stats() -> Iterator[str]:
    """Traffic Server's statistics as a box had them: two classrooms' questions answered, one fetched, and 41 of the box itself."""
    found = {"proxy.process.http.cache_miss_cold": "42", "school.had.yes": "2", "school.had.no": "1"}

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"global": found}).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/_stats"
        server.shutdown()


def test_the_box_s_own_questions_are_no_classroom_s(probe: ModuleType, stats: str) -> None:
    counted = probe.cache(stats)
    assert counted['trafficserver_requests_total{had="no"}'] == 1
    assert counted["city_school_box_cache_hit_ratio"] == pytest.approx(2 / 3)


def test_the_list_of_a_library_that_stays_as_it_is_is_sent_once(probe: ModuleType, tmp_path: Path) -> None:
    platform = box_cache.Platform(None)
    for lesson in (box_cache.LESSON, box_cache.OTHER):
        platform.objects.update(box_cache.lesson(lesson))

    def publish(*lessons: str) -> None:
        platform.objects[INDEX] = box_cache.document({"lessons": [{"id": each} for each in lessons]})

    def asked(turn: int) -> str:
        line = SimpleNamespace(line=http.client.HTTPConnection("127.0.0.1", platform.port))
        line.changed = lambda *words: probe.Platform.changed(line, *words)
        line.get = lambda path: probe.Platform.get(line, path)
        return str(probe.segment_path(line, turn, tmp_path / "lessons.json"))

    publish(box_cache.LESSON, box_cache.OTHER)
    platform.up()
    try:
        found = [asked(turn).split("/")[2] for turn in (0, 1)]
        assert found == [box_cache.LESSON, box_cache.OTHER]
        assert (platform.reads(INDEX), platform.asked.count((INDEX, 304))) == (1, 1)
        publish(box_cache.OTHER)
        assert (asked(0).split("/")[2], platform.reads(INDEX)) == (box_cache.OTHER, 2)
        (tmp_path / "lessons.json").write_text("{ cut o")
        assert (asked(0).split("/")[2], platform.reads(INDEX)) == (box_cache.OTHER, 3)
    finally:
        platform.down()
