"""Every command that a page or a message tells a reader to type exists: make targets, huiju sub-commands and their options."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from ops.cli import app
from tests.architecture.pages import FENCE, commands, user_pages
from tests.architecture.sources import ROOT, relative, text_files

PAGES = (*user_pages(), *(ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md") if (ROOT / name).is_file()))
SAYING = {".py", ".yaml", ".yml", ".sh", ".toml", ".md"}
"""Files whose messages, comments and text tell people to type something between backticks."""
WORD = re.compile(r"[a-z][a-z-]*")


@cache
def targets() -> set[str]:
    """Targets of the Makefile."""
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@cache
def root_command() -> Any:
    """The whole ``huiju`` command as click sees it."""
    return typer.main.get_command(app)


def wrong(program: str, words: list[str]) -> str:
    """Why this command cannot be typed, or nothing. Place holders such as FILE or <id> are not judged."""
    plain = [word for word in words if WORD.fullmatch(word)]
    if program == "make":
        return next((f"no target {word!r}" for word in plain if word not in targets()), "")
    command, rest = root_command(), list(words)
    while rest and hasattr(command, "commands") and WORD.fullmatch(rest[0]):
        name = rest.pop(0)
        command = command.get_command(typer.Context(command), name)
        if command is None:
            return f"no sub-command {name!r}"
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)} | {
        "--help"
    }
    return next(
        (f"no option {word!r}" for word in rest if word.startswith("--") and word.split("=")[0] not in known), ""
    )


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_commands_of_a_page_exist(page: Path) -> None:
    found = [
        f"{program} {' '.join(words)}: {wrong(program, words)}"
        for program, words in commands(page.read_text(encoding="utf-8"))
    ]
    assert not [each for each in found if not each.endswith(": ")]


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_plain_pulumi_is_told_which_stack(page: Path) -> None:
    """No stack is selected in a clone: without one `pulumi` asks, or fails where nobody can answer."""
    lines = [line for block in FENCE.findall(page.read_text(encoding="utf-8")) for line in block.splitlines()]
    plain = [line for line in lines if re.search(r"^(\$ |.*\| )?pulumi (?!stack )", line)]
    assert not [line for line in plain if "--stack " not in line]


def test_commands_that_messages_and_comments_tell_the_reader_exist() -> None:
    texts = [
        (path, text) for path, text in text_files() if path.suffix in SAYING and not relative(path).startswith("tests/")
    ]
    typed = [(relative(path), *each) for path, text in texts for each in commands(text)]
    found = [
        f"{path}: {program} {' '.join(words)}: {wrong(program, words)}"
        for path, program, words in typed
        if wrong(program, words)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "`make supper`",
        "`huiju nonsense`",
        "`huiju catalog nonsense`",
        "`huiju up --nonsense`",
        "```console\n$ make supper\n```",
    ],
)
def test_the_rule_sees_a_command_that_does_not_exist(text: str) -> None:
    [(program, words)] = commands(text)
    assert wrong(program, words)


@pytest.mark.parametrize("text", ["`make test`", "`CITY=neijiang make up`", "`huiju --help`", "`huiju catalog`"])
def test_the_rule_knows_the_commands_that_exist(text: str) -> None:
    [(program, words)] = commands(text)
    assert not wrong(program, words)
