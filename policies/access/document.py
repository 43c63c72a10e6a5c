"""The rules as the entitlement service reads them: one JSON file of tables that refer to each other by id.

Written out, who reaches whom would be thousands of lines per tier; as tables it is one line per school, and a change of one fact is a
change of one line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from catalog import City
from catalog.access import Licence, Scope, Tier, Use, Window
from catalog.agreement import Agreement
from policies.access.rows import grounds, opens_lessons

FILE = "access.json"


def document(city: City) -> dict[str, Any]:
    """The tables; see the service's ``rules.py`` for how they are read."""
    return {
        "timezone": city.timezone,
        "token_minutes": city.playback.token_minutes,
        "public_tier": next((tier.id for tier in city.tiers if tier.scope is Scope.PUBLIC), None),
        "tiers": {tier.id: _tier(city, tier) for tier in city.tiers},
        "licences": {licence.id: _licence(licence) for licence in city.licences},
        "agreements": {each.id: _agreement(each) for each in city.agreements if opens_lessons(each)},
        "alliances": {each.id: [code for _, code in each.members] for each in city.alliances},
        "schools": {
            school.code: {"name": school.name.model_dump(), "district": school.district} for school in city.schools
        },
    }


def text(city: City) -> str:
    """The document as it is committed: one line per row, so that a change shows as one."""
    lines = (f'"{key}": {_table(value)}' for key, value in document(city).items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _table(value: Any) -> str:  # noqa: ANN401  # any JSON
    if not isinstance(value, Mapping):
        return _line(value)
    return "{\n" + ",\n".join(f' "{key}": {_line(row)}' for key, row in value.items()) + "\n}"


def _line(value: Any) -> str:  # noqa: ANN401  # any JSON
    return json.dumps(value, ensure_ascii=False)


def _tier(city: City, tier: Tier) -> dict[str, Any]:
    return {"name": tier.name.model_dump(), "grounds": list(grounds(city, tier))}


def _licence(licence: Licence) -> dict[str, Any]:
    return {
        "name": licence.name.model_dump(),
        "streams": Use.STREAM in licence.uses,
        "tiers": list(licence.tiers),
        "reach": licence.reach,
        "window_days": licence.window_days,
        "window": _window(licence.window) if licence.window else None,
        "seats": licence.seats.number if licence.seats else None,
    }


def _window(window: Window) -> dict[str, str]:
    """Its first moment and the first moment after it."""
    zone, last = ZoneInfo(window.timezone), window.ends + timedelta(days=1)
    starts, ends = (datetime.combine(day, time(), zone).isoformat() for day in (window.starts, last))
    return {"starts": starts, "ends": ends}


def _agreement(agreement: Agreement) -> dict[str, Any]:
    return {
        "name": agreement.name.model_dump(),
        "schools": list(agreement.schools),
        "starts": agreement.starts.isoformat(),
        "ends": agreement.ends.isoformat(),
    }
