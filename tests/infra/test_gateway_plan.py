"""The front door: profiles as rows, one listener, routes of public services only, headers on every answer."""

from __future__ import annotations

from typing import Any

import pytest

from catalog import City, names
from derive import access_log
from infra.plan import gateway
from infra.plan.resource import Resource
from tests.infra.conftest import SEED, Settings
from tests.infra.restricted import CONTAINER_RULES


def one(resources: tuple[Resource, ...], kind: str, name: str | None = None) -> dict[str, Any]:
    (found,) = [each.props for each in resources if each.kind == kind and name in {None, each.name}]
    return found


def proxy(resources: tuple[Resource, ...]) -> dict[str, Any]:
    return dict(one(resources, "EnvoyProxy", "envoy")["spec"]["provider"]["kubernetes"])


def test_a_node_port_is_fixed_and_a_load_balancer_has_none(tiny: City, settings: Settings) -> None:
    local, prod = (proxy(gateway.plan(tiny, settings(profile=name)))["envoyService"] for name in ("local", "prod"))
    assert local["type"] == "NodePort"
    assert local["patch"]["value"]["spec"]["ports"][0]["nodePort"] == gateway.NODE_PORT
    assert prod["type"] == "LoadBalancer"
    assert "patch" not in prod


@pytest.mark.parametrize(("profile", "replicas", "drain"), [("local", 1, "1s"), ("prod", 2, "60s")])
def test_replicas_and_draining_are_the_profile_s(
    tiny: City, settings: Settings, profile: str, replicas: int, drain: str
) -> None:
    plan = gateway.plan(tiny, settings(profile=profile))
    assert proxy(plan)["envoyDeployment"]["replicas"] == replicas
    assert one(plan, "EnvoyProxy", "envoy")["spec"]["shutdown"]["drainTimeout"] == drain
    assert one(plan, "Release")["values"]["deployment"]["replicas"] == replicas


def test_envoy_s_containers_pass_the_restricted_check(tiny: City, settings: Settings) -> None:
    deployment = proxy(gateway.plan(tiny, settings()))["envoyDeployment"]
    (sidecar,) = deployment["patch"]["value"]["spec"]["template"]["spec"]["containers"]
    pod = {"securityContext": deployment["pod"]["securityContext"]}
    for container in (deployment["container"], {"image": "x@sha256:", **sidecar}):
        assert not [name for name, rule in CONTAINER_RULES.items() if not rule(pod, container)]


def test_the_access_log_is_lines_of_json_and_not_the_controller_s_default(tiny: City, settings: Settings) -> None:
    def printed(**changes: Any) -> dict[str, str]:
        (log,) = one(gateway.plan(tiny, settings(**changes)), "EnvoyProxy")["spec"]["telemetry"]["accessLog"][
            "settings"
        ]
        assert (log["format"]["type"], log["sinks"]) == ("JSON", [{"type": "File", "file": {"path": "/dev/stdout"}}])
        return dict(log["format"]["json"])

    assert printed().items() > access_log.ENVOY.items()
    policy = printed()[access_log.POLICY]
    assert policy == printed(overrides={"hstsSeconds": 1})[access_log.POLICY], "what decides nothing changes no line"
    assert policy != printed(accessKey=f"{SEED}-another")[access_log.POLICY], "other keys decide otherwise"


def test_a_given_certificate_is_used_and_no_issuer_asked(tiny: City, settings: Settings) -> None:
    plan = gateway.plan(tiny, settings())
    assert one(plan, "Secret", names.TLS_SECRET)["stringData"] == {
        "tls.crt": "a certificate",
        "tls.key": "a planted key",
    }
    assert "cert-manager.io/cluster-issuer" not in one(plan, "Gateway", "gateway")["metadata"]["annotations"]


def test_an_issuer_makes_the_certificate_that_the_listener_names(tiny: City, settings: Settings) -> None:
    plan = gateway.plan(tiny, settings(tlsCert=None, tlsKey=None, certIssuer="city-ca"))
    assert not [each for each in plan if each.kind == "Secret" and each.name == names.TLS_SECRET]
    assert one(plan, "Gateway", "gateway")["metadata"]["annotations"]["cert-manager.io/cluster-issuer"] == "city-ca"
    listeners = one(plan, "Gateway", "gateway")["spec"]["listeners"]
    assert [each["hostname"] for each in listeners] == [
        "localhost",
        "schools.localhost",
        "parcels.localhost",
        "east.districts.localhost",
        "hills.districts.localhost",
    ]
    for each in listeners:
        assert each["tls"]["certificateRefs"] == [{"kind": "Secret", "name": "gateway-tls"}]


