"""Constrained types, so that a model reads as a list of facts and a bad fact never becomes code further down.

Every string that reaches Kubernetes, a shell, YAML, Jinja, PromQL or SQL starts here: the patterns list what is allowed
wherever that is possible. They are written in the subset that Python, Rust and ECMAScript share, since editors check
the same patterns through the JSON Schemas.
"""

from __future__ import annotations

import re
from datetime import date, time
from enum import StrEnum
from typing import Annotated, get_args
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
)


class Fact(BaseModel):
    """Base of every model: frozen, closed, and strict (text is never taken for a number, nor a number for text)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


def _known_zone(zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("not an IANA time zone; for the whole of China write Asia/Shanghai") from error
    return zone


Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
"""An id: lower-case letters, digits and single hyphens; safe as a Kubernetes label, namespace or bucket name."""
DistrictId = Slug
ServiceId = Slug
AllianceId = Slug
WaveId = Slug
TierId = Slug
LicenceId = Slug
PartnerId = Slug
ResourceId = Slug
RuleId = Slug
SubjectId = Slug
FundingSourceId = Slug

SchoolCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{10}$")]
"""The national school code (学校标识码): ten digits, in quotes, since it is a name and not a number."""
Party = Annotated[str, StringConstraints(pattern=r"^([0-9]{10}|[a-z][a-z0-9]*(-[a-z0-9]+)*)$", max_length=40)]
"""A party to an agreement: a school's code, or a partner's id."""
DivisionCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
"""The administrative division code (行政区划代码, GB/T 2260): six digits, in quotes."""

ChineseName = Annotated[
    str,
    StringConstraints(
        pattern=r"^[㐀-䶿一-鿿〇A-Za-z0-9][㐀-䶿一-鿿〇A-Za-z0-9 ()\uff08\uff09·、\uff0c\uff1a“”—-]*$",
        min_length=1,
        max_length=60,
    ),
]
"""A Chinese name: Han characters, Latin letters, digits, spaces and full-width punctuation; no quotes, signs or line ends."""
EnglishName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-zÀ-ɏ0-9][A-Za-zÀ-ɏ0-9 .,()’-]*$", min_length=1, max_length=100)
]
"""An English name: Latin letters, digits, spaces and ``. , ( ) ’ -``; the apostrophe is the typographic one."""
Sentence = Annotated[
    str,
    StringConstraints(
        pattern="^[^\\u0000-\\u001f\\u007f-\\u009f\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ufeff`$\\\\{}<>\"']+$",
        min_length=1,
        max_length=400,
    ),
]
"""One line of prose in any language; no control or invisible characters, quotes, backslashes, ``$ { } < >`` or back-ticks."""
TimeZoneName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z]+(/[A-Za-z0-9_+-]+)*$", max_length=40), AfterValidator(_known_zone)
]
"""A name of the IANA time zone database."""


def _day(value: object) -> object:
    """Text as a day. pydantic alone would also take ``"1767225600"`` for one."""
    try:
        return date.fromisoformat(value) if isinstance(value, str) and re.fullmatch(CALENDAR, value) else value
    except ValueError:
        return value


def _clock(value: object) -> object:
    """Text as a time of day. pydantic alone would also take seconds and time zones, which bells do not have."""
    return time.fromisoformat(value) if isinstance(value, str) and re.fullmatch(CLOCK, value) else value


CALENDAR = r"^20[0-9][0-9]-[0-9][0-9]-[0-9][0-9]$"
CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
TimeOfDay = Annotated[
    time,
    BeforeValidator(_clock),
    PlainSerializer(lambda value: f"{value:%H:%M}", return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": CLOCK, "examples": ["08:30"]}),
]
"""A time of day, ``HH:MM``, in the city's time zone."""
Day = Annotated[
    date,
    BeforeValidator(_day),
    WithJsonSchema({"type": "string", "format": "date", "pattern": CALENDAR}),
]
"""A day, ``YYYY-MM-DD``, of this century."""

ZoneLabel = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$", max_length=63)]
"""A value of the label `topology.kubernetes.io/zone`, as whoever runs the nodes has set it."""

Mbps = Annotated[float, Field(gt=0, le=400_000)]
"""Megabits per second."""
Kbps = Annotated[int, Field(gt=0, le=100_000)]
"""Kilobits per second."""
Count = Annotated[int, Field(ge=0, le=1_000_000)]
"""A number of people or things."""
Money = Annotated[int, Field(ge=0, le=10**12)]
"""Yuan (CNY), whole."""


class Names(Fact):
    """What people call it, in both languages."""

    zh: ChineseName
    """In Chinese."""
    en: EnglishName
    """In English."""


def _chinese(words: str) -> str:
    if not HAN.search(words):
        raise ValueError("not Chinese: write it in Chinese here")
    return words


def _english(words: str) -> str:
    if HAN.search(words):
        raise ValueError("not English: it has Chinese characters")
    return words


HAN = re.compile("[㐀-䶿一-鿿〇]")


class Words(Fact):
    """One line of prose in both languages."""

    zh: Annotated[Sentence, AfterValidator(_chinese)]
    """In Chinese."""
    en: Annotated[Sentence, AfterValidator(_english)]
    """In English."""


class Provenance(StrEnum):
    """Where a row's figures come from; it says nothing about whether they are good."""

    OFFICIAL = "official"
    """Taken from a published or handed-over register."""
    ESTIMATED = "estimated"
    """Somebody's estimate of a real thing."""
    SYNTHETIC = "synthetic"
    """Made up by a program or for an example; not about any real school."""


def _pattern(kind: object) -> str:
    return next(str(c.pattern) for c in get_args(kind)[1:] if isinstance(c, StringConstraints))


HINTS: dict[str, str] = {
    _pattern(
        Slug
    ): "an id has lower-case letters, digits and single hyphens and starts with a letter, for instance `no-3-school`",
    _pattern(SchoolCode): 'a school code is ten digits in quotes, for instance "2151900001"',
    _pattern(Party): 'a party is a school by its code, for instance "2151900001", or a partner by its id',
    _pattern(DivisionCode): 'a division code is six digits in quotes, for instance "511011"',
    _pattern(
        ChineseName
    ): "a Chinese name has Han characters, Latin letters, digits, spaces, ( ) and the full-width （ ） · 、 ， ： “ ” -",
    _pattern(EnglishName): "an English name has Latin letters, digits, spaces and . , ( ) ’ -",
    _pattern(
        Sentence
    ): "one line of prose without quotes, back-ticks, backslashes, `$ { } < >` or invisible characters",
    _pattern(TimeZoneName): "an IANA time zone, for instance Asia/Shanghai",
}
"""Pattern -> what it allows, in words, for error messages."""
