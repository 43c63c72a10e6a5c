"""The player of somebody at a school: in a browser, from the real cache of a school's box, and from the city where that is of no use."""

# ruff: noqa: F811  # fixtures are handed over by their names

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from services.live.window import LIFETIME
from services.packager.store import IMMUTABLE
from tests import box_cache
from tests.box_cache import CODE, HOST, LESSON, OTHER, Box, Platform
from tests.integration import broadcast, chromium, lesson_server
from tests.integration.broadcast import Broadcast
from tests.integration.lesson_server import Library
from tests.integration.test_player_page import AT, AT_ONCE, LONG, built, material, until  # noqa: F401  # fixtures

pytestmark = pytest.mark.integration
LATER = "{ const right = Date.now.bind(Date); Date.now = () => right() + 400000 }"
"""The five minutes are over for which a cache is left alone, and the seconds that differ from room to room."""
LEFT_AT = 60
"""Seconds into the lesson; also the number of its segment, each lasting one."""
WATCHED = "window.emptied = 0; document.querySelector('video').addEventListener('emptied', () => { emptied += 1 })"
"""Counts how often the picture breaks off because a lesson is opened anew."""
OLD = "delete AbortSignal.timeout; delete Array.prototype.at; delete Object.hasOwn; delete self.structuredClone"
"""What browsers of 2021 lack, from Chrome 88 and Safari 14 on."""
SWALLOWED = ("**/access/play/**", "**/lesson.json")
"""What a page asks of the city while it plays."""


@pytest.fixture
def library(built: Path, material: Path, tmp_path: Path) -> Iterator[Library]:
    """The platform's pages, for somebody at a school, and one lesson."""
    folder = tmp_path / "lessons"
    record = broadcast.recording(folder, LESSON, material)
    (folder / LESSON / "lesson.json").write_text(json.dumps(record))
    with lesson_server.serving(built, folder) as served:
        served.cache = {"place": CODE, "origin": f"https://{HOST}"}
        served.token = lambda lesson: box_cache.token(lesson, issuer=served.url)
        yield served


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that the cache's own user may enter."""
    with tempfile.TemporaryDirectory(prefix="huiju-box-") as place:
        Path(place).chmod(0o711)
        yield Path(place)


@pytest.fixture
def box(library: Library, folder: Path) -> Iterator[Box]:
    """The school's cache, which asks the same lesson of the platform's store."""
    place = folder / "box"
    box_cache.certificates(place / "tls")
    store = Platform(place / "tls")
    # The material is linked to, not copied.
    folders = [library.lessons / LESSON / "h", *(library.lessons / LESSON / "h").iterdir()]
    files = [each for folder in folders if folder.is_dir() for each in folder.iterdir() if each.is_file()]
    store.objects = {f"/lessons/{each.relative_to(library.lessons)}": (each.read_bytes(), IMMUTABLE) for each in files}
    store.up()
    found = Box(place, store, issuer=library.url)
    found.up()
    yield found
    found.down()
    if store.server:
        store.down()


@pytest.fixture
def browser(box: Box) -> Iterator[Browser]:
    """In the school: the box's name leads to the box."""
    with chromium.started(AT_ONCE, f"--host-resolver-rules=MAP {HOST}:443 127.0.0.1:{box.tls}") as found:
        yield found


def opened(browser: Browser, library: Library, lesson: str = LESSON, *, before: str = "") -> Page:
    """A page of its own browser profile that plays the lesson; whose certificate the box has is proven elsewhere.

    The script ``before`` runs there first.
    """
    page = browser.new_context(locale="en-US", ignore_https_errors=True).new_page()
    page.add_init_script(before)
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text))
    page.goto(f"{library.url}/?lesson={lesson}")
    until(page, "document.querySelector('video')?.readyState >= 3", complaints)
    page.evaluate("document.querySelector('video').play()")
    until(page, f"{AT} > 0.5", complaints)
    return page


class Written(dict[str, tuple[bytes, str]]):
    """What lies in the folder of lessons at this moment: a class grows while it is asked for."""

    def __init__(self, lessons: Path) -> None:
        super().__init__()
        self.lessons = lessons

    def get(self, path: str, _: object = None) -> tuple[bytes, str]:
        """As the store answers: a live playlist counts for a second."""
        file = self.lessons / path.removeprefix("/lessons/")
        cache = LIFETIME if file.suffix == ".m3u8" else IMMUTABLE
        return (file.read_bytes(), cache) if file.is_file() else (b"", "")


@pytest.fixture
def live(library: Library, box: Box, material: Path) -> Iterator[Broadcast]:
    """A class that is being broadcast, and that the box may ask the platform for."""
    box.platform.objects = Written(library.lessons)
    started = Broadcast(library.lessons, OTHER, material).start()
    yield started
    started.stop()


def asked(box: Box, rendition: str) -> list[str]:
    """Segments of that rendition which the box had to ask of the platform: it holds nothing in the beginning."""
    return [path for path, _ in box.platform.asked if f"/{rendition}/" in path and path.endswith(".m4s")]