@pytest.mark.parametrize(("seconds", "sent"), [(0, False), (1, True)])
def test_strict_transport_security_is_sent_only_where_the_profile_says(
    tiny: City, settings: Settings, seconds: int, sent: bool
) -> None:
    plan = gateway.plan(tiny, settings(overrides={"hstsSeconds": seconds}))
    for policy, protocols in (("clients", ["h2", "http/1.1"]), ("schools", ["http/1.1"])):
        spec = one(plan, "ClientTrafficPolicy", policy)["spec"]
        names = {header["name"] for header in spec["headers"]["lateResponseHeaders"]["set"]}
        assert ("Strict-Transport-Security" in names) is sent
        assert {"X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy"} <= names
        assert spec["tls"]["alpnProtocols"] == protocols


def test_nobody_says_themselves_from_where_and_by_which_name_they_came(tiny: City, settings: Settings) -> None:
    for policy in ("clients", "schools"):
        spec = one(gateway.plan(tiny, settings()), "ClientTrafficPolicy", policy)["spec"]
        gone = set(spec["headers"]["earlyRequestHeaders"]["remove"])
        assert {"forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port"} <= gone
        assert "x-forwarded-client-cert" not in gone, "Envoy's own, set from the handshake"


def routes(city: City, settings: Settings, **changes: Any) -> dict[str, tuple[str, str, str, int]]:
    """Name of a route -> its namespace, path, Service and port."""
    found = [each for each in gateway.plan(city, settings(**changes)) if each.kind == "HTTPRoute"]
    return {each.name: _of(each) for each in found}


def _of(route: Resource) -> tuple[str, str, str, int]:
    (rule,) = route.props["spec"]["rules"]
    (backend,) = rule["backendRefs"]
    return route.namespace, rule["matches"][0]["path"]["value"], backend["name"], backend["port"]


PUBLIC_ROUTES = {
    "portal": ("portal", "/", "portal", 8080),
    "entitlement": ("entitlement", "/access/", "entitlement", 8080),
    "shield": ("video-library", "/lessons/", "shield", 8444),
    "identity": ("identity", "/identity/realms/city/protocol/", "identity", 8080),
    "identity-actions": ("identity", "/identity/realms/city/login-actions/", "identity", 8080),
    "identity-broker": ("identity", "/identity/realms/city/broker/", "identity", 8080),
    "identity-well-known": ("identity", "/identity/realms/city/.well-known/", "identity", 8080),
    "identity-resources": ("identity", "/identity/resources/", "identity", 8080),
    "parcels": ("video-library", "/parcels/", "shield", 8444),
    "viewer": ("monitoring", "/monitoring/", "viewer", 8080),
    "query": ("monitoring", "/monitoring/api/v1/query", "prometheus", 9090),
    "query-range": ("monitoring", "/monitoring/api/v1/query_range", "prometheus", 9090),
}
SCHOOL_ROUTES = {
    "schools-lessons": ("video-library", "/lessons/", "shield", 8443),
    "schools-parcels": ("video-library", "/parcels/", "shield", 8444),
    "intake": ("school-edge", "/api/v1/write", "intake", 8080),
    "intake-access-log": ("school-edge", "/api/v1/access-log", "intake", 8080),
}
EDGE_ROUTES = {
    f"edge-{district}": (f"edge-{district}", "/lessons/", "district-edge", 8443) for district in ("east", "hills")
}
PARCEL_ROUTES = {"boxes-parcels": ("video-library", "/parcels/", "shield", 8444)}


def test_only_public_services_have_a_route(tiny: City, settings: Settings) -> None:
    assert routes(tiny, settings) == {**PUBLIC_ROUTES, **SCHOOL_ROUTES, **EDGE_ROUTES, **PARCEL_ROUTES}
    shown = {"portal", "school-edge"}
    hidden = tuple(s.model_copy(update={"public": s.id in shown}) for s in tiny.services)
    assert set(routes(tiny.model_copy(update={"services": hidden}), settings)) == {
        "portal",
        "intake",
        "intake-access-log",
    }


def test_each_route_belongs_to_one_listener_and_its_host(tiny: City, settings: Settings) -> None:
    plan = gateway.plan(tiny, settings(edgeDomain="huiju.test"))
    for route in (each for each in plan if each.kind == "HTTPRoute"):
        (parent,) = route.props["spec"]["parentRefs"]
        wanted = ("schools", "schools.huiju.test") if route.name in SCHOOL_ROUTES else ("https", "localhost")
        wanted = ("parcels", "parcels.huiju.test") if route.name in PARCEL_ROUTES else wanted
        district = route.name.removeprefix("edge-")
        wanted = (route.name, f"{district}.districts.huiju.test") if route.name in EDGE_ROUTES else wanted
        assert (parent["sectionName"], *route.props["spec"]["hostnames"]) == wanted


