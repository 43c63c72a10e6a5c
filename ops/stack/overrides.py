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
        known = ", ".join(field.alias or name for name, field in Overrides.model_fields.items())
        raise UserError("\n  ".join(["--override is wrong:", *wrong, f"cells: {known}"]))
    return values


def cells(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The cells that a stack with these settings has of its own. Raises `ValueError` where they are written as no JSON."""
    found = settings.get("overrides") or {}
    return dict(json.loads(found) if isinstance(found, str) else found)


def row(settings: Mapping[str, Any]) -> Profile:
    """The profile's row of a stack with these settings, its own cells in it. Raises `UserError` for cells that are none."""
    name = settings.get("profile") or ProfileName.LOCAL
    try:
        return profile(ProfileName(name), Overrides.model_validate(cells(settings)))
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
