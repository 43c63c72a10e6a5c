"""The dashboards in a browser, over a real Prometheus: what they show, what they say when they cannot, and for whom."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from catalog import load_named
from catalog.target import Measure
from derive import readers
from local.images import site
from local.images.definition import load as images
from monitoring.dashboards.panel import Key, Table
from monitoring.dashboards.panels import dashboards
from services.entitlement import reasons
from tests.integration import chromium, pages_server, prometheus_server
from tests.integration.pages_server import Pages
from tests.monitoring import history

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[2]
TINY = load_named("tiny")
GENERATED = ROOT / "monitoring" / "generated" / TINY.id
COVERAGE, LATENCY = (board.id for board in dashboards(TINY))
LATENCIES = dashboards(TINY)[1]
SILENT, NEVER = TINY.schools[-2], TINY.schools[-1]
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def built() -> Path:
    found = images().get("viewer").site
    assert found
    return site.build(found, print)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, now = tmp_path_factory.mktemp("prometheus"), int(time.time()) // 60 * 60
    rules = GENERATED / "rules" / "records.yaml"
    text = history.openmetrics(TINY, now)
    prometheus_server.backfill(folder, text, rules, now - history.SPAN, now + history.AHEAD - 60)
    with prometheus_server.running(folder) as url:
        yield url


@pytest.fixture
def served(built: Path, prometheus: str) -> Iterator[Pages]:
    with pages_server.serving(built, GENERATED / "dashboards" / "viewer", prometheus) as pages:
        yield pages


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium.started() as found:
        yield found


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A desktop browser; nothing that the page does may offend its own content policy, or leave the host."""
    context = browser.new_context(locale="en-US", viewport={"width": 1280, "height": 800})
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda said: complaints.append(said.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    hosts: set[str] = set()
    opened.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    yield opened
    context.close()
    # Statuses that a test asks for, and the test's own look at a canvas.
    assert not [text for text in complaints if not re.match("Failed to load resource|Canvas2D", text)]
    assert len(hosts) == 1


def open_board(page: Page, served: Pages, board: str, query: str = "") -> None:
    page.goto(f"{served.url}?board={board}{query}")
    page.wait_for_selector("#updated:not(:empty)")


def panel(page: Page, name: str) -> str:
    return page.inner_text(f"[data-panel={name}]")


def test_the_list_leads_to_both_dashboards_and_says_how_things_are(page: Page, served: Pages) -> None:
    page.goto(served.url)
    page.wait_for_selector("#updated:not(:empty)")
    assert page.locator(".card").count() == len(dashboards(TINY))
    assert "66.6 %" in panel(page, "covered-share")
    page.get_by_role("link", name="Lesson latency").first.click()
    page.wait_for_selector("h1:has-text('Lesson latency')")


def test_coverage_counts_the_unknown_against_the_city(page: Page, served: Pages) -> None:
    open_board(page, served, COVERAGE)
    share = panel(page, "covered-share")
    assert "66.6 %" in share and "off target" in share
    figures = [text.split() for text in page.locator("[data-panel=verdicts] .figure").all_inner_texts()]
    assert [[words[0], words[-1]] for words in figures] == [["4", "Covered"], ["1", "Stale"], ["1", "Unknown"]]


def test_what_needs_attention_is_first_and_every_school_of_the_catalog_is_there(page: Page, served: Pages) -> None:
    open_board(page, served, COVERAGE)
    rows = page.locator("[data-panel=schools] tbody tr")
    assert rows.count() == len(TINY.schools)
    first, second, third = (rows.nth(place).inner_text() for place in range(3))
    assert SILENT.name.en in first and "Stale" in first and re.search(r"\b4\d min\b", first)
    assert NEVER.name.en in second and "Unknown" in second
    assert "Covered" in third and "100 %" in third


def test_a_school_without_news_is_unknown_in_every_column_and_nowhere_good(page: Page, served: Pages) -> None:
    open_board(page, served, LATENCY)
    row = page.locator(f"[data-panel=schools] tr[data-row='{NEVER.code}']")
    (columns,) = [
        len(panel.columns) for panel in LATENCIES.panels if isinstance(panel, Table) and panel.key is Key.SCHOOL
    ]
    assert row.locator(".mark.unknown").count() == row.locator("td").count() == columns
    silent = page.locator(f"[data-panel=schools] tr[data-row='{SILENT.code}'] td")
    assert "unknown" in silent.first.inner_text()
    assert (
        page.locator(f"[data-panel=schools] tr[data-row='{TINY.schools[0].code}'] td").last.inner_text() == "20 Mbit/s"
    )
    assert panel(page, "measured").split()[-1] == "4"
    order = [row.get_attribute("data-row") for row in page.locator("[data-panel=schools] tbody tr").all()]
    assert set(order[:2]) == {SILENT.code, NEVER.code}


def test_a_limit_is_the_citys_target(page: Page, served: Pages) -> None:
    open_board(page, served, LATENCY)
    (target,) = {t.value for t in TINY.targets if t.measure is Measure.SEGMENT_P95_MS}
    assert f"Target: at most {target / 1000:g} s" in panel(page, "city-p95")
    assert f"Target: at most {target / 1000:g} s" in panel(page, "p95-by-district")


def test_graphs_say_their_latest_values_in_words_and_lines_can_be_hidden_by_keyboard(page: Page, served: Pages) -> None:
    open_board(page, served, COVERAGE)
    graph = page.locator("[data-panel=covered-by-district]")
    label = graph.locator(".canvas").get_attribute("aria-label") or ""
    for district in TINY.districts:
        assert district.name.en in label
    button = graph.locator(".legend button").first
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")


def test_something_is_drawn_and_a_hidden_line_is_gone(page: Page, served: Pages) -> None:
    """Colours on the canvas: that of a line is there, and no longer once the line is hidden."""
    open_board(page, served, LATENCY)
    counted = """() => { const c = document.querySelector('[data-panel=p95-by-district] canvas');
      const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; let n = 0;
      for (let i = 0; i < d.length; i += 4) if (d[i] === 0 && d[i + 1] === 114 && d[i + 2] === 178 && d[i + 3] > 200) n++;
      return n; }"""
    assert page.evaluate(counted) > 50
    # The values under the pointer are drawn too: the page's fixture looks whether that needed inline styles.
    page.hover("[data-panel=p95-by-district] canvas")
    page.wait_for_timeout(300)
    page.locator("[data-panel=p95-by-district] .legend button").first.click()
    page.wait_for_timeout(300)
    assert page.evaluate(counted) == 0


def test_tables_are_searched_and_sorted_without_losing_the_keyboards_place(page: Page, served: Pages) -> None:
    open_board(page, served, LATENCY)
    schools = page.locator("[data-panel=schools]")
    schools.get_by_role("searchbox").fill(NEVER.code)
    assert schools.locator("tbody tr").count() == 1
    schools.get_by_role("searchbox").fill("")
    schools.get_by_label("District").select_option(SILENT.district)
    mine = [school for school in TINY.schools if school.district == SILENT.district]
    assert schools.locator("tbody tr").count() == len(mine)
    head = schools.locator("thead button").nth(1)
    head.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(schools.locator("thead th").nth(1)).to_have_attribute("aria-sort", "descending")
    assert "unknown" in schools.locator("tbody tr").last.inner_text()


def test_the_time_range_is_in_the_address_and_asks_anew(page: Page, served: Pages) -> None:
    open_board(page, served, COVERAGE)
    with page.expect_request(lambda request: "query_range" in request.url and "step=15" in request.url):
        page.get_by_label("Time range").select_option("1h")
    assert "range=1h" in page.url
    assert page.get_by_label("Time range").input_value() == "1h"
    page.reload()
    page.wait_for_selector("#updated:not(:empty)")
    assert page.get_by_label("Time range").input_value() == "1h"


def test_it_refreshes_by_itself_at_the_pace_that_was_chosen(page: Page, served: Pages) -> None:
    page.clock.install()
    open_board(page, served, COVERAGE, "&refresh=30")
    with page.expect_request(lambda request: "/api/v1/query" in request.url):
        page.clock.fast_forward(31_000)
    open_board(page, served, COVERAGE, "&refresh=0")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.fast_forward(600_000)
    page.wait_for_timeout(500)
    assert asked == []


def test_the_language_changes_everything_and_is_remembered(page: Page, served: Pages) -> None:
    open_board(page, served, COVERAGE)
    page.click("#language")
    page.wait_for_selector("html[lang=zh-CN] #updated:not(:empty)")
    said = page.inner_text("main")
    for text in (dashboards(TINY)[0].title.zh, NEVER.name.zh, "未知", "不低于 95%"):
        assert text in said
    page.reload()
    page.wait_for_selector("html[lang=zh-CN] #updated:not(:empty)")


@pytest.mark.parametrize(("status", "says"), [(401, "Please sign in first"), (403, "someone who may not see")])
def test_who_may_not_look_is_told_who_may_and_how_to_sign_in(page: Page, served: Pages, status: int, says: str) -> None:
    served.answer = status
    page.goto(f"{served.url}?board={COVERAGE}")
    page.wait_for_selector(".notice")
    said = page.inner_text("main")
    assert says in said
    may = readers.dashboard_tiers(TINY)
    assert [tier.name.en for tier in may if tier.name.en not in said] == []
    assert f"huiju access sign-in --tier {may[0].id}" in said
    assert page.locator(".panel:visible").count() == 0
    served.answer = None
    page.get_by_role("button", name="Try again").click()
    page.wait_for_selector("[data-panel=covered-share] .value")


def test_whom_the_service_refuses_reads_its_words(page: Page, served: Pages) -> None:
    served.answer, served.said = 403, json.dumps(reasons.text("roster-differs", {})).encode()
    page.goto(f"{served.url}?board={COVERAGE}")
    page.wait_for_selector(".notice[data-trouble=forbidden]")
    lines = page.locator(".notice[data-trouble=forbidden] > *").all_inner_texts()
    assert lines[1] == reasons.text("roster-differs", {})["en"], (
        "right below the heading, not under the technical detail"
    )
    assert [line for line in lines[2:] if lines[1] in line] == []


@pytest.mark.parametrize(("status", "said"), [(503, b""), (403, b"")], ids=["away", "nobody-to-ask"])
def test_a_monitoring_that_is_down_is_unknown_and_not_good(page: Page, served: Pages, status: int, said: bytes) -> None:
    served.answer, served.said = status, said
    page.goto(f"{served.url}?board={COVERAGE}")
    page.wait_for_selector(".notice")
    assert "unknown, not good" in page.inner_text(".notice")
    assert page.locator(".mark.good:visible").count() == 0


def test_figures_that_could_not_be_refreshed_are_marked_as_old_and_gone_when_the_session_ends(
    page: Page, served: Pages
) -> None:
    open_board(page, served, COVERAGE)
    for status, grey, shown in ((502, 1, True), (401, 0, False)):
        served.answer = status
        page.get_by_role("button", name="Refresh now").click()
        page.wait_for_selector(f".notice[data-trouble={'down' if status == 502 else 'signed-out'}]")
        assert page.locator(".board.old").count() == grey
        assert page.locator("[data-panel=covered-share]").is_visible() is shown


def test_a_query_that_is_refused_spoils_only_its_own_panel(page: Page, served: Pages) -> None:
    board = json.loads((served.dashboards / f"{COVERAGE}.json").read_text())
    board["panels"][1]["series"][0]["expr"] = "sum("
    page.route(f"**/{COVERAGE}.json", lambda route: route.fulfill(json=board))
    open_board(page, served, COVERAGE)
    assert "cannot be read" in panel(page, "verdicts") and "parse error" in panel(page, "verdicts")
    assert "66.6 %" in panel(page, "covered-share")


def test_no_measurement_at_all_is_unknown_everywhere(page: Page, built: Path, tmp_path: Path) -> None:
    with (
        prometheus_server.running(tmp_path) as url,
        pages_server.serving(built, GENERATED / "dashboards" / "viewer", url) as empty,
    ):
        for board in (COVERAGE, LATENCY):
            open_board(page, empty, board)
            assert page.locator(".mark.good, .figure.good, canvas").count() == 0
            assert page.locator(".value.none").count() == page.locator(".value").count() > 0
            assert "Unknown: nothing was measured" in page.inner_text(".graphs")
            assert page.locator("[data-panel=schools] tbody tr").count() == len(TINY.schools)


def test_names_are_text_and_never_markup(page: Page, served: Pages) -> None:
    nasty = "<img src=x onerror=document.title='broken-in'>"

    def spoilt(route: Route) -> None:
        row: dict[str, Any] = {"zh": nasty, "en": nasty, "district": TINY.districts[0].id}
        route.fulfill(json={NEVER.code: row})

    page.route("**/schools.json", spoilt)
    open_board(page, served, COVERAGE)
    assert nasty in panel(page, "schools")
    assert "broken-in" not in page.title()


def test_an_unknown_dashboard_is_said(page: Page, served: Pages) -> None:
    page.goto(f"{served.url}?board=gone")
    page.wait_for_selector(".notice")
    assert "no such dashboard" in page.inner_text("main")


@pytest.mark.parametrize("board", [COVERAGE, LATENCY])
@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_nothing_sticks_out_on_a_phone_and_everything_has_a_name(
    browser: Browser, served: Pages, board: str, locale: str
) -> None:
    context = browser.new_context(locale=locale, viewport=PHONE)  # type: ignore[arg-type]
    page = context.new_page()
    open_board(page, served, board)
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    unnamed = """[...document.querySelectorAll('button, a, select, input')]
      .filter(e => !(e.textContent.trim() || e.ariaLabel || e.labels?.length)).length"""
    assert page.evaluate(unnamed) == 0
    context.close()