def test_large_files_are_not_cut_off_on_a_slow_link(tiny: City, settings: Settings) -> None:
    plan = gateway.plan(tiny, settings())
    for route in (each for each in plan if each.kind == "HTTPRoute"):
        (rule,) = route.props["spec"]["rules"]
        limited = {"intake": "60s", "intake-access-log": "60s", "query": "40s", "query-range": "40s"}
        assert rule["timeouts"]["request"] == limited.get(route.name, "0s"), route.name
    for policy in ("clients", "schools"):
        assert one(plan, "ClientTrafficPolicy", policy)["spec"]["timeout"]["http"]["streamIdleTimeout"] == "120s"


def test_schools_are_let_in_by_a_certificate_of_the_school_ca_and_no_header_of_theirs_counts(
    tiny: City, settings: Settings
) -> None:
    plan = gateway.plan(tiny, settings())
    spec = one(plan, "ClientTrafficPolicy", "schools")["spec"]
    assert [each["sectionName"] for each in spec["targetRefs"]] == ["schools", *EDGE_ROUTES]
    validation = spec["tls"]["clientValidation"]
    assert validation["mode"] == "RequireAndVerify"
    (reference,) = validation["caCertificateRefs"]
    assert one(plan, "ConfigMap", reference["name"])["data"] == {"ca.crt": settings().school_ca}
    assert spec["headers"]["xForwardedClientCert"] == {"mode": "SanitizeSet", "certDetailsToAdd": ["Subject"]}
    public = one(plan, "ClientTrafficPolicy", "clients")["spec"]
    assert "sectionName" not in public["targetRefs"][0]
    assert "xForwardedClientCert" not in public["headers"], "the default drops what a client sends"


def test_whom_a_listener_trusts_is_there_before_the_listener(tiny: City, settings: Settings) -> None:
    ranks = {each.kind: each.rank for each in gateway.plan(tiny, settings())}
    assert ranks["ConfigMap"] < ranks["ClientTrafficPolicy"] < ranks["Gateway"] < ranks["HTTPRoute"]


def test_without_a_school_ca_there_is_no_door_for_schools(tiny: City, settings: Settings) -> None:
    plan = gateway.plan(tiny, settings(schoolCa=None))
    assert routes(tiny, settings, schoolCa=None) == PUBLIC_ROUTES
    assert [each["name"] for each in one(plan, "Gateway", "gateway")["spec"]["listeners"]] == ["https"]
    assert one(plan, "ClientTrafficPolicy")["metadata"]["name"] == "clients"


DOORS = ["https", "schools", "parcels", "edge-east", "edge-hills"]


@pytest.mark.parametrize(
    ("given", "listeners"),
    [
        (False, DOORS),
        (True, [*DOORS, "http", *(f"{door}-http" for door in DOORS[1:])]),
    ],
)
def test_port_80_only_redirects_and_only_where_the_profile_says(
    tiny: City, settings: Settings, given: bool, listeners: list[str]
) -> None:
    plan = gateway.plan(tiny, settings(overrides={"redirectHttp": given}))
    assert [each["name"] for each in one(plan, "Gateway", "gateway")["spec"]["listeners"]] == listeners
    routes = {each.name: each.props["spec"] for each in plan if each.kind == "HTTPRoute"}
    assert ("redirect-to-https" in routes) is given
    for name, route in routes.items():
        (parent,) = route["parentRefs"]
        assert (parent["sectionName"] == "http") is (name == "redirect-to-https")
    if given:
        (rule,) = routes["redirect-to-https"]["rules"]
        assert rule["filters"][0]["requestRedirect"] == {"scheme": "https", "port": 8443, "statusCode": 301}
        assert "backendRefs" not in rule


def test_each_name_of_the_certificate_can_be_challenged_on_port_80(tiny: City, settings: Settings) -> None:
    listeners = one(gateway.plan(tiny, settings(profile="prod")), "Gateway", "gateway")["spec"]["listeners"]
    hosts = {port: {each["hostname"] for each in listeners if each["port"] == port} for port in (443, 80)}
    assert hosts[443] == hosts[80]
    assert all(each["allowedRoutes"] == {"namespaces": {"from": "Same"}} for each in listeners if each["port"] == 80)


def test_routes_may_come_only_from_public_namespaces(tiny: City, settings: Settings) -> None:
    for listener in one(gateway.plan(tiny, settings()), "Gateway")["spec"]["listeners"]:
        selector = listener["allowedRoutes"]["namespaces"]
        assert selector == {"from": "Selector", "selector": {"matchLabels": {"huiju.dev/public": "true"}}}


def test_a_chart_from_a_registry_has_a_version_and_one_from_a_folder_its_template(
    tiny: City, settings: Settings
) -> None:
    folder = one(gateway.plan(tiny, settings()), "Release")
    assert folder["valueYamlFiles"] == ["/charts/gateway-helm/values.tmpl.yaml"]
    oci = settings(gatewayChart="oci://registry.example/gateway-helm", gatewayChartVersion="v1.9.1")
    release = one(gateway.plan(tiny, oci), "Release")
    assert release["version"] == "v1.9.1"
    assert "valueYamlFiles" not in release
