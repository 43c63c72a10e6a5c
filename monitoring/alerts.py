"""Alerts: few, and each a statement that is true and asks for something to be done. Every one has a runbook of its name. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from catalog import City, names
from catalog.target import Measure
from monitoring import slo
from monitoring.rules import VOLUME_FREE

RUNBOOKS: Final = "monitoring/runbooks"
PAGE, TICKET = "page", "ticket"
"""Severities: wake somebody, or be read in the morning."""
JOBS: Final = (
    names.EXPORTER,
    names.BLACKBOX,
    names.FRONT_DOOR,
    "kubelet",
    names.ALERTMANAGER,
    names.ENTITLEMENT,
    names.LOG_COLLECTOR,
)
"""Scrape jobs without which an alert of this file could not be trusted."""
COLLECTOR_WAITS, COLLECTOR_SENT = "otelcol_exporter_queue_size", "otelcol_exporter_sent_log_records_total"
"""The collector's own counters, for each bucket (`exporter`): bytes that wait for the store; lines that it took."""
LOGS_WINDOW: Final = timedelta(minutes=30)
"""A collector that holds lines and got rid of none for so long is stuck: three times as long as one may gather them for an object."""


def groups(city: City) -> list[dict[str, Any]]:
    """The one group of alerts."""
    rules = [
        _school(),
        _district(),
        *_budget(city),
        *_pages(),
        _volume(),
        _blind(),
        _audit(city),
        _rules(),
        _log(),
        _platform_logs(),
    ]
    return [{"name": "alerts", "interval": "30s", "rules": rules}]


def _alert(
    name: str, expression: str, wait: str, severity: str, /, *, en: str, zh: str, **labels: str
) -> dict[str, Any]:
    return {
        "alert": name,
        "expr": expression,
        "for": wait,
        "labels": {"severity": severity, **labels},
        "annotations": {"summary": en, "summary_zh": zh, "runbook": f"{RUNBOOKS}/{name}.md"},
    }


def _school() -> dict[str, Any]:
    """A school that was heard and is not any more; one that never joined is no news."""
    return _alert(
        names.ALERT_SCHOOL,
        f'max by (school, district) ({names.METRIC_SCHOOL_STATE}{{state="stale"}}) == 1',
        "2m",
        TICKET,
        en="School {{ $labels.school }} no longer fetches lessons",
        zh="学校 {{ $labels.school }} 已无法获取课程",
    )


def _district() -> dict[str, Any]:
    """More than half of a district's schools at once are one incident."""
    stale = f'sum by (district) ({names.METRIC_SCHOOL_STATE}{{state="stale"}})'
    heard = f'sum by (district) ({names.METRIC_SCHOOL_STATE}{{state=~"stale|covered"}})'
    return _alert(
        names.ALERT_DISTRICT,
        f"{stale} / ({heard} > 1) > 0.5",
        "2m",
        PAGE,
        en="{{ $value | humanizePercentage }} of the schools of {{ $labels.district }} no longer fetch lessons",
        zh="{{ $labels.district }} 有 {{ $value | humanizePercentage }} 的学校无法获取课程",
    )


def _budget(city: City) -> Iterator[dict[str, Any]]:
    for burn in slo.BURNS:
        yield _alert(
            names.ALERT_BUDGET,
            slo.expression(city, burn),
            "0m",
            burn.severity,
            en=f"Lessons were out of reach for {{{{ $value }}}} school seconds in {burn.long}: over {burn.share:.0%} of the budget",
            zh=f"{burn.long} 内上课时间有 {{{{ $value }}}} 秒无法获取课程，超过误差预算的 {burn.share:.0%}",
            window=burn.long,
        )


def _pages() -> Iterator[dict[str, Any]]:
    """What no lesson needs has an alert of its own: it must not spend the budget of lessons, nor be away without a word."""
    school = f"on () (max({names.METRIC_SCHOOL_HOURS}) or vector(1)) == 1"
    yield _alert(
        names.ALERT_PAGES,
        f"min by ({names.NEEDED_FOR}) {slo.answers(names.SIGN_IN)} == 0 and {school}",
        "5m",
        PAGE,
        en="Nobody can sign in: a page that it takes does not answer; who is signed in has lessons",
        zh="无法登录：登录所需的页面无响应；已登录的用户仍可上课",
    )
    yield _alert(
        names.ALERT_PAGES,
        f"min by (instance) {slo.answers(f'{names.SIGN_IN}|{names.REST}')} == 0",
        "15m",
        TICKET,
        en="{{ $labels.instance }} does not answer; lessons do not need it",
        zh="{{ $labels.instance }} 无响应；上课不依赖它",
    )


