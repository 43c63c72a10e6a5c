"""The portal's built pages on loopback under the content policy of their image, with lessons in a folder and somebody to permit them.

With a ``cache`` whoever is there is at a school that has one, and may play from it by a token of ``token``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.integration.pages_server import Answering, content_policy
from tests.loopback import listening

LESSONS, ACCESS = "/lessons/", "/access/"


@dataclass
class Library:
    """What is served. ``down`` answers all media with this status, as a cache without its parent does; ``refused`` says why a lesson may
    not be had, by the action and its id."""

    url: str
    pages: Path
    lessons: Path
    down: int | None = None
    refused: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    cache: dict[str, str] | None = None
    """Place and origin of the school's."""
    token: Callable[[str], str] = str
    """From a lesson to a permission for it."""
    rendition: str | None = None
    """What the school's cache fetched in the night."""
    media: list[str] = field(default_factory=list)
    """Paths of pictures and sound that were fetched from here, from the city."""

    def rows(self) -> list[dict[str, Any]]:
        """The records, as the list of lessons repeats them."""
        found = [json.loads(path.read_text()) for path in sorted(self.lessons.glob("*/lesson.json"))]
        return [each for each in found if "replaced_by" not in each]

    def permit(self, action: str, lesson: str, place: str | None) -> tuple[int, dict[str, Any]]:
        """What is answered to who asks to play ``lesson``, from the cache of ``place``, or to take it away."""
        self.asked.append((action, lesson))
        if (action, lesson) in self.refused:
            return 403, self.refused[action, lesson]
        (row,) = [each for each in self.rows() if each.get("id") == lesson]
        if action == "download":
            return 200, {"path": LESSONS + row["download"]["path"]}
        given = {} if place is None else {"token": self.token(lesson)}
        if place is not None and self.rendition:
            given["rendition"] = self.rendition
        return 200, {"master": LESSONS + (row.get("master") or row["live"]["master"]), **given}


@contextmanager
def serving(pages: Path, lessons: Path) -> Iterator[Library]:
    """Serve until the block ends."""
    library = Library("", pages, lessons)
    with listening(_handler(library)) as library.url:
        yield library


def _handler(library: Library) -> type[SimpleHTTPRequestHandler]:
    def policy() -> str:
        return content_policy(f" {library.cache['origin']}" if library.cache else "")

    class Handler(Answering, SimpleHTTPRequestHandler):
        extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".m3u8": "application/vnd.apple.mpegurl", ".vtt": "text/vtt"}  # noqa: RUF012  # fmt: skip

        def translate_path(self, path: str) -> str:
            name = path.split("?", maxsplit=1)[0]
            if name.startswith(LESSONS):
                return str(library.lessons / name.removeprefix(LESSONS))
            return str(library.pages / name.lstrip("/"))

        def end_headers(self) -> None:
            self.send_header("Content-Security-Policy", policy())
            self.send_header("Cache-Control", "no-store")
            super().end_headers()

        def do_GET(self) -> None:
            if self.path == f"{LESSONS}index.json":
                self.answer(200, {"lessons": library.rows()})
            elif self.path == "/access/session":
                self.answer(200, {"signed_in": library.cache is not None, "cache": library.cache})
            elif library.down and self.path.startswith(LESSONS) and not self.path.endswith(".json"):
                self.answer(library.down, {})
            else:
                if self.path.endswith(".m4s"):
                    library.media.append(self.path)
                super().do_GET()

        def do_POST(self) -> None:
            asked = urlsplit(self.path)
            action, lesson = asked.path.removeprefix(ACCESS).split("/")
            place = parse_qs(asked.query).get("place", [None])[0]
            self.answer(*library.permit(action, lesson, place))

        def handle(self) -> None:
            with suppress(ConnectionError):  # a player that has changed its mind
                super().handle()

    return Handler
