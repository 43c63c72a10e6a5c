"""What actions and scopes are called, in both languages: on pages for people, and in the document that is mounted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from catalog.access import Action, Scope
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


def whose(held: Holding, which: Scope) -> Both:
    """What a scope is called for resources held like this."""
    return OF_SCHOOL.get(which, SCOPES[which]) if held is Holding.SCHOOL else SCOPES[which]
