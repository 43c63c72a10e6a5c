"""The plan of monitoring: what is asked, what is probed, where alerts go, and who may not be reached."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest
from annotated_types import Le

from catalog import City, names
from catalog.errors import UserError
from derive import access_log
from infra.config import StackSettings
from infra.plan import log_collector, monitoring, monitoring_alerts, monitoring_targets, platform, ports, routes
from infra.plan.resource import Resource
from infra.profiles import Profile
from monitoring.alerts import LOGS_WINDOW
from tests.infra.conftest import Settings

ROUTES = json.dumps({"route": {"receiver": "operators"}, "inhibit_rules": []})


def one(planned: tuple[Resource, ...], kind: str, name: str) -> dict[str, Any]:
    (found,) = [each.props for each in planned if (each.kind, each.name) == (kind, name)]
    return found


def prometheus(city: City, stack: StackSettings) -> dict[str, Any]:
    files = one(monitoring.plan(city, stack), "ConfigMap", "prometheus")["data"]
    found: dict[str, Any] = json.loads(files["prometheus.json"])
    return found


def test_every_public_route_is_probed_as_a_browser_asks(city: City, settings: Settings) -> None:
    stack = settings()
    jobs = [job for job in prometheus(city, stack)["scrape_configs"] if job["job_name"].startswith("front-door-")]
    public = [route for route in routes.ROUTES if route.listener == routes.PUBLIC]
    assert len(jobs) == len(public) >= 3
    modules = monitoring_targets.blackbox(city, stack, "x.pem")["modules"]
    for job in jobs:
        http = modules[job["params"]["module"][0]]["http"]
        assert http["headers"]["Host"] == http["tls_config"]["server_name"] == "localhost"
        assert job["relabel_configs"][0]["replacement"].startswith("https://localhost:8443/")
        assert not [code for code in http["valid_status_codes"] if code >= 500]


def test_each_probe_says_what_is_not_to_be_had_without_it(tiny: City, settings: Settings) -> None:
    jobs = [job for job in prometheus(tiny, settings())["scrape_configs"] if job["job_name"].startswith("front-door-")]
    kinds: dict[str, set[str]] = {}
    for job in jobs:
        kinds.setdefault(job["static_configs"][0]["labels"]["needed_for"], set()).add(job["params"]["module"][0])
    assert kinds["lessons"] == {"front-portal", "front-shield", "front-entitlement"}
    assert kinds["sign-in"] == {
        each for job in jobs if (each := job["params"]["module"][0]).startswith("front-identity")
    }
    assert set(kinds) == {names.LESSONS, names.SIGN_IN, names.REST}


def test_the_gateway_s_own_404_is_no_lesson(tiny: City, settings: Settings) -> None:
    modules = monitoring_targets.blackbox(tiny, settings(), "")["modules"]
    assert modules["front-shield"]["http"]["fail_if_header_not_matches"] == [{"header": "Via", "regexp": "shield"}]


def test_a_certificate_of_the_stack_s_own_is_its_anchor_and_a_public_one_is_not(tiny: City, settings: Settings) -> None:
    own = one(monitoring.plan(tiny, settings()), "ConfigMap", "blackbox")["data"]
    assert own["trust.pem"] == "a certificate"
    public = settings(tlsCert=None, tlsKey=None, certIssuer="letsencrypt")
    issued = one(monitoring.plan(tiny, public), "ConfigMap", "blackbox")["data"]
    assert set(issued) == {"blackbox.json"}
    assert "ca_file" not in issued["blackbox.json"]


def test_an_issuer_that_the_stack_names_is_the_prober_s_anchor(tiny: City, settings: Settings) -> None:
    """An authority of the city's own is in no system's list: without it the front door would count as shut for ever."""
    named = settings().school_ca
    private = settings(tlsCert=None, tlsKey=None, certIssuer="city-ca", platformCa=named)
    own = one(monitoring.plan(tiny, private), "ConfigMap", "blackbox")["data"]
    assert own["trust.pem"] == named
    modules = json.loads(own["blackbox.json"])["modules"].values()
    anchors = [each["http"]["tls_config"]["ca_file"] for each in modules if "tls_config" in each["http"]]
    assert set(anchors) == {"/etc/blackbox/trust.pem"}
    both = one(monitoring.plan(tiny, settings(platformCa=named)), "ConfigMap", "blackbox")["data"]
    assert both["trust.pem"] == named


def test_readings_may_come_late_and_are_kept_as_the_catalog_says(city: City, settings: Settings) -> None:
    window = prometheus(city, settings())["storage"]["tsdb"]["out_of_order_time_window"]
    assert window == f"{city.coverage.late_days}d"
    pod = one(monitoring.plan(city, settings()), "StatefulSet", "prometheus")["spec"]["template"]["spec"]
    arguments = pod["containers"][0]["args"]
    assert f"--storage.tsdb.retention.time={city.coverage.metrics_days}d" in arguments
    assert "--web.enable-remote-write-receiver" in arguments
    assert "--storage.tsdb.retention.size=1638MB" in arguments, "before its two GiB are full"


def test_every_target_is_reached_by_a_service_that_the_catalog_lets_monitoring_reach(city: City) -> None:
    reached = {names.MONITORING, *city.service(names.MONITORING).reaches}
    assert {target.service for target in monitoring_targets.TARGETS} <= reached


def test_a_pod_that_is_not_ready_for_want_of_rules_is_asked_all_the_same(tiny: City, settings: Settings) -> None:
    (target,) = [each for each in monitoring_targets.TARGETS if each.service == names.ENTITLEMENT]
    spec = one(monitoring.plan(tiny, settings()), "Service", target.host)["spec"]
    assert spec["publishNotReadyAddresses"] is True
    assert target.port in ports.opened(names.MONITORING, names.ENTITLEMENT)


def test_kubelets_are_verified_and_asked_with_a_token_of_the_pod(tiny: City, settings: Settings) -> None:
    jobs = {job["job_name"]: job for job in prometheus(tiny, settings())["scrape_configs"]}
    for name in ("kubelet", "cadvisor"):
        assert jobs[name]["tls_config"] == {"ca_file": "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"}
        assert jobs[name]["metric_relabel_configs"]
    rules = one(monitoring.plan(tiny, settings()), "ClusterRole", "huiju-monitoring-nodes")["rules"]
    assert {verb for rule in rules for verb in rule["verbs"]} == {"get", "list", "watch"}
    assert {name for rule in rules for name in rule["resources"]} == {"nodes", "nodes/metrics"}


def test_kubelets_that_sign_their_own_certificates_are_asked_where_the_stack_says_so(
    tiny: City, settings: Settings
) -> None:
    def trust(stack: StackSettings) -> list[dict[str, Any]]:
        found = prometheus(tiny, stack)["scrape_configs"]
        return [job["tls_config"] for job in found if job["job_name"] in {"kubelet", "cadvisor"}]

    assert trust(settings(kubeletTls="false")) == [{"insecure_skip_verify": True}] * 2
    assert not [each for each in trust(settings()) if "insecure_skip_verify" in each]


def test_an_outside_store_is_not_probed_inside(tiny: City, settings: Settings) -> None:
    outside = settings(storeEndpoint="https://s3.example.cn", storeAdminKey=None)
    found = monitoring_targets.prometheus(tiny, outside, "/etc/rules")["scrape_configs"]
    assert not [job for job in found if job["job_name"].startswith("object-store")]


MAIL = {"alertMailTo": "ops@example.cn", "alertMailFrom": "huiju@example.cn", "alertMailServer": "mail.example.cn:587"}


def receiver(stack: StackSettings) -> dict[str, Any]:
    (found,) = json.loads(monitoring_alerts.configuration(stack, ROUTES))["receivers"]
    return dict(found)


def test_without_an_address_alerts_go_nowhere_and_nothing_is_opened(tiny: City, settings: Settings) -> None:
    assert receiver(settings()) == {"name": "operators"}
    planned = monitoring.plan(tiny, settings())
    assert not [each for each in planned if each.kind == "NetworkPolicy"]


def test_alerts_go_to_the_stack_s_addresses_by_their_ports_alone(tiny: City, settings: Settings) -> None:
    stack = settings(**MAIL, alertWebhook="https://hook.example.cn/token", alertMailUser="u", alertMailPassword="p")
    found = receiver(stack)
    assert found["webhook_configs"] == [{"url": "https://hook.example.cn/token", "send_resolved": True}]
    (mail,) = found["email_configs"]
    assert (mail["to"], mail["smarthost"], mail["auth_password"]) == ("ops@example.cn", "mail.example.cn:587", "p")
    assert mail["require_tls"] is True
    spec = one(monitoring.plan(tiny, stack), "NetworkPolicy", "alert-receivers")["spec"]
    assert spec["egress"] == [{"ports": [{"protocol": "TCP", "port": port} for port in (443, 587)]}]
    assert spec["podSelector"] == {"matchLabels": names.selector("monitoring", "alertmanager")}


def test_addresses_that_are_secret_stand_in_a_secret_alone(tiny: City, settings: Settings) -> None:
    planned = monitoring.plan(tiny, settings(alertWebhook="https://hook.example.cn/a-planted-token"))
    holders = {each.logical_name for each in planned if "a-planted-token" in json.dumps(each.props)}
    assert holders == {"secret/monitoring/alertmanager"}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"alertMailTo": "ops@example.cn"}, "alertMailTo: needs alertMailFrom"),
        ({"alertMailServer": "mail.example.cn:25"}, "alertMailTo: needs alertMailFrom"),
        ({**MAIL, "alertMailUser": "u"}, "alertMailUser: needs alertMailPassword"),
        ({"alertWebhook": "ftp://x"}, "alertWebhook: must be an http"),
        ({**MAIL, "alertMailServer": "mail.example.cn"}, "alertMailServer"),
    ],
)
def test_half_an_address_is_refused_with_what_it_lacks(settings: Settings, changes: dict[str, str], says: str) -> None:
    with pytest.raises(UserError, match=says):
        settings(**changes)


def test_another_rule_rolls_prometheus_and_nothing_else(tiny: City, settings: Settings, monkeypatch: Any) -> None:
    def marks() -> dict[str, str]:
        return {
            each.name: each.props["spec"]["template"]["metadata"]["annotations"]["huiju.dev/configuration"]
            for each in monitoring.plan(tiny, settings())
            if each.kind in {"Deployment", "StatefulSet"}
        }

    before = marks()
    files = monitoring.derived.files("monitoring", tiny, settings())  # type: ignore[attr-defined]
    monkeypatch.setattr("infra.plan.derived.files", lambda *_: {**files, "rules/alerts.yaml": "groups: []\n"})
    assert {name for name, mark in marks().items() if mark != before[name]} == {"prometheus"}


def test_the_log_collector_only_reads_the_node_s_pod_logs(tiny: City, settings: Settings) -> None:
    pod = one(log_collector.plan(tiny, settings()), "DaemonSet", "log-collector")["spec"]["template"]["spec"]
    hosts = [volume for volume in pod["volumes"] if "hostPath" in volume]
    assert [volume["hostPath"]["path"] for volume in hosts] == ["/var/log/pods"]
    (container,) = pod["containers"]
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert mounts[hosts[0]["name"]]["readOnly"] is True
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] != 0


def test_the_log_collector_writes_and_can_neither_read_nor_delete() -> None:
    from derive.store import ACCOUNTS, LOG_WRITER, Right

    (account,) = [each for each in ACCOUNTS if each.name == LOG_WRITER]
    assert account.rights == {"logs": (Right.WRITE,), "access-logs": (Right.WRITE, Right.LOCK)}
    assert account.service == "log-collector"


def test_logs_wait_on_disk_and_are_bounded(tiny: City, settings: Settings) -> None:
    files = one(log_collector.plan(tiny, settings()), "ConfigMap", "log-collector")["data"]
    exporters = json.loads(files[log_collector.CONFIGURATION])["exporters"]
    assert len(exporters) == 2
    for exporter in exporters.values():
        assert exporter["sending_queue"]["storage"] == "file_storage"
        assert exporter["sending_queue"]["block_on_overflow"] is True
        assert exporter["retry_on_failure"]["max_elapsed_time"] == "0s", "never given up"


def test_the_room_for_what_waits_is_twice_what_both_queues_hold(tiny: City, settings: Settings) -> None:
    planned = log_collector.plan(tiny, settings())
    configured = json.loads(one(planned, "ConfigMap", "log-collector")["data"][log_collector.CONFIGURATION])
    waits = sum(each["sending_queue"]["queue_size"] for each in configured["exporters"].values())
    volumes = one(planned, "DaemonSet", "log-collector")["spec"]["template"]["spec"]["volumes"]
    (state,) = [each["emptyDir"] for each in volumes if each["name"] == "state"]
    assert state["sizeLimit"] == f"{2 * waits // 2**20}Mi"


def test_access_logs_go_locked_into_a_bucket_of_their_own_and_nothing_else_does(tiny: City, settings: Settings) -> None:
    files = one(log_collector.plan(tiny, settings()), "ConfigMap", "log-collector")["data"]
    configured = json.loads(files[log_collector.CONFIGURATION])
    ways = {
        configured["exporters"][sink]["bucket"]: (configured["receivers"][source], configured["exporters"][sink])
        for pipeline in configured["service"]["pipelines"].values()
        for source, sink in [(*pipeline["receivers"], *pipeline["exporters"])]
    }
    rest, locked = ways["logs"], ways["access-logs"]
    (days,) = [each.locked_days for each in tiny.service("monitoring").buckets if each.id == "access-logs"]
    assert locked[1]["locked_days"] == days
    assert "locked_days" not in rest[1]
    assert set(locked[0]["include"]) == set(rest[0]["exclude"]) - {"/var/log/pods/log-collector_*/*/*.log"}


def test_what_prints_access_logs_are_containers_of_the_plan(tiny: City, settings: Settings) -> None:
    """But the gateway's, whose pods Envoy Gateway makes and calls `envoy`: tests on a platform look at those."""
    planned = {
        (each.namespace, container["name"])
        for each in vars(platform.plan(tiny, settings())).values()
        for each in (each if isinstance(each, tuple) else ())
        if each.kind in {"Deployment", "StatefulSet"}
        for container in each.props["spec"]["template"]["spec"]["containers"]
    }
    for place, printers in access_log.PRINTERS.items():
        for printer in printers if place != access_log.GATEWAY else ():
            found = [
                each for each in planned if fnmatchcase(each[0], printer.namespace) and each[1] == printer.container
            ]
            assert found, (place, printer)


def test_no_profile_lets_a_collector_gather_for_so_long_that_it_seems_stuck() -> None:
    longest = next(each.le for each in Profile.model_fields["logs_flush_seconds"].metadata if isinstance(each, Le))
    assert 3 * int(str(longest)) <= LOGS_WINDOW.total_seconds()
