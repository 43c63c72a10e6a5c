"""A question about access, from the words of a command line: who asks, for what, when; everything that is wrong is said at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from catalog import City
from catalog.access import Action
from catalog.errors import UserError
from catalog.resource import Resource
from catalog.wording import did_you_mean
from ops import school_codes
from policies.access.deciding import Question
from policies.access.entities import Person, Thing

PUPIL, GROUP = "the-pupil", "the-class"


@dataclass(frozen=True)
class Given:
    """What is known of the person, the resource and the moment; nothing: the question is about the tier in general."""

    school: str | None = None
    """Code of the person's, or the person's child's, school."""
    district: str | None = None
    partner: str | None = None
    owner: str | None = None
    """Code of the resource's school; None: the person's own."""
    near: str | None = None
    """How close the person is to the pupil whose data they are: one of `NEAR`."""
    age: int | None = None
    consent: bool = False
    licence: str | None = None
    published: str | None = None
    seat: bool = False
    subject: str | None = None
    """A word for what is taught in it."""
    at: str | None = None

    @property
    def anything(self) -> bool:
        """Whether anything is known at all."""
        return self != Given()


YEARS = range(1900, 3000)
"""In which a moment may lie."""
NEAR = ("own", "child", "class")
"""The pupil's own; by the pupil's parent; by somebody in the pupil's class."""


def cell(city: City, tier: str, action: str, resource: str) -> tuple[Action, Resource]:
    """The action and class that are meant. Raises `UserError` with every word that is none of the city's."""
    classes, tiers = {each.id: each for each in city.resources}, [each.id for each in city.tiers]
    listed = (
        ("tier", tier, tiers),
        ("action", action, [each.value for each in Action]),
        ("resource", resource, list(classes)),
    )
    _refuse(unknown(what, name, known) for what, name, known in listed if name not in known)
    return Action(action), classes[resource]


RECORDED = ("owner", "licence", "published", "subject", "seat", "near", "age", "consent")
"""What a lesson's own record says, or what plays no part in playing it."""


def of_record(given: Given) -> None:
    """Raises `UserError` with every option that has no say about a lesson: silently left out, it would seem to have been counted."""
    nothing = Given()
    if found := [each for each in RECORDED if getattr(given, each) != getattr(nothing, each)]:
        named = ", ".join(f"--{each}" for each in found)
        raise UserError(
            f"for a lesson its record says what counts, so leave out: {named}; they are for TIER ACTION RESOURCE"
        )


def when(city: City, text: str | None) -> datetime | None:
    """The moment of ``--at`` (aware); None: now. Raises `UserError`."""
    _refuse(_no_moment(city, "--at", text))
    return None if text is None else datetime.fromtimestamp(_moment(city, text), UTC)


def question(city: City, tier: str, action: Action, resource: Resource, given: Given) -> Question:
    """The question as the policies are asked. Raises `UserError` with everything that is wrong with what is given."""
    _refuse(_problems(city, resource, given))
    moment = int(time.time()) if given.at is None else _moment(city, given.at)
    who = Person(
        id=PUPIL if given.near == "own" else "the-person",
        tier=tier,
        schools=(given.school,) if given.school else (),
        classes=(GROUP,) if given.near == "class" else (),
        children=(PUPIL,) if given.near == "child" else (),
        district=given.district,
        partner=given.partner,
        city=next(each.scope for each in city.tiers if each.id == tier) == "city",
    )
    published = moment if given.published is None else _moment(city, given.published)
    taught = city.subject(given.subject or "")
    what = Thing(
        "the-resource", resource.id, school=given.owner or given.school, person=PUPIL, group=GROUP,
        age=given.age, consent=given.consent, licence=given.licence, published=published,
        subject=taught.id if taught else None,
    )  # fmt: skip
    return Question(who, action, what, moment, given.seat)


def _problems(city: City, resource: Resource, given: Given) -> Iterator[str]:
    for option, code in (("--school", given.school), ("--owner", given.owner)):
        if code is not None and code not in city.by_code:
            yield f"{option}: {school_codes.unknown(code, city)}"
    lists = (
        ("--district", given.district, list(city.by_district)),
        ("--partner", given.partner, [each.id for each in city.partners]),
        ("--licence", given.licence, [each.id for each in city.licences]),
        ("--near", given.near, list(NEAR)),
    )
    yield from (unknown(option, name, known) for option, name, known in lists if name is not None and name not in known)
    if given.subject is not None and city.subject(given.subject) is None:
        yield unknown("--subject", given.subject, [each.id for each in city.subjects])
    if resource.licensed and given.licence is None:
        yield f"--licence: a {resource.name.en} stands under one: name it ({', '.join(each.id for each in city.licences)})"
    for option, text in (("--at", given.at), ("--published", given.published)):
        yield from _no_moment(city, option, text)


def _no_moment(city: City, option: str, text: str | None) -> Iterator[str]:
    if text is None:
        return
    try:
        _moment(city, text)
    except ValueError:
        years = f"of the years {YEARS[0]} to {YEARS[-1]}"
        yield f"{option} {text!r} is no moment: write 2026-09-01 or 2026-09-01T08:30, in {city.timezone}, {years}"


def _moment(city: City, text: str) -> int:
    """Unix seconds of a day or minute in the city's time zone, or in the one that the text has. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    # Near the ends of the calendar no moment has a day before or after it, as its time zone, or the end of a token, may ask for.
    if moment.year not in YEARS:
        raise ValueError("no year to ask about")
    return int((moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(city.timezone))).timestamp())


def unknown(what: str, name: str, known: list[str]) -> str:
    """That there is no such one, and which there are; ``what`` is a word or an option."""
    there = ", ".join(known) or "none"
    return f"there is no {what.removeprefix('--')} {name!r}{did_you_mean(name, known)}; there are: {there}"


def _refuse(problems: Iterator[str]) -> None:
    if found := list(problems):
        raise UserError("this cannot be asked:\n  " + "\n  ".join(found))
