"""Choosing what to act as, on the portal's built pages in a browser: what is listed, what is asked for, and what a refusal says."""

# ruff: noqa: F811  # fixtures are handed over by their names

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.integration.pages_server import Answering, content_policy
from tests.integration.test_player_page import PHONE, SMALL, WIDTH, browser, built, context, page  # noqa: F401  # fixtures
from tests.loopback import listening

pytestmark = pytest.mark.integration


def name(zh: str, en: str) -> dict[str, str]:
    return {"zh": zh, "en": en}


TEACHER, PARENT, STAFF = name("教师", "Teacher"), name("家长", "Parent"), name("区县工作人员", "District staff")
FIRST, SECOND, EAST = (
    name("第一小学", "First Primary School"),
    name("第二小学" * 12, "Second " * 20),
    name("东区", "East"),
)
NEEDS = {"reason": "second-factor-needed", **name("还需要动态验证码。", "It needs a <b>one-time code</b>.")}
ROWS: dict[str, dict[str, Any]] = {
    "teacher": {"tier": TEACHER, "school": FIRST, "district": None, "partner": None},
    "parent": {"tier": PARENT, "school": SECOND, "district": None, "partner": None},
    "staff": {"tier": STAFF, "school": None, "district": EAST, "partner": None},
}
"""What the person is, by the tier."""


@dataclass
class Service:
    """What answers below `/access/`: somebody who is ``now``, and what they asked for."""

    pages: Path
    url: str = ""
    now: str = "teacher"
    answer: tuple[int, Any] = (204, None)
    asked: list[tuple[dict[str, Any], str | None]] = field(default_factory=list)
    """What was sent, and as which kind."""

    def session(self) -> dict[str, Any]:
        return {"signed_in": True, "stand_in": False, "more": True, "cache": None, **ROWS[self.now]}

    def mine(self) -> dict[str, Any]:
        others: list[Any] = [
            {"use": {"tier": tier}, **row, "why_not": NEEDS if tier == "staff" else None}
            for tier, row in ROWS.items()
            if tier != self.now
        ]
        return {**self.session(), "resources": [], "classes": [], "children": [], "others": [*others, None, {"use": 7}]}


@pytest.fixture
def service(built: Path) -> Iterator[Service]:
    found = Service(built)
    with listening(_handler(found)) as found.url:
        yield found


def _handler(service: Service) -> type[SimpleHTTPRequestHandler]:
    class Handler(Answering, SimpleHTTPRequestHandler):
        def translate_path(self, path: str) -> str:
            return str(service.pages / path.split("?", maxsplit=1)[0].lstrip("/"))

        def end_headers(self) -> None:
            self.send_header("Content-Security-Policy", content_policy())
            super().end_headers()

        def do_GET(self) -> None:
            known = {"/access/session": service.session, "/access/mine": service.mine}
            if self.path in known:
                self.answer(200, known[self.path]())
            else:
                super().do_GET()

        def do_POST(self) -> None:
            assert self.path == "/access/use-as"
            sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            service.asked.append((sent, self.headers["Content-Type"]))
            status, body = service.answer
            if status == 204:
                service.now = sent["tier"]
            self.answer(status, body)

    return Handler


def test_a_teacher_finds_that_they_are_a_parent_too_and_acts_as_one(page: Page, service: Service) -> None:
    page.goto(f"{service.url}/")
    page.click("#use-as")
    here, choices = page.locator("#here-as"), page.locator("#use-as-list li")
    expect(here).to_have_text("You are here as: Teacher · First Primary School")
    assert choices.count() == 2, "what makes no sense is left out"
    assert "It needs a <b>one-time code</b>." in choices.nth(1).inner_text()
    assert choices.nth(1).locator("button").count() == 0
    assert page.locator("#use-as").is_hidden(), "they are there already"
    choices.nth(0).get_by_role("button").press("Enter")
    expect(here).to_have_text(f"You are here as: Parent · {SECOND['en'].strip()}")
    expect(page.locator("#who")).to_contain_text("Parent")
    assert page.evaluate("document.activeElement.id") == "here-as", "who does not see the page hears what is so now"
    assert service.asked == [({"tier": "parent"}, "application/json")]
    page.click("#language")
    expect(here).to_contain_text("您现在的身份：家长 · 第二小学")
    expect(page.locator("#use-as-list button")).to_have_text("教师 · 第一小学")


@pytest.mark.parametrize(
    ("answer", "said", "reason"),
    [
        ((403, {"reason": "person-left", **name("已停用", "<b>Left</b>")}), "<b>Left</b>", "person-left"),
        ((502, None), "try again later", "HTTP 0"),
        ((503, {"reason": 7}), "try again later", "HTTP 503"),
    ],
)
def test_a_refusal_is_announced_and_everything_stays(
    page: Page, service: Service, answer: tuple[int, Any], said: str, reason: str
) -> None:
    service.answer = answer
    page.goto(f"{service.url}/#mine")
    button, problem = page.locator("#use-as-list button"), page.locator("#use-as-problem")
    expect(problem).to_be_hidden()
    button.click()
    expect(problem).to_contain_text(said)
    assert (problem.get_attribute("role"), problem.get_attribute("data-reason")) == ("alert", reason)
    expect(button).to_be_enabled()
    expect(page.locator("#here-as")).to_contain_text("Teacher")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert page.evaluate(WIDTH) <= 0, "the longest name of a school fits a telephone"
    assert page.evaluate(SMALL) == []
