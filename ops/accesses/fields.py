"""The fields in which two rows of the catalog differ, in both languages: what came and what went of a list, else the new and the old."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from catalog import City
from ops.accesses import words
from policies.access.words import Both

LABELS: Final[Mapping[str, Both]] = {
    "scope": ("最大范围", "at the widest"),
    "two_factor": ("双因素登录", "second factor"),
    "roster_roles": ("名册中的身份", "roles in the roster"),
    "partner_kind": ("伙伴类型", "kind of partner"),
    "service": ("服务", "service"),
    "held_by": ("归谁所有", "held by"),
    "licensed": ("须有许可", "under a licence"),
    "uses": ("用途", "uses"),
    "tiers": ("层级", "tiers"),
    "reach": ("范围", "reach"),
    "window_days": ("发布后天数", "days from publication"),
    "window": ("期限", "window"),
    "seats": ("付费名额", "paid seats"),
    "guardian_consent": ("监护人同意", "guardian’s consent"),
    "guardian_consent_by": ("可以作出同意的人在名册中的身份", "who may give it, by their role in the roster"),
    "schools": ("学校", "schools"),
    "partners": ("伙伴", "partners"),
    "services": ("服务", "services"),
    "subjects": ("学科", "subjects"),
    "name": ("名称", "name"),
    "starts": ("开始", "starts"),
    "ends": ("结束", "ends"),
}
ABSENT: Final[Mapping[str, Both]] = {"subjects": ("全部", "all")}
"""What null says in a field; in any other: none."""
Side = tuple[City, Any]
"""A state of the city and a row of it."""


def differing(old: Side, new: Side, names: tuple[str, ...]) -> Both:
    """What differs in these fields, ready to stand behind the row's name; empty where nothing does."""
    found = [_field(name, old, new) for name in names]
    return "".join(zh for zh, _ in found), "".join(en for _, en in found)


def _field(name: str, old: Side, new: Side) -> Both:
    was, now = getattr(old[1], name), getattr(new[1], name)
    zh, en = LABELS[name]
    if isinstance(was, tuple) and isinstance(now, tuple):
        gained = [("+", words.called(new[0], name, each)) for each in now if each not in was]
        lost = [("-", words.called(old[0], name, each)) for each in was if each not in now]
        said = [*gained, *lost]
        both = (" ".join(s + w[0] for s, w in said), " ".join(s + w[1] for s, w in said))
        return (f"；{zh} {both[0]}", f"; {en} {both[1]}") if said else ("", "")
    if was == now:
        return "", ""
    (was_zh, was_en), (now_zh, now_en) = _plain(name, (old[0], was)), _plain(name, (new[0], now))
    return f"；{zh} {now_zh}（原为 {was_zh}）", f"; {en} {now_en} (was {was_en})"


def _plain(name: str, side: Side) -> Both:
    city, value = side
    if value is None:
        return ABSENT.get(name, ("无", "none"))
    if isinstance(value, tuple):
        return words.joined(words.called(city, name, each) for each in value)
    if isinstance(value, bool):
        return ("是", "yes") if value else ("否", "no")
    if hasattr(value, "model_dump"):
        text = " ".join(f"{key} {each}" for key, each in value.model_dump(mode="json").items())
        return text, text
    return str(value), str(value)
