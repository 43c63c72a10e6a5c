"""Every reason for a refusal is explained to operators by its code, in both languages: what it means, and what to do."""

from __future__ import annotations

import re

import pytest

from services.entitlement.reasons import REASONS
from tests.architecture.pages import user_pages

CODE = re.compile(r"`([a-z]+(?:-[a-z]+)+)`")


def explained(*, chinese: bool) -> set[str]:
    """Codes in the first column of the tables of operators' pages in one language."""
    pages = [
        page for page in user_pages() if page.parent.name == "operator" and page.name.endswith(".zh.md") is chinese
    ]
    rows = [line for page in pages for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    return {code for row in rows for code in CODE.findall(row.split("|")[1])}


@pytest.mark.parametrize("chinese", [False, True], ids=["English", "Chinese"])
def test_every_reason_has_a_row_in_a_page_of_operators(chinese: bool) -> None:
    missing = sorted(set(REASONS) - explained(chinese=chinese))
    assert not missing, f"no row says what these mean and what to do: {missing}"
