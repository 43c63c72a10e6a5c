"""Derives what infra mounts of the policies: ``policies/generated/<city>/``. Run by ``make generate``."""

from __future__ import annotations

from pathlib import Path

from catalog import City
from derive import generated
from policies.access import document, entities, matrix

GENERATED = Path(__file__).resolve().parent / "generated"


def files(city: City) -> dict[str, str]:
    """Path below the city's folder -> content."""
    return {
        document.FILE: document.text(city),
        "access.cedar": matrix.text(city),
        "access.cedarschema": entities.schema_text(),
        "access.entities.json": entities.text(city),
    }


if __name__ == "__main__":
    generated.refresh(GENERATED, files)
