"""What a visitor loads of the portal's page: its scripts, styles and icon, each once, and nothing else."""

from __future__ import annotations

from loadtests import model
from loadtests.page import parts
from tests.conftest import ROOT
from tests.loadtests import stand_in

PORTAL = ROOT / "services" / "portal"
BUILT = """<!doctype html><html lang="zh-CN"><head>
<link rel="icon" href="/icon.svg" type="image/svg+xml" />
<script type="module" crossorigin src="/assets/index-D1e_9-aB.js"></script>
<link rel="stylesheet" crossorigin href="/assets/index-Bx0_Zq-1.css">
</head><body><img src="/icon.svg" alt=""><a href="/#mine">x</a><a href="/access/sign-in">y</a></body></html>"""
"""As the portal's build writes it."""


def test_the_parts_of_a_page_are_its_files_each_once() -> None:
    assert parts(stand_in.PAGE.decode()) == ("/assets/a.css", "/assets/a.js")
    assert parts(BUILT) == ("/icon.svg", "/assets/index-D1e_9-aB.js", "/assets/index-Bx0_Zq-1.css")


def test_links_that_lead_elsewhere_are_not_parts() -> None:
    page = (
        '<a href="/#mine">1</a><a href="/access/sign-in">2</a><a href="//other.example/a.js">3</a><a href="x.js">4</a>'
    )
    assert parts(page) == ()


def test_the_capacity_model_counts_what_a_sign_in_asks_for() -> None:
    """Of the portal's own page, whose styles the build takes out of its script into one file."""
    source = (PORTAL / "index.html").read_text(encoding="utf-8")
    found = parts(source)
    assert found == ("/icon.svg", "/src/main.ts")
    assert '.css";' in (PORTAL / "src" / "main.ts").read_text(encoding="utf-8")
    asked = ("page", *found, "style", "sign-in", "session", "list")
    assert len(asked) == model.SIGN_IN_REQUESTS