def _volume() -> dict[str, Any]:
    """Nearly full, or to be full within a day at the pace of the last six hours."""
    # A pace is known after an hour: minutes after its first reading every volume that is being filled would seem full by tomorrow.
    soon = f"{VOLUME_FREE} < 0.3 and predict_linear({VOLUME_FREE}[6h], 86400) < 0 and {VOLUME_FREE} offset 1h"
    where = (
        "{{ with $labels.persistentvolumeclaim }}{{ $labels.namespace }}/{{ . }}{{ else }}{{ $labels.node }}{{ end }}"
    )
    return _alert(
        names.ALERT_VOLUME,
        f"{VOLUME_FREE} < 0.1 or ({soon})",
        "10m",
        PAGE,
        en=f"Volume {where} has {{{{ $value | humanizePercentage }}}} free",
        zh=f"存储卷 {where} 仅剩 {{{{ $value | humanizePercentage }}}}",
    )


def _blind() -> dict[str, Any]:
    """What the other alerts are made of is missing; silence would then say nothing."""
    gone = " or ".join(f'absent(up{{job="{job}"}})' for job in JOBS)
    down = f'max by (job) (up{{job=~"{"|".join(JOBS)}"}}) == 0 or {gone}'
    old = f"time() - max({names.METRIC_REFRESHED}) > 300"
    return _alert(
        names.ALERT_BLIND,
        f"{down} or {old}",
        "10m",
        PAGE,
        en="Monitoring does not see {{ with $labels.job }}{{ . }}{{ else }}the schools' readings{{ end }}",
        zh="监测缺失：{{ with $labels.job }}{{ . }}{{ else }}学校上报数据{{ end }}",
    )


def _audit(city: City) -> dict[str, Any]:
    """The store does not take what was decided. At the limit nothing is decided any more, and with its pod what waits is lost."""
    # Without a target only the half-full disk speaks: how long is too long is the city's to say.
    waits = [each.value * 60 for each in city.targets if each.measure is Measure.AUDIT_WAIT_MINUTES]
    late = (f"max({names.METRIC_AUDIT_AGE}) > {seconds:g}" for seconds in waits)
    full = f"max({names.METRIC_AUDIT_BYTES} / {names.METRIC_AUDIT_LIMIT}) > 0.5"
    return _alert(
        names.ALERT_AUDIT,
        " or ".join((*late, full)),
        "2m",
        PAGE,
        en="Audit records wait for a store that does not take them",
        zh="审计记录滞留，对象存储未能接收",
    )


def _rules() -> dict[str, Any]:
    """A version of the rules lies there that is not taken, or there is none: then everybody is refused."""
    none = f'count(up{{job="{names.ENTITLEMENT}"}} == 1 unless on (instance) {names.METRIC_RULES}) > 0'
    return _alert(
        names.ALERT_RULES,
        f"max({names.METRIC_RULES_UNSOUND}) == 1 or {none}",
        "5m",
        PAGE,
        en="Access is decided by old rules or by none",
        zh="访问权限按旧规则判定，或没有可用规则",
    )


def _log() -> dict[str, Any]:
    """Lines of a school's access log are gone; said for a day. A box that lost them behind a cut link tells of it when the link is back."""
    last = f"max by (school) ({names.METRIC_LOG_LOSS})"
    return _alert(
        names.ALERT_LOG,
        f"time() - ({last} > 0) < 86400",
        "0m",
        TICKET,
        en="What the cache of school {{ $labels.school }} answered is not on record in full",
        zh="学校 {{ $labels.school }} 缓存的访问日志有缺失，记录不完整",
    )


def _platform_logs() -> dict[str, Any]:
    """A collector holds lines and the store takes none: it tries for ever without a word, and nodes keep files for some time only."""
    # One that never got rid of a line has no such counter at all, and one that appears has got rid of its first.
    window = f"{LOGS_WINDOW.total_seconds() / 60:g}m"
    before = f"{COLLECTOR_SENT} offset {window} or 0 * {COLLECTOR_SENT}"
    return _alert(
        names.ALERT_PLATFORM_LOGS,
        f"{COLLECTOR_WAITS} > 0 unless on (instance, exporter) {COLLECTOR_SENT} != ({before})",
        "15m",
        PAGE,
        en="Logs of the platform are not kept: the store has taken none from collector {{ $labels.instance }} ({{ $labels.exporter }})",
        zh="平台日志未能保存：对象存储未接收采集器 {{ $labels.instance }}（{{ $labels.exporter }}）的日志",
    )
