"""One answer with its reasons: may this person do that with this resource now; and if not, the first thing that stands in the way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from catalog import City
from catalog.access import Action, Scope
from catalog.resource import Resource
from derive import grants
from ops.accesses import table, words
from policies.access.conditions import Obstacle
from policies.access.deciding import Judge, Question
from policies.access.matrix import Policy
from policies.access.words import ACTIONS, Both

OBSTACLES: Final[dict[Obstacle, Both]] = {
    Obstacle.WHOSE: ("这项资源不在其范围内", "it is not within reach"),
    Obstacle.AGREEMENT: ("双方不在该协议内，或协议现在不在有效期", "they are not both party to it, or it is not in force now"),
    Obstacle.SUBJECT: ("该协议不涉及这门学科", "the agreement is not about this subject"),
    Obstacle.USE: ("许可不允许这种用途", "the licence does not allow this use"),
    Obstacle.TIER: ("许可不给这个层级", "the licence is not for this tier"),
    Obstacle.REACH: ("许可限定了范围，此人在范围之外", "the licence reaches less far than to this person"),
    Obstacle.UNPUBLISHED: ("尚未发布", "it is not published yet"),
    Obstacle.LASTED: ("自发布起的许可天数已满", "the licence’s days since publication are over"),
    Obstacle.NOT_BEGUN: ("许可期限还没开始", "the licence’s window has not opened yet"),
    Obstacle.ENDED: ("许可期限已结束", "the licence’s window is closed"),
    Obstacle.SEAT: ("需要付费名额，此人没有", "it takes a paid seat, and this person holds none"),
    Obstacle.CONSENT: ("学生未满年龄（或年龄不明），监护人尚未同意", "pupil below the age, or of none known, and no guardian agreed"),
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """Yes or no, and why, one line each in both languages."""

    allowed: bool
    lines: tuple[Both, ...]


def general(city: City, resource: Resource, tier: str, action: Action) -> Answer:
    """Whether the tier may do it at all, and with whose; without any facts about a person or a resource."""
    found = [row for row in table.rows(city, resource) if (row.cell.tier, row.cell.action) == (tier, action)]
    if not found:
        return Answer(False, tuple(_nobody(city, resource, tier, action)))
    [row] = found
    lines = [_headline(city, resource, tier, action), (f"谁的：{row.whose[0]}", f"whose: {row.whose[1]}")]
    zh, en = table.under(city, row)
    if en:
        lines.append((f"条件：{zh}", f"under: {en}"))
    return Answer(True, tuple(lines))


def particular(city: City, resource: Resource, question: Question) -> Answer:
    """The decision of the compiled policies on one question, with what stands in the way of each policy when it is a no."""
    judge = Judge.of(city)
    looked = judge.obstacles(question)
    lines = [_headline(city, resource, question.who.tier, question.action)]
    if judge.decide([question])[0].allowed:
        return Answer(True, (*lines, *(_granted(city, policy) for policy, obstacles in looked if not obstacles)))
    if not looked:
        return Answer(False, tuple(_nobody(city, resource, question.who.tier, question.action)))
    return Answer(False, (*lines, *(_refused(city, policy, obstacles) for policy, obstacles in looked)))


def given(city: City, resource: Resource, tier: str, action: Action) -> tuple[Both, ...]:
    """Lines more where a yes would be taken for something that they find on the platform; of the tier's cell, or else of everybody's."""
    everybody = [each.id for each in city.tiers if each.scope is Scope.PUBLIC]
    found = {row.cell.tier: row.given for row in table.rows(city, resource) if row.cell.action == action}
    return next((found[each] for each in (tier, *everybody) if each in found), ())


def _headline(city: City, resource: Resource, tier: str, action: Action) -> Both:
    (who_zh, who_en), (do_zh, do_en) = words.tier(city, tier), ACTIONS[action]
    return f"{who_zh} · {do_zh} · {resource.name.zh}", f"{who_en} · {do_en} · {resource.name.en}"


def _by(city: City, policy: Policy) -> Both:
    """By what a policy opens: its grant, an agreement, or being open to all."""
    if policy.agreement:
        name = next(each.name for each in city.agreements if each.id == policy.agreement)
        return f"凭协议“{name.zh}”", f"by the agreement “{name.en}”"
    return (
        ("按对公众开放的", "by what is open to everybody")
        if policy.everybody
        else ("凭层级的授权", "by the tier’s grant")
    )


def _granted(city: City, policy: Policy) -> Both:
    zh, en = _by(city, policy)
    return f"{zh}（{policy.id}）", f"{en} ({policy.id})"


def _refused(city: City, policy: Policy, obstacles: tuple[Obstacle, ...]) -> Both:
    (by_zh, by_en), said = _by(city, policy), [OBSTACLES[each] for each in obstacles]
    zh, en = "；".join(each[0] for each in said), "; ".join(each[1] for each in said)
    return f"{by_zh}不行：{zh}", f"not {by_en}: {en}"


def _nobody(city: City, resource: Resource, tier: str, action: Action) -> list[Both]:
    """That no grant lets the tier do it, and which tiers may."""
    able = dict.fromkeys(c.tier for c in grants.cells(city) if (c.resource, c.action) == (resource.id, action))
    zh, en = words.joined(words.tier(city, each) for each in able)
    none = ("没有任何授权允许", "no grant lets them")
    who = (f"可以的有：{zh}", f"who may: {en}") if able else ("谁也不可以", "nobody may")
    return [_headline(city, resource, tier, action), none, who]
