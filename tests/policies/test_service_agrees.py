"""The entitlement service, deciding by its own tables, says what the compiled policies and the plain reference say about every lesson."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from catalog import City, load_named, names
from catalog.access import Action, Scope
from policies.access import document
from policies.access.deciding import Judge, Question
from policies.access.entities import Person, Thing
from services.entitlement import rules
from tests.policies import reference, situations

PLAYING = (Action.VIEW, Action.LEARN)
"""Either lets a lesson be played."""
PART = {"tiny": 3, "neijiang": 12}
"""City -> one question in so many is asked by `make test`: a few seconds each."""


def people(city: City) -> Iterator[Person]:
    """Everybody whom a session can name: a tier, or one that is not the city's, with a school, without one, or with a stranger's."""
    tiers = {tier.id: tier.scope for tier in city.tiers}
    schools = [None, situations.STRANGER, *(school.code for school in city.schools[:6])]
    for number, (tier, school) in enumerate(
        (tier, school) for tier in (*tiers, "nobody-of-the-city") for school in schools
    ):
        whole = tiers.get(tier) is Scope.CITY and school != situations.STRANGER
        yield Person(f"person-{number}", tier, schools=(school,) if school else (), city=whole)


def lessons(city: City) -> list[Thing]:
    return [each for each in situations.things(city) if each.resource == names.RESOURCE_LESSON and each.licence]


def of_service(who: Person, what: Thing) -> tuple[rules.Person, rules.Lesson]:
    """The same person and lesson as the service knows them."""
    published = datetime.fromtimestamp(what.published or 0, UTC)
    lesson = rules.Lesson(what.id, what.school or "", what.licence or "", published, "m")
    return rules.Person(who.tier, who.schools[0] if who.schools else None), lesson


def compared(city: City, part: int) -> Counter[str]:
    """How many were asked and allowed; every ``part``-th question. Fails at the first on which the three differ."""
    service, judge, counts = rules.Rules(document.document(city)), Judge.of(city), Counter[str]()
    asked = [(what, now) for what in lessons(city) for now in situations.moments(city, situations.published(city))]
    for number, who in enumerate(people(city)):
        chosen = asked[number % part :: part]
        questions = [Question(who, action, what, now) for what, now in chosen for action in PLAYING]
        verdicts = judge.decide(questions)
        for at, (what, now) in enumerate(chosen):
            cedar = any(verdict.allowed for verdict in verdicts[2 * at : 2 * at + 2])
            plain = any(reference.allowed(city, each) for each in questions[2 * at : 2 * at + 2])
            decision = service.decide(*of_service(who, what), datetime.fromtimestamp(now, UTC))
            assert decision.allowed is cedar is plain, (who, what, now, decision, cedar, plain)
            counts.update(asked=1, allowed=cedar)
    return counts


@pytest.mark.proof
@pytest.mark.parametrize("name", ["tiny", "neijiang"])
def test_the_service_the_policies_and_the_reference_agree_about_every_lesson(
    name: str, campaign: Callable[[int, int], int], proof: Callable[[str, str], None]
) -> None:
    counts = compared(situations.widened(load_named(name)), 1 if campaign(0, 1) else PART[name])
    said = f"{counts['asked']:,} situations, {counts['allowed']:,} allowed, 0 mismatches"
    proof(f"access: entitlement service, compiled policies and plain reference about lessons of the city {name}", said)
    assert counts["asked"] > 1000
    assert counts["allowed"] > counts["asked"] / 50
