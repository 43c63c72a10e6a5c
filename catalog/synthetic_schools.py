"""Figures of made-up schools: places, kinds, sizes, links and waves, drawn from a seed.

The spreads are ours: chosen to look like a prefecture in the hills, with most schools in townships and villages, links
that get slower with the distance, and a few schools without any.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from catalog.media import Rendition
from catalog.promise import LinkBudget
from catalog.school import STAGES, District, Locality, Medium, School, SchoolKind, Stage, Uplink, Wave
from catalog.synthetic_names import place_names, school_name
from catalog.types import Names, Provenance

CATEGORY: Final = {
    SchoolKind.PRIMARY: 21,
    SchoolKind.JUNIOR_MIDDLE: 31,
    SchoolKind.NINE_YEAR: 31,
    SchoolKind.SENIOR_MIDDLE: 34,
    SchoolKind.COMPLETE_MIDDLE: 34,
    SchoolKind.TWELVE_YEAR: 34,
    SchoolKind.VOCATIONAL: 36,
    SchoolKind.SPECIAL: 51,
}
"""First two digits of a national school code (Ministry of Education, rules for school codes, 2011); the province follows."""
FIRST_SERIAL: Final = 900_001
"""Serials from here on are far above those given out, so that no row carries a real school's code."""
LARGEST: Final = (
    ((SchoolKind.PRIMARY,), 2),
    ((SchoolKind.JUNIOR_MIDDLE, SchoolKind.NINE_YEAR), 1),
    ((SchoolKind.SENIOR_MIDDLE, SchoolKind.COMPLETE_MIDDLE), 1),
)
"""Demonstration schools of each district: how many of the largest of which kinds."""
PILOTS: Final = (Locality.URBAN, Locality.URBAN, Locality.TOWNSHIP)
"""Where the three pilot schools lie, all in one district."""
RURAL: Final = (Locality.TOWNSHIP, Locality.VILLAGE)


@dataclass(frozen=True)
class Frame:
    """What must be known of a city before its schools are made up. The first district is the pilot's."""

    division_code: str
    districts: tuple[District, ...]
    waves: tuple[Wave, ...]
    """Four, in this order: pilot, demonstration schools, townships and villages, all others."""
    ladder: tuple[Rendition, ...]
    audio_kbps: int
    budget: LinkBudget


@dataclass(frozen=True)
class Spread:
    """What a school in one kind of place is like: ranges from which its figures are drawn."""

    class_size: tuple[int, int]
    classes: tuple[int, int]
    students_per_device: tuple[int, int]
    rates: tuple[int, ...]
    """Contracted rates to draw from, Mbit/s; 0: no link."""
    mobile: float
    """Share of links that are mobile or satellite."""


SPREADS: Final = {
    Locality.URBAN: Spread((42, 52), (24, 48), (6, 10), (100, 200, 200, 500, 1000), 0.0),
    Locality.COUNTY_SEAT: Spread((42, 54), (18, 42), (7, 12), (100, 100, 200, 500), 0.0),
    Locality.TOWNSHIP: Spread((28, 42), (7, 20), (8, 16), (20, 20, 50, 50, 100, 100), 0.05),
    Locality.VILLAGE: Spread((6, 20), (2, 6), (5, 14), (0, 4, 8, 10, 20, 20, 50), 0.35),
}
PLACES: Final = {
    "urban-district": ((Locality.URBAN, 34), (Locality.TOWNSHIP, 44), (Locality.VILLAGE, 22)),
    "county": ((Locality.COUNTY_SEAT, 22), (Locality.TOWNSHIP, 50), (Locality.VILLAGE, 28)),
    "county-level-city": ((Locality.COUNTY_SEAT, 28), (Locality.TOWNSHIP, 48), (Locality.VILLAGE, 24)),
}
"""Weight of each locality by the district's kind."""
_TOWN: Final = (
    ("primary", 40),
    ("junior-middle", 16),
    ("nine-year", 9),
    ("complete-middle", 14),
    ("senior-middle", 8),
    ("vocational", 11),
    ("special", 2),
)
KINDS: Final = {
    Locality.URBAN: _TOWN,
    Locality.COUNTY_SEAT: _TOWN,
    Locality.TOWNSHIP: (("primary", 56), ("nine-year", 28), ("junior-middle", 14), ("complete-middle", 2)),
    Locality.VILLAGE: (("primary", 100),),
}
"""Weight of each kind of school by locality."""
TEACHERS_PER_CLASS: Final = {Stage.PRIMARY: 2.1, Stage.JUNIOR: 3.1, Stage.SENIOR: 3.5, Stage.VOCATIONAL: 3.0}


