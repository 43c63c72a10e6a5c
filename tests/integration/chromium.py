"""A browser of its own, without a window."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

WORDS = ("--no-sandbox", "--disable-gpu", "--no-first-run")


@contextmanager
def started(*more: str) -> Iterator[Browser]:
    """Chromium until the block ends, with ``more`` on its command line."""
    program = shutil.which("chromium")
    assert program, "apt-get install chromium"
    with sync_playwright() as run:
        browser = run.chromium.launch(executable_path=program, args=[*WORDS, *more])
        yield browser
        browser.close()