def test_every_room_plays_from_the_box_and_the_link_carries_each_segment_once(
    browser: Browser, library: Library, box: Box
) -> None:
    pages = [opened(browser, library) for _ in range(3)]
    for page in pages:
        expect(page.locator("#from")).to_have_text("your school’s cache")
        until(page, f"{AT} > 4")
    assert library.media == [], "nothing came from the city"
    read = Counter(path for path, status in box.platform.asked if status == 200)
    assert sum(path.endswith(".m4s") for path in read) > 3
    assert set(read.values()) == {1}, read


def test_a_phone_of_some_years_ago_plays_from_the_box_too(browser: Browser, library: Library, box: Box) -> None:
    page = opened(browser, library, before=OLD)
    assert page.evaluate("'timeout' in AbortSignal || 'at' in Array.prototype") is False
    expect(page.locator("#from")).to_have_text("your school’s cache")
    assert library.media == [], "nothing came from the city"
    assert any(path.endswith(".m4s") for path, _ in box.platform.asked), "and the box was asked"


def test_a_box_that_is_not_reached_is_left_for_the_city(browser: Browser, library: Library, box: Box) -> None:
    box.down()
    page = opened(browser, library)
    expect(page.locator("#from")).to_have_text("the city")
    assert library.media and not box.platform.asked


def test_a_box_that_ends_in_the_middle_is_left_for_the_city_from_where_it_was(
    browser: Browser, library: Library, box: Box
) -> None:
    page = opened(browser, library)
    until(page, f"{AT} > 2")
    box.down()
    page.evaluate("document.querySelector('video').currentTime = 60")
    expect(page.locator("#from")).to_have_text("the city", timeout=3 * LONG)
    until(page, f"{AT} > 61")
    assert library.media
    page.hover("#seek")
    expect(page.locator(".frame")).to_be_visible(timeout=LONG)
    page.reload()
    until(page, "document.querySelector('video')?.readyState >= 3")
    expect(page.locator("#from")).to_have_text("the city")


def left_for_the_city(page: Page, box: Box) -> None:
    """The box goes down while the lesson plays, and the lesson goes on from the city."""
    page.evaluate(WATCHED)
    box.down()
    page.evaluate("document.querySelector('video').currentTime = 60")
    expect(page.locator("#from")).to_have_text("the city", timeout=3 * LONG)
    until(page, f"{AT} > 61")


def test_a_box_that_is_back_is_played_from_again_after_five_minutes_and_nobody_sees_it(
    browser: Browser, library: Library, box: Box
) -> None:
    library.rendition = "v234"
    page = opened(browser, library)
    until(page, f"{AT} > 2")
    left_for_the_city(page, box)
    box.up()
    page.wait_for_timeout(2000)
    expect(page.locator("#from")).to_have_text("the city")
    page.evaluate(LATER)
    expect(page.locator("#from")).to_have_text("your school’s cache", timeout=LONG)
    page.wait_for_timeout(2000)  # a segment may have been on its way
    came = len(library.media)
    page.evaluate("document.querySelector('video').currentTime = 40")  # nobody has fetched that yet
    until(page, f"42 < {AT} && {AT} < 60")
    assert len(library.media) == came
    assert page.evaluate("emptied === 0 && !document.querySelector('video').paused")
    expect(page.locator("#rendition")).to_have_attribute("data-height", "234", timeout=LONG)
    assert not asked(box, "v360"), "the ceiling is back too"


def test_a_live_class_goes_back_to_the_box_too(browser: Browser, library: Library, box: Box, live: Broadcast) -> None:
    page = opened(browser, library, live.lesson)
    page.evaluate(WATCHED)
    box.down()
    expect(page.locator("#from")).to_have_text("the city", timeout=3 * LONG)
    until(page, f"{AT} > {page.evaluate(AT) + 2}")
    box.up()
    page.evaluate(LATER)
    expect(page.locator("#from")).to_have_text("your school’s cache", timeout=LONG)
    page.wait_for_timeout(2000)  # a segment may have been on its way
    came = len(library.media)
    until(page, f"{AT} > {page.evaluate(AT) + 4}")
    assert len(library.media) == came
    assert page.evaluate("emptied === 0")


def test_a_box_that_says_it_is_well_and_gives_nothing_is_not_played_from_and_asked_once_in_five_minutes(
    browser: Browser, library: Library, box: Box
) -> None:
    page = opened(browser, library)
    until(page, f"{AT} > 2")
    left_for_the_city(page, box)
    box.up()
    library.token = lambda _: "none"
    times = len(library.asked)
    page.evaluate(LATER)
    until(page, f"{AT} > {page.evaluate(AT) + 4}")
    expect(page.locator("#from")).to_have_text("the city")
    assert len(library.asked) == times + 1


def test_a_box_that_was_left_by_a_clock_that_was_ahead_is_played_from(
    browser: Browser, library: Library, box: Box
) -> None:
    page = opened(browser, library, before="localStorage['school-cache-left'] = Date.now() + 3600000")
    expect(page.locator("#from")).to_have_text("your school’s cache")


