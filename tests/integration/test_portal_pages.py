"""The portal's pages in a browser, with lists of lessons that a real library should never have, but may."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from derive import session_token
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
    assert "Trial sign-in" in page.inner_text("footer")
    assert token not in page.url
    assert page.evaluate("document.cookie") == "", "scripts cannot read the session"
    (cookie,) = [each for each in page.context.cookies() if each["name"] == session_token.COOKIE]
    assert cookie["httpOnly"]
    assert cookie["secure"]
    page.reload()
    page.wait_for_selector("#who:not([hidden])")
    page.click("#sign-out")
    page.wait_for_selector("#who", state="hidden")
    assert not [each for each in page.context.cookies() if each["name"] == session_token.COOKIE]


def test_an_address_with_a_bad_token_signs_nobody_in(page: Page, platform: Platform) -> None:
    show(page, platform, [GOOD], path="/#sign-in=nonsense")
    assert page.locator("#who").is_hidden()
    assert "nonsense" not in page.url


def right(action: tuple[str, str], whose: tuple[str, str], *, everybody: bool = False, **by: bool) -> dict[str, Any]:
    """A right of the matrix, in Chinese and English."""
    names = [{"zh": each[0], "en": each[1]} for each in (action, whose)]
    return {"action": names[0], "whose": names[1:], "consent_below": 0, "everybody": everybody, **by}


CHILD, CITY = ("自己孩子学校的", "of their child’s school"), ("全市的", "of the whole city")
MINE: dict[str, Any] = {
    "signed_in": True,
    "tier": {"zh": "家长", "en": "Parent"},
    "school": SCHOOL["name"],
    "resources": [
        {
            "name": {"zh": "课程视频", "en": "Lesson"},
            "description": {"zh": "录像", "en": "A recording."},
            "licensed": True,
            "grants": [
                right(("查看", "view"), CHILD),
                right(("学习", "learn"), CHILD),
                right(("改编", "remix"), CHILD, not_yet=True),
                right(("发布", "publish"), CHILD, by_operator=True),
                right(("查看", "view"), CITY, everybody=True),
            ],
        },
        {"name": {"zh": "平台本身", "en": "The platform itself"}, "description": None, "licensed": False, "grants": []},
    ],
    "classes": [],
    "children": [{"schools": [SCHOOL["name"]], "classes": ["7a", "chess"]}],
    "seats": [
        {"licence": {"zh": "付费课程", "en": "Bought course"}, "until": "2027-07-31"},
        {"licence": {"zh": "另一门", "en": "Another"}, "until": None},
    ],
    "others": None,
}
NOBODY = {**MINE, "signed_in": False, "school": None, "classes": None, "children": None, "seats": None}


def show_mine(page: Page, platform: Platform, body: Any, status: int = 200) -> str:
    """Open the view of what somebody may see, with this answer; what it says."""
    text = body if isinstance(body, str) else json.dumps(body)
    page.route("**/access/mine", lambda route: route.fulfill(status=status, body=text, content_type="application/json"))
    page.goto(platform.url.rstrip("/") + "/#mine")
    page.wait_for_selector("main h1")
    return page.inner_text("main")


def test_a_parent_is_shown_who_they_are_their_child_and_what_they_may_do(page: Page, platform: Platform) -> None:
    said = show_mine(page, platform, MINE)
    assert "Parent" in page.inner_text("#who-i-am + dl")
    assert page.locator("#my-children-list li").all_inner_texts() == ["First Primary School · 7a, chess"]
    assert page.locator("#my-classes").count() == 0
    assert page.locator("#my-seats-list li").all_inner_texts() == ["Bought course (until 2027-07-31)", "Another"]
    lesson, nothing = page.locator("#matrix tbody").all()
    assert lesson.locator("tr").count() == 4
    assert "nothing of the platform gives this yet" in lesson.locator("tr").nth(1).inner_text()
    assert lesson.inner_text().count("gives this yet") == 1
    assert "the platform’s operator does this" in lesson.locator("tr").nth(2).inner_text()
    assert lesson.inner_text().count("operator does this") == 1
    assert "view, learn" in lesson.inner_text() and "open to everybody" in lesson.inner_text()
    assert "nothing" in nothing.inner_text()
    assert "under its licence" in said
    assert page.title().startswith("What may I see")
    page.click("#language")
    page.wait_for_selector("html[lang=zh-CN] #matrix")
    assert "自己孩子学校的" in page.inner_text("#matrix")


def test_the_table_s_heads_name_its_cells_for_screen_readers(page: Page, platform: Platform) -> None:
    show_mine(page, platform, MINE)
    assert page.locator("#matrix caption").count() == 1
    assert page.locator("#matrix thead th[scope=col]").count() == 3
    assert page.locator("#matrix tbody th[scope=rowgroup]").count() == 2
    assert page.get_by_role("table", name="What accounts of the kind “Parent” may do").count() == 1


def test_who_is_not_signed_in_is_shown_what_is_everybody_s_and_the_way_in(page: Page, platform: Platform) -> None:
    assert "not signed in" in show_mine(page, platform, NOBODY)
    assert page.get_attribute("#signed-out a", "href") == "/access/sign-in"
    assert page.locator("#my-children").count() == 0


def test_a_refusal_to_say_is_said_in_words_and_hides_everything_else(page: Page, platform: Platform) -> None:
    assert WORDS["en"] in show_mine(page, platform, {**WORDS, "reason": "person-left"}, 403)
    assert page.get_attribute("#refusal", "data-reason") == "person-left"
    assert page.locator("#matrix").count() == 0


@pytest.mark.parametrize("body", ["not json", "{}", '{"resources": 7}', "null", '{"resources": [null, 7, {}, {"name": 3}]}'])  # fmt: skip
def test_an_answer_that_makes_no_sense_shows_nothing_of_it(page: Page, platform: Platform, body: str) -> None:
    show_mine(page, platform, body)
    assert page.locator("#matrix tbody").count() == 0


def test_what_a_name_holds_is_text_on_this_page_too(page: Page, platform: Platform) -> None:
    nasty = "<img src=x onerror=document.title='broken-in'>"
    children = [{"schools": [{"zh": nasty, "en": nasty}], "classes": [nasty]}]
    assert show_mine(page, platform, {**MINE, "children": children}).count(nasty) == 2
    assert "broken-in" not in page.title()


def test_the_view_is_reached_by_keyboard_from_the_list_and_back(page: Page, platform: Platform) -> None:
    page.route("**/access/mine", lambda route: route.fulfill(json=MINE))
    show(page, platform, [GOOD])
    page.focus("#may-see")
    page.keyboard.press("Enter")
    page.wait_for_selector("#matrix")
    assert page.evaluate("document.activeElement.id") == "main"
    assert page.get_attribute("#may-see", "aria-current") == "page"
    page.focus("#skip")
    page.keyboard.press("Enter")
    assert page.locator("#matrix").count() == 1, "skipping to the content leaves the view as it is"
    page.go_back()
    page.wait_for_selector(".card")
    assert page.get_attribute("#may-see", "aria-current") is None


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_of_it_sticks_out(page: Page, platform: Platform, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    show_mine(page, platform, {**MINE, "children": [{"schools": [SCHOOL["name"]] * 3, "classes": ["x" * 90]}]})
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_what_the_running_service_says_is_shown(page: Page, platform: Platform) -> None:
    city = viewer.city(platform)
    page.goto(platform.url.rstrip("/") + "/#mine")
    page.wait_for_selector("#matrix")
    assert page.locator("#matrix tbody").count() == len(city.resources)
    assert page.locator("#sign-in").is_visible()


def test_every_control_has_a_name_for_screen_readers(page: Page, platform: Platform) -> None:
    answer_play(page, {"master": "/lessons/l-good/h/master.m3u8"})
    show(page, platform, [GOOD], path="/?lesson=l-good")
    page.wait_for_selector("video")
    assert page.get_attribute("video", "aria-label")
    assert page.get_by_label("Quality").count() == 1
    # A list without a choice yet has a label all the same.
    named = "e.textContent.trim() || e.ariaLabel || e.labels?.length"
    unnamed = f"[...document.querySelectorAll('button, a, select')].filter(e => !({named})).map(e => e.outerHTML)"
    assert page.evaluate(unnamed) == []
