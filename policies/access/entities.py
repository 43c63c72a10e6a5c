"""What the policies look things up in: schools with their districts, alliances and agreements, licences, and the schema of it all.

People and single resources are not here: who asks brings them, as :func:`person` and :func:`resource` write them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import cedarpy

from catalog import City
from catalog.access import Action, Licence
from derive import questions
from policies.access import cedar
from policies.access.cedar import Json, entity, uid
from policies.access.conditions import after, kind, seconds

DAY_SECONDS = 86_400


Person = questions.Person
"""Who asks."""
Thing = questions.Thing
"""One resource."""


def entities(city: City) -> list[Json]:
    """Everything of the catalog, as Cedar's JSON entities."""
    return list(_entities(city))


def text(city: City) -> str:
    """The entities as they are committed, one a line."""
    rows = ",\n".join(json.dumps(each, ensure_ascii=False) for each in entities(city))
    return f"[\n{rows}\n]\n"


def person(city: City, who: Person) -> Json:
    """An entity for somebody who asks. A school that is not the city's counts for nothing."""
    parents = [uid(cedar.TIER, who.tier), *(uid(cedar.SCHOOL, code) for code in who.schools if code in city.by_code)]
    parents += [uid(cedar.CLASS, name) for name in who.classes]
    parents += [uid(cedar.DISTRICT, who.district)] if who.district else []
    parents += [uid(cedar.PARTNER, who.partner)] if who.partner else []
    parents += [uid(cedar.CITY, city.id)] if who.city else []
    return _row(cedar.PERSON, who.id, parents, children=[entity(cedar.PERSON, child) for child in who.children])


def type_of(city: City, what: Thing) -> str:
    """The entity type of a resource; of one whose class is not the city's, a type that has no facts."""
    return next((kind(each) for each in city.resources if each.id == what.resource), cedar.OF_CITY)


def thing(city: City, what: Thing) -> Json:
    """An entity for one resource."""
    of = type_of(city, what)
    return _row(of, what.id, [uid(cedar.RESOURCE_CLASS, what.resource)], **_facts(of, what))


def _facts(kind: str, what: Thing) -> dict[str, Json]:
    """The attributes that things of this type have; those that are not known are left out."""
    named = {"school": (cedar.SCHOOL, what.school), "person": (cedar.PERSON, what.person)}
    named |= {"class": (cedar.CLASS, what.group), "licence": (cedar.LICENCE, what.licence)}
    found: dict[str, Json] = {key: entity(of, name) for key, (of, name) in named.items() if name is not None}
    plain = {"age": what.age, "consent": what.consent, "published": what.published, "subject": what.subject}
    found |= {key: value for key, value in plain.items() if value is not None}
    return {key: value for key, value in found.items() if key in _ATTRIBUTES[kind]}


_SUBJECT: Json = {"type": "String", "required": False}
_ATTRIBUTES: dict[str, dict[str, Json]] = {
    cedar.OF_PERSON: {
        "person": {"type": "Entity", "name": cedar.PERSON},
        "school": {"type": "Entity", "name": cedar.SCHOOL},
        "class": {"type": "Entity", "name": cedar.CLASS, "required": False},
        "age": {"type": "Long", "required": False},
        "consent": {"type": "Boolean"},
    },
    cedar.OF_SCHOOL: {"school": {"type": "Entity", "name": cedar.SCHOOL}, "subject": _SUBJECT},
    cedar.LICENSED: {
        "school": {"type": "Entity", "name": cedar.SCHOOL},
        "licence": {"type": "Entity", "name": cedar.LICENCE},
        "published": {"type": "Long"},
        "subject": _SUBJECT,
    },
    cedar.OF_CITY: {},
}


def _entities(city: City) -> Iterator[Json]:
    yield _row(cedar.CITY, city.id)
    yield from (_row(cedar.TIER, tier.id) for tier in city.tiers)
    yield from (_row(cedar.RESOURCE_CLASS, each.id) for each in city.resources)
    yield from (_row(cedar.DISTRICT, each.id, [uid(cedar.CITY, city.id)]) for each in city.districts)
    yield from (_row(cedar.ALLIANCE, each.id) for each in city.alliances)
    yield from (_row(cedar.AGREEMENT, each.id) for each in city.agreements)
    for partner in city.partners:
        agreements = [each.id for each in city.agreements if partner.id in each.partners]
        yield _row(cedar.PARTNER, partner.id, [uid(cedar.AGREEMENT, each) for each in agreements])
    yield from (_licence(each) for each in city.licences)
    yield from _schools(city)


