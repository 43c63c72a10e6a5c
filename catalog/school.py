"""Districts, schools, the waves in which they join, and the alliances between them."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from catalog.types import (
    AllianceId,
    Count,
    Day,
    DistrictId,
    DivisionCode,
    Fact,
    Mbps,
    Names,
    Provenance,
    SchoolCode,
    Sentence,
    WaveId,
    ZoneLabel,
)


class DistrictKind(StrEnum):
    """The administrative kind of a district-level unit; it says nothing about how rural it is."""

    URBAN_DISTRICT = "urban-district"
    COUNTY = "county"
    COUNTY_LEVEL_CITY = "county-level-city"


class Stage(StrEnum):
    """A stage of schooling, by which alliances are formed; not a grade and not a kind of school."""

    PRIMARY = "primary"
    JUNIOR = "junior"
    SENIOR = "senior"
    VOCATIONAL = "vocational"


class SchoolKind(StrEnum):
    """How a school is registered; the stages that it teaches follow from it (``STAGES``)."""

    PRIMARY = "primary"
    JUNIOR_MIDDLE = "junior-middle"
    NINE_YEAR = "nine-year"
    SENIOR_MIDDLE = "senior-middle"
    COMPLETE_MIDDLE = "complete-middle"
    TWELVE_YEAR = "twelve-year"
    VOCATIONAL = "vocational"
    SPECIAL = "special"


STAGES: dict[SchoolKind, tuple[Stage, ...]] = {
    SchoolKind.PRIMARY: (Stage.PRIMARY,),
    SchoolKind.JUNIOR_MIDDLE: (Stage.JUNIOR,),
    SchoolKind.NINE_YEAR: (Stage.PRIMARY, Stage.JUNIOR),
    SchoolKind.SENIOR_MIDDLE: (Stage.SENIOR,),
    SchoolKind.COMPLETE_MIDDLE: (Stage.JUNIOR, Stage.SENIOR),
    SchoolKind.TWELVE_YEAR: (Stage.PRIMARY, Stage.JUNIOR, Stage.SENIOR),
    SchoolKind.VOCATIONAL: (Stage.VOCATIONAL,),
    SchoolKind.SPECIAL: (Stage.PRIMARY, Stage.JUNIOR),
}
"""Which stages each kind of school teaches."""


class Locality(StrEnum):
    """How rural a school's place is, in the classes of the ministry's statistics; not its district's kind."""

    URBAN = "urban"
    COUNTY_SEAT = "county-seat"
    TOWNSHIP = "township"
    VILLAGE = "village"


class Medium(StrEnum):
    """What carries a school's uplink; it says nothing about its rate."""

    FIBRE = "fibre"
    MOBILE = "mobile"
    SATELLITE = "satellite"
    MICROWAVE = "microwave"


class AllianceRole(StrEnum):
    """A member's part in an alliance; not an access tier."""

    LEADING = "leading"
    GUIDING = "guiding"
    NODE = "node"


class District(Fact):
    """A district, county or county-level city."""

    id: DistrictId
    """Short id, used in labels and file names."""
    division_code: DivisionCode
    """Administrative division code."""
    name: Names
    """Its name."""
    kind: DistrictKind
    """Administrative kind."""
    backbone_mbps: Mbps
    """Contracted rate between the district's edge and the city platform, Mbit/s."""
    zone: ZoneLabel | None = None
    """Zone of the cluster whose nodes stand in the district, where its edge runs; absent while none do: the edge runs anywhere."""


class Wave(Fact):
    """A group of schools that joins the platform together, with its dates."""

    id: WaveId
    """Short id that schools name."""
    name: Names
    """Its name."""
    starts: Day
    """First day of the roll-out."""
    ends: Day
    """Last day of the roll-out: from the next day the targets hold."""
    goal: Sentence
    """What is reached at the end."""


class Uplink(Fact):
    """A school's contracted link to the network."""

    contracted_mbps: Mbps
    """Contracted downstream rate, Mbit/s."""
    medium: Medium
    """What carries it."""


class School(Fact):
    """One school."""

    code: SchoolCode
    """National school code, ten digits."""
    name: Names
    """Its name."""
    district: DistrictId
    """The district it belongs to."""
    kind: SchoolKind
    """How it is registered."""
    locality: Locality
    """How rural its place is."""
    students: Annotated[Count, Field(ge=1)]
    """Enrolled students."""
    teachers: Annotated[Count, Field(ge=1)]
    """Full-time teachers."""
    classes: Annotated[Count, Field(ge=1)]
    """Classes, each with a room of its own."""
    devices: Count
    """Working computers and tablets that students use."""
    uplink: Uplink | None
    """Its link; ``null`` where none is contracted (never counted as good)."""
    wave: WaveId
    """The wave in which it joins."""
    provenance: Provenance
    """Where these figures come from."""

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages it teaches."""
        return STAGES[self.kind]


class Alliance(Fact):
    """Schools of one stage that share lessons live; members are listed here and nowhere else."""

    id: AllianceId
    """Short id."""
    name: Names
    """Its name."""
    stage: Stage
    """The stage it works in; a school may be in one alliance of each stage that it teaches."""
    leading: Annotated[tuple[SchoolCode, ...], Field(min_length=1)]
    """Leading schools: they give the lessons."""
    guiding: tuple[SchoolCode, ...]
    """Guiding schools: they train and research."""
    node: tuple[SchoolCode, ...]
    """Node schools: they take part."""

    @property
    def members(self) -> tuple[tuple[AllianceRole, SchoolCode], ...]:
        """Every member with its role, leading first."""
        return tuple((role, code) for role in AllianceRole for code in getattr(self, role.value))
