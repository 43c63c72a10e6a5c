"""Cells of a profile's row, as they are typed (`--override CELL=VALUE`) and as a stack's file has them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from catalog.errors import UserError
from infra.profiles import Overrides, Profile, ProfileName, profile


def parse(texts: Iterable[str]) -> dict[str, Any]:
    """The texts as a mapping. Raises `UserError` naming every one that has no `=`, no cell of that name, or no fitting value."""
    pairs = [text.partition("=") for text in texts]
    values = {cell: _value(text) for cell, _, text in pairs}
    wrong = [f"{cell}: write CELL=VALUE" for cell, mark, _ in pairs if not mark]
    try:
        Overrides.model_validate(values)
    except ValidationError as error:
        wrong += [f"{each['loc'][0]}: {_reason(each['type'], each['msg'])}" for each in error.errors(include_url=False)]
    if wrong:
        cells = ", ".join(field.alias or name for name, field in Overrides.model_fields.items())
        raise UserError("\n  ".join(["--override is wrong:", *wrong, f"cells: {cells}"]))
    return values


def row(settings: Mapping[str, Any]) -> Profile:
    """The profile's row of a stack with these settings, its own cells in it. Raises `UserError` for cells that are none."""
    name, cells = settings.get("profile") or ProfileName.LOCAL, settings.get("overrides") or {}
    try:
        own = Overrides.model_validate(json.loads(cells) if isinstance(cells, str) else cells)
        return profile(ProfileName(name), own)
    except ValueError as error:
        raise UserError(f"the stack's `profile` or `overrides` is wrong: {error}") from error


def _reason(kind: str, message: str) -> str:
    return "there is no such cell" if kind == "extra_forbidden" else message[:1].lower() + message[1:]


def _value(text: str) -> Any:  # noqa: ANN401 - any JSON
    """``text`` as JSON where it is some, else as it stands."""
    try:
        return json.loads(text)
    except ValueError:
        return text
