"""The player in a browser, of a lesson that is being broadcast: near the classroom, behind it, and when class ends or breaks off."""

# ruff: noqa: F811  # fixtures are handed over by their names

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, Route, expect

from derive.live import SPAN
from tests.integration import broadcast
from tests.integration.broadcast import Broadcast
from tests.integration.lesson_server import Library
from tests.integration.test_player_page import (  # noqa: F401  # fixtures
    AT,
    LIVE,
    LONG,
    RECORDED,
    browser,
    built,
    context,
    lesson,
    library,
    material,
    page,
    until,
    watch,
)

pytestmark = pytest.mark.integration
MADE = """{ const make = document.createElement.bind(document); window.made = [];
document.createElement = (...words) => { const it = make(...words); if (it.localName === 'video') made.push(it); return it; }; }"""
"""Keeps every video that the page makes, shown or not."""


def delay(page: Page) -> float:
    """Seconds behind the classroom, as the page says."""
    until(page, "document.querySelector('#latency').dataset.seconds > 0")
    return float(page.get_attribute("#latency", "data-seconds") or "nan")


def test_a_player_that_was_overtaken_while_it_opened_does_not_play_unseen(
    page: Page, library: Library, lesson: Broadcast
) -> None:
    page.add_init_script(MADE)
    late: list[Route] = []
    asked = f"**/access/play/{lesson.lesson}"
    page.route(asked, lambda route: late.append(route), times=1)  # noqa: PLW0108  # a list's own method cannot be marked
    with page.expect_request(asked):
        page.goto(f"{library.url}/?lesson={lesson.lesson}")
    page.click("#language")
    until(page, "made.length === 1 && !made[0].paused")
    late[0].continue_()
    until(page, "made.length === 2")
    page.wait_for_timeout(1000)
    assert page.evaluate("made.map(each => each.hasAttribute('src'))") == [True, False]
    page.click("#may-see")
    until(page, "made.every(each => !each.hasAttribute('src'))")


def test_what_is_live_stands_first_in_the_list(page: Page, library: Library, lesson: Broadcast) -> None:
    page.goto(library.url)
    page.wait_for_selector(".card")
    assert page.locator(".card").first.get_attribute("data-lesson") == lesson.lesson
    assert "Live now" in page.locator("#live-now .card").inner_text()
    assert page.locator("h2").all_inner_texts() == ["Live now", "Recorded lessons"]


def test_a_live_lesson_plays_near_its_end_and_says_how_far_behind(
    page: Page, library: Library, lesson: Broadcast
) -> None:
    watch(page, library, lesson.lesson)
    until(page, "document.getElementById('live').textContent === 'Live'")  # a busy machine begins a little behind
    near = delay(page)
    assert 1 < near < 15
    page.focus("#seek")
    page.keyboard.press("Home")
    expect(page.locator("#live")).to_have_text("Behind live", timeout=LONG)
    assert delay(page) > near + 3, "what lies in the playlist can be reached"
    page.get_by_role("button", name="Back to live").click()
    expect(page.locator("#live")).to_have_text("Live", timeout=LONG)
    until(page, f"document.querySelector('#latency').dataset.seconds < {near + 2}")


def test_the_clock_of_the_classroom_s_pc_does_not_change_the_delay(
    page: Page, library: Library, lesson: Broadcast
) -> None:
    page.add_init_script("const right = Date.now.bind(Date); Date.now = () => right() + 3600000")
    watch(page, library, lesson.lesson)
    assert 1 < delay(page) < 15


def test_when_class_ends_the_player_says_so_and_offers_the_recording(
    page: Page, library: Library, lesson: Broadcast
) -> None:
    watch(page, library, lesson.lesson)
    lesson.end()
    expect(page.locator("#over")).to_contain_text("The live lesson has ended", timeout=LONG)
    assert page.inner_text("#live") == "Ended"
    assert page.locator("[role=alert]:not([hidden])").count() == 0, "an end is no error"
    (library.lessons / LIVE / "h").symlink_to(library.lessons / RECORDED / "h")
    lesson.tell(lesson.record("ended", master=f"{LIVE}/h/master.m3u8", seconds=broadcast.SECONDS))
    page.get_by_role("button", name="Watch the recording").click(timeout=LONG)
    expect(page.locator("#caption")).to_be_attached(timeout=LONG)
    until(page, "document.querySelector('#seek')?.max === '120'")
    assert page.locator("#live").count() == 0
    until(page, f"0 < {AT} && {AT} < 10 && !document.querySelector('video').paused")


