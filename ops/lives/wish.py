"""What the user wants streamed, checked against the catalog before anything is made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from catalog import City
from catalog.errors import UserError
from catalog.school import AllianceRole
from ops.lessons import wish as lessons
from ops.lessons.wish import MOST_NAMED, Wish


def of(title: str, school: str, teacher: str | None, subject: str | None, licence: str | None) -> Wish:
    """A wish without a file: that comes when class has ended."""
    return Wish(Path(), title, school, teacher, subject, licence)


def problems(wish: Wish, city: City, weekly: str | None = None) -> Iterator[str]:
    """Everything that is wrong with the wish, one line each."""
    yield from lessons.said_problems(wish, city)
    leading = sorted({code for alliance in city.alliances for code in alliance.leading})
    if wish.school in city.by_code and wish.school not in leading:
        name, some = city.school(wish.school).name, ", ".join(leading[:MOST_NAMED])
        yield (
            f"--school {wish.school} ({name.zh} / {name.en}) leads no alliance, and live lessons are given by {AllianceRole.LEADING} "
            f"schools{f', for instance {some}' if some else ', of which the catalog has none'}"
        )
    given = [each.id for each in city.live_classes if each.gives == wish.school]
    if weekly is not None and weekly not in given:
        some = f"its `live_classes` are: {', '.join(given)}" if given else "it gives none of the `live_classes`"
        yield f"--class {weekly!r} is no class that the school {wish.school} gives every week: {some}"


def about(wish: Wish, city: City, weekly: str | None = None) -> dict[str, Any]:
    """The class's facts, as its record keeps them; UserError with every problem at once."""
    found = list(problems(wish, city, weekly))
    if found:
        raise UserError("nothing was started:\n  " + "\n  ".join(found))
    return lessons.facts_of(wish, city)
