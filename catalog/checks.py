"""Checks between facts: duplicates, references, dates, alliances, services, media. Each is one small function over :class:`Facts`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from catalog import names
from catalog.access import Scope
from catalog.access_checks import access_checks
from catalog.calendar_checks import calendar_checks
from catalog.coverage import KEEP_DAYS, Coverage
from catalog.facts import Facts, Finding
from catalog.funding import FundingKind
from catalog.licence_checks import licence_checks
from catalog.media import Live
from catalog.problems import shown
from catalog.promise_checks import promise_checks
from catalog.resource import Minors
from catalog.school import AllianceRole, School
from catalog.service import Bucket
from catalog.wording import did_you_mean

Check = Callable[[Facts], Iterator[Finding]]

REFERENCES: Final = (
    ("schools", "district", "districts"),
    ("schools", "wave", "waves"),
    *(("alliances", role.value, "schools") for role in AllianceRole),
    ("services", "funding", "funding_sources"),
    ("services", "reaches", "services"),
    ("licences", "tiers", "tiers"),
    ("resources", "service", "services"),
    ("data_rules", "tiers", "tiers"),
    ("agreements", "schools", "schools"),
    ("agreements", "partners", "partners"),
    ("agreements", "services", "services"),
    ("agreements", "subjects", "subjects"),
    ("funding_sources", "partner", "partners"),
    ("live_classes", "alliance", "alliances"),
    ("live_classes", "gives", "schools"),
)
"""(section, field, section that it refers to): a field holds an id, null, or several ids."""


def findings(facts: Facts) -> Iterator[Finding]:
    """Everything that is wrong between the facts."""
    for check in (*CHECKS, *calendar_checks(), *access_checks(), *licence_checks(), *promise_checks()):
        yield from check(facts)


def dangling_references(facts: Facts) -> Iterator[Finding]:
    """An id that nothing declares."""
    for section, name, target in REFERENCES:
        known = facts.declared(target)
        for index, row in facts.of(section).items():
            value = getattr(row, name)
            several = isinstance(value, tuple)
            for position, wanted in enumerate(value if several else (value,)):
                if wanted is not None and wanted not in known:
                    path = (name, position) if several else (name,)
                    message = f"{shown(wanted)} is not one of the city's {target}{did_you_mean(wanted, known)}"
                    yield Finding(section, index, path, message)


def duplicate_ids(facts: Facts) -> Iterator[Finding]:
    """Two rows of one section with one id or code."""
    for section, ids in facts.ids.items():
        name = "code" if section == "schools" else "id"
        yield from _duplicates(section, name, ids)
    yield from _duplicates("districts", "division_code", _column(facts, "districts", "division_code"))


def duplicate_entries(facts: Facts) -> Iterator[Finding]:
    """One id twice in one list, for instance a licence that names a tier twice."""
    lists = [(section, name) for section, name, _ in REFERENCES if section != "alliances"]
    for section, name in [*lists, ("licences", "uses"), ("tiers", "actions"), ("targets", "localities")]:
        for index, row in facts.of(section).items():
            value = getattr(row, name)
            for position, entry in enumerate(value if isinstance(value, tuple) else ()):
                if entry in value[:position]:
                    yield Finding(
                        section, index, (name, position), f"{shown(entry)} stands twice in this list: keep one"
                    )


def duplicate_holdings(facts: Facts) -> Iterator[Finding]:
    """Two buckets or two databases of one name; each has one owner."""
    for holding, noun in (("buckets", "bucket"), ("databases", "database")):
        owners: dict[str, str] = {}
        for index, service in facts.of("services").items():
            for position, held in enumerate(getattr(service, holding)):
                if held.id in owners:
                    message = f"the {noun} {shown(held.id)} is already owned by `{owners[held.id]}`"
                    yield Finding("services", index, (holding, position, "id"), message)
                owners.setdefault(held.id, service.id)


def databases_within_reach(facts: Facts) -> Iterator[Finding]:
    """A service that owns a database and may not talk to it."""
    for index, service in facts.of("services").items():
        if service.databases and names.DATABASE not in (*service.reaches, service.id):
            message = f"a service with databases reaches `{names.DATABASE}`: add it to `reaches`"
            yield Finding("services", index, ("databases",), message)


def alliance_members(facts: Facts) -> Iterator[Finding]:
    """A school in two places of one stage's alliances, or one that does not teach the stage."""
    schools: dict[str, School] = {school.code: school for school in facts.of("schools").values()}
    taken: dict[tuple[str, str], str] = {}
    for index, alliance in facts.of("alliances").items():
        places = ((role, n, code) for role in AllianceRole for n, code in enumerate(getattr(alliance, role.value)))
        for role, position, code in places:
            path, school, key = (role.value, position), schools.get(code), (alliance.stage.value, code)
            if school and alliance.stage not in school.stages:
                message = f"the school {code} is `{school.kind}` and does not teach the stage `{alliance.stage}`"
                yield Finding("alliances", index, path, message)
            if key in taken:
                message = f"the school {code} is already {taken[key]}: a school is in one alliance of a stage, once"
                yield Finding("alliances", index, path, message)
            taken.setdefault(key, f"`{role}` in `{alliance.id}`")


