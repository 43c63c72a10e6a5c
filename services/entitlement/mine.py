"""What somebody may see: everything that the matrix lets their tier do, and what the roster has of them. Pure; words in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from derive import points
from derive.points import Giver
from services.entitlement import choosing, reasons
from services.entitlement.people import Found, Identity
from services.entitlement.rules import Person, Rules
from services.entitlement.sessions import Session

Json = dict[str, Any]
NAMED: Final = ("tier", "school", "district", "partner")
"""What of a person is told by its name."""


def body(rules: Rules, session: Session | None, found: Found | None, today: date) -> Json:
    """All of it. Without a session the public's; classes, children and seats are None for who is not of the roster (``found``).

    ``others`` is what else they may act as, None where nobody signed in as somebody of the roster. Raises `PersonError`.
    """
    person = session.person if session else rules.public()
    classes, children = (_classes(rules, found, today), _children(rules, found, today)) if found else (None, None)
    return {
        "signed_in": session is not None,
        **names(rules, person),
        "resources": [_resource(rules, name, person) for name in rules.classes],
        "classes": classes,
        "children": children,
        "seats": _seats(rules, found, today) if found else None,
        "others": _others(rules, session, found, today) if session and found and choosing.may_choose(session) else None,
    }


def names(rules: Rules, person: Person) -> Json:
    """What tier, school, district and partner are called; None for one that the city does not have."""
    rows = (
        rules.tiers.get(person.tier),
        rules.schools.get(person.school),
        rules.districts.get(person.district),
        rules.partners.get(person.partner),
    )
    return {key: row["name"] if row else None for key, row in zip(NAMED, rows, strict=True)}


def _others(rules: Rules, session: Session, found: Found, today: date) -> list[Json]:
    return [_other(rules, session, each) for each in choosing.others(rules, session, found, today)]


def _other(rules: Rules, session: Session, other: Identity) -> Json:
    """What to ask for (``use``), what it is called, and in words why this sign-in does not reach so far (``why_not``; None: it does)."""
    reason = choosing.obstacle(rules, session, other)
    return {
        "use": {"tier": other.tier, "school": other.school, "district": other.district},
        **names(rules, Person(other.tier, other.school, district=other.district)),
        "why_not": reasons.text(reason, {}) if reason else None,
    }


def _resource(rules: Rules, name: str, person: Person) -> Json:
    row = rules.classes[name]
    return {
        "id": name,
        "name": row["name"],
        "description": row["description"],
        "licensed": row["licensed"],
        "grants": list(_grants(rules, name, person)),
    }


def _grants(rules: Rules, name: str, person: Person) -> Iterator[Json]:
    """What the tier may do, and then what everybody may.

    ``not_yet``: nothing of the platform gives it so far; ``by_operator``: the operator does it for them, by command.
    """
    row = rules.classes[name]
    for tier in dict.fromkeys((person.tier, rules.public_tier)):
        held = {action: cells[tier] for action, cells in row["grants"].items() if tier in cells}
        scopes = {action: cell["scopes"] for action, cell in held.items()}
        for action, cell in held.items():
            for giver, reached in points.givers(name, action, scopes).items():
                yield {
                    "action": rules.actions[action],
                    "whose": [rules.whose[row["held_by"]][scope] for scope in reached],
                    "consent_below": cell["consent_below"],
                    "everybody": tier == rules.public_tier,
                    "not_yet": giver is Giver.NOBODY,
                    "by_operator": giver is Giver.OPERATOR,
                }


def _classes(rules: Rules, found: Found, today: date) -> list[Json]:
    return [{"id": each.group, "school": _school(rules, each.school)} for each in found.classes(today)]


def _seats(rules: Rules, found: Found, today: date) -> list[Json]:
    """The licences of which they hold a paid seat, each once, and its last day; None: as long as the licence holds."""
    ends: dict[str, list[date | None]] = {}
    for each in found.seated(today):
        if each.licence in rules.licences:
            ends.setdefault(each.licence, []).append(each.ends)
    return [{"licence": rules.licences[name]["name"], "until": _last(days)} for name, days in ends.items()]


def _last(days: list[date | None]) -> str | None:
    known = [each for each in days if each is not None]
    return max(known).isoformat() if len(known) == len(days) else None


def _children(rules: Rules, found: Found, today: date) -> list[Json]:
    """Of each child the schools and the classes, and nothing by which another could be asked for."""
    return [
        {
            "schools": [_school(rules, code) for code in child.schools(today) if code in rules.schools],
            "classes": [each.group for each in child.classes(today)],
        }
        for child in found.children
    ]


def _school(rules: Rules, code: str) -> Json | None:
    """The name; None for a school that is not of the city any more."""
    return rules.schools[code]["name"] if code in rules.schools else None
