#!/usr/bin/python3
"""Fetch one segment of one lesson from the platform, and write how it went where the exporter reads it (standard library only).

The way is the platform's own: this box, the platform's host for schools, the shield. Never the box's cache, which would answer without
a link. Which lesson and which segment changes from run to run, so that no single one is always the same.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import ssl
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

SECONDS = 20.0
"""Patience with one answer."""
MOST_BYTES = 64 << 20
BOOK = "lessons.json"
"""What was published when the list was sent last, beside the readings."""
HELP = {
    "city_school_lesson_fetch_timestamp_seconds": "Unix time of the last good fetch of a lesson segment through the platform's own path.",
    "city_school_lesson_fetch_seconds": "How long that fetch took.",
    "city_school_lesson_fetch_bytes": "How large that segment was.",
    "box_probe_failed": "1 when the last try was not good, else 0.",
    "city_school_box_cache_hit_ratio": "Share of the classrooms' requests that the box answered from its cache, since it started.",
    "trafficserver_requests_total": "Requests of classrooms, by whether the box had the answer.",
    "trafficserver_bytes_total": "Bytes of answers: served to classrooms, fetched from the platform.",
}
FETCH = tuple(name for name in HELP if name.startswith("city_school_lesson_fetch_"))
"""What a good fetch gives; its moment comes first."""


class Platform:
    """One connection to the platform, with the box's certificate."""

    def __init__(self, address: str, credentials: Path) -> None:
        parts = urlsplit(address)
        context = ssl.create_default_context(cafile=str(credentials / "platform.crt"))
        context.load_cert_chain(credentials / "box.crt", credentials / "box.key")
        self.line = http.client.HTTPSConnection(
            parts.hostname or "", parts.port or 443, timeout=SECONDS, context=context
        )

    def get(self, path: str) -> bytes:
        """The body at ``path``. OSError says why there is none."""
        return self.changed(path, "")[0] or b""

    def changed(self, path: str, tag: str) -> tuple[bytes | None, str]:
        """The body at ``path`` and its ETag; no body where it is the one with this ``tag``. OSError says why there is none."""
        headers = {"User-Agent": "huiju-probe", **({"If-None-Match": tag} if tag else {})}
        self.line.request("GET", path, headers=headers)
        answer = self.line.getresponse()
        body = answer.read(MOST_BYTES)
        if tag and answer.status == http.client.NOT_MODIFIED:
            return None, tag
        if answer.status != http.client.OK:
            raise OSError(f"{path}: {answer.status} {answer.reason}")
        return body, answer.headers.get("ETag", "")


def rows(playlist: bytes) -> list[str]:
    """What a playlist lists: lines that are neither empty nor a tag."""
    return [line for line in playlist.decode().split("\n") if line.strip() and not line.startswith("#")]


def smallest(master: bytes) -> str:
    """The playlist of the smallest rendition: a probe must not take a lesson's place on the link."""
    found = re.findall(r"#EXT-X-STREAM-INF:[^\n]*?BANDWIDTH=(\d+)[^\n]*\n([^#\n]+)", master.decode())
    if not found:
        raise OSError("the master playlist names no rendition")
    return str(min(found, key=lambda row: int(row[0]))[1]).strip()


def published(platform: Platform, book: Path) -> list[str]:
    """Ids of the published lessons; kept in ``book``, since a large library's list is sent only when it changed."""
    try:
        known = json.loads(book.read_text())
        tag, lessons = str(known["tag"]), [str(each) for each in known["lessons"]]
    except (OSError, ValueError, KeyError, TypeError):
        tag, lessons = "", []
    body, tag = platform.changed("/lessons/index.json", tag)
    if body is not None:
        lessons = sorted(str(row["id"]) for row in json.loads(body)["lessons"])
        part = book.with_suffix(".part")
        part.write_text(json.dumps({"tag": tag, "lessons": lessons}))
        part.replace(book)
    return lessons