def schools(city: Frame, counts: Sequence[int], seed: int) -> list[School]:
    """``counts[i]`` schools for the i-th district of ``city``."""
    dice, serials, result = random.Random(seed), count(FIRST_SERIAL), list[School]()  # noqa: S311  # figures, not secrets
    for district, wanted in zip(city.districts, counts, strict=True):
        places = place_names(dice)
        for _ in range(wanted):
            locality = Locality(_pick(dice, PLACES[district.kind]))
            kind = SchoolKind(_pick(dice, KINDS[locality]))
            code = f"{CATEGORY[kind]}{city.division_code[:2]}{next(serials):06d}"
            name = school_name(next(places), kind, locality)
            result.append(_school(dice, code, name, district=district.id, kind=kind, locality=locality))
    return _in_waves(result, city)


def _pick(dice: random.Random, weighted: Sequence[tuple[str, int]]) -> str:
    return dice.choices([value for value, _ in weighted], [weight for _, weight in weighted])[0]


def _school(
    dice: random.Random, code: str, name: Names, *, district: str, kind: SchoolKind, locality: Locality
) -> School:
    spread, stages = SPREADS[locality], STAGES[kind]
    special = kind is SchoolKind.SPECIAL
    classes = round(dice.randint(*spread.classes) * (1 if len(stages) == 1 else 1.25) * (0.3 if special else 1)) or 1
    students = classes * (dice.randint(8, 12) if special else dice.randint(*spread.class_size))
    ratio = sum(TEACHERS_PER_CLASS[stage] for stage in stages) / len(stages)
    return School(
        code=code,
        name=name,
        district=district,
        kind=kind,
        locality=locality,
        students=students,
        teachers=max(2, round(classes * ratio * dice.uniform(0.92, 1.08))),
        classes=classes,
        devices=students // dice.randint(*spread.students_per_device),
        uplink=_uplink(dice, spread),
        wave="unknown",
        provenance=Provenance.SYNTHETIC,
    )


def _uplink(dice: random.Random, spread: Spread) -> Uplink | None:
    rate = dice.choice(spread.rates)
    if not rate:
        return None
    medium = Medium.FIBRE
    if dice.random() < spread.mobile:
        medium, rate = dice.choice((Medium.MOBILE, Medium.MOBILE, Medium.MICROWAVE, Medium.SATELLITE)), min(rate, 20)
    return Uplink(contracted_mbps=rate, medium=medium)


def _in_waves(unsorted: list[School], city: Frame) -> list[School]:
    """Three pilot schools of one district, then demonstration schools in each, then townships and villages, then the rest."""
    pilot, demonstration, rural, rest = (wave.id for wave in city.waves)
    wave = {school.code: rural if school.locality in RURAL else rest for school in unsorted}
    for district in city.districts:
        largest = sorted((s for s in unsorted if s.district == district.id), key=lambda s: (-s.students, s.code))
        for kinds, number in LARGEST:
            wave |= dict.fromkeys([s.code for s in largest if s.kind in kinds][:number], demonstration)
    first = [s for s in unsorted if s.district == city.districts[0].id and s.kind is SchoolKind.PRIMARY]
    first = [s for s in first if s.uplink and s.uplink.medium is Medium.FIBRE]
    for locality in PILOTS:
        chosen = next((s.code for s in first if s.locality is locality and wave[s.code] in (rural, rest)), None)
        wave |= {chosen: pilot} if chosen else {}
    return [school.model_copy(update={"wave": wave[school.code]}) for school in unsorted]
