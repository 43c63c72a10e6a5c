"""The player in a browser, on real HLS: what it shows and does. `test_live_page` has what only a broadcast does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from local.images import site
from local.images.definition import load as images
from tests.integration import axe, broadcast, chromium, lesson_server
from tests.integration.broadcast import Broadcast
from tests.integration.lesson_server import Library

pytestmark = pytest.mark.integration
PHONE, DESKTOP = {"width": 360, "height": 740}, {"width": 1366, "height": 768}
RECORDED, LIVE = "l-recorded", "l-live"
AT = "document.querySelector('video').currentTime"
FOCUS = "document.activeElement.id"
WIDTH = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SMALL = """[...document.querySelectorAll('button, select, input, main a')].filter(e => e.checkVisibility()).map(e => {
  const box = (e.type === 'checkbox' ? e.closest('label') : e).getBoundingClientRect();
  return [e.id || e.className || e.textContent, Math.round(box.width), Math.round(box.height)];
}).filter(([, width, height]) => width < 44 || height < 44)"""
KEPT = """{ const make = URL.createObjectURL.bind(URL), drop = URL.revokeObjectURL.bind(URL); window.kept = new Set();
URL.createObjectURL = it => { const url = make(it); if (it instanceof Blob) kept.add(url); return url; };
URL.revokeObjectURL = url => { kept.delete(url); drop(url); }; }"""
"""Keeps the pictures that the page has made addresses for."""
AT_ONCE = "--autoplay-policy=no-user-gesture-required"
LONG = 20_000
"""Milliseconds within which what should happen happens, on a machine that has much else to do."""


@pytest.fixture(scope="module")
def built() -> Path:
    found = images().get("portal").site
    assert found
    return site.build(found, print)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return broadcast.material(tmp_path_factory.mktemp("material"))


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> str:
    return axe.install(tmp_path_factory.mktemp("axe"))


@pytest.fixture
def library(built: Path, material: Path, tmp_path: Path) -> Iterator[Library]:
    """A library with one recorded lesson."""
    record = broadcast.recording(tmp_path, RECORDED, material)
    (tmp_path / RECORDED / "lesson.json").write_text(json.dumps(record))
    with lesson_server.serving(built, tmp_path) as served:
        yield served


@pytest.fixture
def lesson(library: Library, material: Path) -> Iterator[Broadcast]:
    """A class that is being broadcast."""
    started = Broadcast(library.lessons, LIVE, material).start()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium.started(AT_ONCE) as found:
        yield found


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(locale="en-US", viewport=DESKTOP)  # type: ignore[arg-type]
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page; nothing that it does may offend its own content policy, or leave the host."""
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda said: complaints.append(said.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    hosts: set[str] = set()
    opened.on("request", lambda request: hosts.add(request.url.split("/")[2]) if request.url[:4] == "http" else None)
    yield opened
    # Statuses that a test asks for.
    assert not [text for text in complaints if not text.startswith("Failed to load resource")]
    assert len(hosts) == 1


def until(page: Page, expression: str, complaints: Sequence[str] = ()) -> None:
    """Wait until ``expression`` is true; asked from outside, since the page's content policy forbids evaluating text inside it.

    A failure tells the ``complaints`` of the page's console.
    """
    for _ in range(LONG // 100):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"never true: {expression}; the page says {page.inner_text('main')!r} {[*complaints]}")


def watch(page: Page, library: Library, lesson: str = RECORDED) -> None:
    """Open a lesson and let it play."""
    page.goto(f"{library.url}/?lesson={lesson}")
    page.wait_for_selector("video")
    until(page, "document.querySelector('video').readyState >= 3")
    page.evaluate("document.querySelector('video').play()")
    until(page, f"{AT} > 0.5")


def test_a_recorded_lesson_plays_with_captions_in_the_reader_s_language(page: Page, library: Library) -> None:
    watch(page, library)
    expect(page.locator("#caption")).to_have_text(re.compile(r"Line \d+: a fraction"), timeout=LONG)
    assert page.get_attribute("#caption", "lang") == "en"
    assert re.fullmatch(r"(234|360)p · \d+ kbit/s", page.inner_text("#rendition"))
    assert float(page.get_attribute("#buffer", "data-seconds") or 0) > 0
    assert page.locator("#live, #latency").count() == 0


def test_captions_are_switched_by_key_and_by_button_and_the_choice_is_kept(page: Page, library: Library) -> None:
    watch(page, library)
    caption, button = page.locator("#caption"), page.get_by_role("button", name="Captions")
    expect(caption).to_be_visible(timeout=LONG)
    expect(button).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("c")
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(caption).to_be_hidden()
    page.reload()
    until(page, "!document.querySelector('#captions')?.hidden")
    expect(button).to_have_attribute("aria-pressed", "false")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")


def test_captions_can_be_read_in_another_language_than_the_page_s(page: Page, library: Library) -> None:
    watch(page, library)
    page.get_by_label("Captions in").select_option(label="中文")
    expect(page.locator("#caption")).to_have_text(re.compile("句：一个分数"), timeout=LONG)
    page.reload()
    until(page, "document.querySelector('#caption-language')?.value === 'zh'")


def test_captions_in_two_scripts_or_for_two_regions_can_each_be_chosen(page: Page, library: Library) -> None:
    named = {"zh-Hans": "简体中文", "zh-Hant": "繁體中文", "en-GB": "English (UK)", "en-US": "English (US)"}
    broadcast.caption(library.lessons / RECORDED / "h", {tag: (name, f"{tag} {{n}}") for tag, name in named.items()})
    watch(page, library)
    for tag in reversed(named):
        page.get_by_label("Captions in").select_option(label=named[tag])
        expect(page.locator("#caption")).to_have_text(re.compile(rf"{tag} \d+"), timeout=LONG)
    page.get_by_label("Captions in").select_option(label="繁體中文")
    page.reload()
    until(page, "document.querySelector('#caption-language')?.value === 'zh-Hant'")


def test_sound_only_fetches_no_picture_and_goes_on_where_it_was(page: Page, library: Library) -> None:
    watch(page, library)
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    until(page, f"{AT} > 40")
    page.get_by_label("Quality").select_option(label="Sound only (weak link)")
    until(page, "document.querySelector('#rendition').dataset.height === '0'")
    until(page, f"{AT} > 40 && !document.querySelector('video').paused")
    expect(page.get_by_text("no picture is fetched")).to_be_visible()
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    page.focus("video")
    page.keyboard.press("Home")
    until(page, f"1 < {AT} && {AT} < 20")
    expect(page.locator("#caption")).to_be_visible(timeout=LONG)
    media = [url for url in fetched if url.endswith(".m4s")]
    assert media and all("/sound/" in url for url in media)
    page.get_by_label("Quality").select_option(index=1)
    until(page, "document.querySelector('video').videoWidth > 0")


def test_a_rendition_can_be_chosen(page: Page, library: Library) -> None:
    watch(page, library)
    offered = page.locator("#quality option").all_inner_texts()
    assert [each.split("p")[0] for each in offered[1:-1]] == ["360", "234"], "the best first, sound last"
    for height, place in ((234, 2), (360, 1)):
        page.get_by_label("Quality").select_option(index=place)
        until(page, f"document.querySelector('#rendition').dataset.height === '{height}'")


def test_the_keys_do_what_the_help_says(page: Page, library: Library) -> None:
    watch(page, library)
    page.keyboard.press("k")
    until(page, "document.querySelector('video').paused")
    page.keyboard.press("Home")
    until(page, f"{AT} < 0.1")
    page.keyboard.press("ArrowRight")
    until(page, f"{AT} >= 5")
    page.keyboard.press("ArrowLeft")
    until(page, f"{AT} < 1")
    page.keyboard.press(" ")
    until(page, "!document.querySelector('video').paused")
    rates = ((">", "playbackRate === 1.25"), ("<", "playbackRate === 1"))
    for key, state in (("m", "muted"), *rates, ("ArrowDown", "volume < 1")):
        page.keyboard.press(key)
        assert page.evaluate(f"document.querySelector('video').{state}"), key
    page.keyboard.press("f")
    until(page, "document.fullscreenElement?.className.includes('player')")
    assert page.locator("#play").is_visible(), "the controls are part of the full screen"
    page.keyboard.press("f")
    until(page, "document.fullscreenElement === null")


def test_a_button_that_has_the_focus_keeps_its_space(page: Page, library: Library) -> None:
    watch(page, library)
    page.focus("#mute")
    page.keyboard.press(" ")
    assert page.evaluate("document.querySelector('video').muted && !document.querySelector('video').paused")


def test_the_help_is_a_dialog_and_gives_the_focus_back(page: Page, library: Library) -> None:
    watch(page, library)
    page.focus("#captions")
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard")
    expect(dialog).to_be_visible()
    page.keyboard.press("m")
    assert not page.evaluate("document.querySelector('video').muted"), "keys rest while the dialog is open"
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert page.evaluate(FOCUS) == "captions"


def test_single_keys_can_be_switched_off(page: Page, library: Library) -> None:
    watch(page, library)
    page.click("#show-help")
    page.get_by_label("Use single keys").uncheck()
    page.get_by_role("button", name="Close").click()
    page.focus("video")
    page.keyboard.press("m")
    page.keyboard.press("ArrowDown")
    assert not page.evaluate("document.querySelector('video').muted")
    assert page.evaluate("document.querySelector('video').volume") < 1, "keys with a name are no single characters"


def test_keys_that_scroll_are_the_page_s_for_who_reads_below_the_player(page: Page, library: Library) -> None:
    page.set_viewport_size({"width": 1366, "height": 500})
    watch(page, library)
    page.evaluate("scrollTo(0, 100)")
    for place in ("document.body.focus()", "document.querySelector('#brand').focus({ preventScroll: true })"):
        page.evaluate(place)
        for key in (" ", "ArrowDown", "ArrowRight", "End"):
            page.keyboard.press(key)
        until(page, "scrollY > 150")
    assert page.evaluate(f"{AT} < 30 && document.querySelector('video').volume === 1")
    assert page.evaluate("!document.querySelector('video').paused")
    page.keyboard.press("m")
    assert page.evaluate("document.querySelector('video').muted"), "a letter scrolls nothing"
    page.focus("video")
    page.evaluate("scrollTo(0, 100)")
    page.keyboard.press(" ")
    assert page.evaluate("document.querySelector('video').paused && scrollY === 100")


def test_a_key_that_is_held_acts_once_unless_it_moves_something(page: Page, library: Library) -> None:
    watch(page, library)
    for key in ("k", "m", "ArrowRight", "ArrowRight"):
        for _ in range(2):
            page.keyboard.down(key)
        page.keyboard.up(key)
    assert page.evaluate("document.querySelector('video').paused && document.querySelector('video').muted")
    assert page.evaluate(f"{AT} > 20")


def test_a_lesson_is_opened_without_the_list_of_all_where_its_record_can_be_had(page: Page, library: Library) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.split("/")[-1]))
    watch(page, library)
    assert "lesson.json" in asked and "index.json" not in asked
    page.route("**/lesson.json", lambda route: route.fulfill(status=404))
    watch(page, library)
    assert "index.json" in asked


