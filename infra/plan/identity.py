"""Identity: Keycloak on the platform's PostgreSQL, and the Job that brings its realm to what the catalog says.

Keycloak keeps who signs in and how. What somebody may do is decided elsewhere, and sessions go on while it is away.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from catalog import City, names
from catalog.service import Database
from derive import database, identity, pods, realm
from infra.config import StackSettings
from infra.plan import objects
from infra.plan.database import databases, instances, role_secret
from infra.plan.monitoring_targets import PODS
from infra.plan.resource import Body, Resource, digest, resource

SERVICE = names.IDENTITY
SETUP = "realm"
"""The Job, and the Secret with what it is to bring about."""
ADMIN, _ADMIN, _REALM = "keycloak-admin", "/etc/keycloak-admin", "/etc/realm"
PROVISIONER = "provisioner"
"""The client that the set-up signs in as; made by Keycloak's first start."""
_DESIRED = "desired.json"


def plan(city: City, settings: StackSettings) -> Iterator[Resource]:
    """Everything of the service."""
    (own,) = (each for _, each in databases(city) if each.id == names.DATABASE_IDENTITY)
    owner = role_secret(own, names.owner_role(own.id), SERVICE, settings)
    admin = objects.secret(ADMIN, SERVICE, _admin(settings))
    desired = objects.secret(SETUP, SERVICE, {_DESIRED: _desired(city, settings)})
    for account in (SERVICE, SETUP):
        yield objects.service_account(account, SERVICE)
    yield from (owner, admin, desired)
    yield objects.cluster_service(SERVICE, SERVICE, SERVICE, identity.PORT)
    yield _each_pod()
    yield objects.workload(
        "Deployment",
        SERVICE,
        SERVICE,
        _server(own, settings),
        # It makes its tables when it starts.
        [owner.props["stringData"], instances(settings)],
        replicas=settings.row.replicas,
        # Two versions at once would share caches; nobody's session ends while nobody can sign in for half a minute.
        strategy={"type": "Recreate"},
    )
    setup = _setup(settings)
    # Named by its input: another input is another Job, the same one never runs twice.
    inputs = [setup, desired.props, admin.props, instances(settings)]
    yield objects.job(f"{SETUP}-{digest(inputs, 8)}", SERVICE, SETUP, setup)


def problems(city: City, settings: StackSettings) -> Iterator[str]:
    """What is wrong with the stack's outside providers, by this catalog."""
    tiers = {tier.id: tier for tier in realm.tiers(city)}
    for each in settings.identity_providers:
        tier = tiers.get(each.tier)
        if tier is None:
            yield (
                f"huiju:identityProviders: {each.alias} makes people of {each.tier!r}, which is no tier that signs in; "
                f"there are: {', '.join(tiers)}"
            )
        elif tier.two_factor:
            yield (
                f"huiju:identityProviders: {each.alias} makes people of {each.tier!r}, who need a second factor that is asked for here: "
                "give them accounts of the city’s own (`huiju account add`)"
            )


def secrets(settings: StackSettings) -> dict[str, str]:
    """Client -> what it signs in with."""
    seed = settings.identity_key.get_secret_value()
    return {client: identity.client_secret(seed, client) for client in identity.CLIENTS}


def _admin(settings: StackSettings) -> dict[str, str]:
    def secret_by(seed: str) -> str:
        return identity.client_secret(seed, PROVISIONER)

    found = {"client": PROVISIONER, "secret": secret_by(settings.identity_key.get_secret_value())}
    before = settings.identity_key_before.get_secret_value() if settings.identity_key_before else ""
    former = [secret_by(seed) for seed in before.split("\n") if seed]
    return {**found, "before": "\n".join(former)} if former else found


def _desired(city: City, settings: StackSettings) -> str:
    wanted = realm.desired(city, settings.public_url, secrets(settings), settings.identity_providers)
    return json.dumps(wanted, ensure_ascii=False, sort_keys=True)


