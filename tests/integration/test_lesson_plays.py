"""The main job: a recording published on a real platform plays, with ffmpeg and in a browser, through gateway and shield."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

from catalog import load_named, names
from ops import lesson, sample_lesson
from ops.lessons import place
from tests.integration import viewer
from tests.integration.conftest import Platform
from tests.media import ROOT

pytestmark = pytest.mark.integration
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--autoplay-policy=no-user-gesture-required",
]
PLAYED = "document.querySelector('video').currentTime"


@pytest.fixture(scope="module")
def page_url(platform: Platform) -> str:
    """Address of the sample lesson's page."""
    return lesson.publish_sample(platform.stack)


@pytest.fixture(scope="module")
def lesson_id(page_url: str) -> str:
    return page_url.rpartition("=")[2]


@pytest.fixture(scope="module")
def shown(platform: Platform, lesson_id: str) -> str:
    """The cookie by which the public plays the sample lesson."""
    return viewer.permission(platform, lesson_id)


def fetch(platform: Platform, path: str, **headers: str) -> bytes:
    """What a browser that trusts the local CA gets."""
    answer = viewer.ask(platform, path, **headers)
    assert answer.status == 200, (path, answer.status)
    return answer.body


@pytest.fixture(scope="module")
def renditions(platform: Platform, lesson_id: str, shown: str) -> list[str]:
    """Addresses of the playlists that the master names."""
    record = json.loads(fetch(platform, f"/lessons/{lesson_id}/lesson.json"))
    master = f"/lessons/{record['master']}"
    text = fetch(platform, master, Cookie=shown).decode()
    found = [
        *re.findall(r'URI="([^"]+)"', text),
        *(row for row in text.splitlines() if row and not row.startswith("#")),
    ]
    found = list(dict.fromkeys(found))  # the sound is beside every picture, and a variant by itself
    assert len(found) == 1 + len(record["renditions"])
    return [platform.url.rstrip("/") + master.rpartition("/")[0] + "/" + name for name in found]


def test_the_sample_lesson_is_listed(platform: Platform, lesson_id: str) -> None:
    rows = json.loads(fetch(platform, "/lessons/index.json"))["lessons"]
    assert lesson_id in [row["id"] for row in rows]


def test_every_rendition_decodes_through_the_gateway(renditions: list[str], shown: str) -> None:
    for playlist in renditions:
        done = subprocess.run(
            ["ffmpeg", "-v", "error", "-xerror", *_showing(shown), "-i", playlist, "-f", "null", "-"],
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b""), playlist


def _showing(cookie: str) -> list[str]:
    """ffmpeg's way of showing the cookie with every request."""
    return ["-headers", f"Cookie: {cookie}\r\n"]


def test_without_a_token_not_a_byte_of_the_media_is_served(renditions: list[str]) -> None:
    for playlist in renditions:
        done = subprocess.run(["ffprobe", "-v", "error", playlist], capture_output=True, text=True, check=False)
        assert done.returncode != 0
        assert "403" in done.stderr


def test_keyframes_stand_every_two_seconds_in_every_rendition(renditions: list[str], shown: str) -> None:
    for playlist in renditions[1:]:
        command = [
            "ffprobe",
            "-v",
            "error",
            *_showing(shown),
            "-select_streams",
            "v",
            "-show_entries",
            "packet=dts_time,flags",
            "-of",
            "csv=p=0",
            playlist,
        ]
        rows = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        keys = [float(row.split(",")[0]) for row in rows if "K" in row]
        assert keys == [2.0 * number for number in range(len(keys))]
        assert len(keys) > 15


def test_publishing_the_same_file_again_encodes_nothing(platform: Platform, lesson_id: str) -> None:
    jobs = ("get", "jobs", "-n", "video-library", "-o", "jsonpath={.items[*].metadata.uid}")
    before = platform.cluster.kubectl(*jobs)
    assert lesson.publish_sample(platform.stack).endswith(lesson_id)
    assert platform.cluster.kubectl(*jobs) == before


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "apt-get install chromium"
    with sync_playwright() as run:
        started = run.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield started
        started.close()


