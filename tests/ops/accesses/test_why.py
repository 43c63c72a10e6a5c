"""An answer says yes or no as the policies do, names the first thing that stands in the way, and says it in both languages."""

from __future__ import annotations

import re
from typing import Any

import pytest
from typer.testing import CliRunner

from catalog import City, load_named
from catalog.errors import UserError
from derive import grants
from ops import access
from ops.accesses import asking, why
from policies.access.conditions import Obstacle
from policies.access.deciding import Judge
from tests.policies import situations

TINY = load_named("tiny")
HOME, AWAY = TINY.schools[0].code, TINY.schools[3].code
LESSON = TINY.resources[0].id
STUDENT = TINY.tiers[0].id
PERSONAL = next(each for each in TINY.resources if each.personal)
CONSENTED = next(
    cell for cell in grants.cells(TINY)
    if cell.resource == PERSONAL.id and any(r.id == cell.rule and r.guardian_consent for r in TINY.data_rules)
)  # fmt: skip
AGREEMENT = TINY.agreements[0]
OPEN, DATED = TINY.licences[0].id, next(each for each in TINY.licences if each.window_days)
BOUGHT = next(each for each in TINY.licences if each.seats)
DURING = str(AGREEMENT.starts)


NOT_YET, BY_OPERATOR = "nothing of the platform gives this yet", "the platform’s operator does this"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((STUDENT, "view", LESSON), None),
        ((STUDENT, "view", "learning-record"), NOT_YET),
        (("school-staff", "view", "school-box"), NOT_YET),
        (("technician", "view", "school-box"), None),
        (("teacher", "publish", LESSON), BY_OPERATOR),
    ],
)
def test_the_command_says_after_a_yes_who_gives_it(words: tuple[str, str, str], line: str | None) -> None:
    done = CliRunner().invoke(access.app, ["explain", *words, "--city", "tiny"])
    assert done.exit_code == 0
    assert [each for each in (NOT_YET, BY_OPERATOR) if each in done.stdout] == ([line] if line else [])


@pytest.mark.parametrize("tier", ["teacher", "technician"])
def test_a_refusal_says_so_too_where_nothing_gives_it(tier: str) -> None:
    words = ("explain", tier, "download", "course-material", "--licence", BOUGHT.id, "--school", HOME)
    done = CliRunner().invoke(access.app, [*words, "--city", "tiny"])
    assert done.exit_code == 1
    assert NOT_YET in done.stdout


def answer(tier: str, action: str, resource: str, **given: Any) -> why.Answer:
    meant, of = asking.cell(TINY, tier, action, resource)
    known = asking.Given(**given)
    if not known.anything:
        return why.general(TINY, of, tier, meant)
    return why.particular(TINY, of, asking.question(TINY, tier, meant, of, known))


def said(found: why.Answer) -> str:
    return "\n".join(line for pair in found.lines for line in pair)


def test_every_obstacle_is_said_in_both_languages() -> None:
    assert set(why.OBSTACLES) == set(Obstacle)
    assert all(
        re.search(r"[\u4e00-\u9fff]", zh) and not re.search(r"[\u4e00-\u9fff]", en) for zh, en in why.OBSTACLES.values()
    )


def test_in_general_a_right_names_whose_and_under_which_terms() -> None:
    found = answer(STUDENT, "view", LESSON)
    assert found.allowed
    assert TINY.licences[0].name.zh in said(found)


def test_in_general_what_no_grant_gives_names_who_may() -> None:
    found = answer(STUDENT, "publish", LESSON)
    assert not found.allowed
    able = {cell.tier for cell in grants.cells(TINY) if (cell.resource, cell.action.value) == (LESSON, "publish")}
    assert all(tier.name.en in said(found) for tier in TINY.tiers if tier.id in able)


@pytest.mark.parametrize(
    ("given", "obstacle"),
    [
        ({"school": HOME, "licence": OPEN}, None),
        ({"school": HOME, "owner": AWAY, "licence": DATED.id}, Obstacle.WHOSE),
        ({"school": HOME, "licence": DATED.id, "published": "2026-09-05", "at": "2027-09-05"}, Obstacle.LASTED),
        ({"school": HOME, "licence": DATED.id, "published": "2026-09-05", "at": "2027-09-04"}, None),
        ({"school": HOME, "licence": DATED.id, "published": "2026-09-05", "at": "2026-09-04"}, Obstacle.UNPUBLISHED),
        ({"school": HOME, "licence": BOUGHT.id, "at": "2026-10-01"}, Obstacle.SEAT),
        ({"school": HOME, "licence": BOUGHT.id, "at": "2026-10-01", "seat": True}, None),
        ({"school": HOME, "licence": BOUGHT.id, "at": "2026-08-01", "seat": True}, Obstacle.NOT_BEGUN),
        ({"school": HOME, "licence": BOUGHT.id, "at": "2028-08-01", "seat": True}, Obstacle.ENDED),
        ({"school": HOME, "owner": AGREEMENT.schools[1], "licence": DATED.id, "at": DURING}, None),
        ({"school": HOME, "owner": AGREEMENT.schools[1], "licence": DATED.id, "at": "2026-08-31"}, Obstacle.AGREEMENT),
    ],
)
def test_a_question_about_a_lesson_names_what_stands_in_the_way(
    given: dict[str, Any], obstacle: Obstacle | None
) -> None:
    found = answer(STUDENT, "view", LESSON, **given)
    assert found.allowed is (obstacle is None), said(found)
    if obstacle:
        assert all(text in said(found) for text in why.OBSTACLES[obstacle])


@pytest.mark.parametrize(
    ("given", "obstacle"),
    [
        ({"near": "class", "age": 13}, Obstacle.CONSENT),
        ({"near": "class"}, Obstacle.CONSENT),
        ({"near": "class", "age": 14}, None),
        ({"near": "class", "age": 13, "consent": True}, None),
        ({"age": 14}, Obstacle.WHOSE),
    ],
)
def test_a_question_about_a_pupil_names_what_stands_in_the_way(
    given: dict[str, Any], obstacle: Obstacle | None
) -> None:
    found = answer(CONSENTED.tier, CONSENTED.action.value, PERSONAL.id, school=HOME, **given)
    assert found.allowed is (obstacle is None), said(found)
    if obstacle:
        assert all(text in said(found) for text in why.OBSTACLES[obstacle])


def test_an_answer_is_the_decision_of_the_policies_in_many_situations() -> None:
    city: City = situations.widened(TINY)
    judge = Judge.of(city)
    for listed in list(situations.questions(city))[::61]:
        for asked in listed[:: len(listed) // 5 or 1]:
            looked = judge.obstacles(asked)
            assert judge.decide([asked])[0].allowed is any(not obstacles for _, obstacles in looked)


@pytest.mark.parametrize(
    ("words", "given", "wrong"),
    [
        (("pupl", "vew", "lessn"), {}, 3),
        ((STUDENT, "view", LESSON), {"school": "1", "owner": "2", "licence": "x", "near": "y", "at": "z"}, 5),
        ((STUDENT, "view", LESSON), {"school": HOME}, 1),
        ((STUDENT, "view", LESSON), {"school": HOME, "licence": OPEN, "district": "x", "partner": "y"}, 2),
    ],
)
def test_everything_that_is_wrong_with_a_question_is_said_at_once(
    words: tuple[str, str, str], given: dict[str, Any], wrong: int
) -> None:
    with pytest.raises(UserError) as refused:
        answer(*words, **given)
    assert len(str(refused.value).splitlines()) == 1 + wrong
