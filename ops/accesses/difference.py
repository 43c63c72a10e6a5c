"""What differs between two states of a city: which tiers gain or lose which rights, and which schools gain or lose whose resources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from catalog import City
from catalog.access import Scope
from catalog.agreement import Agreement
from derive import grants
from derive.grants import Cell
from ops.accesses import words
from ops.accesses.fields import differing
from ops.rosters.counting import Group
from policies.access.words import ACTIONS, Both, whose

Sign = Literal["+", "-", "~"]
"""Gained, lost, changed."""
TIER = ("scope", "two_factor", "roster_roles", "partner_kind")
RESOURCE = ("service", "held_by", "licensed")
LICENCE = ("uses", "tiers", "reach", "window_days", "window", "seats")
RULE = ("tiers", "guardian_consent")
AGREEMENT = ("schools", "partners", "services", "subjects", "starts", "ends")
_UNTIL_READ = {
    True: (
        "；重新导入名册之前，所有学生都按未满处理",
        "; until the rosters are taken in anew, every pupil counts as below it",
    ),
    False: ("；重新导入名册之前，仍按原来的年龄处理", "; until the rosters are taken in anew, the former age counts"),
}
"""Whether it was raised -> from when on it counts: a roster keeps nobody's birth date (docs/decisions/0289)."""
MOST_NAMED = 6
"""Schools named one by one; of more only the number is said."""


@dataclass(frozen=True)
class Change:
    """One difference, in both languages."""

    section: str
    sign: Sign
    said: Both
    whom: Group | None
    """Whose rights differ, as far as a roster knows people; None: it does not say."""


def changes(old: City, new: City) -> list[Change]:
    """Every difference that changes what somebody may do, tiers first; none where nobody's rights differ."""
    sections = (
        ("tiers", "tiers", TIER),
        ("resources", "resources", RESOURCE),
        ("personal data", "data_rules", RULE),
        ("licences", "licences", LICENCE),
    )
    found = [change for title, section, names in sections for change in _rows(old, new, title, section, names)]
    return [
        *found,
        *_age(old, new),
        *_agreeing(old, new),
        *_cells(old, new),
        *_agreements(old, new),
        *_subjects(old, new),
        *_relations(old, new),
    ]


def _rows(old: City, new: City, title: str, section: str, names: tuple[str, ...]) -> Iterator[Change]:
    """Rows of a section that came, went, or differ in one of these fields."""
    before, after = ({row.id: row for row in getattr(city, section)} for city in (old, new))
    for sign, name, was, now in _paired(before, after):
        row = was if sign == "-" else now
        zh, en = differing((old, was), (new, now), names) if sign == "~" else ("", "")
        if sign != "~" or en:
            whom = _group(old, new, *_tiers(old, section, name), *_tiers(new, section, name))
            yield Change(title, sign, (f"{row.name.zh}（{name}）{zh}", f"{row.name.en} ({name}){en}"), whom)


def _tiers(city: City, section: str, name: str) -> Iterable[str]:
    """The tiers that a row of a section is about; none where the city has no such row."""
    if section == "tiers":
        return (name,)
    if section == "resources":
        return (cell.tier for cell in grants.cells(city) if cell.resource == name)
    return (tier for row in getattr(city, section) if row.id == name for tier in row.tiers)


def _group(old: City, new: City, *tiers: str, schools: Iterable[str] | None = None) -> Group | None:
    """Whoever is of one of the tiers; None where that is everybody, signed in or not."""
    public = {each.id for city in (old, new) for each in city.tiers if each.scope is Scope.PUBLIC}
    named = None if schools is None else tuple(sorted(set(schools)))
    return None if public & set(tiers) else Group(tuple(sorted(set(tiers))), named)


def _age(old: City, new: City) -> Iterator[Change]:
    was, now = (city.minors.guardian_consent_below for city in (old, new))
    if was != now:
        zh, en = (
            f"未满 {now} 岁须监护人同意（原为 {was} 岁）{_UNTIL_READ[now > was][0]}",
            f"a guardian has to agree below the age of {now} (was {was}){_UNTIL_READ[now > was][1]}",
        )
        # Of somebody's age a roster keeps only whether a guardian has a say now.
        yield Change("personal data", "~", (zh, en), None)


def _agreeing(old: City, new: City) -> Iterator[Change]:
    zh, en = differing((old, old.minors), (new, new.minors), ("guardian_consent_by",))
    if en:
        # Counts at once, also for consents that stand.
        yield Change("personal data", "~", (f"监护人同意{zh}", f"a guardian’s consent{en}"), None)


def _cells(old: City, new: City) -> Iterator[Change]:
    def keyed(city: City) -> dict[tuple[str, str, str], Cell]:
        return {(cell.resource, cell.tier, cell.action.value): cell for cell in grants.cells(city)}

    for sign, (_, tier, _), was, now in _paired(keyed(old), keyed(new)):
        if sign == "~" and (set(was.scopes), was.rule) == (set(now.scopes), now.rule):
            continue
        zh, en = _cell(old, was) if sign == "-" else _cell(new, now)
        before = _whose(old, was) if sign == "~" else None
        said = (f"{zh}（原为：{before[0]}）", f"{en} (was: {before[1]})") if before else (zh, en)
        yield Change("rights", sign, said, _group(old, new, tier))


def _cell(city: City, cell: Cell) -> Both:
    (who_zh, who_en), (what_zh, what_en) = words.tier(city, cell.tier), words.resource(city, cell.resource)
    (do_zh, do_en), (whose_zh, whose_en) = ACTIONS[cell.action], _whose(city, cell)
    return f"{who_zh}：{do_zh}{what_zh}，{whose_zh}", f"{who_en}: {do_en} {what_en}, {whose_en}"


