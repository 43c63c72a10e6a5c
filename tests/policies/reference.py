"""Who may do what, written down a second time: plain Python over the city's facts, one sentence of the rules a function.

It shares nothing with the compiler: no table, no time stamp, no order of questions. It is slow and obvious on purpose.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from catalog import City

NEEDED = {"view": "stream", "learn": "stream", "download": "download", "remix": "remix"}
"""Action -> the use that it needs of a licence."""


def allowed(city: City, asked: Any) -> bool:
    """Whether it is allowed: by a grant to the person's tier, or by one to everybody.

    ``asked`` has ``who``, ``action``, ``what``, ``now`` (Unix seconds) and ``seat``, as a question to the policies does.
    """
    everybody = [tier.id for tier in city.tiers if tier.scope == "public"]
    return any(_by_tier(city, tier, asked) for tier in dict.fromkeys([asked.who.tier, *everybody]))


def _by_tier(city: City, tier: str, asked: Any) -> bool:
    for resource in city.resources:
        for grant in resource.grants:
            if resource.id == asked.what.resource and tier in grant.tiers and asked.action in grant.actions:
                near = any(_within(city, resource, scope, asked) for scope in grant.scopes)
                fine = not resource.licensed or _licensed(city, tier, asked)
                return near and fine and _consented(city, grant.rule, asked.what)
    return False


def _within(city: City, resource: Any, scope: str, asked: Any) -> bool:
    if resource.held_by == "city":
        return scope in ("city", "public")
    who, what = asked.who, asked.what
    if resource.held_by == "person" and scope in ("own", "child", "class"):
        near: dict[str, bool] = {
            "own": who.id == what.person,
            "child": what.person in who.children,
            "class": what.group is not None and what.group in who.classes,
        }
        return near[scope]
    owner = next((school for school in city.schools if school.code == what.school), None)
    return owner is not None and _of_school(city, resource, scope, owner, asked)


def _of_school(city: City, resource: Any, scope: str, owner: Any, asked: Any) -> bool:
    own = owner.code in _schools(city, asked.who)
    if scope in ("child", "class", "school"):
        return own
    if scope == "alliance":
        members = [{code for _, code in alliance.members} for alliance in city.alliances]
        return own or any(owner.code in each and each & _schools(city, asked.who) for each in members)
    if scope == "district":
        return owner.district in _districts(city, asked.who)
    if scope == "agreement":
        return any(_agreed(city, each, resource, owner.code, asked) for each in city.agreements)
    return scope in ("city", "public")


def _agreed(city: City, agreement: Any, resource: Any, owner: str, asked: Any) -> bool:
    signed = {signature.party for signature in agreement.signatures} == {*agreement.schools, *agreement.partners}
    who = asked.who
    party = bool(_schools(city, who) & set(agreement.schools)) or who.partner in agreement.partners
    holds = agreement.starts <= _day(asked.now, city.timezone) <= agreement.ends
    about = not agreement.subjects or asked.what.subject in agreement.subjects
    return (
        signed and party and holds and about and owner in agreement.schools and resource.service in agreement.services
    )


def _licensed(city: City, tier: str, asked: Any) -> bool:
    who, what = asked.who, asked.what
    if asked.action not in NEEDED:
        return True
    licence = next((each for each in city.licences if each.id == what.licence), None)
    if licence is None or what.published is None:
        return False
    inside = {
        "anyone": True,
        "city": bool(_districts(city, who)) or who.city,
        "school": what.school in _schools(city, who),
    }[licence.reach]
    return (
        NEEDED[asked.action] in licence.uses
        and tier in licence.tiers
        and inside
        and _in_time(licence, what.published, asked.now)
        and (licence.seats is None or asked.seat)
    )


def _in_time(licence: Any, since: int, now: int) -> bool:
    published, moment = datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(now, UTC)
    ended = licence.window_days is not None and moment >= published + timedelta(days=licence.window_days)
    window = licence.window
    return (
        published <= moment and not ended and (not window or window.starts <= _day(now, window.timezone) <= window.ends)
    )


def _consented(city: City, name: str | None, what: Any) -> bool:
    rule = next((each for each in city.data_rules if each.id == name), None)
    if rule is None or not rule.guardian_consent:
        return True
    return bool(what.consent or (what.age is not None and what.age >= city.minors.guardian_consent_below))


def _schools(city: City, who: Any) -> set[str]:
    return {school.code for school in city.schools if school.code in who.schools}


def _districts(city: City, who: Any) -> set[str]:
    by_school = {school.district for school in city.schools if school.code in who.schools}
    return by_school | {district.id for district in city.districts if district.id == who.district}


def _day(now: int, zone: str) -> date:
    return datetime.fromtimestamp(now, ZoneInfo(zone)).date()
