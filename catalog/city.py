"""The city: every fact, checked and frozen."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Annotated

from pydantic import Field

from catalog.access import Admission, Licence, Playback, Scope, SignIn, Tier
from catalog.agreement import Agreement, Partner
from catalog.coverage import Coverage
from catalog.funding import FundingSource
from catalog.media import Live, Packaging, Rendition
from catalog.promise import LinkBudget, LiveClass
from catalog.resource import DataRule, Minors, Resource
from catalog.school import Alliance, AllianceRole, District, School, Wave
from catalog.service import Service
from catalog.subject import Subject, spelled
from catalog.target import Target
from catalog.timetable import Timetable
from catalog.types import DivisionCode, Fact, Names, Provenance, Sentence, Slug, TimeZoneName


class City(Fact):
    """One city. A file of the catalog holds one or more of these keys; lists may be spread over several files."""

    id: Slug
    """Short id; the folder's name in ``catalog/data``."""
    name: Names
    """Its name."""
    division_code: DivisionCode
    """Administrative division code."""
    timezone: TimeZoneName
    """Time zone in which bells and dates are meant."""
    provenance: Provenance
    """Where the figures come from, as a whole."""
    source: Sentence
    """In words: where the figures come from."""
    standard: Slug
    """The set of targets by which uplinks are judged; one of the targets' ``standard``."""
    districts: Annotated[tuple[District, ...], Field(min_length=1)]
    """Districts, counties and county-level cities."""
    waves: Annotated[tuple[Wave, ...], Field(min_length=1)]
    """Roll-out waves."""
    schools: Annotated[tuple[School, ...], Field(min_length=1)]
    """Schools."""
    alliances: tuple[Alliance, ...]
    """Alliances, by stage."""
    services: Annotated[tuple[Service, ...], Field(min_length=1)]
    """Services that the platform runs."""
    ladder: Annotated[tuple[Rendition, ...], Field(min_length=1)]
    """Renditions of a lesson, from the smallest bit rate to the largest."""
    packaging: Packaging
    """Timing and sound of a packaged lesson."""
    live: Live
    """Renditions and timing of live classes."""
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)]
    """Access tiers."""
    resources: Annotated[tuple[Resource, ...], Field(min_length=1)]
    """Classes of resources, each with the grants that make up the matrix of access."""
    data_rules: tuple[DataRule, ...]
    """Rules under which personal data of pupils may be seen."""
    minors: Minors
    """Up to which age a guardian has a say."""
    licences: Annotated[tuple[Licence, ...], Field(min_length=1)]
    """Licences under which resources are shared."""
    playback: Playback
    """How long a permission to play lasts."""
    admission: Admission
    """How much is let in at once."""
    sign_in: SignIn
    """What is asked of whoever signs in."""
    subjects: tuple[Subject, ...]
    """Subjects under which lessons are published; none: under any word."""
    partners: tuple[Partner, ...]
    """Enterprises, universities and charities."""
    agreements: tuple[Agreement, ...]
    """Agreements between schools, or between schools and partners."""
    funding_sources: Annotated[tuple[FundingSource, ...], Field(min_length=1)]
    """Budget lines and gifts."""
    targets: Annotated[tuple[Target, ...], Field(min_length=1)]
    """Figures to reach."""
    timetable: Timetable
    """Bells, terms and days off."""
    coverage: Coverage
    """How the platform's reach is measured."""
    live_classes: tuple[LiveClass, ...]
    """Classes that are given live every week."""
    link_budget: LinkBudget
    """How much may be promised over the schools' links."""

    @cached_property
    def by_code(self) -> dict[str, School]:
        """School code -> school."""
        return {school.code: school for school in self.schools}

    @cached_property
    def by_district(self) -> dict[str, tuple[School, ...]]:
        """District id -> its schools, in catalog order; a district without schools has an empty tuple."""
        return {d.id: tuple(s for s in self.schools if s.district == d.id) for d in self.districts}

    @cached_property
    def memberships(self) -> dict[str, tuple[tuple[Alliance, AllianceRole], ...]]:
        """School code -> the alliances it is in, with its role; a school in none is not in it."""
        found: dict[str, list[tuple[Alliance, AllianceRole]]] = {}
        for alliance in self.alliances:
            for role, code in alliance.members:
                found.setdefault(code, []).append((alliance, role))
        return {code: tuple(each) for code, each in found.items()}

    def subject(self, word: str) -> Subject | None:
        """The subject with this id or name; None if there is none."""
        return next((each for each in self.subjects if spelled(word) in each.words), None)

    @cached_property
    def tier_of_role(self) -> dict[str, Tier]:
        """What somebody is in a school's roster -> the tier that follows; a role that leads to none is not in it."""
        return {role: tier for tier in self.tiers for role in tier.roster_roles}

    @cached_property
    def offices(self) -> dict[Scope, frozenset[str]]:
        """Scope -> the division codes of the offices whose people alone have tiers that reach so far."""
        districts = frozenset(each.division_code for each in self.districts)
        return {Scope.DISTRICT: districts, Scope.CITY: frozenset({self.division_code})}

    def tier_at(self, place: str | None, role: str) -> Tier | None:
        """The tier that follows from a role at a place, by its code; None where none does: a school's register makes nobody an official
        of the district, and a district's none of the city."""
        tier = self.tier_of_role.get(role)
        return tier if tier and place in self.offices.get(tier.scope, {place}) else None

    def school(self, code: str) -> School:
        """The school with this code; KeyError if there is none."""
        return self.by_code[code]

    def district(self, district_id: str) -> District:
        """The district with this id; KeyError if there is none."""
        return {d.id: d for d in self.districts}[district_id]

    def service(self, service_id: str) -> Service:
        """The service with this id; KeyError if there is none."""
        return {s.id: s for s in self.services}[service_id]

    @cached_property
    def digest(self) -> str:
        """sha256 (hex) of the content, whatever the files' names, order, layout and comments."""
        content = self.model_dump(mode="json")
        for rows in content.values():
            if isinstance(rows, list):
                rows.sort(key=lambda row: row.get("id") or row["code"])
        return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
