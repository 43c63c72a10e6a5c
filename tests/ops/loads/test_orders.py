"""What the user asked for becomes an order, or a sentence that says what is wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.error import HTTPError, URLError

import pytest

from catalog import City, load_named
from catalog.access import Scope, Use
from catalog.errors import UserError
from derive import access_log, admission, figures, traffic
from derive.traffic import Kind
from loadtests import schedule
from loadtests.order import ANYBODY, bearer
from ops import health
from ops.lessons.place import Place
from ops.loads import orders, sessions
from ops.loads.orders import Wish
from policies.access import document
from services.entitlement import records
from services.entitlement.rules import Person, Rules

CITY = load_named("tiny")
PLACE = Place("s", {"domain": "edu.example"}, None, None)
PUBLIC = next(tier.id for tier in CITY.tiers if tier.scope is Scope.PUBLIC)
OPEN, SHUT = (
    next(each.id for each in CITY.licences if (PUBLIC in each.tiers) is public and Use.STREAM in each.uses)
    for public in (True, False)
)


RUN = orders.plan(CITY, Wish(minutes=2, scale=1, at="", span=30, seed=1))


def row(name: str, licence: str) -> dict[str, Any]:
    published = datetime.now(UTC).isoformat()
    return {
        "id": name, "master": f"{name}/x/master.m3u8", "published": published,
        "school": {"code": CITY.schools[0].code}, "licence": {"id": licence},
    }  # fmt: skip


ROWS = [row(f"l-{n}", OPEN) for n in range(30)]


def wish(**changes: object) -> Wish:
    return Wish(**{"minutes": 2, "scale": 1, "at": "", "span": 30, "seed": 1, **changes})  # type: ignore[arg-type]


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The platform's list of lessons: what the returned list holds when it is asked for."""
    rows = list(ROWS)
    monkeypatch.setattr(health, "fetch", lambda url, _: json.dumps({"lessons": rows}).encode())
    return rows


def test_without_a_time_the_window_is_around_the_sign_in_peak() -> None:
    plan = orders.plan(CITY, wish())
    assert (plan.starts + plan.ends) / 2 == traffic.sign_in_peak(traffic.day(CITY))
    assert plan.ends - plan.starts == 1800
    assert plan.seconds == 120


def test_a_run_that_asks_more_than_the_gateway_lets_in_is_told_where_and_one_as_it_is_by_itself_is_not() -> None:
    assert orders.beyond(CITY, RUN) == {}
    narrow = CITY.model_copy(update={"admission": CITY.admission.model_copy(update={"headroom": 2})})
    lessons, _, rest = admission.limits(narrow)
    told = orders.beyond(narrow, RUN)
    assert [passes for _, passes in told.values()] == [lessons.requests, rest.requests]
    assert all(asked > passes for asked, passes in told.values())
    assert any(access_log.PLAY.startswith(where.split(" and ")[0]) for where in told), "where lessons are begun"


def test_a_time_is_the_middle_of_the_window() -> None:
    plan = orders.plan(CITY, wish(at="14:30", span=20))
    assert (plan.starts, plan.ends) == (14 * 3600 + 20 * 60, 14 * 3600 + 40 * 60)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"at": "25:00"}, "HH:MM"),
        ({"at": "8.30"}, "HH:MM"),
        ({"at": "0:05"}, "leaves the day"),
        ({"at": "03:00"}, "nobody comes"),
        ({"scale": 0}, "greater than 0"),
        ({"minutes": -1}, "greater than 0"),
        ({"span": 0}, "greater than 0"),
    ],
)
def test_a_window_that_cannot_be_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        orders.plan(CITY, wish(**changes))


def test_what_is_expected_is_counted_from_the_people_themselves() -> None:
    plan = orders.plan(CITY, wish())
    people, told = schedule.arrivals(plan), orders.expected(CITY, plan)
    assert sum(told.people.values()) == len(people)
    viewers = [each for each in people if each.kind is Kind.PLAY]
    assert told.players == max(
        sum(other.at <= each.at < other.at + other.watches for other in viewers) for each in viewers
    )


def test_a_larger_run_takes_more_processes() -> None:
    told = orders.expected(CITY, orders.plan(CITY, wish()))
    assert orders.processes(told) == 1
    assert orders.processes(replace(told, mbps=told.mbps * 100)) > 1
    assert orders.processes(replace(told, requests=100 * figures.GENERATOR_REQUESTS.value)) > 99


def played(*wanted: str) -> orders.Repertoire:
    return orders.repertoire(PLACE, CITY, RUN, wanted)


def test_the_newest_lessons_are_played_unless_some_are_named(listed: list[dict[str, Any]]) -> None:
    assert played().lessons == tuple(each["id"] for each in listed[: orders.LESSONS])
    assert played("l-29").lessons == ("l-29",)


def test_everybody_plays_what_the_rules_allow_and_nothing_else(listed: list[dict[str, Any]]) -> None:
    listed[:] = [row("l-shut", SHUT), {"id": "l-odd"}, row("l-open", OPEN)]
    found = played()
    assert found.lessons == ("l-shut", "l-open")
    assert found.reach[ANYBODY] == (1,)
    own = bearer(Scope.CLASS, CITY.schools[0].code)
    assert 0 in found.reach[own], "the school's own students may play what its licence lets students play"
    rules, now = Rules(document.document(CITY)), datetime.now(UTC)
    for who, numbers in found.reach.items():
        scope, _, school = who.partition("/")
        person = rules.public() if who == ANYBODY else Person(sessions.tier(CITY, Scope(scope)), school)
        for number in range(2):
            lesson = records.facts(next(each for each in listed if each["id"] == found.lessons[number]))
            assert rules.decide(person, lesson, now).allowed == (number in numbers)


def test_a_lesson_that_is_not_there_is_named(listed: list[dict[str, Any]]) -> None:
    with pytest.raises(UserError, match="no lesson l-99"):
        played("l-1", "l-99")


def test_without_a_lesson_there_is_nothing_to_play(listed: list[dict[str, Any]]) -> None:
    listed.clear()
    with pytest.raises(UserError, match="huiju lesson publish"):
        played()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (URLError("refused"), "huiju status"),
        (HTTPError("u", 503, "no", None, None), "answers 503"),  # type: ignore[arg-type]
        (HTTPError("u", 404, "no", None, None), "no lesson that anybody who comes"),  # type: ignore[arg-type]
    ],
)
def test_a_platform_that_does_not_answer_is_said(error: Exception, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(url: str, known: object) -> bytes:
        raise error

    monkeypatch.setattr(health, "fetch", fail)
    with pytest.raises(UserError, match=said):
        played()


def test_a_city_without_a_load_target_is_told_which_measures_there_are(listed: list[dict[str, Any]]) -> None:
    bare: City = CITY.model_copy(update={"targets": CITY.targets[:1]})
    with pytest.raises(UserError, match="segment-p95-ms"):
        orders.order(PLACE, bare, wish())


def test_an_order_holds_no_secret_and_says_where_to_connect(listed: list[dict[str, Any]]) -> None:
    order = orders.order(PLACE, CITY, wish(), address="https://gateway.inside:443")
    assert (order.host, order.address, order.report_in_log) == ("edu.example", "https://gateway.inside:443", True)
    assert orders.order(PLACE, CITY, wish()).address == "https://edu.example"
