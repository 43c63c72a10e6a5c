"""The matrix as one page that a lawyer reads: both languages side by side, no script, nothing fetched, good to print."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2

from catalog import City
from catalog.access import Action
from catalog.agreement import Agreement
from catalog.resource import Resource
from ops.accesses import table, words
from policies.access.words import ACTIONS, SCOPES, Both

TEMPLATE = "matrix.html.j2"
MARK = "*"


def html(city: City) -> str:
    """The page."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.get_template(TEMPLATE).render(facts(city))


def facts(city: City) -> dict[str, Any]:
    """Everything that the page shows."""
    return {
        "city": city,
        "mark": MARK,
        "givers": list(words.GIVERS.values()),
        "tiers": [(tier, SCOPES[tier.scope]) for tier in city.tiers],
        "overview": [(tier, [_short(city, resource, tier.id) for resource in city.resources]) for tier in city.tiers],
        "classes": [(resource, _lines(city, resource)) for resource in city.resources],
        "licences": [(each, [words.tier(city, tier) for tier in each.tiers], words.limits(each)) for each in city.licences],
        "rules": [(rule, [words.tier(city, tier) for tier in rule.tiers]) for rule in city.data_rules],
        "agreements": [(each, _subjects(city, each), _terms(city, each), _signed(city, each)) for each in city.agreements],
    }  # fmt: skip


def _short(city: City, resource: Resource, tier: str) -> list[Both]:
    """The actions of one cell of the overview, those with a mark that the platform does not give to them."""
    found = {row.cell.action: MARK * bool(row.given) for row in table.rows(city, resource) if row.cell.tier == tier}
    return [(ACTIONS[each][0] + found[each], ACTIONS[each][1] + found[each]) for each in Action if each in found]


def _lines(city: City, resource: Resource) -> list[dict[str, Any]]:
    found = table.lines(city, resource)
    return [{"row": row, "who": words.tier(city, row.cell.tier), "actions": actions} for row, actions in found]


def _subjects(city: City, agreement: Agreement) -> list[Both]:
    return [words.subject(city, each) for each in agreement.subjects or ()]


def _terms(city: City, agreement: Agreement) -> list[tuple[Both, Any]]:
    return [(words.party(city, term.party), term) for term in agreement.terms]


def _signed(city: City, agreement: Agreement) -> dict[str, Any]:
    return {
        "by": [(words.party(city, each.party), each) for each in agreement.signatures],
        "missing": [words.party(city, party) for party in agreement.unsigned],
    }