def _until(page: Page, expression: str) -> None:
    """Wait until ``expression`` is true; asked from outside, since the page's content policy forbids evaluating text inside it."""
    for _ in range(600):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"never true: {expression}; the page says {page.inner_text('main')!r}")


def _open(browser: Browser, url: str, complaints: list[str]) -> Page:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="zh-CN", ignore_https_errors=True)
    page = context.new_page()
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url)
    return page


def test_the_lesson_plays_in_a_browser(browser: Browser, page_url: str) -> None:
    complaints: list[str] = []
    page = _open(browser, page_url, complaints)
    page.wait_for_selector("video")
    page.evaluate("document.querySelector('video').play()")
    _until(page, f"{PLAYED} > 3")
    assert page.evaluate("document.querySelector('video').videoWidth") > 0
    _until(page, "document.querySelector('#rendition').dataset.height > 0")
    assert page.evaluate("document.querySelector('video').error") is None
    assert complaints == [], "nothing may break the page's own content policy"
    folder = ROOT / "out"
    folder.mkdir(exist_ok=True)
    page.screenshot(path=folder / "lesson-plays.png")
    page.context.close()


def test_the_player_obeys_the_keyboard(browser: Browser, page_url: str) -> None:
    page = _open(browser, page_url, [])
    _until(page, "document.querySelector('video')?.readyState >= 3")
    page.keyboard.press("ArrowRight")
    _until(page, f"{PLAYED} >= 5")
    page.keyboard.press(" ")
    _until(page, "!document.querySelector('video').paused")
    page.keyboard.press("m")
    assert page.evaluate("document.querySelector('video').muted")
    page.context.close()


def test_a_permission_that_ends_while_playing_is_asked_for_again(browser: Browser, page_url: str) -> None:
    context = browser.new_context(ignore_https_errors=True, locale="zh-CN")
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/access/play/" in request.url else None)
    # As if the permission had ended after the playlists: the shield refuses media until the page has asked once more.
    page.route("**/*.m4s", lambda route: route.continue_() if len(asked) > 1 else route.fulfill(status=403, body="no"))
    page.goto(page_url)
    page.wait_for_selector("video")
    page.evaluate("document.querySelector('video').play()")
    _until(page, f"{PLAYED} > 1")
    assert len(asked) == 2
    assert page.locator(".problem:not([hidden])").count() == 0
    context.close()


def test_a_permission_that_is_not_given_again_says_why(browser: Browser, page_url: str) -> None:
    context = browser.new_context(ignore_https_errors=True, locale="en")
    page = context.new_page()
    words = {"reason": "licence-ended", "en": "The terms have ended.", "zh": "期限已满。"}
    asked: list[int] = []

    def answer(route: Route) -> None:
        asked.append(1)
        if len(asked) == 1:
            route.continue_()
        else:
            route.fulfill(status=403, json=words)

    page.route("**/access/play/*", answer)
    page.route("**/*.m4s", lambda route: route.fulfill(status=403, body="no"))
    page.goto(page_url)
    page.wait_for_selector(".problem:not([hidden])", timeout=60_000)
    assert words["en"] in page.inner_text(".problem")
    context.close()


def test_a_lesson_that_cannot_be_fetched_is_an_honest_error(browser: Browser, page_url: str) -> None:
    context = browser.new_context(ignore_https_errors=True, locale="en")
    page = context.new_page()
    page.route("**/master.m3u8", lambda route: route.fulfill(status=503, body="no"))
    page.goto(page_url)
    page.wait_for_selector(".problem:not([hidden])", timeout=60_000)
    assert "503" in page.inner_text(".problem")
    context.close()


@contextmanager
def _away(platform: Platform, service: str, lesson_id: str) -> Iterator[None]:
    """Its pods end, and none comes in their place until the body has run; afterwards it answers again."""
    kubectl, deployment = platform.cluster.kubectl, (f"deployment/{service}", "-n", service)
    number = kubectl("get", *deployment, "-o", "jsonpath={.spec.replicas}")
    kubectl("scale", *deployment, "--replicas=0")
    try:
        _answered(platform, lesson_id, 503)
        yield
    finally:
        kubectl("scale", *deployment, f"--replicas={number}")
        _answered(platform, lesson_id, 200)


