"""Slips as files: a table, and a page to print and cut. Only whoever writes them can read them, and nothing is overwritten unasked."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import jinja2

from catalog import City
from catalog.errors import UserError
from catalog.problems import displayed
from catalog.school import School
from ops.rosters.slips import Slip

TEMPLATE: Final = "slips.html.j2"
COLUMNS: Final = ("id", "name", "class", "tier", "slip", "code", "account")
OWNER_ONLY: Final = 0o600


def table(slips: Sequence[Slip]) -> str:
    """As CSV, with the mark by which spreadsheets know UTF-8."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    writer.writerows(
        (each.identity, each.name, each.group, each.tier.zh, each.number, each.code, each.account) for each in slips
    )
    return "\ufeff" + text.getvalue()


def page(slips: Sequence[Slip], city: City, school: School, address: str) -> str:
    """As one page that fetches nothing; ``address`` is the platform's, without a slash at the end."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    facts = {"slips": slips, "city": city, "school": school, "address": f"{address}/#first"}
    return environment.get_template(TEMPLATE).render(facts)


def write(files: Mapping[Path, str], *, force: bool) -> None:
    """Write all files or none. Raises `UserError` for one that is there already, unless ``force``."""
    there = [displayed(path) for path in files if path.exists() or path.is_symlink()]
    if there and not force:
        raise UserError(
            f"{', '.join(there)}: there already, and nothing was written; --force puts new slips in their place"
        )
    parts = {path: path.with_name(f"{path.name}.part") for path in files}
    try:
        for path, text in files.items():
            _for_the_owner(parts[path], text)
    except OSError:
        # They hold names and codes: none is left where nobody would look for it.
        for part in parts.values():
            part.unlink(missing_ok=True)
        raise
    for path, part in parts.items():
        part.replace(path)


def _for_the_owner(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWNER_ONLY), "w", newline="") as file:
        file.write(text)
