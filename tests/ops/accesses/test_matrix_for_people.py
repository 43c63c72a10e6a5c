"""The matrix as people read it: every right is in each form, in both languages, and no name of the catalog becomes markup."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from rich.console import Console

from catalog import City, load_named
from catalog.access import Action, LicenceReach, Scope, Use
from catalog.types import Names
from derive import grants
from ops.accesses import page, table, words
from policies.access.words import ACTIONS, SCOPES

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 7*7 }}"


@pytest.fixture(params=["tiny", "neijiang"], scope="module")
def city(request: pytest.FixtureRequest) -> City:
    return load_named(request.param)


class Text(HTMLParser):
    """Text of a page, and every tag in it."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.tags = "", list[str]()

    def handle_data(self, data: str) -> None:
        self.words += data

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)


def read(html: str) -> Text:
    found = Text()
    found.feed(html)
    return found


def test_every_word_is_there_in_both_languages() -> None:
    for known, kind in (
        (ACTIONS, Action), (SCOPES, Scope), (words.USES, Use), (words.REACHES, LicenceReach)
    ):  # fmt: skip
        assert set(known) == set(kind)
        assert all(
            re.search(r"[\u4e00-\u9fff]", zh) and not re.search(r"[\u4e00-\u9fff]", en) for zh, en in known.values()
        )


def test_the_table_for_a_spreadsheet_has_every_cell_once(city: City) -> None:
    rows = list(csv.DictReader(io.StringIO(table.csv_text(city).removeprefix("\ufeff"))))
    found = [(row["resource"], row["tier"], row["action"], row["scopes"]) for row in rows]
    assert found == [(c.resource, c.tier, c.action.value, " ".join(c.scopes)) for c in grants.cells(city)]
    assert all(row["tier_zh"] and row["tier_en"] and row["scopes_zh"] and row["scopes_en"] for row in rows)
    assert not [row for row in rows for value in row.values() if value[:1] in "=+-@" and value], (
        "a formula for the spreadsheet"
    )


def test_the_table_names_the_rule_and_the_age_wherever_data_are_personal(city: City) -> None:
    personal = {each.id for each in city.resources if each.personal}
    asking = {rule.id for rule in city.data_rules if rule.guardian_consent}
    for row in csv.DictReader(io.StringIO(table.csv_text(city).removeprefix("\ufeff"))):
        assert bool(row["rule"]) is (row["resource"] in personal)
        assert bool(row["guardian_consent_below"]) is (row["rule"] in asking)


def test_the_page_says_everything_in_both_languages_and_fetches_nothing(city: City) -> None:
    found = read(page.html(city))
    rows: tuple[Any, ...] = (*city.tiers, *city.resources, *city.licences, *city.data_rules, *city.agreements)
    for row in rows:
        assert row.name.zh in found.words and row.name.en in found.words
    for agreement in city.agreements:
        said = [line for term in agreement.terms for line in (*term.gives, *term.owes)]
        said += [each.office for each in agreement.signatures]
        assert all(line.zh in found.words and line.en in found.words for line in said)
    assert not {"script", "img", "link", "iframe"} & set(found.tags)
    assert city.digest in found.words


def test_the_page_says_what_is_open_to_everybody_beside_the_matrix(city: City) -> None:
    said = read(page.html(city)).words
    assert "已发布课程的标题、教师姓名、学校和封面对所有人公开" in said
    assert "Titles, teachers’ names, schools and posters of published lessons are open to everybody" in said


def test_the_page_has_a_line_for_every_right(city: City) -> None:
    for resource in city.resources:
        lines = table.lines(city, resource)
        actions = [(row.cell.tier, action) for row, listed in lines for action in listed[1].split(", ")]
        wanted = [(cell.tier, ACTIONS[cell.action][1]) for cell in grants.cells(city) if cell.resource == resource.id]
        assert sorted(actions) == sorted(wanted)


def test_an_unsigned_agreement_is_said_to_open_nothing() -> None:
    city = load_named("tiny")
    unsigned = city.agreements[0].model_copy(update={"signatures": ()})
    said = read(page.html(city.model_copy(update={"agreements": (unsigned,)}))).words
    assert "Not signed yet" in said
    assert "Not signed yet" not in read(page.html(city)).words


def test_no_name_of_the_catalog_becomes_markup_or_a_template() -> None:
    city = load_named("tiny")
    evil = Names.model_construct(zh=EVIL, en=EVIL)
    spoilt = city.model_copy(
        update={
            section: tuple(row.model_copy(update={"name": evil}) for row in getattr(city, section))
            for section in ("tiers", "resources", "licences", "data_rules", "agreements", "schools", "partners")
        }
    )
    found = read(page.html(spoilt))
    assert EVIL in found.words
    assert not {"script", "img"} & set(found.tags)


def test_the_terminal_shows_every_tier_and_class(city: City) -> None:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(table.terminal(city))
    said = console.export_text()
    rows: tuple[Any, ...] = (*city.tiers, *city.resources)
    for row in rows:
        assert row.name.zh in said and row.name.en in said


def test_a_licence_says_whether_a_stick_takes_its_lessons_and_that_a_cache_is_none(city: City) -> None:
    for each in city.licences:
        said = words.limits(each)
        assert (
            ("不得装入 U 盘（学校盒子的缓存属于在线播放）", "no stick (what schools’ boxes cache is playing online)")
            in said
        ) is ("offline" not in each.uses)
    assert {"offline" in each.uses for each in city.licences} == {True, False}
