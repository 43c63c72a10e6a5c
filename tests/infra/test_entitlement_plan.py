"""The entitlement service's pods take new rules up where they are mounted, and are replaced, with time to drain, for new keys."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from catalog import City, names
from catalog.errors import UserError
from derive import database, generated, keys, store
from infra.config import StackSettings
from infra.plan import derived, entitlement, sign_in, video_library
from policies import generate
from services.entitlement import versions
from services.entitlement.log_anchor import ACCESS_LOGS, LOGS
from services.entitlement.settings import NAMING
from services.entitlement.shipping import BUCKET, DAYS
from tests.builders import changed
from tests.derive.test_realm import OIDC, SAML
from tests.infra.conftest import SEED, Settings


def files(city: City, settings: StackSettings) -> dict[str, str]:
    """The ConfigMap's content."""
    (found,) = [each.props["data"] for each in entitlement.plan(city, settings) if each.kind == "ConfigMap"]
    return dict(found)


def template(city: City, settings: StackSettings) -> dict[str, Any]:
    (found,) = [
        each.props["spec"]["template"] for each in entitlement.plan(city, settings) if each.kind == "Deployment"
    ]
    return dict(found)


def of(city: City, folder: Path, settings: Settings) -> StackSettings:
    """Settings of a stack whose derived files are made of this state of the city."""
    generated.write(folder / "policies", city, generate.files(city))
    return settings(derived=str(folder))


def test_what_is_mounted_is_a_version_that_the_service_takes(city: City, settings: Settings, tmp_path: Path) -> None:
    for name, text in files(city, settings()).items():
        (tmp_path / name).write_text(text)
    found = versions.read(tmp_path, datetime.now(UTC))
    assert found.catalog == city.digest
    assert set(found.rules.schools) == set(city.by_code)


def test_new_rules_are_mounted_and_replace_no_pod(tiny: City, settings: Settings, tmp_path: Path) -> None:
    licence = tiny.licences[0].model_copy(update={"window_days": 7})
    other = changed(tiny, licences=(licence, *tiny.licences[1:]))
    before, after = of(tiny, tmp_path / "before", settings), of(other, tmp_path / "after", settings)
    assert files(tiny, before)[entitlement.RULES] != files(other, after)[entitlement.RULES]
    assert files(other, after)[generated.STAMP] == derived.stamp("policies", other, after)
    assert template(tiny, before) == template(other, after)


def test_new_keys_replace_the_pods(tiny: City, settings: Settings) -> None:
    assert template(tiny, settings()) != template(tiny, settings(accessKey=f"{SEED}-another"))
    assert template(tiny, settings()) != template(tiny, settings(databaseKey=f"{SEED}-another"))


def test_the_roster_is_read_as_the_role_that_sees_one_person(tiny: City, settings: Settings) -> None:
    _, reader, *others = names.database_roles(names.DATABASE_ROSTER)
    spec, secrets = template(tiny, settings())["spec"], [names.role_secret(each) for each in (reader, *others)]
    mounted = [each["secret"]["secretName"] for each in spec["volumes"] if "secret" in each]
    assert [each for each in mounted if each.startswith(names.POSTGRES)] == secrets[:1]
    (secret,) = [each for each in entitlement.plan(tiny, settings()) if each.name == secrets[0]]
    assert f"user={reader}\n" in secret.props["stringData"][database.SERVICE_FILE]
    (container,) = spec["containers"]
    environment = {each["name"]: each.get("value") for each in container["env"]}
    files = next(each["mountPath"] for each in container["volumeMounts"] if each["name"] == database.VOLUME)
    assert environment["PGSERVICEFILE"] == f"{files}/{database.SERVICE_FILE}"


def verified(plan: Callable[[StackSettings], str], stack: StackSettings) -> list[str]:
    """Ids of the keys in what a verifier is given."""
    return re.findall(r'"kid": "([a-z]+-[0-9]+)"', plan(stack))


