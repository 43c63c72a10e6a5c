"""What actions, scopes and licences are called on the pages for people, in both languages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from catalog import City
from catalog.access import Action, Licence, LicenceReach, Scope, Use
from catalog.resource import Holding

Both = tuple[str, str]
"""Chinese, English."""

ACTIONS: Final[Mapping[Action, Both]] = {
    Action.VIEW: ("查看", "view"),
    Action.LEARN: ("学习", "learn"),
    Action.DOWNLOAD: ("下载", "download"),
    Action.REMIX: ("改编", "remix"),
    Action.PUBLISH: ("发布", "publish"),
    Action.REVIEW: ("审核", "review"),
    Action.REPORT: ("统计", "report"),
    Action.ADMINISTER: ("管理", "administer"),
}
SCOPES: Final[Mapping[Scope, Both]] = {
    Scope.OWN: ("本人的", "their own"),
    Scope.CHILD: ("自己孩子的", "their own child’s"),
    Scope.CLASS: ("本班学生的", "of their classes"),
    Scope.SCHOOL: ("本校的", "of their school"),
    Scope.AGREEMENT: ("协议开放的", "opened by an agreement"),
    Scope.ALLIANCE: ("本校和同联盟学校的", "of their school and its alliances"),
    Scope.DISTRICT: ("本区县的", "of their district"),
    Scope.CITY: ("全市的", "of the whole city"),
    Scope.PUBLIC: ("全市的，无需登录", "of the whole city, without signing in"),
}
OF_SCHOOL: Final[Mapping[Scope, Both]] = {
    Scope.CHILD: ("自己孩子学校的", "of their child’s school"),
    Scope.CLASS: ("本班所在学校的", "of the school of their class"),
}
"""The same where a school holds the resource."""
USES: Final[Mapping[Use, Both]] = {
    Use.STREAM: ("在线播放", "play online"),
    Use.DOWNLOAD: ("下载", "download"),
    Use.OFFLINE: ("离线保存", "keep offline"),
    Use.REMIX: ("改编", "remix"),
}
REACHES: Final[Mapping[LicenceReach, Both]] = {
    LicenceReach.ANYONE: ("不限", "anyone"),
    LicenceReach.CITY: ("限本市学校和机关", "the city’s schools and offices only"),
    LicenceReach.SCHOOL: ("限发布的学校", "the publishing school only"),
}
SEPARATORS: Final[Both] = ("、", ", ")


def scope(held: Holding, which: Scope) -> Both:
    """What a scope is called for resources held like this."""
    return OF_SCHOOL.get(which, SCOPES[which]) if held is Holding.SCHOOL else SCOPES[which]


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


def called(city: City, kind: str, value: str) -> Both:
    """An entry of a list in a row: a tier or a party by its name, anything else as it is."""
    if kind == "tiers":
        return tier(city, value)
    return party(city, value) if kind in ("schools", "partners") else (value, value)
