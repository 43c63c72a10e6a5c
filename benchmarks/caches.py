"""What do 10,000 requests for segments cost a cache, with a token checked at each and without?

Six caches stand before one origin: Traffic Server with the very files of the kit's shield, the same with nothing but the plugin that
checks signatures, with nothing but the guard of paths, and without any check; nginx with `secure_link`, and Varnish without any check. All
hold the same segments, of one rung of a catalog's ladder and its length;
h2load asks each in turns for all of them at the same fixed rate, far below what any of them can do. Before that each is shown to give
the origin's bytes, those that check tokens to refuse who shows nothing, and afterwards that the origin was read once per object and cache.
Seconds are of the processor, of the cache's processes alone, for 10,000 requests answered.
"""

from __future__ import annotations

import re
import statistics
import subprocess
import tempfile
import urllib.error
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.caching import caches, origin
from benchmarks.caching.caches import Cache
from benchmarks.report import row
from catalog import City, load_named
from derive.lesson import lesson_id, public_path

TITLE = "Video caches: processor time per 10,000 segments"
CITY, LESSON = "tiny", lesson_id("benchmark", "0")
OBJECTS, REQUESTS, ROUNDS = 60, 10_000, 5
CLIENTS, RATE = 50, 1000
"""Connections, and requests a second over all of them."""


def run() -> list[dict[str, Any]]:
    """A row for each cache."""
    city = load_named(CITY)
    size = segment(city)
    paths = [public_path(f"{LESSON}/{'0' * 64}/v/{number:05d}.m4s") for number in range(OBJECTS)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        source = stack.enter_context(origin.serving(size))
        started = [
            *(
                stack.enter_context(
                    caches.traffic_server(city, LESSON, source.port, _made(folder / f"t{number}"), checks)
                )
                for number, checks in enumerate((caches.WHOLE, caches.SIGNATURES, caches.PATHS, caches.OPEN))
            ),
            stack.enter_context(caches.nginx(source.port, _made(folder / "c"))),
            stack.enter_context(caches.varnish(source.port, _made(folder / "d"))),
        ]
        for each in started:
            _proved(each, paths, size)
        spent: dict[str, list[float]] = {each.name: [] for each in started}
        for number in range(ROUNDS):
            turn = number % len(started)
            for each in started[turn:] + started[:turn]:
                spent[each.name].append(_asked(each, paths, size, folder))
        if any(count != len(started) for count in source.reads.values()):
            raise RuntimeError(f"the origin was read more than once by a cache: {source.reads.most_common(3)}")
    note = f"{size / 1000:.0f} kB each, {OBJECTS} of them, {RATE:,} a second over {CLIENTS} connections"
    return [row(name, values, "CPU s", note, cpu_seconds=statistics.median(values)) for name, values in spent.items()]


def segment(city: City) -> int:
    """Bytes of a segment of the middle rung."""
    rung = city.ladder[len(city.ladder) // 2]
    return rung.video_kbps * 125 * city.packaging.segment_seconds


def _made(folder: Path) -> Path:
    folder.mkdir()
    # The caches that change their user write here too.
    folder.parent.chmod(0o755)
    folder.chmod(0o777)
    return folder


def _proved(cache: Cache, paths: list[str], size: int) -> None:
    """It gives what the origin has; and nothing without a permission, where it looks at any."""
    if any(caches.fetch(cache, path) != origin.body(path, size) for path in paths):
        raise RuntimeError(f"{cache.name} does not give the origin's bytes")
    naked = Cache(cache.name, cache.port, cache.process)
    try:
        caches.fetch(naked, paths[0])
        refused = False
    except urllib.error.HTTPError:
        refused = True
    if refused != (bool(cache.header) or bool(cache.query(paths[0]))):
        raise RuntimeError(f"{cache.name}: refused without a permission: {refused}")


def _asked(cache: Cache, paths: list[str], size: int, folder: Path) -> float:
    """Processor seconds of the cache for one run of all requests. RuntimeError unless every one was answered whole."""
    (folder / "uris").write_text("".join(f"http://127.0.0.1:{cache.port}{path}{cache.query(path)}\n" for path in paths))
    command = (
        caches.program("h2load", "nghttp2-client"), "--h1", "-i", str(folder / "uris"), "-n", str(REQUESTS), "-c", str(CLIENTS),
        f"--rps={RATE // CLIENTS}", *(("-H", cache.header) if cache.header else ()),
    )  # fmt: skip
    before = cache.cpu_seconds
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    spent = cache.cpu_seconds - before
    good, data = (int(re.findall(form, said)[0]) for form in (r"(\d+) 2xx", r"\((\d+)\) data"))
    if good != REQUESTS or data != REQUESTS * size:
        raise RuntimeError(f"{cache.name}: {good} of {REQUESTS} answered, {data} of {REQUESTS * size} bytes")
    return spent
