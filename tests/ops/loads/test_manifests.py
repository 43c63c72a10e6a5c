"""A load test inside the cluster: restricted pods, a network that reaches the gateway only, an end that Kubernetes enforces."""

from __future__ import annotations

import json
from typing import Any

import pytest

from catalog import names
from ops.loads import manifests
from ops.loads.manifests import Crew
from tests.infra import restricted

CREW = Crew("r/kit@sha256:" + "0" * 64, 3, '{"order": 1}', '{"class/1": "secret-token"}', 200)


@pytest.fixture
def objects() -> list[dict[str, Any]]:
    return list(manifests.inside(CREW))


def _of(objects: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [each for each in objects if each["kind"] == kind]


def test_every_pod_is_restricted(objects: list[dict[str, Any]]) -> None:
    pods = list(restricted.pods(objects))
    assert len(pods) == 2
    assert [list(restricted.broken(pod)) for pod in pods] == [[], []]
    levels = {key: value for key, value in manifests.space()["metadata"]["labels"].items() if "pod-security" in key}
    assert set(levels.values()) == {"restricted"}
    assert len(levels) == 3


def test_everything_is_in_the_namespace_that_goes_with_the_run(objects: list[dict[str, Any]]) -> None:
    assert {each["metadata"]["namespace"] for each in objects} == {manifests.space()["metadata"]["name"]}


def test_the_walls_stand_before_anything_runs(objects: list[dict[str, Any]]) -> None:
    kinds = [each["kind"] for each in objects]
    assert kinds[:2] == ["NetworkPolicy", "NetworkPolicy"]
    assert kinds[-2:] == ["Job", "Job"]
    shut = objects[0]["spec"]
    assert shut == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_the_network_reaches_each_other_dns_and_the_gateway_and_nothing_else(objects: list[dict[str, Any]]) -> None:
    spec = objects[1]["spec"]
    assert spec["ingress"] == [{"from": [{"podSelector": {}}]}]
    own, *others = spec["egress"]
    assert own == {"to": [{"podSelector": {}}]}
    reached = {
        peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]: {
            port["port"] for port in rule["ports"]
        }
        for rule in others
        for peer in rule["to"]
    }
    assert reached == {"kube-system": {53, 1053}, names.GATEWAY: {10443}}


def test_the_jobs_end_by_themselves_and_are_never_tried_again(objects: list[dict[str, Any]]) -> None:
    for job in _of(objects, "Job"):
        spec = job["spec"]
        assert (spec["backoffLimit"], spec["template"]["spec"]["restartPolicy"]) == (0, "Never")
        assert spec["activeDeadlineSeconds"] == manifests.START_SECONDS + CREW.seconds
        assert spec["ttlSecondsAfterFinished"] > 0


def test_there_are_as_many_workers_as_wanted_and_the_master_expects_them(objects: list[dict[str, Any]]) -> None:
    master, worker = _of(objects, "Job")
    assert (master["spec"]["parallelism"], worker["spec"]["parallelism"]) == (1, CREW.workers)
    words = next(restricted.pods(master))["containers"][0]["command"]
    assert words[words.index("--expect-workers") + 1] == str(CREW.workers)


def test_sessions_are_in_the_secret_and_nowhere_else(objects: list[dict[str, Any]]) -> None:
    holding = [each["kind"] for each in objects if "secret-token" in json.dumps(each)]
    assert holding == ["Secret"]
