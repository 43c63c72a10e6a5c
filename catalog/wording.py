"""Says a validation error in one sentence that tells what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from catalog.problems import shown
from catalog.types import HINTS


def did_you_mean(wrong: object, known: Collection[str], most: int = 100) -> str:
    """`` (did you mean `x`?)``, or nothing; nothing also where more than ``most`` are known.

    Comparing with each of 5,000 codes takes 25 ms (2026-11-24): with as many wrong references, minutes.
    """
    if len(known) > most:
        return ""
    close = difflib.get_close_matches(str(wrong)[:60], sorted(known), n=1)
    return f" (did you mean `{close[0]}`?)" if close else ""


def known_keys(model: object, path: Iterable[str | int]) -> tuple[str, ...]:
    """The keys allowed at ``path`` inside ``model``; empty where it leads to no model."""
    for step in path:
        model = _member(model, step)
    found = _model(model)
    return tuple(found.model_fields) if found else ()


def _model(kind: object) -> type[BaseModel] | None:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return next((found for part in get_args(kind) if (found := _model(part))), None)


def _member(kind: object, step: str | int) -> object:
    if isinstance(step, int):
        return kind
    model = _model(kind)
    return model.model_fields[step].annotation if model and step in model.model_fields else None


def _expected(error: ErrorDetails, model: object) -> str:
    options = [option.strip("'") for option in error["ctx"]["expected"].replace(" or ", ", ").split(", ")]
    return f"{shown(error['input'])} is not one of {', '.join(options)}{did_you_mean(error['input'], options)}"


def _unknown(error: ErrorDetails, model: object) -> str:
    known = known_keys(model, error["loc"][:-1])
    return f"unknown key{did_you_mean(error['loc'][-1], known)}; allowed here: {', '.join(known)}"


def _pattern(error: ErrorDetails, model: object) -> str:
    return f"{shown(error['input'])} is not allowed: {HINTS.get(error['ctx']['pattern'], error['msg'])}"


def _text(error: ErrorDetails, model: object) -> str:
    value = error["input"]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f'{shown(value)} must be text: put it in quotes, "{value}"'
    return f"{shown(value)} must be text"


def _date(error: ErrorDetails, model: object) -> str:
    return f"{shown(error['input'])} is not a day of the calendar: write YYYY-MM-DD, for instance 2026-09-01"


def _time(error: ErrorDetails, model: object) -> str:
    return f'{shown(error["input"])} is not a time of day: write "HH:MM" in quotes, for instance "08:30"'


def _simple(sentence: str) -> Callable[[ErrorDetails, object], str]:
    return lambda error, model: sentence.format(value=shown(error["input"]), **_whole(error.get("ctx", {})))


def _whole(context: Mapping[str, object]) -> dict[str, object]:
    """Limits without a needless ``.0``."""
    return {key: int(v) if isinstance(v, float) and v.is_integer() else v for key, v in context.items()}


_SENTENCES: Mapping[str, Callable[[ErrorDetails, object], str]] = {
    "enum": _expected,
    "extra_forbidden": _unknown,
    "string_pattern_mismatch": _pattern,
    "string_type": _text,
    "missing": _simple("is missing: add it"),
    "bool_type": _simple("{value} must be true or false"),
    "int_type": _simple("{value} must be a whole number, without quotes"),
    "int_from_float": _simple("{value} must be a whole number"),
    "float_type": _simple("{value} must be a number, without quotes"),
    "tuple_type": _simple("{value} must be a list; write [] for none"),
    "model_type": _simple("{value} must be a group of keys"),
    "too_short": _simple("must have at least {min_length} entries, but has {actual_length}"),
    "string_too_long": _simple("{value} is longer than {max_length} characters"),
    "string_too_short": _simple("must not be empty"),
    "greater_than": _simple("{value} must be more than {gt}"),
    "greater_than_equal": _simple("{value} must be at least {ge}"),
    "less_than_equal": _simple("{value} must be at most {le}"),
    "multiple_of": _simple("{value} must be a multiple of {multiple_of}"),
    "value_error": _simple("{value} is {error}"),
}


def sentence(error: ErrorDetails, model: object) -> str:
    """One validation error of ``model`` as a sentence."""
    kind = error["type"]
    if kind.startswith("date_"):
        return _date(error, model)
    if kind.startswith("time_"):
        return _time(error, model)
    say = _SENTENCES.get(kind)
    return say(error, model) if say else f"{shown(error['input'])}: {error['msg']}"
