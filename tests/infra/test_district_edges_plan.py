"""The edges of the districts in the plan: one in each, known to the shield, and running on nothing that Traffic Server has not accepted."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from catalog import City, names
from derive import cache_pod, cache_tree, district_edge
from infra.plan import cache_pods, district_edges, gateway, video_library
from infra.plan.resource import Resource
from tests.builders import changed
from tests.infra.conftest import Settings


def one(plan: tuple[Resource, ...], kind: str, namespace: str, name: str) -> dict[str, Any]:
    (found,) = [each.props for each in plan if (each.kind, each.namespace, each.name) == (kind, namespace, name)]
    return found


def without_edges(city: City) -> City:
    services = tuple(service for service in city.services if service.id != names.DISTRICT_EDGE)
    return changed(city, services=services)


def test_every_district_has_an_edge_of_its_own(city: City, settings: Settings) -> None:
    plan = district_edges.plan(city, settings())
    assert {each.namespace for each in plan} == {f"edge-{district.id}" for district in city.districts}
    assert {each.kind for each in plan} == {"ServiceAccount", "ConfigMap", "Secret", "Service", "Deployment"}


def test_a_city_whose_catalog_has_no_such_service_has_no_edge(tiny: City, settings: Settings) -> None:
    city = without_edges(tiny)
    assert district_edges.plan(city, settings()) == ()
    assert not [each for each in gateway.plan(city, settings()) if "edge-" in each.name]


@pytest.mark.parametrize("profile", ["local", "prod"])
def test_each_part_of_the_shield_is_a_pod_that_edges_know_by_name(tiny: City, settings: Settings, profile: str) -> None:
    known = settings(profile=profile)
    plan = video_library.plan(tiny, known)
    parts = [each for each in plan if each.kind == "Deployment"]
    assert len(parts) == known.row.replicas
    for part in parts:
        spec, service = part.props["spec"], one(plan, "Service", "video-library", part.name)["spec"]
        assert (spec["replicas"], spec["strategy"]["rollingUpdate"]["maxUnavailable"]) == (1, 0)
        assert spec["selector"]["matchLabels"] == service["selector"]
        assert service["selector"].items() <= spec["template"]["metadata"]["labels"].items()
    selectors = [tuple(part.props["spec"]["selector"]["matchLabels"].items()) for part in parts]
    assert len(set(selectors)) == len(parts)
    config = one(district_edges.plan(tiny, known), "ConfigMap", "edge-east", "cache")["data"]["parent.config"]
    hosts = [f"{part.name}.video-library.svc.cluster.local:8443" for part in parts]
    assert f'parent="{";".join(hosts)}"' in config
    whole = one(plan, "Service", "video-library", "shield")["spec"]["selector"]
    assert all(whole.items() <= part.props["spec"]["template"]["metadata"]["labels"].items() for part in parts)


def test_shield_and_edges_trust_each_other_one_by_one(tiny: City, settings: Settings) -> None:
    shield = one(video_library.plan(tiny, settings()), "Secret", "video-library", "cache-tls")["stringData"]
    edges = [
        one(district_edges.plan(tiny, settings()), "Secret", f"edge-{each.id}", "cache-tls")["stringData"]
        for each in tiny.districts
    ]
    assert shield["trusted.crt"] == "".join(edge["tls.crt"] for edge in edges)
    assert {edge["trusted.crt"] for edge in edges} == {shield["tls.crt"]}
    assert len({edge["tls.key"] for edge in (*edges, shield)}) == len(edges) + 1


def affinities(city: City, settings: Settings, **cells: Any) -> dict[str, Any]:
    """District -> affinity of its edge's pods; None where they have none."""
    plan = district_edges.plan(city, settings(overrides=cells))
    pods = {each.namespace: each.props["spec"]["template"]["spec"] for each in plan if each.kind == "Deployment"}
    return {district.id: pods[f"edge-{district.id}"].get("affinity") for district in city.districts}


def test_an_edge_is_at_home_in_its_district_s_zone_and_runs_elsewhere_only_while_it_may(
    tiny: City, settings: Settings
) -> None:
    zones = {"east": "cn-east.1a", "hills": None}
    placed = tuple(each.model_copy(update={"zone": zones[each.id]}) for each in tiny.districts)
    city = changed(tiny, districts=placed)
    term = {
        "matchExpressions": [{"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["cn-east.1a"]}],
    }
    rather = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "preference": term}]}
    only = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    assert affinities(city, settings) == {"east": {"nodeAffinity": rather}, "hills": None}
    assert affinities(city, settings, edgesOnlyInZone=True) == {"east": {"nodeAffinity": only}, "hills": None}


