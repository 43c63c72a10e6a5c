"""Where a teacher's program sends to, and what to type into it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from catalog import City, names
from catalog.errors import UserError
from derive import live
from ops.lessons import job
from ops.lessons.place import Place
from services.live.srt import LATENCY_MS

PATIENCE: Final = 120
"""Seconds in which a load balancer gets its address."""
PAUSE: Final = 1.0
KEY_BYTES: Final = 32
KINDS: Final = ("ExternalIP", "InternalIP", "Hostname")
"""Addresses of a node, the best first."""


@dataclass(frozen=True)
class Address:
    """Host and port, and the passphrase where it has just been made."""

    host: str
    port: int
    passphrase: str = field(default="", repr=False)

    @property
    def plain(self) -> str:
        """Without the passphrase, for everybody to see."""
        return f"srt://{self.host}:{self.port}"

    def url(self, latency: int) -> str:
        """All of it, for a program that takes one URL; ``latency`` in the program's own unit."""
        words = {"mode": "caller", "latency": latency, "pbkeylen": KEY_BYTES, "passphrase": self.passphrase}
        return f"{self.plain}?{urlencode(words)}"

    @property
    def obs(self) -> str:
        """The server that OBS is told; it counts in microseconds."""
        return self.url(LATENCY_MS * 1000)

    def ffmpeg(self, city: City) -> str:
        """A command line that streams a file as if it were a camera."""
        facts = city.live
        video = max(rung.video_kbps for rung in city.ladder if rung.id in facts.renditions)
        rate = min(facts.ingest_kbps, 2 * video)
        gop = city.packaging.frames_per_second * facts.segment_seconds
        return (f"ffmpeg -re -i FILE -c:v libx264 -preset veryfast -b:v {rate}k -maxrate {rate}k -bufsize {rate}k -g {gop} "
                f"-c:a aac -b:a {city.packaging.audio_kbps}k -f mpegts '{self.url(LATENCY_MS * 1000)}'")  # fmt: skip


def of(place: Place, lesson: str, passphrase: str = "") -> Address:
    """The address of a class; UserError when its Service gets none."""
    deadline = time.monotonic() + PATIENCE
    while True:
        service = job.get(place, "service", names.live_class(lesson))
        found = _found(place, service) if service else None
        if found:
            return Address(*found, passphrase)
        if time.monotonic() > deadline or not service:
            raise UserError(
                f"the class has no address from outside: look with `kubectl describe service {names.live_class(lesson)} -n {live.SPACE}`"
            )
        time.sleep(PAUSE)


def _found(place: Place, service: dict[str, Any]) -> tuple[str, int] | None:
    (port,) = service["spec"]["ports"]
    given = service.get("status", {}).get("loadBalancer", {}).get("ingress") or []
    if given:
        return str(given[0].get("hostname") or given[0]["ip"]), int(port["port"])
    if service["spec"]["type"] != "NodePort":
        return None
    nodes = json.loads(place.kubectl("get", "nodes", "-o", "json"))["items"]
    addresses = [row for node in nodes for row in node["status"]["addresses"] if row["type"] in KINDS]
    best = min(addresses, key=lambda row: KINDS.index(row["type"]), default=None)
    return (str(best["address"]), int(port["nodePort"])) if best else None
