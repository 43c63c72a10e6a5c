"""The dashboards on the running platform: who gets to the figures, and what the real exporter's look like in a browser."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import sync_playwright

from catalog import City
from catalog.access import Action
from derive import readers, session_token
from monitoring.dashboards.panels import dashboards
from tests.integration import viewer
from tests.integration.conftest import Platform

pytestmark = pytest.mark.integration
QUERY = "/monitoring/api/v1/query?" + urlencode({"query": "sum(city_district_schools_count)"})
PATIENCE = 180
"""Seconds for the exporter's first scrape and the rules that stand on it."""


@pytest.fixture(scope="module")
def known(platform: Platform) -> City:
    return viewer.city(platform)


@pytest.fixture(scope="module")
def reader(platform: Platform, known: City) -> str:
    """A session that may look."""
    return viewer.session(platform, readers.dashboard_tiers(known)[0].id)


def schools(platform: Platform, token: str) -> float | None:
    """How many schools Prometheus knows of; None before there are any."""
    answer = viewer.ask(platform, QUERY, Authorization=f"Bearer {token}")
    assert answer.status == 200, answer.body
    result = answer.json["data"]["result"]
    return float(result[0]["value"][1]) if result else None


def wait_for_readings(platform: Platform, token: str) -> float:
    end = time.monotonic() + PATIENCE
    while (found := schools(platform, token)) is None:
        assert time.monotonic() < end, "no readings"
        time.sleep(3)
    return found


def test_the_query_path_asks_who_is_there(platform: Platform, known: City, reader: str) -> None:
    assert viewer.ask(platform, QUERY).status == 401
    assert viewer.ask(platform, QUERY, Authorization=f"Bearer {reader[:-4]}AAAA").status == 401
    assert wait_for_readings(platform, reader) == len(known.schools)
    assert viewer.ask(platform, QUERY, Cookie=f"{session_token.COOKIE}={reader}").status == 200


def test_a_report_on_one_child_does_not_open_the_whole_city(platform: Platform, known: City) -> None:
    allowed = {tier.id for tier in readers.dashboard_tiers(known)}
    others = [tier for tier in known.tiers if tier.id not in allowed]
    assert any(Action.REPORT in tier.actions for tier in others)
    for tier in others:
        token = viewer.session(platform, tier.id)
        assert viewer.ask(platform, QUERY, Authorization=f"Bearer {token}").status == 403, tier.id


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("write", "POST"),
        ("write", "GET"),
        ("query", "POST"),
        ("query/../write", "POST"),
        ("admin/tsdb/snapshot", "POST"),
        ("status/config", "GET"),
        ("series?match[]=up", "GET"),
    ],
)
def test_nothing_but_queries_is_led_to_prometheus(platform: Platform, reader: str, path: str, method: str) -> None:
    answer = viewer.ask(platform, f"/monitoring/api/v1/{path}", method=method, Authorization=f"Bearer {reader}")
    assert answer.status in {404, 405}, answer.body
    assert b"<title>" in answer.body or not answer.body, "the pages' own answer"


def test_the_page_is_open_under_a_strict_policy_and_holds_the_dashboards_of_the_city(
    platform: Platform, known: City
) -> None:
    page = viewer.ask(platform, "/monitoring/")
    assert page.status == 200 and b"/monitoring/assets/" in page.body
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    index = json.loads(viewer.ask(platform, "/monitoring/dashboards/index.json").body)
    assert index["city"]["en"] == known.name.en
    assert viewer.ask(platform, "/monitoring").status in {200, 301}


def test_both_dashboards_show_the_platforms_own_figures(
    platform: Platform, known: City, reader: str, tmp_path: Path
) -> None:
    chromium = shutil.which("chromium")
    assert chromium, "apt-get install chromium"
    wait_for_readings(platform, reader)
    with sync_playwright() as run:
        browser = run.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        context = browser.new_context(ignore_https_errors=True, locale="en-US", viewport={"width": 1280, "height": 800})
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text))
        page.goto(f"{platform.url.rstrip('/')}/monitoring/?board={dashboards(known)[0].id}")
        page.wait_for_selector(".notice[data-trouble=signed-out]")
        context.add_cookies([{"name": session_token.COOKIE, "value": reader, "url": platform.url}])
        page.get_by_role("button", name="Try again").click()
        page.wait_for_selector("#updated:not(:empty)")
        rows = page.locator("[data-panel=schools] tbody tr")
        assert rows.count() == len(known.schools)
        assert page.locator("[data-panel=verdicts] .value").count() == 3
        numbers = [int(text) for text in page.locator("[data-panel=verdicts] .value").all_inner_texts()]
        assert sum(numbers) == len(known.schools), "covered, stale and unknown are all the schools"
        page.screenshot(path=tmp_path / "coverage.png", full_page=True)
        page.get_by_role("link", name=dashboards(known)[1].title.en).click()
        page.wait_for_selector("[data-panel=city-p95] .value")
        browser.close()
    assert not [text for text in complaints if "Failed to load resource" not in text]
