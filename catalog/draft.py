"""A city being put together from documents: which rows are valid, where each stands, and every problem on the way."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple, get_args

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from catalog.city import City
from catalog.facts import Facts, Finding
from catalog.nodes import Data, Document
from catalog.problems import Problem, displayed, shown
from catalog.wording import did_you_mean, sentence


class Section(NamedTuple):
    """A top-level key of the catalog: whether it is a list, the type of its value (or of one row), and its validator."""

    is_list: bool
    kind: Any
    adapter: TypeAdapter[Any]


@cache
def sections() -> dict[str, Section]:
    """Every top-level key."""
    result = {}
    for name, info in City.model_fields.items():
        is_list = getattr(info.annotation, "__origin__", None) is tuple
        kind = get_args(info.annotation)[0] if is_list else info.rebuild_annotation()
        result[name] = Section(is_list, kind, TypeAdapter(kind))
    return result


@dataclass(frozen=True)
class Place:
    """Where a value of the city stands: a document and the path inside it."""

    document: Document
    path: tuple[str | int, ...]

    def problem(self, message: str, *inner: str | int) -> Problem:
        """A problem here, or at ``inner`` below."""
        path = (*self.path, *inner)
        key = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
        return Problem(self.document.file, self.document.line(*path), key.removeprefix("."), message)

    def __str__(self) -> str:
        return f"{displayed(self.document.file)}:{self.document.line(*self.path)}"


@dataclass
class Draft:
    """Valid facts, where each row stands, and the problems so far."""

    problems: list[Problem]
    facts: Facts = field(default_factory=Facts)
    places: dict[tuple[str, int], Place] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Remember what the reading refused: it is null in the data."""
        self.refused = {(problem.file, problem.key) for problem in self.problems}

    def add(self, document: Document) -> None:
        """Take in everything that a document holds."""
        for name, data in document.data.items():
            here = Place(document, (name,))
            if (document.file, name) in self.refused:
                continue  # it is null here, and must not be refused a second time for that
            if name not in sections():
                known = f"{did_you_mean(name, sections())}; allowed here: {', '.join(sections())}"
                self.problems.append(here.problem(f"unknown key{known}"))
            elif sections()[name].is_list:
                self._add_rows(here, name, data)
            else:
                self._add_value(here, name, data)

    def _add_value(self, here: Place, name: str, data: Data) -> None:
        first = self.places.setdefault((name, 0), here)
        if first is not here:
            self.problems.append(here.problem(f"is already given in {first}: keep one"))
        elif (value := self._validated(here, name, data)) is not None:
            self.facts.single[name] = value

    def _add_rows(self, here: Place, name: str, rows: Data) -> None:
        if not isinstance(rows, list):
            self.problems.append(here.problem(f"{shown(rows)} must be a list; write [] for none"))
            return
        if not rows and City.model_fields[name].metadata:
            self.problems.append(here.problem("must have at least one entry"))
        for position, row in enumerate(rows):
            index = self.counts[name]
            self.counts[name] += 1
            place = self.places[name, index] = Place(here.document, (name, position))
            identity = row.get("id", row.get("code")) if isinstance(row, dict) else None
            if isinstance(identity, str | int):  # a code without quotes is wrong, but it is declared
                self.facts.ids.setdefault(name, {})[index] = str(identity)
            if (value := self._validated(place, name, row)) is not None:
                self.facts.rows.setdefault(name, {})[index] = value

    def _validated(self, place: Place, name: str, data: Data) -> object:
        """The value as its model, or None with its problems noted."""
        section = sections()[name]
        try:
            return section.adapter.validate_json(json.dumps(data, ensure_ascii=False))
        except ValidationError as error:
            for detail in _told_once(error.errors(include_url=False)):
                problem = place.problem(sentence(detail, section.kind), *detail["loc"])
                if (problem.file, problem.key) not in self.refused:
                    self.problems.append(problem)
        return None

    def note_missing(self, documents: list[Document]) -> None:
        """Note every top-level key that no document has, in ``city.yaml`` or the first file."""
        main = next((d for d in documents if d.file.name == "city.yaml"), documents[0])
        given = {name for document in documents for name in document.data}
        for name in sections():
            if name not in given:
                message = f"is missing: add `{name}:` to one of the city's files"
                self.problems.append(Problem(main.file, 1, name, message))

    def place(self, finding: Finding) -> Problem:
        """What a check found, with its file and line."""
        place = self.places[finding.section, finding.index]
        first = f" in {self.places[finding.section, finding.first]}" if finding.first is not None else ""
        return place.problem(f"{finding.message}{first}", *finding.path)

    def city(self) -> City:
        """The city, when there was no problem."""
        rows = {name: tuple(self.facts.of(name).values()) for name, section in sections().items() if section.is_list}
        return City.model_validate(self.facts.single | rows)


def _told_once(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without "too few entries" where an entry itself is wrong: pydantic counts only the right ones."""
    wrong = {error["loc"][:depth] for error in errors for depth in range(len(error["loc"]))}
    return [error for error in errors if error["type"] != "too_short" or error["loc"] not in wrong]
