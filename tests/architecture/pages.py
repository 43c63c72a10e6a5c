"""The documents as the rules of the house see them: pages, headings, code, and the commands they tell a reader to type."""

from __future__ import annotations

import re
from pathlib import Path

from tests.architecture.sources import ROOT, files

READERS = ("engineer", "technician", "operator", "teacher", "evaluator")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"(?<![\w/.-])(make|huiju)((?: [A-Za-z0-9_./:<>=~{}\[\]\u4e00-\u9fff-]+)*)")


def user_pages() -> tuple[Path, ...]:
    """Pages written for users: the READMEs at the root, the index, and each reader's folder; both languages."""
    tops = {ROOT / "README.md", ROOT / "README.zh.md", ROOT / "docs" / "README.md", ROOT / "docs" / "README.zh.md"}
    folders = {ROOT / "docs" / reader for reader in READERS}
    return tuple(path for path in files() if path in tops or (path.suffix == ".md" and path.parent in folders))


def headings(text: str) -> list[int]:
    """Levels of a page's headings, in order; what stands in code blocks is no heading."""
    return [len(match) for match in re.findall(r"^(#+) ", FENCE.sub("", text), re.MULTILINE)]


def code(text: str) -> list[str]:
    """Everything that a page sets as code: inline spans and the lines of fenced blocks, comments left out."""
    fenced = [line.split("  #")[0] for block in FENCE.findall(text) for line in block.splitlines()[1:-1]]
    return re.findall(r"`([^`\n]+)`", FENCE.sub("", text)) + fenced


def commands(text: str) -> list[tuple[str, list[str]]]:
    """``make`` and ``huiju`` commands of a page: the program and its words."""
    spans = (re.sub(r"^(\$ |sudo |[A-Z_]+=\S+ )+", "", span) for span in code(text))
    matches = (COMMAND.match(span) for span in spans)
    return [(match[1], match[2].split()) for match in matches if match]
