"""Every situation of a city in which the answer could differ: who asks, from where, for what, under which terms, when."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import product
from zoneinfo import ZoneInfo

from catalog import City, names
from catalog.access import Action, LicenceReach, Scope, Use, Window
from catalog.resource import Resource
from policies.access.deciding import Question
from policies.access.entities import Person, Thing
from tests.builders import changed

STRANGER, PUPIL, CLASS = "0000000000", "pupil", "class-1"
"""A school's code that no city has; a pupil; that pupil's class."""
ELSEWHERE = "Pacific/Kiritimati"
"""Where a licence's window opens and closes hours before the same day in any city: it goes by its own zone."""
LATER = 20 * 86_400
"""How long after the others some things are published, seconds: when the first agreement is in force already."""


def widened(city: City) -> City:
    """The city with licences that tell every limit from every other: no streaming, another tier, a window inside an agreement.

    And with an agreement about one subject, which holds longer than the one of the same parties about all: at both ends it is alone.
    Agreements open live classes too, also to who sees no ally's: no worked city grants that, and any may.
    """
    plain, month, first = city.licences[0], timedelta(days=30), city.agreements[0]
    window = Window(starts=first.starts + month, ends=first.ends - month, timezone=ELSEWHERE)
    more = (
        plain.model_copy(update={"id": "on-paper", "uses": (Use.DOWNLOAD,)}),
        plain.model_copy(update={"id": "for-one-tier", "tiers": (city.tiers[2].id,)}),
        plain.model_copy(update={"id": "for-a-while", "window": window}),
        plain.model_copy(update={"id": "for-sixty-days", "window_days": 60}),
    )
    days = {"starts": first.starts - timedelta(days=5), "ends": first.ends + timedelta(days=5)}
    narrow = first.model_copy(update={"id": "about-one-subject", "subjects": (city.subjects[0].id,), **days})
    agreements = (*city.agreements, narrow)
    return changed(city, licences=(*city.licences, *more), agreements=agreements, resources=tuple(_opened(city)))


def _opened(city: City) -> Iterator[Resource]:
    """The classes of resources; what being allied opens is opened by agreements too."""
    for each in city.resources:
        more = (Scope.AGREEMENT,) if each.id in names.OPENED_BY_ALLIANCE else ()
        grants = tuple(grant.model_copy(update={"scopes": (*grant.scopes, *more)}) for grant in each.grants)
        yield each.model_copy(update={"grants": grants})


def dated(city: City) -> set[str]:
    """Classes about which the moment has a say: by a licence, or by agreements that open them."""
    return {
        each.id
        for each in city.resources
        if each.licensed or any(Scope.AGREEMENT in grant.scopes for grant in each.grants)
    }


def moments(city: City, published: int) -> list[int]:
    """Both sides of every edge: of the agreements' days, the licences' windows, and the days since publication."""
    edges = {published, published + LATER}
    edges |= {published + each.window_days * 86_400 for each in city.licences if each.window_days}
    spans = [(each.starts, each.ends, city.timezone) for each in city.agreements]
    spans += [(each.window.starts, each.window.ends, each.window.timezone) for each in city.licences if each.window]
    for starts, ends, zone in spans:
        for day in (starts, ends + timedelta(days=1)):
            edges.add(int(datetime.combine(day, time(), ZoneInfo(zone)).timestamp()))
    return sorted(moment for edge in edges for moment in (edge - 1, edge))


def published(city: City) -> int:
    """Ten days before the first agreement began, so that every other edge comes after it."""
    starts = min(each.starts for each in city.agreements) - timedelta(days=10)
    return int(datetime.combine(starts, time(8, 30), ZoneInfo(city.timezone)).timestamp())


def people(city: City) -> list[Person]:
    """Every tier, and one that the city does not have, with every membership that there can be."""
    tiers = [*(tier.id for tier in city.tiers), "nobody-of-the-city"]
    memberships = [
        *(Person("", "", schools=(school.code,)) for school in city.schools[:6]),
        Person("", ""),
        Person("", "", schools=(STRANGER,)),
        Person("", "", schools=(city.schools[0].code, city.schools[3].code)),
        *(Person("", "", district=each.id) for each in city.districts[:2]),
        Person("", "", city=True),
        *(Person("", "", partner=each.id) for each in city.partners[:1]),
        Person("", "", partner="no-such-partner"),
    ]
    numbered = enumerate(product(tiers, memberships))
    return [replace(each, id=f"person-{number}", tier=tier) for number, (tier, each) in numbered]


def close(person: Person) -> list[Person]:
    """The person as the pupil's parent, as somebody in the pupil's class, and as neither."""
    return [
        person,
        replace(person, id=f"{person.id}-p", children=(PUPIL, "another")),
        replace(person, id=f"{person.id}-c", classes=(CLASS,)),
    ]


def owners(city: City) -> list[str]:
    """Schools of two districts, and one that is not of the city."""
    return [city.schools[0].code, city.schools[3].code, STRANGER]


def things(city: City) -> Iterator[Thing]:
    """One resource of every class, owner, licence and state of a pupil; and one of a class that the city does not have."""
    terms = [*(licence.id for licence in city.licences), "no-such-licence", None]
    # What is open to the public, no agreement has to open.
    public = {tier.id for tier in city.tiers if tier.scope is Scope.PUBLIC}
    closed = [each for each in city.licences if public.isdisjoint(each.tiers) and each.reach is LicenceReach.CITY]
    numbers = iter(range(1_000_000))
    for owner in owners(city):
        for resource in city.resources:
            plain = Thing(f"thing-{next(numbers)}", resource.id, school=owner, subject=city.subjects[0].id)
            if resource.licensed:
                since = published(city)
                for licence, at in [*((each, since) for each in terms), (terms[0], since + LATER)]:
                    yield replace(plain, id=f"thing-{next(numbers)}", licence=licence, published=at)
                for subject in (city.subjects[1].id, None):
                    yield replace(
                        plain, id=f"thing-{next(numbers)}", licence=closed[0].id, published=since, subject=subject
                    )
            elif resource.personal:
                below = city.minors.guardian_consent_below
                for age, consent in product((None, below - 1, below), (True, False)):
                    found = replace(plain, id=f"thing-{next(numbers)}", age=age, consent=consent)
                    yield replace(found, person=PUPIL, group=CLASS)
            elif resource.id in dated(city):
                for subject in (plain.subject, city.subjects[1].id):
                    yield replace(plain, id=f"thing-{next(numbers)}", subject=subject)
            else:
                yield plain
        yield Thing(f"thing-{next(numbers)}", "no-such-class", school=owner)


def questions(city: City, *tiers: str) -> Iterator[list[Question]]:
    """All of them, one list for each person; of these tiers only, where any are named."""
    found, times = list(things(city)), moments(city, published(city))
    licensed, changing = {each.id for each in city.resources if each.licensed}, dated(city)
    for base in (each for each in people(city) if not tiers or each.tier in tiers):
        for who in close(base):
            listed = []
            for what, action in product(found, Action):
                # Only a pupil's own records know of parents, classmates and oneself.
                if who.id != base.id and what.person is None:
                    continue
                mine = replace(what, id=f"{what.id}-own", person=who.id) if what.person and who.id == base.id else None
                # Nobody needs a seat for what no licence is about.
                seats = (True, False) if what.resource in licensed else (False,)
                when = product(times if what.resource in changing else times[4:5], seats)
                for (now, seat), each in product(list(when), filter(None, (what, mine))):
                    listed.append(Question(who, action, each, now, seat))
            yield listed