@pytest.mark.parametrize(
    ("ring", "signs", "accepted"), [("1", 1, [1]), ("1,2", 1, [2, 1]), ("2,1", 2, [2, 1]), ("2", 2, [2])]
)
def test_signer_and_verifiers_follow_the_epochs(
    tiny: City, settings: Settings, ring: str, signs: int, accepted: list[int]
) -> None:
    stack = settings(signingEpochs=ring)
    assert verified(sign_in.key_set, stack) == [f"session-{each}" for each in accepted]
    assert verified(video_library.tokens, stack) == [f"video-{each}" for each in accepted]
    plan = entitlement.plan(tiny, stack)
    (secret,) = [each.props["stringData"] for each in plan if each.name == entitlement.SIGNING]
    environment = {each["name"]: each.get("value") for each in template(tiny, stack)["spec"]["containers"][0]["env"]}
    for variable, purpose in (("ENTITLEMENT_KEY", keys.VIDEO), ("ENTITLEMENT_SESSION_KEY", keys.SESSION)):
        name = Path(environment[variable] or "").name
        assert secret[name] == keys.pem(keys.private_key(SEED, purpose, signs))
    assert set(secret) == {f"{purpose}-{each}.pem" for purpose in ("video", "session") for each in accepted}


def test_when_only_the_signer_changes_no_verifier_is_touched(tiny: City, settings: Settings) -> None:
    before, after = settings(signingEpochs="1,2"), settings(signingEpochs="2,1")
    for plan in (video_library.plan, lambda _, stack: [sign_in.policy("r", "portal", ["t"], stack)]):
        assert [each.props for each in plan(tiny, before)] == [each.props for each in plan(tiny, after)]
    assert template(tiny, before) != template(tiny, after)


@pytest.mark.parametrize("ring", ["", "0", "1,3", "1,1", "one"])
def test_epochs_that_make_no_sense_are_refused(settings: Settings, ring: str) -> None:
    with pytest.raises(UserError, match=r"signingEpochs.*as in 1,2"):
        settings(signingEpochs=ring)


def test_the_service_is_told_which_outside_providers_name_people_of_the_roster(tiny: City, settings: Settings) -> None:
    def told(*providers: object) -> str | None:
        (container,) = template(tiny, settings(identityProviders=list(providers)))["spec"]["containers"]
        return {each["name"]: each.get("value") for each in container["env"]}.get(NAMING)

    assert told() is None
    assert told(OIDC) is None
    assert told(SAML, OIDC, {**OIDC, "alias": "academy", "personClaim": "roster"}) == f"academy {SAML['alias']}"


def test_a_pod_is_ready_by_its_rules_alive_without_them_and_drains(tiny: City, settings: Settings) -> None:
    (container,) = template(tiny, settings())["spec"]["containers"]
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert container["lifecycle"]["preStop"]["sleep"]["seconds"] > 0
    (mount,) = [each for each in container["volumeMounts"] if each["name"] == "entitlement"]
    assert "subPath" not in mount, "a file that is mounted alone is never swapped"


def test_stale_rules_are_never_mounted(tiny: City, settings: Settings, tmp_path: Path) -> None:
    stack, other = of(tiny, tmp_path, settings), changed(tiny, licences=tiny.licences[:1])
    with pytest.raises(UserError, match="make generate"):
        entitlement.plan(other, stack)


def test_logs_are_anchored_by_an_account_that_changes_neither_logs_nor_record(tiny: City, settings: Settings) -> None:
    (job,) = [each.props for each in entitlement.plan(tiny, settings()) if each.kind == "CronJob"]
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    mounted = [each["secret"]["secretName"] for each in pod["volumes"] if "secret" in each]
    assert mounted == [store.secret(store.LOG_ANCHOR)]
    (account,) = [each for each in store.ACCOUNTS if each.name == store.LOG_ANCHOR]
    assert account.rights == {
        names.BUCKET_LOGS: (store.Right.READ, store.Right.LIST),
        names.BUCKET_ACCESS_LOGS: (store.Right.HISTORY,),
        names.BUCKET_AUDIT: (store.Right.WRITE, store.Right.LOCK),
    }
    own = {each["name"]: each["value"] for each in pod["containers"][0]["env"]}
    assert [own[name] for name in (LOGS, ACCESS_LOGS, BUCKET)] == ["logs", "access-logs", "audit"]
    assert int(own[DAYS]) >= 184
