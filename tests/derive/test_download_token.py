"""Two permissions, to play and to take away, on a real Traffic Server: neither opens what the other does, together or alone."""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
import yaml

from derive import keys, lesson, permission, traffic_server, video_token, withdrawal
from local.ports import free_port
from services.packager import download

PLUGIN = Path("/usr/lib/trafficserver/modules/uri_signing.so")
pytestmark = pytest.mark.skipif(
    not (shutil.which("traffic_server") and PLUGIN.exists()), reason="needs trafficserver-experimental-plugins"
)
SEED, ISSUER = "a-seed-of-thirty-two-characters-or-more", "https://city.example"
ONE, OTHER = "l-" + "a" * 16, "l-" + "b" * 16
BODY = b"all of it"
SEGMENT = f"/lessons/{ONE}/{'0' * 64}/0123456789ab/v/00000.m4s"
FILE = f"{video_token.download_path(ONE)}film.mp4"


class _Store(BaseHTTPRequestHandler):
    """Has everything that it is asked for."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.send_header("Cache-Control", "max-age=600")
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def _files(folder: Path, port: int, store: int) -> None:
    etc = folder / "etc"
    guard, tokens = etc / video_token.GUARD_FILE, etc / video_token.FILE
    checked = f"{permission.plugin(str(etc))} @plugin=uri_signing.so @pparam={tokens}"
    settings = {
        **traffic_server.COMMON,
        "proxy.config.http.server_ports": f"STRING {port}",
        "proxy.config.admin.user_id": "STRING #-1",
        "proxy.config.http.cache.http": "INT 1",
        "proxy.config.diags.logfile.filename": "STRING stderr",
        "proxy.config.error.logfile.filename": "STRING stderr",
    }
    files = {
        "records.config": traffic_server.records(settings),
        "remap.config": f"map /lessons/ http://127.0.0.1:{store}/lessons/ {checked}\n",
        "plugin.config": f"header_rewrite.so {guard}\n",
        "storage.config": f"{folder / 'cache'} 32M\n",
        "ip_allow.yaml": traffic_server.reading_only(),
        "logging.yaml": "logging: {}\n",
        video_token.GUARD_FILE: video_token.guard(),
        permission.FILE: permission.script(),
        video_token.FILE: video_token.configuration(ISSUER, video_token.CITY, [keys.public_jwk(SEED, keys.VIDEO)]),
        **traffic_server.UNUSED,
        **traffic_server.OWN_ERRORS,
    }
    for name, text in files.items():
        (etc / name).parent.mkdir(parents=True, exist_ok=True)
        (etc / name).write_text(text)
    layout = {"prefix": str(folder), "exec_prefix": "/usr", "bindir": "/usr/bin", "sbindir": "/usr/bin", "sysconfdir": str(etc),
              "libexecdir": str(PLUGIN.parent), "localstatedir": str(folder / "var"), "runtimedir": str(folder / "run"),
              "logdir": str(folder / "log"), "cachedir": str(folder / "cache"), "datadir": "/usr/share", "libdir": "/usr/lib",
              "mandir": "/usr/share/man", "infodir": "/usr/share/info", "includedir": "/usr/include"}  # fmt: skip
    for name in ("var", "run", "log", "cache"):
        (folder / name).mkdir()
    (folder / "runroot.yaml").write_text(yaml.safe_dump(layout))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of a Traffic Server with our guard, our keys and the plugin, before a store."""
    folder, port = tmp_path_factory.mktemp("cache"), free_port()
    store = ThreadingHTTPServer(("127.0.0.1", 0), _Store)
    threading.Thread(target=store.serve_forever, daemon=True).start()
    _files(folder, port, store.server_port)
    command = ["traffic_server", f"--run-root={folder / 'runroot.yaml'}"]
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env={**os.environ, "TMPDIR": str(folder)})
        try:
            _wait(process, port, folder / "said")
            yield port
        finally:
            process.kill()
            process.wait()
            store.shutdown()


def _wait(process: subprocess.Popen[bytes], port: int, said: Path) -> None:
    for _ in range(200):
        try:
            if process.poll() is None and _get(port, "/lessons/index.json") == (200, BODY):
                return
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError(said.read_text())


