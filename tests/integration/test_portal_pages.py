"""The portal's pages in a browser, with lists of lessons that a real library should never have, but may."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.integration import viewer
from tests.integration.conftest import Platform

pytestmark = pytest.mark.integration
SCHOOL = {"code": "5110020001", "name": {"zh": "第一小学", "en": "First Primary School"}}
GOOD = {"id": "l-good", "title": "分数", "school": SCHOOL, "seconds": 65, "master": "l-good/h/master.m3u8"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "apt-get install chromium"
    with sync_playwright() as run:
        started = run.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--no-first-run"]
        )
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(ignore_https_errors=True, locale="en-US", viewport={"width": 390, "height": 844})
    yield context.new_page()
    context.close()


def show(page: Page, platform: Platform, lessons: Any, status: int = 200, path: str = "/") -> str:
    """Open ``path`` with this list of lessons; what the page says."""
    body = lessons if isinstance(lessons, str) else json.dumps({"lessons": lessons})
    page.route(
        "**/lessons/index.json", lambda route: route.fulfill(status=status, body=body, content_type="application/json")
    )
    page.goto(platform.url.rstrip("/") + path)
    page.wait_for_selector("h1, .notice")
    return page.inner_text("main")


def test_a_lesson_is_shown_with_school_and_length(page: Page, platform: Platform) -> None:
    said = show(page, platform, [GOOD])
    assert "分数" in said
    assert "First Primary School" in said
    assert "1:05" in said


def test_a_broken_row_hides_no_other(page: Page, platform: Platform) -> None:
    rows = [None, 7, {}, {"id": "x"}, {**GOOD, "id": "l-elsewhere", "master": "https://elsewhere.example/x.m3u8"}, GOOD]
    show(page, platform, rows)
    assert page.locator(".card").count() == 1


def test_a_title_and_a_name_are_text_and_never_markup(page: Page, platform: Platform) -> None:
    nasty = "<img src=x onerror=document.title='broken-in'>"
    said = show(page, platform, [{**GOOD, "title": nasty, "school": {"code": "1", "name": {"en": nasty}}}])
    assert said.count(nasty) == 2
    assert "broken-in" not in page.title()


def test_an_empty_library_says_so(page: Page, platform: Platform) -> None:
    assert "No lesson has been published yet" in show(page, platform, [])


@pytest.mark.parametrize(("body", "status"), [("{}", 503), ("not json", 200), ('{"lessons": 3}', 200)])
def test_a_list_that_cannot_be_read_is_an_honest_error_with_a_way_on(
    page: Page, platform: Platform, body: str, status: int
) -> None:
    assert "cannot be read" in show(page, platform, body, status)
    page.unroute("**/lessons/index.json")
    page.route("**/lessons/index.json", lambda route: route.fulfill(json={"lessons": [GOOD]}))
    page.click("main button")
    page.wait_for_selector(".card")


def test_an_unknown_lesson_is_said(page: Page, platform: Platform) -> None:
    assert "There is no such lesson" in show(page, platform, [GOOD], path="/?lesson=l-gone")


def test_the_language_can_be_changed_and_is_remembered(page: Page, platform: Platform) -> None:
    show(page, platform, [GOOD])
    page.click("#language")
    page.wait_for_selector("html[lang=zh-CN]")
    assert "第一小学" in page.inner_text("main")
    page.reload()
    page.wait_for_selector(".card")
    assert page.get_attribute("html", "lang") == "zh-CN"


def test_nothing_sticks_out_on_a_phone(page: Page, platform: Platform) -> None:
    show(page, platform, [{**GOOD, "title": "长" * 120, "teacher": "x" * 120}] * 3)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


WORDS = {"reason": "out-of-reach", "en": "No agreement opens it.", "zh": "没有协议开放它。"}


def answer_play(page: Page, body: Any, status: int = 200) -> None:
    """What the page is told when it asks whether the lesson may be played."""
    text = body if isinstance(body, str) else json.dumps(body)
    page.route(
        "**/access/play/*", lambda route: route.fulfill(status=status, body=text, content_type="application/json")
    )


def test_a_refusal_is_said_in_the_reader_s_language(page: Page, platform: Platform) -> None:
    answer_play(page, WORDS, 403)
    said = show(page, platform, [GOOD], path="/?lesson=l-good")
    assert WORDS["en"] in said
    assert page.get_attribute("#refusal", "data-reason") == "out-of-reach"
    assert page.locator("video").count() == 0
    page.click("#language")
    page.wait_for_selector("html[lang=zh-CN] #refusal")
    assert WORDS["zh"] in page.inner_text("main")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("not json", 200),
        ("{}", 200),
        ({"master": "https://elsewhere.example/master.m3u8"}, 200),
        ({"master": "/lessons/../uploads/master.m3u8"}, 200),
        ({"reason": "x", "en": 7, "zh": None}, 403),
        ("", 502),
    ],
)
def test_what_is_no_clear_yes_is_a_no(page: Page, platform: Platform, body: Any, status: int) -> None:
    answer_play(page, body, status)
    assert "cannot be found out now" in show(page, platform, [GOOD], path="/?lesson=l-good")
    assert page.locator("video").count() == 0


def test_a_refusal_is_text_and_never_markup(page: Page, platform: Platform) -> None:
    nasty = "<img src=x onerror=document.title='broken-in'>"
    answer_play(page, {**WORDS, "en": nasty}, 403)
    assert nasty in show(page, platform, [GOOD], path="/?lesson=l-good")
    assert "broken-in" not in page.title()


def test_nobody_is_shown_as_signed_in_before_signing_in(page: Page, platform: Platform) -> None:
    show(page, platform, [GOOD])
    assert page.locator("#who").is_hidden()
    assert page.locator("#sign-out").is_hidden()


def test_an_address_signs_in_shows_who_is_there_and_signing_out_takes_it_back(page: Page, platform: Platform) -> None:
    city = viewer.city(platform)
    tier, school = city.tiers[0], city.schools[0]
    token = viewer.session(platform, tier.id, school.code)
    show(page, platform, [GOOD], path=f"/#sign-in={token}")
    page.wait_for_selector("#who:not([hidden])")
    assert page.inner_text("#who") == f"{tier.name.en} · {school.name.en}"
    assert "stand-in" in page.inner_text("footer")
    assert token not in page.url
    assert page.evaluate("document.cookie") == "", "scripts cannot read the session"
    (cookie,) = [each for each in page.context.cookies() if each["name"] == "huiju_session"]
    assert cookie["httpOnly"]
    assert cookie["secure"]
    page.reload()
    page.wait_for_selector("#who:not([hidden])")
    page.click("#sign-out")
    page.wait_for_selector("#who", state="hidden")
    assert not [each for each in page.context.cookies() if each["name"] == "huiju_session"]


def test_an_address_with_a_bad_token_signs_nobody_in(page: Page, platform: Platform) -> None:
    show(page, platform, [GOOD], path="/#sign-in=nonsense")
    assert page.locator("#who").is_hidden()
    assert "nonsense" not in page.url


def test_every_control_has_a_name_for_screen_readers(page: Page, platform: Platform) -> None:
    answer_play(page, {"master": "/lessons/l-good/h/master.m3u8"})
    show(page, platform, [GOOD], path="/?lesson=l-good")
    page.wait_for_selector("video")
    assert page.get_attribute("video", "aria-label")
    assert page.get_by_label("Quality").count() == 1
    unnamed = (
        "[...document.querySelectorAll('button, a, select')].filter(e => !(e.textContent.trim() || e.ariaLabel)).length"
    )
    assert page.evaluate(unnamed) == 0
