"""Files that a surface derives from a city for deployment: written together, stamped with the catalog's digest, refused when stale.

A surface keeps them in ``<surface>/generated/<city>/``, committed, so that a change of a fact shows what it changes in review. The stamp
also says when they were made; what is derived again and comes out the same keeps that day, so that deriving twice changes nothing.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from catalog import City, load_named, named
from catalog.errors import UserError
from derive import moments

STAMP = "stamp.json"
"""``{"catalog": <City.digest>, "made": <moment>, "files": {<path>: <sha256>}}``"""
Files = Mapping[str, str]
"""Path below the city's folder -> content."""


def write(folder: Path, city: City, files: Files) -> None:
    """Make ``folder`` hold exactly ``files`` and their stamp."""
    digests = {path: digest(text) for path, text in sorted(files.items())}
    stamp = {"catalog": city.digest, "made": _made(folder, digests), "files": digests}
    shutil.rmtree(folder, ignore_errors=True)
    for path, text in {**files, STAMP: json.dumps(stamp, indent=1) + "\n"}.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")


def _made(folder: Path, digests: Mapping[str, str]) -> str:
    """When these very files were first written here, else now; UTC, to the second."""
    try:
        old = json.loads((folder / STAMP).read_text(encoding="utf-8"))
        if old["files"] == digests:
            return str(old["made"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return moments.stamp(datetime.now(UTC))


def stamp_of(folder: Path) -> str:
    """The stamp of files that `read` has let pass, as it is written."""
    return (folder / STAMP).read_text(encoding="utf-8")


def read(folder: Path, city: City) -> dict[str, str]:
    """The files of ``city`` in ``folder``. Raises `UserError` when they are of another catalog, edited by hand, or absent."""
    try:
        stamp = json.loads((folder / STAMP).read_text(encoding="utf-8"))
        files = {path: (folder / path).read_text(encoding="utf-8") for path in stamp["files"]}
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{folder}: nothing is derived for the city {city.id!r} yet ({error}): run `make generate`"
        ) from error
    if stamp["catalog"] != city.digest:
        raise UserError(
            f"{folder}: derived from another state of the catalog than the city {city.id!r} has now: run `make generate`"
        )
    edited = [path for path, text in files.items() if digest(text) != stamp["files"][path]]
    if edited:
        raise UserError(f"{folder}: {', '.join(edited)} was edited by hand; edit the catalog and run `make generate`")
    return files


def refresh(generated: Path, derive: Callable[[City], Files]) -> None:
    """Write ``generated/<city>/`` for every city that comes with the kit, and drop cities that no longer do."""
    for folder in generated.iterdir() if generated.is_dir() else ():
        if folder.is_dir() and folder.name not in named():
            shutil.rmtree(folder)
    for name in named():
        city = load_named(name)
        write(generated / name, city, derive(city))


def digest(text: str) -> str:
    """sha256 of a file's text, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
