"""What a refusal says to the person in front of the screen, in both languages: what is so, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

REASONS: Final[Mapping[str, tuple[str, str]]] = {
    "no-such-lesson": ("There is no such lesson; it may have been withdrawn.", "没有这节课，可能已被撤下。"),
    "sign-in-needed": (
        "This lesson is not open to the public: sign in with your school account to play it.",
        "这节课不对公众开放：请用学校账号登录后观看。",
    ),
    "session-invalid": ("Your sign-in is not valid here: sign in again.", "登录信息在这里无效：请重新登录。"),
    "session-ended": ("Your sign-in has ended: sign in again.", "登录已过期：请重新登录。"),
    "unknown-tier": (
        "Your account is of a kind that this city does not have: ask your school to check it.",
        "账号的身份类别不在本市名单中：请让学校核对。",
    ),
    "unknown-school": (
        "Your account names a school that is not of this city: ask your school to check it.",
        "账号所属学校不在本市名单中：请让学校核对。",
    ),
    "tier-plays-nothing": (
        "Accounts of the kind “{tier}” do not play lessons.",
        "“{tier}”类账号不能观看课程。",
    ),
    "tier-takes-nothing-away": (
        "Accounts of the kind “{tier}” do not take lessons away; they may play them.",
        "“{tier}”类账号不能下载课程，可以在线观看。",
    ),
    "sign-in-to-take-away": (
        "Lessons are not taken away by the public: sign in with your school account.",
        "课程不对公众开放下载：请用学校账号登录。",
    ),
    "licence-without-download": (
        "Under its terms, “{licence}”, this lesson is not taken away.",
        "按“{licence}”条款，这节课不能下载。",
    ),
    "no-file-to-take-away": (
        "This lesson has no file to take away yet: ask its publisher to publish it again.",
        "这节课还没有可下载的文件：请发布者重新发布。",
    ),
    "unknown-licence": (
        "The terms under which this lesson is shared are not known, so it is not played: tell its publisher.",
        "这节课的共享条款未登记，因此不能播放：请告诉发布者。",
    ),
    "unknown-owner": (
        "The school that gave this lesson is not of this city: tell its publisher.",
        "发布这节课的学校不在本市名单中：请告诉发布者。",
    ),
    "licence-without-streaming": (
        "Under its terms, “{licence}”, this lesson is not played online.",
        "按“{licence}”条款，这节课不能在线播放。",
    ),
    "licence-not-for-tier": (
        "Under its terms, “{licence}”, this lesson is not for accounts of the kind “{tier}”.",
        "按“{licence}”条款，这节课不向“{tier}”开放。",
    ),
    "licence-ended": (
        "The terms “{licence}” ended for this lesson on {day}.",
        "这节课的“{licence}”期限已于 {day} 届满。",
    ),
    "licence-not-begun": (
        "The terms “{licence}” begin for this lesson on {day}.",
        "这节课的“{licence}”期限从 {day} 起开始。",
    ),
    "licence-own-school-only": (
        "Under its terms, “{licence}”, this lesson is played in the school that gave it only.",
        "按“{licence}”条款，这节课只在发布它的学校内播放。",
    ),
    "licence-needs-seat": (
        "Under its terms, “{licence}”, this lesson takes a paid seat, and this account holds none today: ask your school for one.",
        "按“{licence}”条款，这节课需要付费名额，这个账号今天没有名额：请向学校申请。",
    ),
    "not-yet-published": ("This lesson is not published yet.", "这节课尚未发布。"),
    "no-school": (
        "Your account names no school, district or partner of this city, and a “{tier}” plays lessons of one: have it checked.",
        "账号没有本市的所属学校、区县或伙伴，而“{tier}”只能观看其范围内的课程：请让人核对账号。",
    ),
    "out-of-reach": (
        "Your “{tier}” account does not reach lessons of {school}: no alliance and no agreement opens them.",
        "您的“{tier}”账号不能观看{school}的课程：没有联盟或协议开放它们。",
    ),
    "live-not-for-tier": (
        "Accounts of the kind “{tier}” do not watch live lessons: look for the recording after class.",
        "“{tier}”类账号不能观看直播课：下课后请看录像。",
    ),
    "live-in-alliance-only": (
        "{school} streams this class to the schools of its alliances, and yours is none of them: look for the recording after class.",
        "{school}只向同联盟学校直播这节课，贵校不在其中：下课后请看录像。",
    ),
    "live-over": (
        "This class is over: look for the recording; if there is none tomorrow, ask the school that streamed it.",
        "这节直播课已经结束：请看录像；如果明天还没有，请问授课学校。",
    ),
    "agreement-not-begun": (
        "The agreement “{agreement}”, which opens lessons of {school}, begins on {day}.",
        "开放{school}课程的协议“{agreement}”从 {day} 起生效。",
    ),
    "agreement-ended": (
        "The agreement “{agreement}”, which opened lessons of {school}, ended before {day}.",
        "开放{school}课程的协议“{agreement}”已于 {day} 前到期。",
    ),
    "agreement-other-subject": (
        "The agreement “{agreement}” opens lessons of {school} in {subjects} only, and this one is not published under that.",
        "协议“{agreement}”只开放{school}的{subjects}课程，这节课不属于这些学科。",
    ),
    "unknown-place": (
        "There is no school of this code whose cache could play the lesson.",
        "没有这个代码的学校，无法从它的缓存播放。",
    ),
    "sign-in-failed": ("The sign-in did not come to its end: begin again.", "登录没有完成：请重新登录。"),
    "identity-away": (
        "Nobody can sign in right now: try again in a minute. Whoever is signed in already stays so.",
        "暂时无法登录：请一分钟后再试。已登录的不受影响。",
    ),
    "second-factor-needed": (
        "Accounts of this kind sign in with a one-time code as well. If you have just set it up, sign in again and type a code; "
        "if you were never asked to, have your administrator renew the account.",
        "这类账号登录时还需要动态验证码。刚刚设置好的，请重新登录并输入验证码；没有被要求设置的，请让管理员更新账号。",
    ),
    "provider-differs": (
        "The city’s roster has you as something else than people who sign in this way: sign in with your account of the city.",
        "全市名册中您的身份与这种登录方式的人员类别不同：请用本市的账号登录。",
    ),
    "no-rules": (
        "The rules of access cannot be read now, so nothing is opened: try again in a minute.",
        "暂时读不到访问规则，因此不能打开：请一分钟后再试。",
    ),
    "record-unreadable": (
        "The lesson’s record cannot be read now, so it is not played: try again in a minute.",
        "暂时读不到这节课的记录，因此不能播放：请一分钟后再试。",
    ),
    "decision-unrecorded": (
        "Who opens what is put on record, and the record cannot be written now, so nothing is opened: try again in a minute.",
        "每次访问都要留下审计记录，而现在无法写入，因此不能打开：请一分钟后再试。",
    ),
    "person-unknown": (
        "The city’s roster does not have you: ask your school whether it has sent its register.",
        "全市名册中没有您：请问学校是否已报送名册。",
    ),
    "person-left": (
        "Your school’s register does not let this account sign in any more: ask your school.",
        "学校名册已停用这个账号：请问学校。",
    ),
    "person-without-role": (
        "The city’s roster does not say what you are at any school today: ask your school to check it.",
        "全市名册中没有您今天在任何学校的身份：请让学校核对。",
    ),
    "roster-unreadable": (
        "The city’s roster cannot be read now, so nobody’s facts are shown: try again in a minute.",
        "暂时读不到全市名册，因此不显示任何人的信息：请一分钟后再试。",
    ),
    "roster-differs": (
        "The city’s roster says something else of you than when you signed in: sign in again.",
        "全市名册中您的身份与登录时不同：请重新登录。",
    ),
    "session-without-person": (
        "This sign-in does not say who you are in the city’s roster: sign in with your school account.",
        "这次登录没有说明您是全市名册中的哪一位：请用学校账号登录。",
    ),
    "sign-in-first": (
        "What is kept about a person is not open to the public: sign in with your school account.",
        "个人信息不对公众开放：请用学校账号登录。",
    ),
    "readings-to-nobody": (
        "The readings of the whole city are not open to the public: sign in.",
        "全市的监测数据不对公众开放：请登录。",
    ),
    "readings-not-for-tier": (
        "Accounts of the kind “{tier}” do not see the readings of the whole city.",
        "“{tier}”类账号不能查看全市的监测数据。",
    ),
    "tier-sees-no-profile": (
        "Accounts of the kind “{tier}” do not see what is kept about a pupil.",
        "“{tier}”类账号不能查看学生的信息。",
    ),
    "profile-out-of-reach": (
        "Accounts of the kind “{tier}” see a pupil’s facts only where they are {whose}; these are not.",
        "“{tier}”类账号只能查看{whose}学生信息，这一份不是。",
    ),
    "consent-needed": (
        "A guardian has a say about this pupil, and no parent’s or guardian’s consent counts today. "
        "Accounts of the kind “{tier}” need one for these facts.",
        "“{tier}”类账号须经父母或其他监护人同意才能查看这名学生的信息，而目前没有有效的同意登记。",
    ),
    "capacity-unnamed": (
        "It was not said as what you want to go on: choose on the page “What may I see”.",
        "没有说明要切换成哪个身份：请在“我能看什么”页面选择。",
    ),
    "capacity-not-yours": (
        "The city’s roster does not have you as that today: choose another, or ask the school whose register should say so.",
        "全市名册今天没有您的这个身份：请另选一个，或询问应登记它的学校。",
    ),
    "first-incomplete": (
        "Type your id in the register, the code on your slip, and a password of your choice.",
        "请输入学籍号、首次登录条上的代码和自己选定的密码。",
    ),
    "slip-wrong": (
        "Id and code do not belong together: type both as they stand on your slip. If they do not work, ask your school for a new slip.",
        "学籍号和代码不匹配：请按首次登录条上的原样输入；仍不行时请向学校领取新的登录条。",
    ),
    "slip-used": (
        "This slip has been used already: sign in with your password. If you have forgotten it, ask your school for slip no. {next}.",
        "这张登录条已经用过：请用密码登录。忘记密码时，请向学校领取第 {next} 条。",
    ),
    "too-many-tries": (
        "The code was wrong too often: try again in {minutes} min, or ask your school to help.",
        "代码错误次数过多：请 {minutes} 分钟后再试，或请学校协助。",
    ),
    "not-in-roster": (
        "The register does not have you as somebody who may sign in now: ask your school to check it.",
        "学籍中没有可以登录的记录：请让学校核对。",
    ),
    "account-off": (
        "Your account has been switched off: ask your school.",
        "账号已被停用：请询问学校。",
    ),
    "name-taken": (
        "An account of this name belongs to somebody else: tell your school, so that it asks the city’s operators.",
        "这个账号名已属于他人：请告诉学校，由学校联系平台运维。",
    ),
    "password-refused": (
        "This password is not taken: {why}. Choose another one; your slip has not been used.",
        "密码不符合要求：{why}。请另选一个；登录条仍然有效。",
    ),
    "account-refused": (
        "The identity service does not take this account: ask your school to tell the city’s operators; your slip has not been used.",
        "身份服务不接受这个账号：请告诉学校，由学校联系平台运维；登录条仍然有效。",
    ),
    "roster-down": (
        "The city’s register cannot be asked now, so no account was made: try again in a minute; your slip has not been used.",
        "暂时查不到学籍，因此没有建立账号：请一分钟后再试；登录条仍然有效。",
    ),
    "identity-down": (
        "Accounts cannot be made now: try again in a minute; your slip has not been used.",
        "暂时不能建立账号：请一分钟后再试；登录条仍然有效。",
    ),
    "account-unrecorded": (
        "Every new account is put on record, and the record cannot be written now: try again in a minute.",
        "每个新账号都要留下审计记录，而现在无法写入：请一分钟后再试。",
    ),
}
"""Code -> English and Chinese text; names in braces are filled with the decision's facts."""


def text(reason: str, facts: Mapping[str, Any]) -> dict[str, str]:
    """``{"reason", "en", "zh"}`` as it is answered. A fact is a text, or a name in both languages."""
    said = {"reason": reason}
    for language, template in zip(("en", "zh"), REASONS[reason], strict=True):
        words = {key: each[language] if isinstance(each, Mapping) else each for key, each in facts.items()}
        said[language] = template.format(**words)
    return said
