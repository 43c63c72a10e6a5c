"""A district's edge as a process of its own, with the platform's very files; the shield that it asks is a store behind mutual TLS."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.caching.plain import plain
from catalog import load_named
from derive import cache_pod, cache_tree, district_edge, purging, school_cache, shield
from derive.cache_tls import CacheTls
from derive.signing import Ring
from local.ports import free_port
from tests.box_cache import NAMED, SEED, Box, changed

CITY = load_named("tiny")
DISTRICT = cache_tree.edges(CITY)[0]


def certificates(folder: Path) -> None:
    """The edge's own files, and the shield's as `Platform` looks for them."""
    folder.mkdir(parents=True, exist_ok=True)
    tls = CacheTls(SEED, Ring())
    asked = tls.of_shield(cache_tree.edges(CITY))
    named = {"server.crt": "tls.crt", "server.key": "tls.key", "platform.crt": cache_pod.CLIENTS}
    # Of the edge what it shows to the shield: it answers in the clear here.
    files = {**tls.of_edge(DISTRICT), **{name: asked[entry] for name, entry in named.items()}}
    for name, text in files.items():
        (folder / name).write_text(text)


@dataclass
class Edge(Box):
    """``tls`` is the port of the gateway, in the clear."""

    figures: int = field(default_factory=free_port)
    """Health and counters."""

    def files(self) -> dict[str, str]:
        """The platform's own, with folders and ports that are free here."""
        found = plain(district_edge.files(CITY, [NAMED], 1), {district_edge.PORT: self.tls})
        changes = {
            "STRING #-1": f"STRING {school_cache.USER}",
            cache_pod.CONFIGURATION: str(self.folder / "etc"),
            cache_pod.CACHE: str(self.folder / "cache"),
            cache_pod.TLS: str(self.folder / "tls"),
            f" {cache_pod.FIGURES_PORT} {purging.PORT}:": f" {self.figures} {self.local}:",
            f":{purging.PORT}/": f":{self.local}/",
            f"{NAMED}:{shield.PORT}": f"{NAMED}:{self.platform.port}",
        }
        return {name: changed(text, changes) for name, text in found.items()}