def segment_path(platform: Platform, turn: int, book: Path) -> str:
    """Path of a segment of a published lesson; ``turn`` chooses among them. OSError when there is none."""
    lessons = published(platform, book)
    if not lessons:
        raise OSError("no lesson is published yet")
    lesson = lessons[turn % len(lessons)]
    master = f"/lessons/{json.loads(platform.get(f'/lessons/{lesson}/lesson.json'))['master']}"
    playlist = urljoin(master, smallest(platform.get(master)))
    segments = rows(platform.get(playlist))
    if not segments:
        raise OSError(f"{playlist} lists no segment")
    return urljoin(playlist, segments[turn % len(segments)].strip())


def fetch(address: str, credentials: Path, now: float, book: Path) -> dict[str, float]:
    """Fetch a segment; the readings of it. ``book`` keeps the list of lessons. OSError, ValueError or KeyError when it was not good."""
    platform = Platform(address, credentials)
    path = segment_path(platform, int(now) // 60, book)
    begun = time.monotonic()
    size = len(platform.get(path))
    seconds = time.monotonic() - begun
    if not size:
        raise OSError(f"{path} is empty")
    return dict(zip(FETCH, (now, seconds, float(size)), strict=True))


def kept(metrics: Path) -> dict[str, float]:
    """The moment of the last good fetch, as it was written. How long that one took says nothing of a try that failed."""
    try:
        found = dict(line.split(" ", 1) for line in metrics.read_text().splitlines() if not line.startswith("#"))
    except (OSError, ValueError):
        return {}
    return {name: float(found[name]) for name in FETCH[:1] if name in found}


def cache(stats: str) -> dict[str, float]:
    """The cache's own counters, as ours; nothing when it does not answer."""
    parts = urlsplit(stats)
    line = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=5)
    try:
        line.request("GET", parts.path)
        found: dict[str, Any] = json.loads(line.getresponse().read())["global"]
    except (OSError, ValueError, KeyError, http.client.HTTPException):
        return {}
    # Not the server's own counters of hits: they count what the box itself asks for too, a night's plan among it.
    hits, misses = (float(found.get(f"school.had.{had}", 0)) for had in ("yes", "no"))
    # By the box's own ways to the platform, which are its parents; it has served them too, and they are no classroom.
    fetched = float(found.get("proxy.process.http.parent_proxy_response_total_bytes", 0))
    served = max(0.0, float(found.get("proxy.process.http.user_agent_response_document_total_size", 0)) - fetched)
    counted = {
        'trafficserver_requests_total{had="yes"}': hits,
        'trafficserver_requests_total{had="no"}': misses,
        'trafficserver_bytes_total{side="served"}': served,
        'trafficserver_bytes_total{side="fetched"}': fetched,
    }
    return {**counted, **({"city_school_box_cache_hit_ratio": hits / (hits + misses)} if hits + misses else {})}


def text(readings: dict[str, float]) -> str:
    """The exporter's text form."""
    lines, told = list[str](), set[str]()
    for series, value in readings.items():
        name = series.split("{")[0]
        if name not in told:
            told.add(name)
            lines += [
                f"# HELP {name} {HELP[name]}",
                f"# TYPE {name} {'counter' if name.endswith('_total') else 'gauge'}",
            ]
        lines.append(f"{series} {value!r}")
    return "\n".join(lines) + "\n"


def too_late(*_: object) -> None:
    """systemd asks to end: the next try is due. This one failed, and is written down so."""
    raise TimeoutError("not done when the next try was due")


def main(settings: dict[str, str]) -> int:
    """Try once and write what is known; the exit code tells whether the fetch was good."""
    signal.signal(signal.SIGTERM, too_late)
    metrics, credentials = Path(settings["metrics"]), Path(os.environ["CREDENTIALS_DIRECTORY"])
    wrong = ""
    try:
        readings = fetch(settings["platform"], credentials, time.time(), metrics.with_name(BOOK))
    except (OSError, ValueError, KeyError, TypeError, http.client.HTTPException) as error:
        wrong, readings = f"{type(error).__name__}: {error}", kept(metrics)
    readings["box_probe_failed"] = float(bool(wrong))
    part = metrics.with_suffix(".part")
    part.write_text(text({**readings, **cache(settings["stats"])}))
    part.replace(metrics)
    if wrong:
        print(f"no good fetch: {wrong}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(json.loads(Path(sys.argv[1]).read_text())))
