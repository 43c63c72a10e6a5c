"""What the realm's password policy does not like, in words for the person who chose the password.

Keycloak names each rule by a message of its own (`themes/.../admin/messages/messages_en.properties`) and says it in English only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

RULES: Final[Mapping[str, tuple[str, str]]] = {
    "invalidPasswordMinLengthMessage": ("it needs at least {n} characters", "至少要有 {n} 个字符"),
    "invalidPasswordMaxLengthMessage": ("it may have at most {n} characters", "最多只能有 {n} 个字符"),
    "invalidPasswordMinDigitsMessage": ("it needs at least {n} digits", "至少要有 {n} 个数字"),
    "invalidPasswordMinLowerCaseCharsMessage": ("it needs at least {n} small letters", "至少要有 {n} 个小写字母"),
    "invalidPasswordMinUpperCaseCharsMessage": ("it needs at least {n} capitals", "至少要有 {n} 个大写字母"),
    "invalidPasswordMinSpecialCharsMessage": ("it needs at least {n} special characters", "至少要有 {n} 个特殊字符"),
    "invalidPasswordNotUsernameMessage": ("it must not be the id", "不能与学籍号相同"),
    "invalidPasswordNotContainsUsernameMessage": ("it must not contain the id", "不能包含学籍号"),
    "invalidPasswordNotEmailMessage": ("it must not be the mail address", "不能与邮箱相同"),
    "invalidPasswordHistoryMessage": ("it must differ from the last {n}", "不能与最近 {n} 次用过的相同"),
    "invalidPasswordBlacklistedMessage": ("it is one that many people use", "这个密码太常见"),
}
"""Keycloak's code -> English and Chinese; ``{n}`` is the number in its sentence."""
OTHER: Final = ("it does not follow the city’s rules for passwords", "不符合本市的密码规则")


def is_about_passwords(code: str) -> bool:
    """Whether Keycloak's ``code`` is about the password that was sent."""
    return code.startswith("invalidPassword")


def words(code: str, sentence: str) -> dict[str, str]:
    """``{"en", "zh"}`` for what Keycloak refused with this code and sentence."""
    number = re.search(r"\d+", sentence)
    rule = RULES.get(code, OTHER)
    if number is None and "{n}" in rule[0]:
        rule = OTHER
    filled = (text.format(n=number[0] if number else "") for text in rule)
    return dict(zip(("en", "zh"), filled, strict=True))
