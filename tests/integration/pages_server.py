"""The viewer's built pages on loopback under the content policy of their image, with a Prometheus behind them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from local.images.definition import FOLDERS
from tests.loopback import listening

ROOT, API = "/monitoring/", "/monitoring/api/"


@dataclass
class Pages:
    """What is served; a test may turn the answer of the query path into a status."""

    url: str
    pages: Path
    dashboards: Path
    prometheus: str
    answer: int | None = None
    said: bytes = b"RBAC: access denied"
    """Its body."""


def content_policy(elsewhere: str = "") -> str:
    """The policy that nginx sends with every page; ``elsewhere`` is where they may read from besides, with a space before."""
    text = (FOLDERS / "pages" / "nginx.conf").read_text()
    (found,) = re.findall(r'add_header Content-Security-Policy "([^"]+)"', text)
    return str(found).replace("$elsewhere", elsewhere)


@contextmanager
def serving(pages: Path, dashboards: Path, prometheus: str) -> Iterator[Pages]:
    """Serve until the block ends."""
    served = Pages("", pages, dashboards, prometheus)
    with listening(_handler(served)) as address:
        served.url = f"{address}{ROOT}"
        yield served


class Answering(SimpleHTTPRequestHandler):
    """Files, and answers in JSON; says nothing."""

    def answer(self, status: int, body: Any) -> None:
        """Answer with ``body``; None is an empty one."""
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_words: Any) -> None:
        return


def _handler(served: Pages) -> type[SimpleHTTPRequestHandler]:
    policy = content_policy()

    class Handler(Answering, SimpleHTTPRequestHandler):
        def translate_path(self, path: str) -> str:
            name = path.split("?", maxsplit=1)[0].removeprefix(ROOT)
            folder = served.dashboards if name.startswith("dashboards/") else served.pages
            return str(folder / name.removeprefix("dashboards/"))

        def end_headers(self) -> None:
            self.send_header("Content-Security-Policy", policy)
            super().end_headers()

        def do_GET(self) -> None:
            if not self.path.startswith(API):
                super().do_GET()
                return
            status, body = (served.answer, served.said) if served.answer else self._asked()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def _asked(self) -> tuple[int, bytes]:
            try:
                with urlopen(f"{served.prometheus}/api/{self.path.removeprefix(API)}") as answer:
                    return 200, answer.read()
            except HTTPError as error:
                return error.code, error.read()

    return Handler
