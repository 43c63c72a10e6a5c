"""Hands what `derive.school_cache` says over to Ansible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from derive import school_cache
from derive.school_cache import SchoolCache


def cache_plan(facts: Mapping[str, Any]) -> dict[str, Any]:
    """``files`` of a school's cache and those whose change needs a ``restart``; ``facts`` are the fields of `SchoolCache`."""
    plain = {key: _plain(value) for key, value in facts.items()}
    return {"files": school_cache.files(SchoolCache(**plain)), "restart": sorted(school_cache.RESTART)}


def _plain(value: Any) -> Any:  # noqa: ANN401  # whatever Ansible hands over
    """Ansible's own kinds of text, list and mapping as Python's."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Name -> filter."""
        return {"cache_plan": cache_plan}
