"""What other surfaces derived from the catalog, as the plan mounts it: their committed files, never their code."""

from __future__ import annotations

from pathlib import Path

from catalog import City
from derive import generated
from infra.config import StackSettings

ROOT = Path(__file__).resolve().parents[2]


def files(surface: str, city: City, settings: StackSettings) -> dict[str, str]:
    """Path -> content of what ``surface`` (for instance `policies`) derived for ``city``. Raises `UserError` when it is stale."""
    return generated.read(_folder(surface, city, settings), city)


def stamp(surface: str, city: City, settings: StackSettings) -> str:
    """Their stamp, for who checks them again where they are mounted."""
    return generated.stamp_of(_folder(surface, city, settings))


def _folder(surface: str, city: City, settings: StackSettings) -> Path:
    return Path(settings.derived, surface) if settings.derived else ROOT / surface / "generated" / city.id
