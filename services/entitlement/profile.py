"""May somebody see what the roster keeps of a person? Decided by the compiled matrix, with what the roster says of the two. Pure.

Only pupils have a profile. Who is no pupil, or nobody at all, is answered like a pupil out of reach: a refusal tells nothing of anybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any, Final

from derive import grounds, questions
from derive.questions import Question, Thing
from derive.tables import Obstacle
from services.entitlement.people import Enrolment, Found, Identity
from services.entitlement.rules import Decision, Rules

OR: Final = {"zh": "，或", "en": ", or "}


def decide(rules: Rules, said: Identity, me: Found, pupil: Found | None, now: datetime) -> Decision:
    """Whether ``me``, signed in as ``said``, may see the facts of ``pupil`` at ``now`` (aware)."""
    who = _who(rules, said, me, rules.today(now))
    asked = questions.viewing(who, _things(rules, said, pupil, rules.today(now)) if pupil else (), now)
    tiers = (said.tier, *rules.tables.everybody)
    if pupil and (why := grounds.ground(rules.tables, rules.tables.opening(tiers, asked))):
        # The facts of a question do not tell a guardian's consent from a pupil about whom none has a say.
        return Decision(
            None, ground=why._replace(consent=why.consent and pupil.guarded(rules.today(now), rules.consent_below))
        )
    return _refused(rules, said.tier, asked)


def body(rules: Rules, pupil: Found, today: date) -> dict[str, Any]:
    """The little that the roster keeps of a pupil."""
    codes = [code for code in pupil.schools(today) if code in rules.schools]
    return {
        "person": pupil.id,
        "schools": [{"code": code, "name": rules.schools[code]["name"]} for code in codes],
        "classes": [each.group for each in pupil.classes(today)],
        "guardian_has_a_say": pupil.guarded(today, rules.consent_below),
    }


def _who(rules: Rules, said: Identity, me: Found, today: date) -> questions.Person:
    return questions.Person(
        me.id,
        said.tier,
        schools=(said.school,) if said.school else (),
        classes=tuple(each.group for each in _classes(me, said, today)),
        children=tuple(each.id for each in me.children),
        district=said.district,
        partner=said.partner,
        city=bool(rules.tiers.get(said.tier, {}).get("city")),
    )


def _classes(found: Found, said: Identity, today: date) -> Iterator[Enrolment]:
    """Their classes at the school as which ``said`` acts: an id of a class says which one only within its school."""
    return (each for each in found.classes(today) if each.school == said.school)


def _things(rules: Rules, said: Identity, pupil: Found, today: date) -> Iterator[Thing]:
    """The profile as of each school at which they are a pupil, and as of each of their classes that ``said`` may have to do with."""
    subjects = rules.tables.subjects(questions.PROFILE)
    agreed = pupil.agreed(today, rules.consent_below, rules.consent_by)
    schools = dict.fromkeys(each.place for each in pupil.roles if each.holds(today) and each.tier in subjects)
    for code in schools:
        yield questions.profile(pupil.id, code, consent=agreed)
    for each in _classes(pupil, said, today):
        if each.school in schools:
            yield questions.profile(pupil.id, each.school, each.group, consent=agreed)


def _refused(rules: Rules, tier: str, asked: Sequence[Question]) -> Decision:
    facts: dict[str, Any] = {"tier": rules.tiers[tier]["name"]} if tier in rules.tiers else {}
    if not facts:
        return Decision("unknown-tier")
    view = questions.VIEWING.value
    row = rules.classes.get(questions.PROFILE, {"grants": {}})
    cell = row["grants"].get(view, {}).get(tier)
    if cell is None:
        return Decision("tier-sees-no-profile", facts=facts)
    cells = [(found, each) for each in asked if (found := rules.tables.cell(tier, each)) is not None]
    if Obstacle.CONSENT in {rules.tables.obstacle(tier, found, each) for found, each in cells}:
        return Decision("consent-needed", facts=facts)
    whose = [rules.whose[row["held_by"]][scope] for scope in cell["scopes"]]
    joined = {language: word.join(each[language] for each in whose) for language, word in OR.items()}
    return Decision("profile-out-of-reach", facts={**facts, "whose": joined})
