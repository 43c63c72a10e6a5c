"""What `huiju up` hands the engine of the surfaces' derived files: the committed ones where they are current, else derived now."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from types import ModuleType

import catalog
from catalog import City
from catalog.errors import UserError
from derive import generated
from local import paths
from ops.stack.checkpoint import Say

SURFACES = ("monitoring", "policies")
"""Those whose `generate` module has ``files(city)``, mounted by infra."""


def folder(name: str, say: Say) -> str | None:
    """Stack config `derived` for the city ``name`` (as `catalog.find` takes it): None where the committed files do."""
    city = catalog.load_named(name)
    stale = [surface for surface, _ in _surfaces() if not _committed(surface, city)]
    if not stale:
        return None
    if name in catalog.named():
        say(
            f"{', '.join(stale)}: the committed generated files are older than the catalog; `make generate` writes them anew"
        )
    where = paths.state_dir() / "derived"
    for surface, module in _surfaces():
        generated.write(where / surface, city, module.files(city))
    return str(where)


def _surfaces() -> Iterator[tuple[str, ModuleType]]:
    for surface in SURFACES:
        if importlib.util.find_spec(f"{surface}.generate"):
            yield surface, importlib.import_module(f"{surface}.generate")


def _committed(surface: str, city: City) -> bool:
    """Whether the clone's own files are those of this very city."""
    try:
        generated.read(paths.ROOT / surface / "generated" / city.id, city)
    except UserError:
        return False
    return True
