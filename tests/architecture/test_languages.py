"""Every page for users exists in English and in Chinese, with the same structure and the same commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.architecture.pages import FENCE, commands, headings, user_pages
from tests.architecture.sources import files, relative

FILLED_IN = re.compile(r"^[A-Z_]+$|<|[\u4e00-\u9fff]")
ENGLISH = tuple(path for path in user_pages() if not path.name.endswith(".zh.md"))


def typed(text: str) -> list[str]:
    """The commands of a page, sorted, without the words that the reader fills in: NAME, <name>, or Chinese ones."""
    return sorted(
        " ".join([program, *(word for word in words if not FILLED_IN.search(word))])
        for program, words in commands(text)
    )


def differences(english: str, chinese: str) -> list[str]:
    """What the two pages do not have in common, one sentence each."""
    found = []
    if headings(english) != headings(chinese):
        found.append(f"headings differ: {headings(english)} and {headings(chinese)}")
    if typed(english) != typed(chinese):
        found.append("the commands differ")
    if not re.search(r"[\u4e00-\u9fff]", chinese):
        found.append("the Chinese page holds no Chinese")
    half_width = re.findall(r"[\u4e00-\u9fff][,:;?!](?![/\d])", re.sub(r"`[^`\n]*`", "", FENCE.sub("", chinese)))
    if half_width:
        found.append(f"half-width punctuation after a Chinese character: {half_width}")
    return found


ONE_NAME = {
    "源站护盾": ("盾层", "缓存护盾", "屏蔽缓存", "城市缓存"),
    "权限服务": ("授权服务", "播放许可服务"),
    "登录条": ("纸条",),
    "名额": ("席位",),
    "栈": ("堆栈",),
    "领航": ("领军",),
    "许可": ("许可证",),
}
"""What a thing is called in Chinese: shield, entitlement, slip, seat, stack, leading, licence. Who meets two names looks for two things."""


def other_names(text: str) -> list[str]:
    """Names in ``text`` that are not the one of their thing, each with that one."""
    return [f"{other}: {name}" for name, others in ONE_NAME.items() for other in others if other in text]


def test_a_thing_has_one_name_in_chinese() -> None:
    pages = {relative(path): path.read_text(encoding="utf-8") for path in files() if path.name.endswith(".zh.md")}
    assert not [(page, found) for page, text in pages.items() for found in other_names(text)]


def test_every_chinese_page_has_its_english_twin() -> None:
    alone = [
        relative(p)
        for p in user_pages()
        if p.name.endswith(".zh.md") and p.with_name(p.name[:-6] + ".md") not in ENGLISH
    ]
    assert not alone


@pytest.mark.parametrize("page", ENGLISH, ids=relative)
def test_the_chinese_page_says_the_same(page: Path) -> None:
    twin = page.with_name(page.stem + ".zh.md")
    assert twin.is_file(), f"write {relative(twin)}"
    assert not differences(page.read_text(encoding="utf-8"), twin.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", ENGLISH, ids=relative)
def test_a_page_leads_to_its_twin_and_back(page: Path) -> None:
    twin = page.with_name(page.stem + ".zh.md")
    assert f"[中文]({twin.name})" in page.read_text(encoding="utf-8")
    assert f"[English]({page.name})" in twin.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("# a\n## b", "# 甲"),
        ("# a\n`make up`", "# 甲\n`make test`"),
        ("# a", "# still English"),
        ("# a", "# \u7532, \u4e59"),
    ],
)
def test_the_rule_sees_a_page_that_lags_behind(english: str, chinese: str) -> None:
    assert differences(english, chinese)
