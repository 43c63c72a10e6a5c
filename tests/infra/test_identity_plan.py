"""Identity as planned: Keycloak on a database of its own, shut to the outside but for signing in, and its secrets in Secrets alone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from catalog import City, names
from catalog.errors import UserError
from derive import identity
from infra.plan import entitlement, gateway, routes, tenancy
from infra.plan import identity as plans
from infra.plan.platform import plan
from local import paths
from tests.derive.test_realm import OIDC
from tests.infra.conftest import SEED, Settings


def _one(resources: Any, kind: str) -> dict[str, Any]:
    (found,) = [each.props for each in resources if each.kind == kind]
    return dict(found)


def test_what_the_image_decides_is_what_the_plan_says() -> None:
    """Build-time options of Keycloak cannot be given at its start, so they stand in the image."""
    text = (Path(paths.ROOT) / "local/images/keycloak/Containerfile").read_text(encoding="utf-8")
    assert re.search(rf"KC_HTTP_RELATIVE_PATH={identity.PATH}\s", text)
    assert re.search(r"KC_HTTP_MANAGEMENT_RELATIVE_PATH=/\s", text)


def test_only_signing_in_is_reachable_from_outside(tiny: City, settings: Settings) -> None:
    found = [
        match["path"]["value"]
        for each in routes.plan(tiny, settings())
        if each.kind == "HTTPRoute" and each.namespace == names.IDENTITY
        for rule in each.props["spec"]["rules"]
        for match in rule["matches"]
    ]
    realm = [f"/identity/realms/city/{part}/" for part in (".well-known", "broker", "login-actions", "protocol")]
    assert sorted(found) == [*realm, "/identity/resources/"]
    assert gateway.plan(tiny, settings())


def test_figures_are_for_monitoring_and_the_rest_for_those_who_reach_it(tiny: City, settings: Settings) -> None:
    (allowed,) = [
        each.props["spec"]
        for each in tenancy.plan(tiny, settings())
        if each.kind == "NetworkPolicy" and (each.namespace, each.name) == (names.IDENTITY, "allowed")
    ]
    opened = {}
    for rule in allowed["ingress"]:
        for peer in rule["from"]:
            if "namespaceSelector" in peer:
                name = peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
                opened[name] = {port["port"] for port in rule["ports"]}
    assert opened == {
        names.GATEWAY: {identity.PORT},
        names.ENTITLEMENT: {identity.PORT},
        names.MONITORING: {identity.FIGURES_PORT},
    }


def test_secrets_stand_in_secrets_and_nowhere_else(tiny: City, settings: Settings) -> None:
    stack = settings()
    everything = plan(tiny, stack).resources
    for client in (*identity.CLIENTS, plans.PROVISIONER):
        secret = identity.client_secret(SEED, client)
        holders = {(each.kind, each.namespace, each.name) for each in everything if secret in json.dumps(each.props)}
        assert holders
        assert {kind for kind, _, _ in holders} == {"Secret"}
    owned = {identity.CLIENT_PORTAL: entitlement.DOOR, identity.CLIENT_ACCOUNTS: names.ACCOUNTS_SECRET}
    for client, secret in owned.items():
        text = identity.client_secret(SEED, client)
        assert {each.name for each in entitlement.plan(tiny, stack) if text in json.dumps(each.props)} == {secret}


def test_the_set_up_is_another_job_when_the_catalog_is(tiny: City, settings: Settings) -> None:
    def job(city: City, **changes: object) -> str:
        (found,) = [each.name for each in plans.plan(city, settings(**changes)) if each.kind == "Job"]
        return found

    other = tiny.model_copy(update={"sign_in": tiny.sign_in.model_copy(update={"wrong_tries": 4})})
    assert job(tiny) == job(tiny)
    assert len({job(tiny), job(other), job(tiny, identityKey=f"{SEED} of another stack")}) == 3


def test_the_former_key_opens_the_door_once_more(tiny: City, settings: Settings) -> None:
    def admin(**changes: object) -> dict[str, str]:
        (found,) = [
            each.props["stringData"] for each in plans.plan(tiny, settings(**changes)) if each.name == plans.ADMIN
        ]
        return dict(found)

    assert admin().keys() == {"client", "secret"}
    renewed = admin(identityKey=f"{SEED} anew", identityKeyBefore=SEED)
    assert renewed["before"] == admin()["secret"] != renewed["secret"]
    twice = admin(identityKey=f"{SEED} again", identityKeyBefore=f"{SEED} anew\n{SEED}")
    assert twice["before"].splitlines() == [renewed["secret"], admin()["secret"]]


def test_keycloak_signs_in_to_its_own_database_over_checked_tls(tiny: City, settings: Settings) -> None:
    server = _one(plans.plan(tiny, settings()), "Deployment")
    (container,) = server["spec"]["template"]["spec"]["containers"]
    env = {each["name"]: each for each in container["env"]}
    url = env["KC_DB_URL"]["value"]
    assert url.startswith("jdbc:postgresql://")
    assert url.endswith("/identity?sslmode=verify-full&sslrootcert=/etc/postgres/ca.crt")
    assert "value" not in env["KC_DB_PASSWORD"]
    assert env["KC_HOSTNAME"]["value"] == "https://localhost:8443/identity"


def test_an_outside_provider_is_handed_on_and_its_secret_kept(tiny: City, settings: Settings) -> None:
    found = tuple(plans.plan(tiny, settings(identityProviders=[OIDC])))
    (held,) = [each.props["stringData"] for each in found if each.name == plans.SETUP and each.kind == "Secret"]
    (provider,) = json.loads(next(iter(held.values())))["providers"]
    assert provider["config"]["clientSecret"] == "planted"
    assert {each.kind for each in found if "planted" in json.dumps(each.props)} == {"Secret"}


@pytest.mark.parametrize(("tier", "why"), [("nobody", "no tier"), ("city-staff", "second factor")])
def test_a_provider_for_no_tier_or_for_one_with_two_factors_is_refused(
    tiny: City, settings: Settings, tier: str, why: str
) -> None:
    with pytest.raises(UserError, match=why):
        plan(tiny, settings(identityProviders=[{**OIDC, "tier": tier}]))


def test_a_wrong_provider_is_one_clear_error(settings: Settings) -> None:
    with pytest.raises(UserError, match=r"identityProviders.*kind|identityProviders.*oidc"):
        settings(identityProviders=[{**OIDC, "kind": "ldap"}])
