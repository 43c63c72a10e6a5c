"""The entitlement service, by its own tables, says what the compiled policies and the plain reference say about lessons, live or not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product

import pytest

from catalog import City, load_named, names
from catalog.access import Action, Scope
from derive import questions as forms
from derive import readers
from policies.access import document
from policies.access.deciding import Judge, Question
from policies.access.entities import Person, Thing
from services.entitlement import rules
from tests.policies import reference, situations

PLAYING = (Action.VIEW, Action.LEARN)
"""Either lets a lesson be played."""
NOWHERE = "nowhere"
"""Id of a district or a partner that no city has."""
LATE = datetime(2099, 1, 1, tzinfo=UTC)
"""When live classes end: after every question."""
PART = {"tiny": 12, "neijiang": 48}
"""City -> one question in so many is asked by `make test`: a few seconds each."""


def people(city: City) -> Iterator[Person]:
    """Everybody whom a session can name: a tier, or one that is not the city's, and where they belong, to nothing, or to a stranger's."""
    tiers = {tier.id: tier.scope for tier in city.tiers}
    for number, (tier, place) in enumerate(product((*tiers, "nobody-of-the-city"), places(city))):
        whole = tiers.get(tier) is Scope.CITY and situations.STRANGER not in place.schools
        yield replace(place, id=f"person-{number}", tier=tier, city=whole)


def places(city: City) -> list[Person]:
    """Of no tier: at a school, a district's office or a partner's, each of the city and of none; and at more than one of them."""
    district, partner = city.districts[0].id, city.partners[0].id
    return [
        Person("", ""),
        *(Person("", "", schools=(code,)) for code in (situations.STRANGER, *(each.code for each in city.schools[:6]))),
        *(Person("", "", district=each.id) for each in city.districts[:2]),
        *(Person("", "", district=name) for name in (NOWHERE, city.districts[0].division_code)),
        *(Person("", "", partner=name) for name in (partner, NOWHERE)),
        Person("", "", district=district, partner=partner),
        Person("", "", schools=(city.schools[0].code,), district=city.districts[-1].id),
    ]


def lessons(city: City) -> list[Thing]:
    recorded = [each for each in situations.things(city) if each.resource == names.RESOURCE_LESSON and each.licence]
    return recorded + [each for each in situations.things(city) if each.resource == names.RESOURCE_LIVE]


def of_service(city: City, who: Person, what: Thing) -> tuple[rules.Person, rules.Lesson]:
    """The same person and lesson as the service knows them: a subject by a name, as its record has it."""
    taught = next((each.name.en.upper() for each in city.subjects if each.id == what.subject), "")
    published = datetime.fromtimestamp(what.published or 0, UTC)
    ends = LATE if what.resource == names.RESOURCE_LIVE else None
    lesson = rules.Lesson(
        what.id, what.school or "", what.licence or "", published, "m", live_until=ends, subject=taught
    )
    school = who.schools[0] if who.schools else None
    return rules.Person(who.tier, school, district=who.district, partner=who.partner), lesson


def compared(city: City, part: int, actions: tuple[Action, ...], asking: rules.Asking) -> Counter[str]:
    """How many were asked and allowed; every ``part``-th question. Fails at the first on which the three differ.

    Where a licence counts seats, with one and without.
    """
    each_asks, counting = len(actions), {each.id for each in city.licences if each.seats}
    service, judge, counts = rules.Rules(document.document(city)), Judge.of(city), Counter[str]()
    moments = situations.moments(city, situations.published(city))
    asked = [
        (what, now, seat)
        for what, now in product(lessons(city), moments)
        for seat in ((False, True) if what.licence in counting else (False,))
    ]
    for number, who in enumerate(people(city)):
        chosen = asked[number % part :: part]
        questions = [Question(who, action, what, now, seat) for what, now, seat in chosen for action in actions]
        verdicts = judge.decide(questions)
        for at, (what, now, seat) in enumerate(chosen):
            own = slice(each_asks * at, each_asks * (at + 1))
            cedar = any(verdict.allowed for verdict in verdicts[own])
            plain = any(reference.allowed(city, each) for each in questions[own])
            held = now + 1 if seat else now
            decision = service.decide(*of_service(city, who, what), datetime.fromtimestamp(now, UTC), asking, held)
            assert decision.allowed is cedar is plain, (who, what, now, seat, decision, cedar, plain)
            counts.update(asked=1, allowed=cedar, seated=cedar and seat)
    return counts


@pytest.mark.proof
@pytest.mark.parametrize("name", ["tiny", "neijiang"])
def test_the_service_the_policies_and_the_reference_agree_about_every_lesson(
    name: str, campaign: Callable[[int, int], int], proof: Callable[[str, str], None]
) -> None:
    part = 1 if campaign(0, 1) else PART[name]
    counts = compared(situations.widened(load_named(name)), part, PLAYING, forms.playing)
    said = f"{counts['asked']:,} situations, {counts['allowed']:,} allowed, 0 mismatches"
    proof(f"access: entitlement service, compiled policies and plain reference about lessons of the city {name}", said)
    assert counts["asked"] > 1000
    assert counts["allowed"] > counts["asked"] / 50
    assert counts["seated"]


@pytest.mark.proof
@pytest.mark.parametrize("name", ["tiny", "neijiang"])
def test_they_agree_about_taking_every_lesson_away(
    name: str, campaign: Callable[[int, int], int], proof: Callable[[str, str], None]
) -> None:
    part = 1 if campaign(0, 1) else 2 * PART[name]
    counts = compared(situations.widened(load_named(name)), part, (Action.DOWNLOAD,), forms.downloading)
    said = f"{counts['asked']:,} situations, {counts['allowed']:,} allowed, 0 mismatches"
    proof(f"access: the same three about taking lessons of the city {name} away", said)
    assert counts["asked"] > 500
    assert 0 < counts["allowed"] < counts["asked"] / 4


@pytest.mark.parametrize("name", PART)
def test_they_agree_about_who_sees_the_readings_of_the_whole_city(name: str) -> None:
    city, now = load_named(name), datetime.now(UTC)
    service, judge = rules.Rules(document.document(city)), Judge.of(city)
    seen = set()
    for who in people(city):
        asked = forms.reporting(who, now)
        right = any(reference.allowed(city, each) for each in asked)
        me, _ = of_service(city, who, lessons(city)[0])
        # A session that names a school of nowhere is refused first: by no rule of the matrix, but by what is wrong with it.
        sound = situations.STRANGER not in who.schools
        assert service.reporting(me, now).allowed is (right and sound), who
        assert any(each.allowed for each in judge.decide(asked)) is right, who
        seen.add(right)
    assert seen == {True, False}
    assert {each.id for each in readers.dashboard_tiers(city)} == {
        each.id for each in city.tiers if service.reporting(rules.Person(each.id), now).allowed
    }, "whom the gateway lets through before it asks"
