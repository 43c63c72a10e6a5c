"""The whole matrix of access as tables, one JSON file: what the entitlement service mounts, and what ``derive.tables`` decides by.

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
from catalog.access import USES, Action, Licence, Scope, Tier, Window
from catalog.agreement import Agreement
from catalog.resource import Holding, Resource
from derive import grants
from policies.access import words
from policies.access.words import Both

FILE = "access.json"


def document(city: City) -> dict[str, Any]:
    """The tables; ``derive.tables`` says how they are read. Names are for what a refusal says, and the page of what somebody may see."""
    return {
        "timezone": city.timezone,
        "token_minutes": city.playback.token_minutes,
        "public_tier": next((tier.id for tier in city.tiers if tier.scope is Scope.PUBLIC), None),
        "guardian_consent_by": list(city.minors.guardian_consent_by),
        "uses": {action.value: use.value for action, use in USES.items()},
        "actions": {action.value: _both(words.ACTIONS[action]) for action in Action},
        "whose": {held.value: {scope.value: _both(words.whose(held, scope)) for scope in Scope} for held in Holding},
        "tiers": {tier.id: _tier(tier) for tier in city.tiers},
        "licences": {licence.id: _licence(licence) for licence in city.licences},
        "subjects": {each.id: {"name": each.name.model_dump()} for each in city.subjects},
        "agreements": {each.id: _agreement(each) for each in city.agreements if not each.unsigned},
        "classes": {each.id: _class(city, each) for each in city.resources},
        "districts": {
            each.id: {"name": each.name.model_dump(), "division_code": each.division_code} for each in city.districts
        },
        "partners": {each.id: {"name": each.name.model_dump()} for each in city.partners},
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


def _both(said: Both) -> dict[str, str]:
    zh, en = said
    return {"zh": zh, "en": en}


def _tier(tier: Tier) -> dict[str, Any]:
    """``city``: its people work for the whole city, whatever school they name; ``two_factor``: a password alone does not sign them in."""
    return {"name": tier.name.model_dump(), "city": tier.scope is Scope.CITY, "two_factor": tier.two_factor}


def _class(city: City, resource: Resource) -> dict[str, Any]:
    """Everything that anybody may do with one class: action -> tier -> cell, and the agreements that open it."""
    rows: dict[str, dict[str, Any]] = {}
    asked = {rule.id for rule in city.data_rules if rule.guardian_consent}
    for cell in grants.cells(city):
        if cell.resource == resource.id:
            below = city.minors.guardian_consent_below if cell.rule in asked else 0
            row = {"scopes": list(cell.scopes), "consent_below": below, "rule": cell.rule}
            rows.setdefault(cell.action.value, {})[cell.tier] = row
    opening = [each.id for each in city.agreements if resource.service in each.services and not each.unsigned]
    return {
        "name": resource.name.model_dump(),
        "description": resource.description.model_dump(),
        "held_by": resource.held_by,
        "licensed": resource.licensed,
        "agreements": opening,
        "grants": rows,
    }


def _licence(licence: Licence) -> dict[str, Any]:
    return {
        "name": licence.name.model_dump(),
        "uses": list(licence.uses),
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
        "partners": list(agreement.partners),
        "starts": agreement.starts.isoformat(),
        "ends": agreement.ends.isoformat(),
        "subjects": None if agreement.subjects is None else list(agreement.subjects),
    }
