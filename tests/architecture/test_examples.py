"""The examples of the pages are run: every ```console block under `<!-- run -->` must do what the page shows.

A block's commands start with ``$ ``; the lines below one are what it must print, in that order, with ``...`` for any text.
``<!-- run: exit 1 -->`` is an example of a refusal. What needs a platform stands under ``<!-- run on a platform -->`` and is run by
``tests/integration/test_pages.py``; what takes minutes names the test that does it, see ``test_tours.py``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.architecture.pages import user_pages
from tests.architecture.sources import ROOT, relative

BLOCK = r"<!-- {mark}(?:: exit (?P<code>\d+))? -->\n+```console\n(?P<body>.*?)^```"


@dataclass
class Example:
    """One command of a page, what it must print and its exit code."""

    command: str
    code: int
    shown: list[str] = field(default_factory=list)

    def pattern(self) -> re.Pattern[str]:
        """The output as the page shows it: its lines in this order, ``...`` for any text, spaces at will."""
        lines = (re.sub(r"(\\ )+", r"\\s+", re.escape(line.strip())).replace(r"\.\.\.", ".*?") for line in self.shown)
        return re.compile(".*?".join(lines), re.DOTALL)


def examples(page: str, mark: str = "run") -> list[Example]:
    """The examples of one page that are to be run, and stand under this mark."""
    found: list[Example] = []
    for block in re.finditer(BLOCK.format(mark=mark), page, re.MULTILINE | re.DOTALL):
        for line in block["body"].splitlines():
            if line.startswith("$ "):
                found.append(Example(line[2:], int(block["code"] or 0)))
            elif line.strip():
                found[-1].shown.append(line)
    return found


def run(example: Example) -> subprocess.CompletedProcess[str]:
    """Run one example in the clone, with the kit's commands on PATH."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "NO_COLOR": "1", "COLUMNS": "160", "TERM": "dumb"}
    return subprocess.run(
        ["bash", "-c", example.command],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


FOUND = [
    pytest.param(example, id=f"{relative(page)}: {example.command}")
    for page in user_pages()
    if not page.name.endswith(".zh.md")
    for example in examples(page.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("example", FOUND)
def test_an_example_does_what_the_page_shows(example: Example) -> None:
    result = run(example)
    output = result.stdout + result.stderr
    assert result.returncode == example.code, output
    assert example.pattern().search(output), output


@pytest.mark.parametrize(
    "page",
    ["$ false", "$ echo one\ntwo", "$ printf 'one\\ntwo\\n'\ntwo\none"],
    ids=["exit code", "other text", "other order"],
)
def test_the_rule_sees_an_example_that_does_otherwise(page: str) -> None:
    [example] = examples(f"<!-- run -->\n```console\n{page}\n```\n")
    result = run(example)
    assert result.returncode != example.code or not example.pattern().search(result.stdout)


def test_the_rule_reads_commands_exit_codes_and_wild_cards() -> None:
    [example] = examples(
        "<!-- run: exit 3 -->\n\n```console\n$ echo 12 schools; exit 3\n... schools\n```\n```console\n$ false\n```\n"
    )
    assert example.code == 3
    assert run(example).returncode == 3
    assert example.pattern().search(run(example).stdout)