def school_figures(facts: Facts) -> Iterator[Finding]:
    """Figures that cannot be: more classes than students."""
    for index, school in facts.of("schools").items():
        if school.classes > school.students:
            message = f"{school.classes} classes for {school.students} students: one of the two is wrong"
            yield Finding("schools", index, ("classes",), message)


def services_of_the_platform(facts: Facts) -> Iterator[Finding]:
    """Services, buckets and databases without which the platform cannot run; a service that reaches itself."""
    for index, service in facts.of("services").items():
        if service.id in service.reaches:
            path = ("reaches", service.reaches.index(service.id))
            yield Finding("services", index, path, "a service reaches itself anyway: leave it out")
        if service.id.startswith(names.EDGE_PREFIX):
            message = f"namespaces of districts' edges begin with {shown(names.EDGE_PREFIX)}: choose another id"
            yield Finding("services", index, ("id",), message)
    missing = [name for name in names.CORE_SERVICES if name not in facts.declared("services")]
    if missing and facts.of("services"):
        yield Finding(
            "services", min(facts.of("services")), (), f"the city also needs the services {', '.join(missing)}"
        )
    for index, service in facts.of("services").items():
        for holding, core in (("buckets", names.CORE_BUCKETS), ("databases", names.CORE_DATABASES)):
            absent = sorted(core.get(service.id, frozenset()) - {held.id for held in getattr(service, holding)})
            if absent:
                message = f"`{service.id}` also needs the {holding} {', '.join(absent)}"
                yield Finding("services", index, (holding,), message)


def roster_roles(facts: Facts) -> Iterator[Finding]:
    """A role of the rosters in two tiers, or twice in one: nobody could say which counts."""
    first: dict[str, str] = {}
    for index, tier in facts.of("tiers").items():
        for position, role in enumerate(tier.roster_roles):
            if role in first:
                message = f"{shown(role)} already has `{first[role]}`: a role leads to one tier"
                yield Finding("tiers", index, ("roster_roles", position), message)
            first.setdefault(role, tier.id)


def consenting_roles(facts: Facts) -> Iterator[Finding]:
    """A role whose people may agree about a pupil and that makes nobody a parent here; or one that is named twice."""
    minors: Minors | None = facts.single.get("minors")
    tiers = facts.of("tiers")
    if minors is None or len(tiers) < len(facts.ids.get("tiers", {})):
        # Of a tier that cannot be read it is not known which roles lead to it.
        return
    family = {role.value for tier in tiers.values() if tier.scope is Scope.CHILD for role in tier.roster_roles}
    for position, role in enumerate(minors.guardian_consent_by):
        path = ("guardian_consent_by", position)
        if role in minors.guardian_consent_by[:position]:
            yield Finding("minors", 0, path, f"{shown(role)} stands twice in this list: keep one")
        elif role not in family:
            message = f"{shown(role)} is no role of a roster that leads to a tier with the scope `{Scope.CHILD}`"
            there = ", ".join(sorted(family)) or "none"
            yield Finding("minors", 0, path, f"{message}{did_you_mean(role, family)}; there are: {there}")


def money(facts: Facts) -> Iterator[Finding]:
    """Fiscal and social capital kept apart."""
    for index, source in facts.of("funding_sources").items():
        if (source.kind is FundingKind.SOCIAL) != (source.partner is not None):
            wanted = (
                "a social source names its giver"
                if source.partner is None
                else "a fiscal source has no giver: write null"
            )
            yield Finding("funding_sources", index, ("partner",), wanted)


def agreement_parties(facts: Facts) -> Iterator[Finding]:
    """An agreement of one."""
    for index, agreement in facts.of("agreements").items():
        if len(agreement.schools) + len(agreement.partners) < 2:  # noqa: PLR2004  # it takes two
            yield Finding("agreements", index, ("schools",), "an agreement has at least two parties")


def public_tier(facts: Facts) -> Iterator[Finding]:
    """Two tiers of the public: whoever has not signed in can be in one only."""
    found = [(index, tier.id) for index, tier in facts.of("tiers").items() if tier.scope is Scope.PUBLIC]
    for index, _ in found[1:]:
        message = f"`{found[0][1]}` has the scope `{Scope.PUBLIC}` already: it is of the one tier of whoever has not signed in"
        yield Finding("tiers", index, ("scope",), message)