def _answered(platform: Platform, lesson_id: str, status: int) -> None:
    """Wait until whoever asks to play is answered so."""
    for _ in range(240):
        if viewer.play(platform, lesson_id).status == status:
            return
        time.sleep(0.5)
    raise AssertionError(f"no answer is {status}")


def test_while_nobody_decides_lessons_go_on_and_none_begins(
    platform: Platform, browser: Browser, page_url: str, lesson_id: str, *, renditions: list[str], shown: str
) -> None:
    watching = _open(browser, page_url, [])
    watching.wait_for_selector("video")
    watching.evaluate("document.querySelector('video').play()")
    _until(watching, f"{PLAYED} > 1")
    with _away(platform, names.ENTITLEMENT, lesson_id):
        words = ["ffmpeg", "-v", "error", "-xerror", *_showing(shown), "-i", renditions[-1], "-f", "null", "-"]
        done = subprocess.run(words, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b""), "a permission that was given counts at gateway and shield"
        _until(watching, f"{PLAYED} > {watching.evaluate(PLAYED) + 2} || document.querySelector('video').ended")
        assert watching.locator(".problem:not([hidden])").count() == 0
        newcomer = _open(browser, page_url, [])
        newcomer.wait_for_selector("#refusal")
        assert "稍后再试" in newcomer.inner_text("#refusal")
        assert newcomer.locator("video").count() == 0
    newcomer.reload()
    newcomer.wait_for_selector("video")
    for page in (watching, newcomer):
        page.context.close()


def _publish(platform: Platform, file: Path, title: str) -> subprocess.Popen[str]:
    city = load_named(platform.wanted.city)
    licence = sample_lesson.licence(city)
    assert licence
    about = ["--title", title, "--school", sample_lesson.school(city), "--licence", licence]
    words = ["lesson", "publish", str(file), *about, "--stack", platform.stack]
    return subprocess.Popen(
        [str(ROOT / ".venv" / "bin" / "huiju"), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_killed_half_way_the_same_command_finishes_and_rm_takes_it_out(
    platform: Platform, browser: Browser, tmp_path: Path
) -> None:
    from tests.media import record

    file, title = record(tmp_path / "long.mp4", seconds=70), "<img src=x onerror=alert(1)> $(id)"
    first = _publish(platform, file, title)
    jobs = (
        "get",
        "pods",
        "-n",
        "video-library",
        "-l",
        "app.kubernetes.io/name=packaging",
        "-o",
        "jsonpath={.items[*].status.phase}",
    )
    for _ in range(600):
        if "Running" in platform.cluster.kubectl(*jobs):
            break
    first.kill()
    first.communicate()
    second = _publish(platform, file, title)
    said, complaint = second.communicate()
    assert second.returncode == 0, complaint
    made = said.split()[0]

    page = _open(browser, f"{platform.url.rstrip('/')}/?lesson={made}", [])
    page.wait_for_selector("video")
    assert page.inner_text("h1") == title, "a title is text, never markup"
    page.context.close()

    where = place.of_stack(platform.stack)
    lesson.rm_command(made, yes=True, stack=platform.stack)
    with where.buckets() as (_, lessons):
        left = lessons.s3.list_object_versions(Bucket=lessons.name, Prefix=made)
        assert not left.get("Versions") and not left.get("DeleteMarkers")
        listed = lessons.read_json("index.json")
    assert listed and made not in [row["id"] for row in listed["lessons"]]


def test_the_bucket_is_not_readable_past_the_lessons(platform: Platform) -> None:
    for path in ("/lessons/?list-type=2", "/lessons/", "/uploads/", "/lessons/%2e%2e/uploads/"):
        assert viewer.ask(platform, path).status in (400, 403, 404), path
