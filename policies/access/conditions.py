"""What has to be so for a grant to count: whose the resource is, what its licence says, and the rule about pupils' data."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from catalog import City
from catalog.access import USES, Action, LicenceReach, Scope
from catalog.agreement import Agreement
from catalog.resource import DataRule, Holding, Resource
from policies.access import cedar
from policies.access.cedar import CONTEXT, PRINCIPAL, RESOURCE, Json, all_of, any_of, attr, entity, has, literal, op


class Obstacle(StrEnum):
    """What may stand in the way of a grant: one for each condition of a policy, named by what is so where it does not hold."""

    WHOSE = "whose"
    AGREEMENT = "agreement"
    SUBJECT = "subject"
    USE = "use"
    TIER = "tier"
    REACH = "reach"
    UNPUBLISHED = "unpublished"
    LASTED = "lasted"
    NOT_BEGUN = "not-begun"
    ENDED = "ended"
    SEAT = "seat"
    CONSENT = "consent"


Named = tuple[Obstacle, Json]
"""A condition, and what stands in the way where it does not hold."""
NOW = attr(CONTEXT, "now")
"""The moment of the question, Unix seconds."""
OWNER = attr(RESOURCE, "school")
TERMS = attr(RESOURCE, "licence")


def kind(resource: Resource) -> str:
    """The entity type of one resource of the class."""
    held = {Holding.PERSON: cedar.OF_PERSON, Holding.SCHOOL: cedar.OF_SCHOOL, Holding.CITY: cedar.OF_CITY}
    return cedar.LICENSED if resource.licensed else held[resource.held_by]


def seconds(day: date, zone: str) -> int:
    """The first moment of a day in a time zone, Unix seconds."""
    return int(datetime.combine(day, time(), ZoneInfo(zone)).timestamp())


def after(day: date, zone: str) -> int:
    """The first moment after a day."""
    return seconds(day + timedelta(days=1), zone)


def reach(city: City, resource: Resource, scope: Scope) -> Json:
    """Whether the resource lies within ``scope`` of the person; agreements have an expression of their own."""
    if resource.held_by is Holding.CITY:
        return literal(value=True)
    if resource.held_by is Holding.PERSON and scope in _PERSONAL:
        return _PERSONAL[scope]
    here = entity(cedar.CITY, city.id)
    return {
        Scope.CHILD: op("in", PRINCIPAL, OWNER),
        Scope.CLASS: op("in", PRINCIPAL, OWNER),
        Scope.SCHOOL: op("in", PRINCIPAL, OWNER),
        Scope.ALLIANCE: any_of([op("in", PRINCIPAL, OWNER), op("in", PRINCIPAL, attr(OWNER, "alliances"))]),
        Scope.DISTRICT: op("in", PRINCIPAL, attr(OWNER, "district")),
        Scope.CITY: op("in", OWNER, literal(here)),
        Scope.PUBLIC: op("in", OWNER, literal(here)),
    }[scope]


_PERSONAL = {
    Scope.OWN: op("==", PRINCIPAL, attr(RESOURCE, "person")),
    Scope.CHILD: op("contains", attr(PRINCIPAL, "children"), attr(RESOURCE, "person")),
    Scope.CLASS: all_of([has(RESOURCE, "class"), op("in", PRINCIPAL, attr(RESOURCE, "class"))]),
}
"""Scopes that look at the person whose data they are."""


def agreed(agreement: Agreement, zone: str) -> Json:
    """Whether both sides are party to the agreement, and it is in force."""
    parties = literal(entity(cedar.AGREEMENT, agreement.id))
    return all_of(
        [
            op("in", PRINCIPAL, parties),
            op("in", OWNER, parties),
            op(">=", NOW, literal(seconds(agreement.starts, zone))),
            op("<", NOW, literal(after(agreement.ends, zone))),
        ]
    )


def about(agreement: Agreement) -> Iterator[Named]:
    """Whether the agreement is about what is taught there; nothing where it is about everything."""
    if agreement.subjects is not None:
        taught = (op("==", attr(RESOURCE, "subject"), literal(each)) for each in agreement.subjects)
        yield Obstacle.SUBJECT, all_of([has(RESOURCE, "subject"), any_of(taught)])


def licensed(city: City, tier: str, action: Action) -> Iterator[Named]:
    """What the resource's licence has to say for it; nothing where the action is not the licence's affair."""
    if action not in USES:
        return
    yield Obstacle.USE, op("contains", attr(TERMS, "uses"), literal(USES[action].value))
    yield Obstacle.TIER, op("contains", attr(TERMS, "tiers"), literal(entity(cedar.TIER, tier)))
    yield Obstacle.REACH, any_of(_reaches(city))
    yield Obstacle.UNPUBLISHED, op(">=", NOW, attr(RESOURCE, "published"))
    yield Obstacle.LASTED, _unless("lasts", op("<", NOW, op("+", attr(RESOURCE, "published"), attr(TERMS, "lasts"))))
    yield Obstacle.NOT_BEGUN, _unless("starts", op(">=", NOW, attr(TERMS, "starts")))
    yield Obstacle.ENDED, _unless("ends", op("<", NOW, attr(TERMS, "ends")))
    yield Obstacle.SEAT, any_of([cedar.negated(attr(TERMS, "seats")), attr(CONTEXT, "seat")])


def _reaches(city: City) -> Iterator[Json]:
    def limited(reach: LicenceReach, body: Json) -> Json:
        return all_of([op("==", attr(TERMS, "reach"), literal(reach.value)), body])

    yield op("==", attr(TERMS, "reach"), literal(LicenceReach.ANYONE.value))
    yield limited(LicenceReach.CITY, op("in", PRINCIPAL, literal(entity(cedar.CITY, city.id))))
    yield limited(LicenceReach.SCHOOL, op("in", PRINCIPAL, OWNER))


def _unless(name: str, body: Json) -> Json:
    """``body``, unless the licence has no such limit."""
    return {"if-then-else": {"if": has(TERMS, name), "then": body, "else": literal(value=True)}}


def minors(city: City, rule: DataRule | None) -> Iterator[Named]:
    """A guardian's consent for a pupil below the age, where the rule asks for it; an age that is not known counts as below."""
    if rule and rule.guardian_consent:
        age = literal(city.minors.guardian_consent_below)
        old_enough = all_of([has(RESOURCE, "age"), op(">=", attr(RESOURCE, "age"), age)])
        yield Obstacle.CONSENT, any_of([old_enough, attr(RESOURCE, "consent")])