def test_shield_and_edges_have_sizes_of_their_own(tiny: City, settings: Settings) -> None:
    known = settings(overrides={"cacheSizeGib": 7, "edgeCacheSizeGib": 3})
    for plan, gib in ((video_library.plan(tiny, known), 7), (district_edges.plan(tiny, known), 3)):
        stores = [
            each.props["data"] for each in plan if each.kind == "ConfigMap" and "storage.config" in each.props["data"]
        ]
        pods = [each.props["spec"]["template"]["spec"] for each in plan if each.kind == "Deployment"]
        assert {store["storage.config"].split()[1] for store in stores} == {f"{cache_pod.cache_mib(gib)}M"}
        disks = [volume["emptyDir"] for pod in pods for volume in pod["volumes"] if volume["name"] == "cache"]
        assert disks and all(disk == {"sizeLimit": f"{gib}Gi"} for disk in disks)


def test_the_server_runs_on_a_copy_of_what_was_accepted_and_never_on_the_plan_s_own(
    tiny: City, settings: Settings
) -> None:
    for plan in (video_library.plan(tiny, settings()), district_edges.plan(tiny, settings())):
        for each in (each for each in plan if each.kind == "Deployment"):
            pod = each.props["spec"]["template"]["spec"]
            (check,), (server,) = pod["initContainers"], pod["containers"]
            seen = {mount["name"]: mount["mountPath"] for mount in server["volumeMounts"]}
            assert cache_pods.CONFIGURATION not in seen
            assert seen[cache_pods.ACCEPTED] == cache_pod.CONFIGURATION
            looked = {mount["name"]: mount["mountPath"] for mount in check["volumeMounts"]}
            assert looked[cache_pods.CONFIGURATION] == cache_pod.CONFIGURATION
            assert check["image"] == server["image"]


@pytest.mark.parametrize(
    ("said", "code", "accepted"),
    [
        ("INFO: loaded", 0, True),
        ("INFO: loaded", 1, False),
        # Traffic Server ends well, having said this.
        ("INFO: loaded\nERROR: Failed to load remap.config, exitStatus 1", 0, False),
        ("Fatal: failed to load SSL certificate file", 0, False),
    ],
)
def test_what_traffic_server_objects_to_is_not_copied(tmp_path: Path, said: str, code: int, accepted: bool) -> None:
    """The step of the pod with a stand-in for the server; the real one is asked in tests/derive/test_three_levels.py."""
    source, target = tmp_path / "etc", tmp_path / "accepted"
    (source / "body_factory").mkdir(parents=True)
    target.mkdir()
    (source / "body_factory" / "default").write_text("x")
    (tmp_path / "said").write_text(f"{said}\n")
    program = tmp_path / "traffic_server"
    program.write_text(f"#!/bin/sh\ncat {tmp_path}/said\nexit {code}\n")
    program.chmod(0o755)
    step = cache_pods.CHECK.replace(cache_pod.CONFIGURATION, str(source)).replace("/accepted/", f"{target}/")
    done = subprocess.run(
        ["bash", "-c", step],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0, (target / "body_factory" / "default").exists()) == (accepted, accepted)
    assert said in done.stdout


def test_the_path_decides_which_pod_of_a_cache_is_asked(tiny: City, settings: Settings) -> None:
    plan = gateway.plan(tiny, settings())
    policies = [each for each in plan if "loadBalancer" in each.props.get("spec", {})]
    assert {each.name for each in policies} == {"shield", "schools-lessons", "edge-east", "edge-hills"}
    routes = {(each.namespace, each.name): each for each in plan if each.kind == "HTTPRoute"}
    for each in policies:
        (target,) = each.props["spec"]["targetRefs"]
        assert each.rank < routes[each.namespace, target["name"]].rank
        assert each.props["spec"]["loadBalancer"]["consistentHash"] == {
            "type": "Headers",
            "headers": [{"name": ":path"}],
        }


def test_an_edge_has_lessons_on_one_port_and_its_figures_on_another(tiny: City, settings: Settings) -> None:
    files = district_edge.files(tiny, cache_tree.shield_parts(1), 1)
    assert "STRING 8080 8081 8082:ip-in=127.0.0.1\n" in files["records.config"]
    purging, rule = files["remap.config"].splitlines()
    assert purging.split()[1:3] == [rule.split()[1].replace("8080", "8082"), rule.split()[2]], (
        "what is given up is what is kept"
    )
    assert rule.startswith("regex_map_with_recv_port http://.*:8080/lessons/ https://shield.video-library.svc")
    (backend,) = one(gateway.plan(tiny, settings()), "HTTPRoute", "edge-east", "edge-east")["spec"]["rules"][0][
        "backendRefs"
    ]
    assert backend["port"] == district_edge.PORT