def _each_pod() -> Resource:
    """One address per pod: their figures are asked for one by one, and they find each other's port by themselves."""
    spec = {
        "clusterIP": "None",
        "selector": names.selector(SERVICE, SERVICE),
        "ports": [
            {"name": "figures", "port": identity.FIGURES_PORT, "targetPort": identity.FIGURES_PORT, "protocol": "TCP"}
        ],
    }
    metadata = objects.meta(f"{SERVICE}-{PODS}", SERVICE, SERVICE)
    return resource({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})


def _server(own: Database, settings: StackSettings) -> Body:
    owner, mib = names.owner_role(own.id), settings.row.identity_memory_mib
    tls = f"sslmode=verify-full&sslrootcert={database.MOUNT}/{database.AUTHORITY}"
    plain = {
        "KC_HOSTNAME": f"{settings.public_url}{identity.PATH}",
        # Other services ask for tokens and keys at its address inside the cluster.
        "KC_HOSTNAME_BACKCHANNEL_DYNAMIC": "true",
        "KC_HTTP_ENABLED": "true",
        "KC_PROXY_HEADERS": "xforwarded",
        "KC_DB_URL": f"jdbc:postgresql://{database.host()}:{database.PORT}/{own.id}?{tls}",
        "KC_DB_POOL_MAX_SIZE": "20",
        "KC_LOG_CONSOLE_OUTPUT": "json",
        "JAVA_OPTS_KC_HEAP": "-XX:MaxRAMPercentage=66 -XX:InitialRAMPercentage=30",
    }
    secret = {
        "KC_DB_USERNAME": (names.role_secret(owner), "username"),
        "KC_DB_PASSWORD": (names.role_secret(owner), "password"),
        "KC_BOOTSTRAP_ADMIN_CLIENT_ID": (ADMIN, "client"),
        "KC_BOOTSTRAP_ADMIN_CLIENT_SECRET": (ADMIN, "secret"),
    }
    ready = objects.probe("/health/ready", identity.FIGURES_PORT, period=3)
    container = {
        "name": SERVICE,
        "image": settings.images[names.KEYCLOAK],
        "env": [*objects.env(plain), *(_from_secret(key, *where) for key, where in secret.items())],
        "ports": [{"name": "http", "containerPort": identity.PORT}],
        # A first start makes a hundred tables.
        "startupProbe": {**ready, "failureThreshold": 100},
        "readinessProbe": ready,
        "livenessProbe": objects.probe("/health/live", identity.FIGURES_PORT, period=20),
        # It bursts when it starts; at other times it does next to nothing, and two of them fit on a small node beside everything else.
        "resources": pods.resources("50m", f"{mib}Mi", "2"),
        "securityContext": pods.container_security(),
        "volumeMounts": [
            database.client_mount(),
            objects.mount("data", "/opt/keycloak/data"),
            objects.mount("tmp", objects.TMP),
        ],
    }
    volumes = [database.client_volume(owner), pods.scratch("data", "64Mi"), pods.scratch("tmp", "64Mi")]
    return pods.pod(SERVICE, [container], volumes, topologySpreadConstraints=objects.spread(SERVICE, SERVICE))


def _from_secret(variable: str, secret: str, key: str) -> Body:
    return {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def _setup(settings: StackSettings) -> Body:
    container = {
        "name": SETUP,
        "image": settings.images["kit"],
        "command": ["python3", "-m", "services.identity", f"{_REALM}/{_DESIRED}"],
        "env": objects.env({"IDENTITY_URL": identity.internal_url(), "IDENTITY_ADMIN": _ADMIN}),
        # It bursts when it starts; at other times it does next to nothing, and two of them fit on a small node beside everything else.
        "resources": pods.resources("50m", "128Mi", "1"),
        "securityContext": pods.container_security(),
        "volumeMounts": [objects.mount(SETUP, _REALM, readOnly=True), objects.mount(ADMIN, _ADMIN, readOnly=True)],
    }
    volumes = [pods.secret_files(SETUP, SETUP), pods.secret_files(ADMIN, ADMIN)]
    return pods.pod(SETUP, [container], volumes, restartPolicy="OnFailure")