def _get(port: int, path: str, *tokens: str) -> tuple[int, bytes]:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    link.putrequest("GET", path)
    if tokens:
        link.putheader("Cookie", "; ".join(f"{video_token.COOKIE}={token}" for token in tokens))
    link.endheaders()
    answer = link.getresponse()
    found = answer.status, answer.read()
    link.close()
    return found


def _signed(claims: dict[str, Any]) -> str:
    key = keys.pem(keys.private_key(SEED, keys.VIDEO))
    return jwt.encode(claims, key, keys.ALGORITHM, headers={"kid": keys.key_id(keys.VIDEO)})


LATER = 4_000_000_000
PLAY = _signed(video_token.claims(ISSUER, video_token.CITY, ONE, LATER))
TAKE = _signed(video_token.download_claims(ISSUER, video_token.CITY, ONE, LATER))
TAKE_OTHER = _signed(video_token.download_claims(ISSUER, video_token.CITY, OTHER, LATER))
ENDED = _signed(video_token.download_claims(ISSUER, video_token.CITY, ONE, int(time.time()) - 5))


def test_what_may_be_taken_away_opens_to_its_own_token_cold_and_warm(cache: int) -> None:
    assert _get(cache, FILE)[0] == 403, "cold"
    for _ in range(2):
        assert _get(cache, FILE, TAKE) == (200, BODY)
    assert _get(cache, FILE)[0] == 403, "what is cached is not open"


@pytest.mark.parametrize("token", [PLAY, TAKE_OTHER, ENDED], ids=["to play", "of another lesson", "ended"])
def test_no_other_token_takes_it_away_warm_either(cache: int, token: str) -> None:
    assert _get(cache, FILE, TAKE)[0] == 200
    assert _get(cache, FILE, token)[0] == 403


def test_who_may_take_away_may_not_play_by_that(cache: int) -> None:
    assert _get(cache, SEGMENT, PLAY) == (200, BODY)
    assert _get(cache, SEGMENT, TAKE)[0] == 403


def test_a_browser_that_holds_both_is_let_in_to_both(cache: int) -> None:
    # For the folder it shows both, that of the longer path first; for the rest of the lesson the lesson's own.
    assert _get(cache, FILE, TAKE, PLAY)[0] == 200
    assert _get(cache, SEGMENT, PLAY)[0] == 200


def test_of_several_the_first_counts(cache: int) -> None:
    assert _get(cache, FILE, PLAY, TAKE)[0] == 403
    assert _get(cache, SEGMENT, TAKE, PLAY)[0] == 403


@pytest.mark.parametrize(
    "path",
    [
        FILE.replace("~", "%7e"),
        FILE.replace("~", "%7E"),
        FILE.replace("~", "%257e"),
        FILE.replace("/~", "/x/../~"),
        FILE.replace("/~", "//~"),
        FILE.replace("/~", "/./~"),
        FILE.replace("~download", "~Download/../~download"),
        f"{FILE}?{video_token.COOKIE}={TAKE}",
        f"{FILE};{video_token.COOKIE}={TAKE}",
        f"http://x{FILE}",
        SEGMENT.replace("/v/", "/~v/"),
        f"/lessons/{ONE}/~/film.mp4",
        f"{video_token.download_path(ONE)}lesson.json",
        f"{video_token.download_path(ONE)}poster.jpg",
        f"{video_token.download_path(ONE)}x/poster.jpg",
    ],
)
def test_no_way_leads_who_may_play_to_the_file(cache: int, path: str) -> None:
    assert _get(cache, FILE, TAKE)[0] == 200, "it is cached"
    status, body = _get(cache, path, PLAY)
    assert status in (400, 403, 404), (status, path)
    assert BODY not in body


@pytest.mark.parametrize("path", [FILE.replace("~", "%7e"), f"{FILE}~", FILE.replace("film", "..%2f..%2ffilm")])
def test_the_character_stands_in_one_place_of_one_path_only(cache: int, path: str) -> None:
    assert _get(cache, path, TAKE)[0] in (400, 403, 404)


def test_viewers_never_get_the_list_of_withdrawn_lessons(cache: int) -> None:
    for tokens in ((), (PLAY,), (TAKE, PLAY)):
        assert _get(cache, lesson.public_path(withdrawal.KEY), *tokens)[0] == 403


def test_the_packager_puts_the_file_where_only_its_token_leads() -> None:
    assert video_token.download_path(ONE) == f"/lessons/{download.prefix(ONE)}"
