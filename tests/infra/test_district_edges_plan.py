"""The edges of the districts in the plan: one in each, known to the shield, and running on nothing that Traffic Server has not accepted."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

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


def first(trusted: str) -> list[str]:
    """Of certificates that are trusted two by two, this epoch's and the next one's, each first one."""
    found = [f"{each}-----END CERTIFICATE-----\n" for each in trusted.split("-----END CERTIFICATE-----\n")[:-1]]
    subjects = [x509.load_pem_x509_certificate(each.encode()).subject.rfc4514_string() for each in found]
    assert subjects[1::2] == [f"2.5.4.46=2,{each}" for each in subjects[::2]]
    return found[::2]


def test_shield_and_edges_trust_each_other_one_by_one(tiny: City, settings: Settings) -> None:
    shield = one(video_library.plan(tiny, settings()), "Secret", "video-library", "cache-tls")["stringData"]
    edges = [
        one(district_edges.plan(tiny, settings()), "Secret", f"edge-{each.id}", "cache-tls")["stringData"]
        for each in tiny.districts
    ]
    door = one(gateway.plan(tiny, settings()), "Secret", "gateway", "cache-client")["stringData"]
    # Of each also the one that it shows next.
    assert first(shield["clients.crt"]) == [door["tls.crt"], *(edge["tls.crt"] for edge in edges)]
    assert {tuple(first(edge["clients.crt"])) for edge in edges} == {(door["tls.crt"],)}
    assert {tuple(first(edge["trusted.crt"])) for edge in edges} == {(shield["tls.crt"],)}
    own = [each["tls.key"] for each in (*edges, shield, door)] + [edge["server.key"] for edge in edges]
    assert len(set(own)) == 2 * len(edges) + 2


def test_the_gateway_asks_every_cache_by_tls_and_knows_each_by_its_own_certificate(
    tiny: City, settings: Settings
) -> None:
    plan = gateway.plan(tiny, settings())
    shown = one(plan, "EnvoyProxy", "gateway", "envoy")["spec"]["backendTLS"]["clientCertificateRef"]
    assert (shown["kind"], one(plan, "Secret", "gateway", shown["name"])["type"]) == ("Secret", "kubernetes.io/tls")
    shield = one(video_library.plan(tiny, settings()), "Secret", "video-library", "cache-tls")["stringData"]
    edge = {
        space: one(district_edges.plan(tiny, settings()), "Secret", space, "cache-tls")["stringData"]["server.crt"]
        for space in ("edge-east", "edge-hills")
    }
    caches = {("video-library", "shield"): shield["tls.crt"], **{(key, "district-edge"): edge[key] for key in edge}}
    routes = [each for each in plan if each.kind == "HTTPRoute"]
    asked = {(each.namespace, each.props["spec"]["rules"][0]["backendRefs"][0]["name"]) for each in routes}
    assert caches.keys() <= asked
    for (space, service), certificate in caches.items():
        policy = one(plan, "BackendTLSPolicy", space, service)["spec"]
        assert policy["targetRefs"] == [{"group": "", "kind": "Service", "name": service}], "every port of it"
        (known,) = policy["validation"]["caCertificateRefs"]
        assert first(one(plan, "ConfigMap", space, known["name"])["data"]["ca.crt"]) == [certificate]
        (host,) = (
            x509.load_pem_x509_certificate(certificate.encode())
            .extensions.get_extension_for_class(x509.SubjectAlternativeName)
            .value.get_values_for_type(x509.DNSName)
        )
        assert policy["validation"]["hostname"] == host == f"{service}.{space}.svc.cluster.local"
    ranks = {each.kind: each.rank for each in plan}
    assert ranks["ConfigMap"] < ranks["BackendTLSPolicy"] < ranks["HTTPRoute"]


@pytest.mark.parametrize("part", ["video-library", "edge-east"])
def test_a_cache_has_its_health_where_no_certificate_is_asked_for_and_lessons_nowhere_else_in_the_clear(
    tiny: City, settings: Settings, part: str
) -> None:
    plan = (*video_library.plan(tiny, settings()), *district_edges.plan(tiny, settings()))
    (server,) = [
        each.props["spec"]["template"]["spec"]["containers"][0]
        for each in plan
        if each.kind == "Deployment" and each.namespace == part
    ]
    assert {server[each]["httpGet"]["port"] for each in ("readinessProbe", "livenessProbe")} == {8083}
    tls = {"video-library": {8443, 8444}, "edge-east": {8443}}[part]
    assert {port["containerPort"] for port in server["ports"]} == {*tls, 8083}
    services = [each.props["spec"]["ports"] for each in plan if each.kind == "Service" and each.namespace == part]
    assert {port["targetPort"] for ports in services for port in ports} == tls


def test_at_each_step_of_new_keys_a_level_is_known_to_whoever_took_the_step_before_or_after(
    tiny: City, settings: Settings
) -> None:
    def seen(ring: str) -> tuple[str, str, str, str]:
        """What the edge shows to gateway and shield, and whom these know."""
        known = settings(signingEpochs=ring)
        edge = one(district_edges.plan(tiny, known), "Secret", "edge-east", "cache-tls")["stringData"]
        shield = one(video_library.plan(tiny, known), "Secret", "video-library", "cache-tls")["stringData"]
        trusted = one(gateway.plan(tiny, known), "ConfigMap", "edge-east", "known-certificates")["data"]["ca.crt"]
        return edge["server.crt"], trusted, edge["tls.crt"], shield["clients.crt"]

    for before, after in (("1", "1,2"), ("1,2", "2,1"), ("2,1", "2")):
        for mine, theirs in ((before, after), (after, before)):
            server, _, client, _ = seen(mine)
            _, gateway_knows, _, shield_knows = seen(theirs)
            assert server in gateway_knows and client in shield_knows, (mine, theirs)
    assert seen("1")[0] not in seen("2")[1], "the old one counts no more"
    assert seen("1")[2] not in seen("2")[3]


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
    assert "STRING 8443:ssl:proto=http 8083 8082:ip-in=127.0.0.1\n" in files["records.config"]
    purging, rule = files["remap.config"].splitlines()
    assert purging.split()[1:] == ["http://.*:8082/lessons/", *rule.split()[2:]], "what is given up is what is kept"
    assert rule.startswith("regex_map_with_recv_port https://.*:8443/lessons/ https://shield.video-library.svc")
    (backend,) = one(gateway.plan(tiny, settings()), "HTTPRoute", "edge-east", "edge-east")["spec"]["rules"][0][
        "backendRefs"
    ]
    assert backend["port"] == district_edge.PORT