def test_a_small_picture_shows_where_the_pointer_would_go(page: Page, library: Library) -> None:
    watch(page, library)
    with page.expect_response("**/sheet.jpg"):
        page.hover("#seek")
    expect(page.locator(".preview")).to_have_text("1:00")
    assert page.evaluate("document.querySelector('.frame').style.backgroundPosition") == "-480px 0px"


def test_small_pictures_are_given_up_with_the_player(page: Page, library: Library) -> None:
    page.add_init_script(KEPT)
    watch(page, library)
    page.hover("#seek")
    until(page, "kept.size === 1")
    page.click("#may-see")
    until(page, "kept.size === 0")


def test_small_pictures_come_from_the_lesson_and_nowhere_else(page: Page, library: Library) -> None:
    cues = ["https://elsewhere.example/x.jpg", "/lessons/l-other/h/sheet.jpg", "javascript:alert(1)"]
    lines = [
        f"{broadcast.clock(40 * n)} --> {broadcast.clock(40 * n + 40)}\n{name}#xywh=0,0,9,9\n"
        for n, name in enumerate(cues)
    ]
    (library.lessons / RECORDED / "h" / "thumbnails.vtt").write_text("WEBVTT\n\n" + "\n".join(lines))
    watch(page, library)
    with page.expect_response("**/thumbnails.vtt"):
        page.hover("#seek")
    expect(page.locator(".preview")).to_be_visible()
    assert page.locator(".frame").is_hidden()


