"""A state of a city's facts to compare: a city of the catalog, a folder, or a git revision of this clone."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from pathlib import Path

from catalog import DATA, City, find, load, named
from catalog.errors import UserError
from catalog.problems import CatalogError

ROOT = DATA.parent.parent


def state(name: str, city: str) -> City:
    """The city in the folder ``name``, or of that name; else the city ``city`` as it was at the git revision ``name``.

    Raises `UserError` where it is neither, and where the facts of then cannot be read by the catalog of now.
    """
    if _is_folder(name):
        return load(Path(name).expanduser())
    if name in named():
        return load(find(name))
    with tempfile.TemporaryDirectory() as folder:
        try:
            return load(_checked_out(name, city, Path(folder)))
        except CatalogError as error:
            raise UserError(
                f"the city {city!r} of {name} cannot be read by the catalog as it is here; {error}"
            ) from error


def _is_folder(name: str) -> bool:
    """A folder is written so that it is no city's and no branch's name: `main` means the branch, whatever lies here."""
    return ("/" in name or name in {".", ".."}) and Path(name).expanduser().is_dir()


def _checked_out(revision: str, city: str, folder: Path) -> Path:
    """The city's folder at a revision, below ``folder``."""
    where = f"catalog/data/{city}"
    # After --end-of-options a revision is never an option, whatever it begins with.
    words = ["git", "-C", str(ROOT), "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}:{where}"]
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    if found.returncode:
        known = f"cities: {', '.join(named())}; a folder is given with a slash"
        raise UserError(f"{revision!r} is no city, no folder and no git revision that has {where} ({known})")
    tree = found.stdout.strip()
    packed = subprocess.run(["git", "-C", str(ROOT), "archive", tree], capture_output=True, check=True).stdout
    target = folder / city
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(target, filter="data")
    return target
