"""The pages do what they show: every block under `<!-- run on a platform -->`, on the real platform of the session."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from local import toolchain
from ops import lesson
from tests.architecture.pages import user_pages
from tests.architecture.sources import relative
from tests.architecture.test_commands import root_command
from tests.architecture.test_examples import Example, examples
from tests.conftest import ROOT
from tests.integration.conftest import Platform

pytestmark = pytest.mark.integration
MARK = "run on a platform"
EXAMPLES = [
    pytest.param(example, id=f"{relative(page)}: {example.command[:60]}")
    for page in user_pages()
    if not page.name.endswith(".zh.md")
    for example in examples(page.read_text(encoding="utf-8"), MARK)
]


def on_stack(command: str, stack: str) -> str:
    """The command with ``--stack`` behind each sub-command of `huiju` that knows it, as the pages tell to add."""

    def told(match: re.Match[str]) -> str:
        found, words = root_command(), match[0].split()
        for number, word in enumerate(words[1:], start=1):
            found = found.get_command(typer.Context(found), word) if hasattr(found, "commands") else None
            if found is None:
                break
            if any("--stack" in parameter.opts for parameter in found.params):
                return " ".join([*words[: number + 1], "--stack", stack, *words[number + 1 :]])
        return match[0]

    return re.sub(r"\bhuiju(?: [a-z][a-z-]*)+", told, command)


@pytest.fixture(scope="module")
def stack(platform: Platform) -> str:
    """A platform with the sample lesson, as after `make up`."""
    lesson.publish_sample(platform.stack)
    return platform.stack


def test_the_pages_have_examples_for_a_platform() -> None:
    assert len(EXAMPLES) >= 8


def test_a_command_is_told_which_stack_is_meant() -> None:
    assert on_stack("huiju coverage --json", "s") == "huiju coverage --stack s --json"
    assert on_stack("huiju lesson list | wc -l", "s") == "huiju lesson list --stack s | wc -l"
    assert on_stack("huiju catalog check tiny", "s") == "huiju catalog check tiny"


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_command_does_what_its_page_shows(example: Example, platform: Platform, stack: str) -> None:
    folders = (str(Path(sys.executable).parent), str(toolchain.tool("kubectl").parent), os.environ["PATH"])
    env = {
        **os.environ,
        **platform.cluster.environment,
        "PATH": os.pathsep.join(folders),
        "NO_COLOR": "1",
        "COLUMNS": "160",
    }
    line = ["bash", "-c", on_stack(example.command, stack)]
    done = subprocess.run(
        line, cwd=ROOT, env=env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == example.code, done.stdout + done.stderr
    assert example.pattern().search(done.stdout + done.stderr), done.stdout + done.stderr