def test_the_language_can_be_changed_without_losing_the_place(page: Page, library: Library) -> None:
    watch(page, library)
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    until(page, f"{AT} > 50")
    page.click("#language")
    page.wait_for_selector("html[lang=zh-CN] video")
    until(page, f"{AT} > 50")
    assert page.get_attribute("#captions", "aria-label") == "字幕"


def test_a_broken_link_is_told_and_tried_again_by_itself(page: Page, library: Library, lesson: Broadcast) -> None:
    watch(page, library, lesson.lesson)
    library.down = 503
    expect(page.locator("#said")).to_have_text("The connection broke. Trying again.", timeout=LONG)
    expect(page.get_by_role("button", name="Try now")).to_be_visible(timeout=LONG)
    library.down = None
    expect(page.locator("#said")).to_have_text("", timeout=LONG)
    before = page.evaluate(AT)
    until(page, f"{AT} > {before + 1}")


def test_a_lesson_that_never_opens_is_an_honest_error_with_a_way_on(page: Page, library: Library) -> None:
    library.down = 503
    page.goto(f"{library.url}/?lesson={RECORDED}")
    expect(page.get_by_role("alert")).to_contain_text("503", timeout=2 * LONG)
    library.down = None
    page.get_by_role("alert").get_by_role("button", name="Try again").click()
    until(page, "document.querySelector('video').readyState >= 3")
    assert page.get_by_role("alert").is_hidden()