def _schools(city: City) -> Iterator[Json]:
    agreements: dict[str, list[str]] = {}
    for each in city.agreements:
        for code in each.schools:
            agreements.setdefault(code, []).append(each.id)
    for school in city.schools:
        alliances = [alliance.id for alliance, _ in city.memberships.get(school.code, ())]
        parents = [uid(cedar.DISTRICT, school.district), *(uid(cedar.ALLIANCE, each) for each in alliances)]
        parents += [uid(cedar.AGREEMENT, each) for each in agreements.get(school.code, ())]
        facts = {"district": entity(cedar.DISTRICT, school.district)}
        yield _row(
            cedar.SCHOOL, school.code, parents, **facts, alliances=[entity(cedar.ALLIANCE, a) for a in alliances]
        )


def _licence(licence: Licence) -> Json:
    facts: dict[str, Json] = {
        "uses": [use.value for use in licence.uses],
        "tiers": [entity(cedar.TIER, tier) for tier in licence.tiers],
        "reach": licence.reach.value,
        "seats": licence.seats is not None,
    }
    if licence.window_days is not None:
        facts["lasts"] = licence.window_days * DAY_SECONDS
    if licence.window:
        facts["starts"] = seconds(licence.window.starts, licence.window.timezone)
        facts["ends"] = after(licence.window.ends, licence.window.timezone)
    return _row(cedar.LICENCE, licence.id, (), **facts)


def _row(kind: str, name: str, parents: Iterable[Json] = (), **attributes: Json) -> Json:
    return {"uid": uid(kind, name), "attrs": attributes, "parents": list(parents)}


def schema() -> Json:
    """The schema that policies and entities are checked by; nothing in it comes from a city."""
    who = {"principalTypes": [cedar.PERSON], "resourceTypes": list(cedar.HELD), "context": _record(_CONTEXT)}
    return {"": {"entityTypes": _types(), "actions": {action.value: {"appliesTo": who} for action in Action}}}


def schema_text() -> str:
    """The schema as it is committed."""
    return f"// Generated by `make generate`; do not edit.\n{cedarpy.Schema.from_json_str(json.dumps(schema()))}"


_CONTEXT: dict[str, Json] = {"now": {"type": "Long"}, "seat": {"type": "Boolean"}}
_LICENCE: dict[str, Json] = {
    "uses": {"type": "Set", "element": {"type": "String"}},
    "tiers": {"type": "Set", "element": {"type": "Entity", "name": cedar.TIER}},
    "reach": {"type": "String"},
    "seats": {"type": "Boolean"},
    **{name: {"type": "Long", "required": False} for name in ("lasts", "starts", "ends")},
}
_SCHOOL: dict[str, Json] = {
    "district": {"type": "Entity", "name": cedar.DISTRICT},
    "alliances": {"type": "Set", "element": {"type": "Entity", "name": cedar.ALLIANCE}},
}
_PERSON: dict[str, Json] = {"children": {"type": "Set", "element": {"type": "Entity", "name": cedar.PERSON}}}
_ABOVE = (cedar.TIER, cedar.SCHOOL, cedar.CLASS, cedar.DISTRICT, cedar.PARTNER, cedar.CITY)


def _types() -> dict[str, Json]:
    plain = (cedar.TIER, cedar.CITY, cedar.ALLIANCE, cedar.AGREEMENT, cedar.RESOURCE_CLASS)
    return {
        **{name: _type({}) for name in plain},
        cedar.DISTRICT: _type({}, cedar.CITY),
        cedar.SCHOOL: _type(_SCHOOL, cedar.DISTRICT, cedar.ALLIANCE, cedar.AGREEMENT),
        cedar.CLASS: _type({}, cedar.SCHOOL),
        cedar.PARTNER: _type({}, cedar.AGREEMENT),
        cedar.LICENCE: _type(_LICENCE),
        cedar.PERSON: _type(_PERSON, *_ABOVE),
        **{name: _type(_ATTRIBUTES[name], cedar.RESOURCE_CLASS) for name in cedar.HELD},
    }


def _type(attributes: dict[str, Json], *parents: str) -> Json:
    return {"memberOfTypes": list(parents), "shape": _record(attributes)}


def _record(attributes: dict[str, Json]) -> Json:
    return {"type": "Record", "attributes": attributes}
