"""Every relative link of every page leads somewhere: a file, and a heading where one is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.pages import FENCE, code, user_pages
from tests.architecture.sources import ROOT, files, relative

LINK = re.compile(r"!?\[[^]]*\]\(([^)\s]+)\)")
PLACE = re.compile(r"[\w.-]+(/[\w.<>*-]+)+/?")
PAGES = tuple(path for path in files() if path.suffix == ".md")


def anchors(text: str) -> set[str]:
    """What a page's headings can be linked by, as the hosting sites spell it."""
    titles = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def dead(page: Path, text: str) -> list[str]:
    """Links of ``page`` that lead nowhere."""
    found = []
    for link in LINK.findall(FENCE.sub("", text)):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if re.match(r"[a-z]+:", link):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target.read_text(encoding="utf-8"))):
            found.append(link)
    return found


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_lead_somewhere(page: Path) -> None:
    assert not dead(page, page.read_text(encoding="utf-8"))


def missing(text: str) -> list[str]:
    """Places in the repository that a page names in code and that are not there; ``<name>`` stands for any name."""
    tops = {path.relative_to(ROOT).parts[0] for path in files()}
    named = {span for span in code(text) if PLACE.fullmatch(span) and span.split("/")[0] in tops}
    return sorted(place for place in named if not list(ROOT.glob(re.sub(r"<[^>]+>|\.\.\.", "*", place.rstrip("/")))))


@pytest.mark.parametrize("page", user_pages(), ids=relative)
def test_the_places_that_a_page_names_exist(page: Path) -> None:
    assert not missing(page.read_text(encoding="utf-8"))


def test_the_rule_sees_a_place_that_does_not_exist() -> None:
    text = "edit `infra/nowhere.py`, `infra/plan/<area>.py`, `other/x.py` or `catalog/data/<city>/nothing.yaml`"
    assert missing(text) == ["catalog/data/<city>/nothing.yaml", "infra/nowhere.py"]


@pytest.mark.parametrize("index", ["README.md", "README.zh.md"])
def test_the_index_leads_to_every_page(index: str) -> None:
    suffix = index.removeprefix("README")
    pages = {
        path
        for path in user_pages()
        if path.parent.parent == ROOT / "docs" and path.name.endswith(".zh.md") == (suffix == ".zh.md")
    }
    linked = {
        (ROOT / "docs" / link).resolve() for link in LINK.findall((ROOT / "docs" / index).read_text(encoding="utf-8"))
    }
    assert pages <= linked, f"not in docs/{index}: {sorted(relative(page) for page in pages - linked)}"


@pytest.mark.parametrize("link", ["[a](nowhere.md)", "[a](#nowhere)", "![a](images/nowhere.png)"])
def test_the_rule_sees_a_dead_link(link: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# here\n{link}\n", encoding="utf-8")
    assert dead(page, link)
