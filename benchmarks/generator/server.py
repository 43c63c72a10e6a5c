"""A platform that costs little: everything from memory over TLS, with the city's real bit rates; it remembers what it was asked.

``python -m benchmarks.generator.server CERTIFICATE RATES``: prints its port; ``/asked`` answers with what it was asked since the last
time, in order.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable

from gevent.pywsgi import WSGIServer

from services.packager import playlists
from services.packager.playlists import Segment, Track

ROOT = "/lessons/l-aaaaaaaaaaaaaaaa/0"
SECONDS, COUNT = 6.0, 20
PAGE = b"<!doctype html><html></html>"
LIST = json.dumps({"lessons": [{"id": "l", "master": "l"}]}).encode()
GRANT = json.dumps({"master": f"{ROOT}/master.m3u8"}).encode()


def media(rates: Iterable[int], sound: int) -> dict[str, bytes]:
    """Path -> body of a lesson with pictures of these rates and a sound (kbit/s)."""

    def track(name: str, kbps: int) -> Track:
        size = int(kbps * 125 * SECONDS)
        return Track(
            name, "avc1.64001f", tuple(Segment(f"{n}.m4s", SECONDS, size, "") for n in range(COUNT)), 640, 360, 30
        )

    tracks = [track(f"v{rate}", rate) for rate in rates]
    heard = track("sound", sound)
    found = {f"{ROOT}/master.m3u8": playlists.master(tuple(tracks), heard).encode()}
    for each in (*tracks, heard):
        body = (each.segments[0].size).to_bytes(4) + b"mdat" + bytes(each.segments[0].size - 8)
        found[f"{ROOT}/{each.folder}/index.m3u8"] = playlists.media(each).encode()
        found[f"{ROOT}/{each.folder}/init.mp4"] = (8).to_bytes(4) + b"moov"
        found |= {f"{ROOT}/{each.folder}/{segment.name}": body for segment in each.segments}
    return found


def application(files: dict[str, bytes]) -> Callable[..., list[bytes]]:
    """The server's answers."""
    asked: list[tuple[str, str]] = []
    bodies = {"/": PAGE, "/access/session": b'{"signed_in": false}', "/lessons/index.json": LIST, **files}

    def answer(environ: dict[str, str], start: Callable[..., object]) -> list[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if path == "/asked":
            body = json.dumps(asked).encode()
            asked.clear()
        else:
            asked.append((method, path))
            body = GRANT if method == "POST" else bodies.get(path, b"")
        start("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    return answer


def main(certificate: str, rates: str) -> None:
    """Serve until the process is ended."""
    *pictures, sound = (int(rate) for rate in rates.split(","))
    server = WSGIServer(
        ("127.0.0.1", 0), application(media(pictures, sound)), log=None, keyfile=certificate, certfile=certificate
    )
    server.start()
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