def test_a_link_that_swallows_every_question_keeps_nobody_from_a_box_that_is_back(
    browser: Browser, library: Library, box: Box
) -> None:
    page = opened(browser, library)
    until(page, f"{AT} > 2")
    for what in SWALLOWED:
        page.route(what, lambda _: None)
    box.down()
    page.evaluate("document.querySelector('video').currentTime = 60")
    page.wait_for_timeout(5000)
    box.up()
    until(page, f"{AT} > 61")
    expect(page.locator("#from")).to_have_text("your school’s cache")
    assert library.media == []


def test_of_a_live_class_too(browser: Browser, library: Library, box: Box, live: Broadcast) -> None:
    page = opened(browser, library, live.lesson)
    for what in SWALLOWED:
        page.route(what, lambda _: None)
    before = len(asked(box, "sound"))
    box.down()
    expect(page.locator("#said")).to_have_text("The connection broke. Trying again.", timeout=3 * LONG)
    box.up()
    until(page, f"{AT} > {page.evaluate(AT) + 4}")
    assert len(asked(box, "sound")) > before
    assert library.media == []


def test_small_pictures_come_from_the_box_by_the_permission_that_the_lesson_plays_by(
    browser: Browser, library: Library, box: Box
) -> None:
    library.down = 403  # as the city's door says to a browser that was given no cookie
    page = opened(browser, library)
    page.hover("#seek")
    expect(page.locator(".frame")).to_be_visible(timeout=LONG)
    pictures = [path for path, _ in box.platform.asked if path.endswith(("/thumbnails.vtt", "/sheet.jpg"))]
    assert pictures == [f"/lessons/{LESSON}/h/{name}" for name in ("thumbnails.vtt", "sheet.jpg")]


def test_with_the_link_cut_what_the_box_holds_plays_on(browser: Browser, library: Library, box: Box) -> None:
    first = opened(browser, library)
    until(first, f"{AT} > 12")
    second = opened(browser, library)
    box.platform.down()
    library.refused["play", LESSON] = {"reason": "away", "zh": "断了", "en": "away"}
    until(second, f"{AT} > 10")
    expect(second.locator("#from")).to_have_text("your school’s cache")
    assert library.media == []


def test_without_a_plan_a_player_climbs_as_high_as_the_box_is_fast(
    browser: Browser, library: Library, box: Box
) -> None:
    page = opened(browser, library)
    until(page, f"{AT} > 4")
    expect(page.locator("#rendition")).to_have_attribute("data-height", "360")
    assert asked(box, "v360")


def test_a_player_keeps_to_what_the_night_brought_and_goes_higher_by_hand_only(
    browser: Browser, library: Library, box: Box
) -> None:
    library.rendition = "v234"
    page = opened(browser, library)
    page.set_viewport_size({"width": 1900, "height": 1000})
    until(page, f"{AT} > 6")
    expect(page.locator("#from")).to_have_text("your school’s cache")
    assert asked(box, "v234") and not asked(box, "v360")
    page.select_option("#quality", index=1)
    expect(page.locator("#rendition")).to_have_attribute("data-height", "360", timeout=LONG)
    assert asked(box, "v360")


def test_every_room_of_a_live_class_keeps_to_what_the_school_is_promised_and_the_link_carries_it_once(
    browser: Browser, library: Library, box: Box, live: Broadcast
) -> None:
    library.rendition = "v234"
    pages = [opened(browser, library, live.lesson) for _ in range(2)]
    for page in pages:
        until(page, f"{AT} > {page.evaluate(AT) + 4}")
        expect(page.locator("#from")).to_have_text("your school’s cache")
        expect(page.locator("#rendition")).to_have_attribute("data-height", "234")
    assert not library.media, "nothing came from the city"
    assert asked(box, "v234") and not asked(box, "v360")
    assert set(Counter(asked(box, "v234")).values()) == {1}


def test_a_live_class_of_which_a_school_is_promised_nothing_is_played_in_any_rendition(
    browser: Browser, library: Library, box: Box, live: Broadcast
) -> None:
    page = opened(browser, library, live.lesson)
    expect(page.locator("#rendition")).to_have_attribute("data-height", "360", timeout=LONG)
    assert asked(box, "v360")


def test_from_the_city_it_climbs_again(browser: Browser, library: Library, box: Box) -> None:
    library.rendition = "v234"
    # What is buffered is played to its end, in the rendition that it has: on a slow machine that would be half the lesson.
    given = re.compile(r"/s(\d+)\.m4s$")
    box.platform.objects = {
        path: held
        for path, held in box.platform.objects.items()
        if not (number := given.search(path)) or int(number[1]) < LEFT_AT
    }
    page = opened(browser, library)
    until(page, f"{AT} > 2")
    box.down()
    page.evaluate(f"document.querySelector('video').currentTime = {LEFT_AT}")
    expect(page.locator("#from")).to_have_text("the city", timeout=3 * LONG)
    expect(page.locator("#rendition")).to_have_attribute("data-height", "360", timeout=LONG)
    assert not asked(box, "v360")
    assert any("/v360/" in path for path in library.media)