def test_in_the_other_language_a_recording_does_not_open_where_the_broadcast_of_it_stood(
    page: Page, library: Library, lesson: Broadcast
) -> None:
    watch(page, library, lesson.lesson)
    until(page, f"{AT} > 10")
    (library.lessons / LIVE / "h").symlink_to(library.lessons / RECORDED / "h")
    lesson.tell(lesson.record("ended", master=f"{LIVE}/h/master.m3u8", seconds=broadcast.SECONDS))
    page.click("#language")
    until(page, "document.querySelector('#seek')?.max === '120'")
    assert page.evaluate(AT) < 10


def test_a_broadcast_that_falls_silent_is_told_and_goes_on_by_itself(
    page: Page, library: Library, lesson: Broadcast
) -> None:
    watch(page, library, lesson.lesson)
    lesson.stop()
    expect(page.locator("#said")).to_have_text(re.compile("No new picture comes from the classroom"), timeout=LONG)
    expect(page.locator("#live")).to_have_text("No signal", timeout=LONG)
    before = page.evaluate(AT)
    lesson.resume()
    expect(page.locator("#said")).to_have_text("", timeout=LONG)
    until(page, f"{AT} > {before + 1}")


def test_a_broadcast_that_broke_off_and_is_recorded_as_ended_ends_cleanly(
    page: Page, library: Library, lesson: Broadcast
) -> None:
    watch(page, library, lesson.lesson)
    lesson.stop()
    lesson.tell(lesson.record("ended"))
    expect(page.locator("#over")).to_contain_text("The live lesson has ended", timeout=LONG)
    assert page.inner_text("#live") == "Ended"


def test_a_lesson_that_ended_and_is_not_yet_recorded_can_be_watched_as_it_was_broadcast(
    page: Page, library: Library, lesson: Broadcast
) -> None:
    lesson.end()
    watch(page, library, lesson.lesson)
    assert "still being made" in page.inner_text("main")
    assert page.locator("#live").count() == 0


def test_of_a_class_that_is_not_recorded_no_recording_is_promised(
    page: Page, library: Library, lesson: Broadcast
) -> None:
    lesson.end()
    lesson.tell(lesson.record("ended", recorded=False))
    watch(page, library, lesson.lesson)
    assert "recording" not in page.inner_text("main")


def test_a_recording_that_will_not_come_is_promised_and_asked_for_no_longer(
    page: Page, library: Library, lesson: Broadcast
) -> None:
    watch(page, library, lesson.lesson)
    lesson.end()
    expect(page.locator("#over")).to_contain_text("will appear here", timeout=LONG)
    lesson.tell(lesson.record("ended", recorded=False))
    expect(page.locator("#over")).to_have_text("The live lesson has ended", timeout=LONG)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(12_000)  # the page asks every ten seconds, where it does
    assert not [url for url in asked if url.endswith("/lesson.json")]


def test_a_recording_that_did_not_come_in_its_time_is_promised_and_asked_for_no_longer(
    page: Page, library: Library, lesson: Broadcast
) -> None:
    given_up = datetime.now(UTC) - SPAN
    watch(page, library, lesson.lesson)
    lesson.end()
    lesson.tell(lesson.record("ended", recorded=True, until=given_up + timedelta(minutes=5)))
    expect(page.locator("#over")).to_contain_text("will appear here", timeout=LONG)
    lesson.tell(lesson.record("ended", recorded=True, until=given_up - timedelta(minutes=1)))
    expect(page.locator("#over")).to_contain_text("No recording came of it. Ask the school", timeout=LONG)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(12_000)  # the page asks every ten seconds, where it does
    assert not [url for url in asked if url.endswith("/lesson.json")]
    page.reload()
    expect(page.locator("main .notice")).to_contain_text("No recording came of it: ask the school", timeout=LONG)