def _whose(city: City, cell: Cell) -> Both:
    held = next(each.held_by for each in city.resources if each.id == cell.resource)
    zh, en = words.either(whose(held, scope) for scope in cell.scopes)
    return (f"{zh}（{cell.rule}）", f"{en} ({cell.rule})") if cell.rule else (zh, en)


def _agreements(old: City, new: City) -> Iterator[Change]:
    """Agreements that open something: one that is not signed by all is as good as none."""
    for sign, name, was, now in _paired(_opening(old), _opening(new)):
        city, each = (old, was) if sign == "-" else (new, now)
        zh, en = differing((old, was), (new, now), AGREEMENT) if sign == "~" else ("", "")
        if sign != "~" or en:
            parties = [words.party(city, party) for party in each.parties]
            tiers = _reaching(city, Scope.AGREEMENT)
            (who_zh, who_en), (for_zh, for_en) = words.joined(parties), _called(city, tiers)
            when = f"{each.starts} .. {each.ends}"
            schools = [code for some in (was, now) if some for code in some.schools]
            yield Change(
                "agreements",
                sign,
                (
                    f"{each.name.zh}（{name}），{when}，{who_zh}{zh}；涉及：{for_zh}",
                    f"{each.name.en} ({name}), {when}, {who_en}{en}; for: {for_en}",
                ),
                _group(old, new, *tiers, schools=schools),
            )


def _subjects(old: City, new: City) -> Iterator[Change]:
    """Subjects by which agreements are narrower, and whose words differ: lessons are known by them."""
    tiers = (*_reaching(old, Scope.AGREEMENT), *_reaching(new, Scope.AGREEMENT))
    named = {name for city in (old, new) for each in _opening(city).values() for name in each.subjects or ()}
    before, after = ({each.id: each for each in city.subjects if each.id in named} for city in (old, new))
    for sign, name, was, now in _paired(before, after):
        if sign == "~" and set(was.words) != set(now.words):
            zh, en = differing((old, was), (new, now), ("name",))
            parties = (
                code
                for city in (old, new)
                for each in _opening(city).values()
                if name in (each.subjects or ())
                for code in each.schools
            )
            whom = _group(old, new, *tiers, schools=parties)
            yield Change("agreements", "~", (f"学科 {name}{zh}", f"subject {name}{en}"), whom)


def _opening(city: City) -> dict[str, Agreement]:
    return {each.id: each for each in city.agreements if not each.unsigned}


def _relations(old: City, new: City) -> Iterator[Change]:
    """Schools whose alliances or district differ: whose resources they gain or lose, and for which tiers that counts."""
    for scope in (Scope.ALLIANCE, Scope.DISTRICT):
        before, after = _near(old, scope), _near(new, scope)
        sign: Sign
        for code in sorted(before.keys() | after.keys()):
            was, now = before.get(code, frozenset()), after.get(code, frozenset())
            for sign, city, others in (("+", new, now - was), ("-", old, was - now)):
                if others:
                    places = [code, *_offices(old, new, code)] if scope is Scope.DISTRICT else [code]
                    whom = _group(old, new, *_reaching(city, scope), schools=places)
                    yield Change("schools", sign, _reached(city, scope, code, others), whom)


def _offices(old: City, new: City, code: str) -> list[str]:
    """Where a roster has those who work for the district that the school is or was in."""
    schools = [(city, city.by_code[code]) for city in (old, new) if code in city.by_code]
    return [city.district(school.district).division_code for city, school in schools]


def _near(city: City, scope: Scope) -> dict[str, frozenset[str]]:
    """School -> the schools that lie within ``scope`` of it, itself included."""
    if scope is Scope.DISTRICT:
        districts = {name: frozenset(each.code for each in schools) for name, schools in city.by_district.items()}
        return {school.code: districts[school.district] for school in city.schools}
    allies = {each.id: frozenset(code for _, code in each.members) for each in city.alliances}
    member = {code: [allies[each.id] for each, _ in found] for code, found in city.memberships.items()}
    return {code: frozenset({code}).union(*member.get(code, [])) for code in city.by_code}


def _reached(city: City, scope: Scope, code: str, others: frozenset[str]) -> Both:
    """A school, whose resources are meant, and for which tiers that counts."""
    few = [words.party(city, each) for each in sorted(others)] if len(others) <= MOST_NAMED else []
    named_zh, named_en = words.joined(few) if few else (f"{len(others)} 所学校", f"{len(others)} schools")
    (who_zh, who_en), (own_zh, own_en) = _called(city, _reaching(city, scope)), words.party(city, code)
    link = {Scope.ALLIANCE: ("同联盟", "allied"), Scope.DISTRICT: ("同区县", "of the same district")}[scope]
    return f"{own_zh} ← {link[0]}：{named_zh}；涉及：{who_zh}", f"{own_en} <- {link[1]}: {named_en}; for: {who_en}"


def _reaching(city: City, scope: Scope) -> tuple[str, ...]:
    """The tiers for which a scope counts anywhere."""
    return tuple(dict.fromkeys(cell.tier for cell in grants.cells(city) if scope in cell.scopes))


def _called(city: City, tiers: Iterable[str]) -> Both:
    return words.joined(words.tier(city, tier) for tier in tiers)


def _paired(old: Mapping[Any, Any], new: Mapping[Any, Any]) -> Iterator[tuple[Sign, Any, Any, Any]]:
    """Everything that either side has: gained, lost, or on both sides, in the old order and then the new."""
    for key in dict.fromkeys([*old, *new]):
        sign: Sign = "~" if key in old and key in new else "-" if key in old else "+"
        yield sign, key, old.get(key), new.get(key)
