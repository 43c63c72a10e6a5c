"""Writes what is deployed of this surface: `python -m monitoring.generate` (part of `make generate`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import yaml

from catalog import City
from derive import generated
from monitoring import alerts, facts, routing, rules
from monitoring.dashboards import files as dashboards

FOLDER: Final = Path(__file__).resolve().parent / "generated"
RECORDS, ALERTS, ROUTES, FACTS = "rules/records.yaml", "rules/alerts.yaml", "routes.json", "exporter.json"


def files(city: City) -> dict[str, str]:
    """Path -> content of everything derived for ``city``."""
    return {
        RECORDS: _rules(rules.groups(city)),
        ALERTS: _rules(alerts.groups(city)),
        ROUTES: json.dumps(routing.routing(), indent=1) + "\n",
        FACTS: facts.dump(facts.of(city)),
        **dashboards.files(city),
    }


class _Dumper(yaml.SafeDumper):
    """Lists indented, as the house's style has them."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _rules(groups: list[dict[str, Any]]) -> str:
    return yaml.dump({"groups": groups}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def main() -> None:
    """Write them for every city that comes with the kit."""
    generated.refresh(FOLDER, files)


if __name__ == "__main__":
    main()