def test_a_record_that_makes_no_sense_is_as_good_as_none(page: Page, library: Library) -> None:
    nonsense: dict[str, Any] = {"live": 7, "thumbnails": {"vtt": "//elsewhere.example/x"}, "download": {"path": "../x"}}
    path = library.lessons / RECORDED / "lesson.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **nonsense}))
    watch(page, library)
    page.hover("#seek")
    assert page.locator(".frame").is_hidden()


def offer_download(library: Library) -> None:
    path = library.lessons / RECORDED / "lesson.json"
    key = f"{RECORDED}/~download/whole.mp4"
    path.write_text(json.dumps({**json.loads(path.read_text()), "download": {"path": key, "bytes": 12_345_678}}))
    (library.lessons / RECORDED / "~download").mkdir()
    (library.lessons / key).write_bytes(b"a film")


def test_a_lesson_is_taken_away_only_after_asking(page: Page, library: Library) -> None:
    offer_download(library)
    watch(page, library)
    assert library.asked == [("play", RECORDED)], "looking at the page asks for no file"
    with page.expect_download() as taken:
        page.get_by_role("button", name="Download (12 MB)").click()
    assert taken.value.suggested_filename == "分数.mp4"
    assert taken.value.path().read_bytes() == b"a film"
    assert library.asked[-1] == ("download", RECORDED)


def test_who_may_not_take_it_away_is_told_why_and_a_lesson_without_a_file_offers_none(
    page: Page, library: Library
) -> None:
    watch(page, library)
    assert page.locator("#download").count() == 0
    offer_download(library)
    library.refused["download", RECORDED] = {
        "reason": "licence-without-download",
        "en": "Not under its terms.",
        "zh": "不",
    }
    page.reload()
    page.click("#download")
    expect(page.locator("#not-taken")).to_contain_text("Not under its terms.")


def test_an_old_address_leads_to_the_lesson_that_took_its_place(page: Page, library: Library) -> None:
    (library.lessons / "l-old").mkdir()
    (library.lessons / "l-old" / "lesson.json").write_text(json.dumps({"id": "l-old", "replaced_by": RECORDED}))
    watch(page, library, "l-old")
    assert page.inner_text("h1") == "分数"
    assert library.asked == [("play", RECORDED)]


def test_a_permission_that_ends_is_asked_for_again_and_a_refusal_is_said(page: Page, library: Library) -> None:
    watch(page, library)
    library.down = 403
    library.refused["play", RECORDED] = {"reason": "licence-ended", "en": "The terms have ended.", "zh": "期限已满。"}
    page.get_by_label("Quality").select_option(index=2)
    page.keyboard.press("Escape")
    expect(page.get_by_role("alert")).to_contain_text("The terms have ended.", timeout=LONG)


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("what", [RECORDED, LIVE])
def test_everything_can_be_reached_seen_and_named(  # noqa: PLR0917
    page: Page, library: Library, lesson: Broadcast, checker: str, size: Any, what: str
) -> None:
    page.set_viewport_size(size)
    watch(page, library, what)
    for language in ("en", "zh-CN"):
        page.wait_for_selector(f"html[lang={language}] #play")
        assert not axe.complaints(page, checker)
        assert page.evaluate(WIDTH) == 0
        assert not page.evaluate(SMALL)
        page.click("#show-help")
        assert not axe.complaints(page, checker)
        assert not page.evaluate(SMALL)
        page.keyboard.press("Escape")
        page.click("#language")


def test_tab_leads_through_every_control_in_the_order_of_the_page(page: Page, library: Library) -> None:
    watch(page, library)
    page.focus("video")
    reached = []
    for _ in range(9):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(FOCUS))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    buttons = ["play", "mute", "volume", "captions", "show-help", "full-screen"]
    assert reached == ["seek", *buttons, "caption-language", "quality"]


def test_who_wants_no_motion_sees_none(browser: Browser, library: Library, lesson: Broadcast) -> None:
    context = browser.new_context(reduced_motion="reduce", locale="en-US")
    page = context.new_page()
    watch(page, library, lesson.lesson)
    assert page.evaluate("document.getAnimations().length") == 0
    context.close()
