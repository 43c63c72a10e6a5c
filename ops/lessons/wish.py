"""What the user wants published, checked against the file and the catalog before anything is sent."""

from __future__ import annotations

import difflib
import shutil
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog import City
from catalog.access import Licence
from catalog.errors import UserError
from ops import school_codes
from ops.lessons import captions
from services.packager.errors import PackagingError
from services.packager.probe import probe

TEXT_LIMIT = 120
"""Longest title, teacher or subject, in characters."""

MOST_NAMED = 5
"""How many codes or ids an error names."""


@dataclass(frozen=True)
class Wish:
    """A file, and what is to be said about it."""

    file: Path
    title: str
    school: str
    teacher: str | None = None
    subject: str | None = None
    licence: str | None = None
    captions: tuple[str, ...] = ()
    """``LANG=FILE`` each."""
    replaces: bool = False
    """Whether a published lesson says what is said about it: its subject stays, whatever the city's list has by now."""


def _text_problem(what: str, value: str | None) -> Iterator[str]:
    if value is None:
        return
    if not value.strip():
        yield f"--{what} is empty"
    elif len(value) > TEXT_LIMIT:
        yield f"--{what} has {len(value)} characters, {TEXT_LIMIT} are allowed"
    elif any(unicodedata.category(char) in ("Cc", "Cs", "Cf", "Zl", "Zp") for char in value):
        yield f"--{what} holds a line end or an invisible character"


def seconds(file: Path) -> float | None:
    """How long the film is; None where that cannot be told: `ffprobe` is missing, or it is none."""
    try:
        return probe(file.resolve(), 60).seconds if shutil.which("ffprobe") else None
    except (PackagingError, OSError):
        return None


def _file_problem(file: Path) -> Iterator[str]:
    if not file.exists():
        yield f"{file} does not exist"
    elif not file.is_file():
        yield f"{file} is not a file"
    elif file.stat().st_size == 0:
        yield f"{file} is empty"
    elif shutil.which("ffprobe"):
        try:
            probe(file.resolve(), 60)
        except PackagingError as error:
            yield f"{file}: {error}"
        except OSError as error:
            yield f"{file} cannot be read: {error.strerror}"


def _unknown(what: str, given: str, known: list[str], listed: str) -> str:
    near = difflib.get_close_matches(given, known, n=3, cutoff=0.6) or known[:MOST_NAMED]
    more = " ..." if len(near) == MOST_NAMED < len(known) else ""
    return f"--{what} {given!r} is not in the catalog; it has for instance {', '.join(near)}{more} ({listed})"


def _listed(key: str, city: City) -> str:
    return f"`{key}` in the files of {city.id} lists them"


def _subject_problem(wish: Wish, city: City) -> Iterator[str]:
    """What agreements can be narrowed by is no word of somebody's own, where the city names any."""
    found = list(_text_problem("subject", wish.subject))
    yield from found
    if found or wish.subject is None or wish.replaces or not city.subjects:
        return
    if city.subject(wish.subject) is None:
        yield _unknown("subject", wish.subject, [each.name.zh for each in city.subjects], _listed("subjects", city))


def problems(wish: Wish, city: City) -> Iterator[str]:
    """Everything that is wrong with the wish, one line each."""
    yield from _file_problem(wish.file)
    yield from said_problems(wish, city)


def said_problems(wish: Wish, city: City) -> Iterator[str]:
    """Everything that is wrong with what is said about the file."""
    for what in ("title", "teacher"):
        yield from _text_problem(what, getattr(wish, what))
    yield from _subject_problem(wish, city)
    if wish.school not in city.by_code:
        yield _unknown("school", wish.school, sorted(city.by_code), school_codes.listed(city))
    licences = [licence.id for licence in city.licences]
    if wish.licence is not None and wish.licence not in licences:
        yield _unknown("licence", wish.licence, licences, _listed("licences", city))
    if wish.captions:
        yield from captions.read(wish.captions, seconds(wish.file))[1]


def narrowest(city: City) -> Licence:
    """The licence that gives least away, of those that any lesson can stand under: seats and fixed days are bought for one."""
    plain = [row for row in city.licences if row.seats is None and row.window is None] or list(city.licences)
    return min(plain, key=lambda row: (len(row.uses), len(row.tiers), row.id))


def about(wish: Wish, city: City) -> dict[str, Any]:
    """The lesson's facts, as its record keeps them; UserError with every problem at once.

    Without a licence the narrowest one is taken: what is once given away cannot be called back.
    """
    found = list(problems(wish, city))
    if found:
        raise UserError("nothing was published:\n  " + "\n  ".join(found))
    return facts_of(wish, city)


def facts_of(wish: Wish, city: City) -> dict[str, Any]:
    """The same of a wish in which nothing is wrong."""
    licence = next((row for row in city.licences if row.id == wish.licence), narrowest(city))
    school = city.school(wish.school)
    subject = (wish.subject or "").strip()
    facts = {
        "title": wish.title.strip(),
        "teacher": (wish.teacher or "").strip(),
        # An id is no word for those who read the page.
        "subject": {each.id: each.name.zh for each in city.subjects}.get(subject, subject),
    }
    return {
        **{key: value for key, value in facts.items() if value},
        "school": {"code": school.code, "name": school.name.model_dump()},
        "licence": {"id": licence.id, "name": licence.name.model_dump()},
    }
