"""YAML as nodes that know their line, and the plain data that they stand for.

PyYAML's C parser is driven at the level of nodes, for three reasons: nodes carry line numbers; scalars are resolved
here by the few rules of JSON (so that ``no`` is text, ``08:30`` is not 510, and ``2026-02-30`` stays text until it is
checked as a date); and nothing is constructed from a tag. Aliases are refused, so that a small file cannot unfold into
a huge one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]  # exported, but not in the stubs

from catalog.problems import Problem, shown

MAX_DEPTH: Final = 16
"""Deepest nesting of a value; the model needs 6."""

_PLAIN: Final = "plain"
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"[-+]?[0-9]{1,18}(\.[0-9]{1,18}([eE][-+]?[0-9]{1,2})?|[eE][-+]?[0-9]{1,2})")
_WORDS: Final = {"": None, "~": None, "null": None, "true": True, "false": False}

Data = Any
"""What JSON can hold: None, bool, int, float, str, list, dict with text keys."""


class NodeReader(CParser):
    """The C parser with every implicit scalar marked as plain (the rules of YAML 1.1 are not ours) and a bounded depth.

    Without the bound a file of a million ``[`` overflows the C stack and kills the process (seen 2026-11-24, PyYAML 6.0.3).
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def resolve(self, kind: type, value: object, implicit: object) -> str:
        """The tag of a node that has none of its own."""
        return _PLAIN

    def descend_resolver(self, parent: yaml.Node | None, index: object) -> None:
        """Called before each node: refuses one that lies too deep."""
        self._depth += 1
        if self._depth > MAX_DEPTH and parent is not None:
            raise yaml.MarkedYAMLError(problem=f"nested more than {MAX_DEPTH} deep", problem_mark=parent.start_mark)

    def ascend_resolver(self) -> None:
        """Called after each node."""
        self._depth -= 1


@dataclass(frozen=True)
class Document:
    """One file: its display path, its root node (for line numbers) and its plain data."""

    file: Path
    root: yaml.Node
    data: dict[str, Data]

    def line(self, *path: str | int) -> int:
        """The line (from 1) of the value at ``path``; of the nearest enclosing one where the path ends early."""
        node, line = self.root, 1
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            node, line = found
        return line


def _child(node: yaml.Node, step: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == step:
                return value, key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step].start_mark.line + 1
    return None


class Alias(Exception):  # noqa: N818  # a signal to the reader of files
    """A node was met a second time."""

    def __init__(self, node: yaml.Node) -> None:
        self.line = node.start_mark.line + 1


class Builder:
    """Turns nodes into plain data and notes what is not allowed; raises Alias where a node is used twice."""

    def __init__(self, file: Path) -> None:
        self.file, self.problems, self._seen = file, list[Problem](), set[int]()

    def note(self, node: yaml.Node, key: str, message: str) -> None:
        """Remember a problem at ``node``."""
        self.problems.append(Problem(self.file, node.start_mark.line + 1, key, message))

    def build(self, node: yaml.Node, key: str = "") -> Data:
        """Plain data of ``node``; None where it is refused."""
        if id(node) in self._seen:
            raise Alias(node)
        self._seen.add(id(node))
        if node.tag is not _PLAIN:
            tag = shown(node.tag.replace("tag:yaml.org,2002:", "!!"))
            return self.note(node, key, f"the tag {tag} is not allowed: write the value without it")
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, f"{key}[{index}]") for index, item in enumerate(node.value)]
        return self._mapping(node, key) if isinstance(node, yaml.MappingNode) else None

    def _mapping(self, node: yaml.MappingNode, key: str) -> dict[str, Data]:
        result: dict[str, Data] = {}
        for key_node, value_node in node.value:
            name = key_node.value
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag is not _PLAIN:
                self.note(key_node, key, "a key must be one plain word")
                continue
            path = f"{key}.{name}" if key else name
            if name in result:
                self.note(key_node, path, "this key stands twice in the same place: keep one")
                continue
            result[name] = self.build(value_node, path)
        return result


def _scalar(node: yaml.ScalarNode) -> Data:
    text: str = node.value
    if node.style:  # quoted or a block: always text
        return text
    lowered = text if len(text) > 5 else text.lower()  # noqa: PLR2004  # the longest word is `false`
    if lowered in _WORDS:
        return _WORDS[lowered]
    if text[0] in "+-.0123456789":
        if _INTEGER.fullmatch(text):
            return int(text)
        if _NUMBER.fullmatch(text):
            return float(text)
    return text
