"""What licences, tiers and parties are called on the pages for people, in both languages; actions and scopes: `policies.access.words`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from catalog import City
from catalog.access import Licence, LicenceReach, Use
from derive.points import Giver
from policies.access.words import Both

USES: Final[Mapping[Use, Both]] = {
    Use.STREAM: ("在线播放", "play online"),
    Use.DOWNLOAD: ("下载", "download"),
    Use.OFFLINE: ("装入 U 盘离线使用", "go offline on a stick"),
    Use.REMIX: ("改编", "remix"),
}
REACHES: Final[Mapping[LicenceReach, Both]] = {
    LicenceReach.ANYONE: ("不限", "anyone"),
    LicenceReach.CITY: ("限本市学校和机关", "the city’s schools and offices only"),
    LicenceReach.SCHOOL: ("限发布的学校", "the publishing school only"),
}
GIVERS: Final[Mapping[Giver, Both]] = {
    Giver.OPERATOR: ("由平台运维人员用命令完成", "the platform’s operator does this, by command"),
    Giver.NOBODY: ("平台目前还没有任何功能提供这一项", "nothing of the platform gives this yet"),
}
"""Whoever is not here, the platform, people find by themselves."""
SEPARATORS: Final[Both] = ("、", ", ")


def joined(words: Iterable[Both]) -> Both:
    """A list in both languages."""
    zh, en = zip(*words, strict=True) if (words := list(words)) else ((), ())
    return SEPARATORS[0].join(zh), SEPARATORS[1].join(en)


def either(words: Iterable[Both]) -> Both:
    """Alternatives in both languages."""
    zh, en = zip(*words, strict=True) if (words := list(words)) else ((), ())
    return "，或".join(zh), ", or ".join(en)


def limits(licence: Licence) -> list[Both]:
    """What a licence sets besides whom it is for, one limit an entry."""
    zh, en = joined(USES[use] for use in licence.uses)
    found = [(f"可{zh}", f"may {en}"), REACHES[licence.reach]]
    if Use.DOWNLOAD not in licence.uses:
        found.append(("不得下载", "no download"))
    if Use.OFFLINE not in licence.uses:
        found.append(
            ("不得装入 U 盘（学校盒子的缓存属于在线播放）", "no stick (what schools’ boxes cache is playing online)")
        )
    if licence.window_days is not None:
        found.append((f"发布后 {licence.window_days} 天内", f"for {licence.window_days} days from publication"))
    if window := licence.window:
        found.append(
            (
                f"{window.starts} 至 {window.ends}（{window.timezone}）",
                f"{window.starts} to {window.ends} ({window.timezone})",
            )
        )
    if seats := licence.seats:
        price = f"{seats.yuan_per_seat:,}"
        found.append((f"{seats.number:,} 个名额，每个 {price} 元", f"{seats.number:,} seats, {price} yuan each"))
    return [*found, ("须署名", "the author is named")] if licence.attribution else found


def tier(city: City, name: str) -> Both:
    """A tier's name."""
    found = next(each for each in city.tiers if each.id == name)
    return found.name.zh, found.name.en


def resource(city: City, name: str) -> Both:
    """A class's name."""
    found = next(each for each in city.resources if each.id == name)
    return found.name.zh, found.name.en


def party(city: City, name: str) -> Both:
    """A school or partner by its code or id, with its name."""
    partners = {each.id: each.name for each in city.partners}
    found = city.school(name).name if name in city.by_code else partners[name]
    return f"{found.zh}（{name}）", f"{found.en} ({name})"


def subject(city: City, name: str) -> Both:
    """A subject's name, with its id."""
    found = next(each for each in city.subjects if each.id == name)
    return f"{found.name.zh}（{name}）", f"{found.name.en} ({name})"


def called(city: City, kind: str, value: str) -> Both:
    """An entry of a list in a row: a tier or a party by its name, anything else as it is."""
    if kind == "tiers":
        return tier(city, value)
    if kind == "subjects":
        return subject(city, value)
    return party(city, value) if kind in ("schools", "partners") else (value, value)