def media(facts: Facts) -> Iterator[Finding]:
    """A ladder out of order, or key frames that do not fall on segment borders."""
    previous: Any = None
    for index, rung in facts.of("ladder").items():
        if previous and rung.video_kbps <= previous.video_kbps:
            message = (
                f"must be more than the {previous.video_kbps} of the rendition before it: order the ladder by bit rate"
            )
            yield Finding("ladder", index, ("video_kbps",), message)
        previous = rung
    packaging = facts.single.get("packaging")
    if packaging and packaging.segment_seconds % packaging.keyframe_seconds:
        yield Finding(
            "packaging", 0, ("keyframe_seconds",), f"must divide segment_seconds, {packaging.segment_seconds}"
        )
    rungs = [rung.id for rung in facts.of("ladder").values()]
    if packaging and rungs and packaging.download not in rungs:
        yield Finding("packaging", 0, ("download",), f"must be a rendition of the ladder: {', '.join(rungs)}")


def live(facts: Facts) -> Iterator[Finding]:
    """A live class in a rendition that the ladder does not have, or in one twice."""
    found: Live | None = facts.single.get("live")
    known = facts.declared("ladder")
    for position, rung in enumerate(found.renditions if found else ()):
        path = ("renditions", position)
        if rung not in known:
            yield Finding("live", 0, path, f"{shown(rung)} is not one of the city's ladder{did_you_mean(rung, known)}")
        elif found and rung in found.renditions[:position]:
            yield Finding("live", 0, path, f"{shown(rung)} stands twice: keep one")


def readings(facts: Facts) -> Iterator[Finding]:
    """A window that a single lost probe would break, and logs that are thrown away too early."""
    coverage: Coverage | None = facts.single.get("coverage")
    if coverage and coverage.window_seconds < 2 * coverage.probe_seconds:
        yield Finding("coverage", 0, ("window_minutes",), f"must hold two probes of {coverage.probe_seconds} s")
    for index, service in facts.of("services").items():
        for position, bucket in enumerate(service.buckets):
            if bucket.id == names.BUCKET_LOGS and bucket.expire_days is not None and bucket.expire_days < KEEP_DAYS:
                path = ("buckets", position, "expire_days")
                yield Finding("services", index, path, f"logs are kept six months: at least {KEEP_DAYS} days")


def locks(facts: Facts) -> Iterator[Finding]:
    """A lock that cannot hold, one that outlives its object's term, and a record or an access log that could be deleted too early."""
    for index, service in facts.of("services").items():
        for position, bucket in enumerate(service.buckets):
            for name, message in _lock_problems(bucket):
                yield Finding("services", index, ("buckets", position, name), message)


_LOCKED: Final = {names.BUCKET_AUDIT: "audit records", names.BUCKET_ACCESS_LOGS: "access logs"}
"""Buckets whose objects nobody may delete for six months: what is in them."""


def _lock_problems(bucket: Bucket) -> Iterator[tuple[str, str]]:
    locked = bucket.locked_days
    if bucket.id in _LOCKED and (locked is None or locked < KEEP_DAYS):
        said = f"{_LOCKED[bucket.id]} are kept six months, and nobody deletes them: at least {KEEP_DAYS} days"
        yield "locked_days", said
    if locked is None:
        return
    if not bucket.versioned:
        yield "versioned", "only versions can be locked: say true, or lock nothing"
    if bucket.expire_days is not None and bucket.expire_days <= locked:
        yield "expire_days", f"must be more than the {locked} days for which the store refuses to delete"


def chosen_standard(facts: Facts) -> Iterator[Finding]:
    """A standard that no target belongs to."""
    standard, known = facts.single.get("standard"), {target.standard for target in facts.of("targets").values()}
    if standard and known and standard not in known:
        message = f"{shown(standard)} is no target's standard{did_you_mean(standard, known)}; there are: {', '.join(sorted(known))}"
        yield Finding("standard", 0, (), message)


def _column(facts: Facts, section: str, name: str) -> dict[int, str]:
    return {index: getattr(row, name) for index, row in facts.of(section).items()}


def _duplicates(section: str, name: str, column: dict[int, str]) -> Iterator[Finding]:
    first: dict[str, int] = {}
    for index, value in column.items():
        if first.setdefault(value, index) != index:
            yield Finding(section, index, (name,), f"{shown(value)} is already taken", first[value])


CHECKS: Final[tuple[Check, ...]] = (
    dangling_references,
    duplicate_ids,
    duplicate_entries,
    duplicate_holdings,
    databases_within_reach,
    alliance_members,
    school_figures,
    services_of_the_platform,
    roster_roles,
    consenting_roles,
    money,
    agreement_parties,
    public_tier,
    media,
    live,
    readings,
    locks,
    chosen_standard,
)
"""Every check except those of dates, of access and of what is promised."""
