"""Monitoring on the real platform: targets answer, readings come in late, alerts arrive and are silenced, log lines become objects."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import pytest

from catalog import load_named, names
from catalog.errors import UserError
from infra.plan import ports
from ops import coverage
from ops.lessons import place
from ops.log_lines import Wanted, lines
from tests.integration import remote_write
from tests.integration.alerting import query, wait
from tests.integration.conftest import Platform

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def where(platform: Platform) -> place.Place:
    return place.of_stack(platform.stack)


@pytest.fixture(scope="module")
def prometheus(where: place.Place) -> Iterator[str]:
    """Address of Prometheus here, for as long as the module runs."""
    with where.forwarded(names.MONITORING, names.PROMETHEUS, ports.PROMETHEUS) as url:
        yield url


def test_every_target_answers(prometheus: str) -> None:
    def down() -> list[str]:
        found = httpx.get(f"{prometheus}/api/v1/targets", params={"state": "active"}, timeout=30).json()["data"]
        rows = found["activeTargets"]
        jobs = {row["labels"]["job"] for row in rows}
        wanted = {"prometheus", "alertmanager", "blackbox", "exporter", "log-collector", "envoy", "kubelet", "cadvisor"}
        missing = wanted | {"front-door", "object-store", names.ENTITLEMENT} - jobs
        return sorted(
            (missing - jobs) | {f"{row['labels']['job']}: {row['lastError']}" for row in rows if row["health"] != "up"}
        )

    wait("every target is up", lambda: not down())
    assert not down()


def test_the_front_door_is_open_and_counted(prometheus: str) -> None:
    reached = wait("the probes ran", lambda: query(prometheus, "count(probe_success{job='front-door'} == 1) >= 3"))
    assert reached
    assert wait("the rule ran", lambda: query(prometheus, "city:front_door_reached:ratio == 1"))


def test_the_gateway_the_shield_and_the_volumes_are_seen(prometheus: str) -> None:
    for expression in (
        "envoy_http_downstream_rq_total > 0",
        "city_shield_requests_total > 0",
        "city_shield_up == 1",
        'volume:free:ratio{device=~"/dev/.+"} > 0',
        'volume:free:ratio{namespace="monitoring", persistentvolumeclaim="prometheus"} > 0',
        "prometheus_notifications_alertmanagers_discovered == 1",
        f"max({names.METRIC_AUDIT_AGE}) < 60",
        f"{names.METRIC_AUDIT_BYTES} / {names.METRIC_AUDIT_LIMIT} < 0.1",
        f"{names.METRIC_RULES_UNSOUND} == 0",
        f"{names.METRIC_RULES} == 1",
    ):
        assert wait(expression, partial(query, prometheus, expression)), expression


def test_a_reading_is_heard_and_one_of_a_box_that_was_offline_too_but_not_for_ever(
    prometheus: str, where: place.Place
) -> None:
    city = load_named("tiny")
    code, now = city.schools[-1].code, time.time()
    labels = {"__name__": names.METRIC_FETCHED, "school": code, "job": "box"}
    write = f"{prometheus}/api/v1/write"
    assert remote_write.push(write, [(labels, now - 5, now)]).is_success
    late = now - (city.coverage.late_days - 1) * 86_400
    assert remote_write.push(write, [({**labels, "job": "late"}, late, late)]).is_success
    # The window is counted from the newest sample of all, which other series have moved on.
    too_late = now - (city.coverage.late_days + 2) * 86_400
    assert remote_write.push(write, [({**labels, "job": "lost"}, too_late, too_late)]).status_code == 400
    assert query(prometheus, f'{names.METRIC_FETCHED}{{job="late"}}', late)
    heard = f'{names.METRIC_SCHOOL_HEARD}{{school="{code}"}} > {now - 60}'
    row = wait("the exporter heard it", lambda: query(prometheus, heard), 120)[0]
    assert float(row["value"][1]) == pytest.approx(now - 5, abs=1)
    shown = {each.school: each for each in coverage.reaches(city, coverage.ask(prometheus))}
    assert shown[code].fetched == pytest.approx(now - 5, abs=1)
    # A kept cluster has heard others before.
    heard_ever = {row["metric"]["school"] for row in query(prometheus, f"{names.METRIC_FETCHED}[7d]")}
    never = [each for each in shown.values() if each.school not in heard_ever]
    assert never and {each.state for each in never} == {"unknown"}


def test_without_addresses_the_way_out_is_shut_again(platform: Platform) -> None:
    found = json.loads(platform.cluster.kubectl("get", "networkpolicies", "-n", names.MONITORING, "-o", "json"))
    assert {row["metadata"]["name"] for row in found["items"]} == {"default-deny", "allowed", "kubernetes-api"}


def test_a_line_that_a_pod_printed_is_an_object_of_the_store(platform: Platform, where: place.Place) -> None:
    """The prober asks the portal, the portal's nginx prints it, and the line is found again with its namespace and pod."""
    now = datetime.now(UTC)
    wanted = Wanted(now - timedelta(minutes=5), now + timedelta(minutes=10), "huiju-blackbox", names.PORTAL)
    found = wait("a line of the portal is kept", lambda: list(lines(where, wanted)))
    assert all(line.split()[1] == names.PORTAL for line in found)
    quiet = Wanted(wanted.since, wanted.until, namespace=names.GATEWAY)
    assert wait("the gateway's access log is kept", lambda: list(lines(where, quiet)))


@pytest.mark.parametrize(
    ("fault", "change"),
    [
        ("no folder of the node", {"volumes": [{"name": "pods", "hostPath": {"path": "/etc"}}]}),
        ("nobody is root", {"securityContext": {"runAsUser": 0}}),
        ("no namespace of the node", {"hostNetwork": True}),
        ("only read", {"mount": {"name": "pods", "mountPath": "/x"}}),
        ("no privilege", {"container": {"privileged": True, "allowPrivilegeEscalation": True}}),
        ("no capability", {"container": {"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}}}),
        ("no init containers", {"initContainers": [{"name": "y", "image": "x"}]}),
        ("", {}),
    ],
)
def test_in_the_log_collector_s_namespace_no_other_power_is_given(
    platform: Platform, fault: str, change: dict[str, Any]
) -> None:
    secure = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    mount = change.get("mount", {"name": "pods", "mountPath": "/x", "readOnly": True})
    container = {
        "name": "x",
        "image": "x",
        "volumeMounts": [mount],
        "securityContext": {**secure, **change.get("container", {})},
    }
    spec = {
        "securityContext": {"runAsNonRoot": True},
        "volumes": [{"name": "pods", "hostPath": {"path": "/var/log/pods"}}],
        "containers": [container],
        **{key: value for key, value in change.items() if key not in {"mount", "container"}},
    }
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "namespace": names.LOG_COLLECTOR}, "spec": spec}
    words = ("apply", "--dry-run=server", "-f", "-")
    if fault:
        with pytest.raises(UserError, match=fault):
            platform.cluster.kubectl(*words, stdin=json.dumps(pod))
    else:
        platform.cluster.kubectl(*words, stdin=json.dumps(pod))
