"""The form of the first sign-in in a browser: what it sends, what it says, and where the keyboard is then."""

# ruff: noqa: F811  # fixtures are handed over by their names

from __future__ import annotations

import json
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from tests.integration.conftest import Platform
from tests.integration.test_portal_pages import browser, page, show  # noqa: F401  # fixtures

pytestmark = pytest.mark.integration
FOCUS = "document.activeElement.id"
TYPED = {"id": "S0001", "code": "7k3qd x0m2a", "password": "correct horse"}


def opened(page: Page, platform: Platform, answer: dict[str, Any], status: int) -> list[dict[str, Any]]:
    """Open the form, whose address answers this; everything that it will send."""
    sent: list[dict[str, Any]] = []

    def answered(route: Route) -> None:
        sent.append(json.loads(route.request.post_data or ""))
        route.fulfill(status=status, body=json.dumps(answer), content_type="application/json")

    page.route("**/access/first", answered)
    show(page, platform, [])
    page.click("#first-time")
    page.wait_for_selector("form#first")
    return sent


def fill(page: Page, **typed: str) -> None:
    for name, text in typed.items():
        page.fill(f"#first-{name}", text)
    page.click("form#first button")


def test_a_good_slip_ends_at_the_way_to_sign_in(page: Page, platform: Platform) -> None:
    sent = opened(page, platform, {"username": "s0001", "account": "made"}, 201)
    fill(page, **TYPED, again=TYPED["password"])
    page.wait_for_selector("#first-name")
    assert sent == [TYPED]
    assert page.inner_text("#first-name") == "s0001"
    assert page.get_attribute("main a.button", "href") == "/access/sign-in"
    assert page.evaluate("document.activeElement.tagName") == "H1"


def test_what_is_missing_or_differs_is_said_and_not_sent(page: Page, platform: Platform) -> None:
    sent = opened(page, platform, {}, 500)
    fill(page)
    assert (page.inner_text("#first-problem"), page.evaluate(FOCUS)) == ("Please fill in: Id", "first-id")
    fill(page, **TYPED, again="correct horses")
    assert "differ" in page.inner_text("#first-problem")
    assert page.evaluate(FOCUS) == "first-again"
    assert page.get_attribute("#first-again", "aria-invalid") == "true"
    assert sent == []


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"reason": "slip-used", "en": "<b>Used</b>", "zh": "用过"}, "<b>Used</b>"),
        ({"reason": "x", "en": 7}, "cannot be made now"),
        ({}, "cannot be made now"),
    ],
)
def test_a_refusal_is_announced_as_text_and_what_was_typed_stays(
    page: Page, platform: Platform, answer: dict[str, Any], said: str
) -> None:
    opened(page, platform, answer, 409)
    fill(page, **TYPED, again=TYPED["password"])
    page.wait_for_selector("#first-problem:not([hidden])")
    assert said in page.inner_text("#first-problem")
    assert page.get_attribute("#first-problem", "role") == "alert"
    assert page.input_value("#first-id") == TYPED["id"]


def test_every_field_has_a_label_and_a_hint(page: Page, platform: Platform) -> None:
    opened(page, platform, {}, 500)
    for label in ("Id", "One-time code", "New password", "New password again"):
        field = page.get_by_label(label, exact=True)
        assert field.count() == 1, label
        hint = field.get_attribute("aria-describedby")
        assert page.inner_text(f"#{hint}")
    page.go_back()
    page.wait_for_selector("form#first", state="detached")
