"""The stack's settings: every wrong key at once, each with the command that mends it, and never a secret in a message."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import jsonschema
import pytest
import yaml
from pydantic.alias_generators import to_camel

from catalog.errors import UserError
from infra import config
from infra.config import StackSettings
from infra.generate import schema
from infra.plan.platform import IMAGES, Platform
from infra.profiles import PROFILES, Overrides, Profile, ProfileName
from tests.infra.conftest import RAW, SEED, Settings, text


def message(**changes: Any) -> str:
    values = {key: value for key, value in {**RAW, **changes}.items() if value is not None}
    with pytest.raises(UserError) as caught:
        config.read(text(values), "test")
    return str(caught.value)


def test_a_complete_config_is_read() -> None:
    settings = config.read(text(RAW), "test")
    assert (settings.public_port, settings.public_url) == (8443, "https://localhost:8443")
    assert settings.row == PROFILES[ProfileName.LOCAL]


def test_the_port_of_https_is_not_written_out(settings: Settings) -> None:
    assert settings(publicPort=443, domain="edu.example.cn").public_url == "https://edu.example.cn"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"profile": "test"}, "profile: input should be 'local' or 'prod'"),
        ({"overrides": {"exposure": "nodeport"}}, "overrides.exposure: input should be 'NodePort' or 'LoadBalancer'"),
        ({"profile": None}, "profile: is missing"),
        ({"publicPort": 0}, "publicPort:"),
        ({"publicPort": 65536}, "publicPort:"),
        ({"domain": "Local Host"}, "domain:"),
        ({"domain": "-"}, "domain:"),
        ({"images": {"portal": "registry.example/portal:latest"}}, "images.portal:"),
        ({"images": "not an object"}, "images: must be an object"),
        ({"overrides": {"replicas": 0}}, "overrides.replicas:"),
        ({"overrides": {"replica": 1}}, "overrides.replica: is not a key of this kit"),
        ({"storeAdminKey": None}, "storeAdminKey: required while the embedded object store is used"),
        ({"storeAdminKey": "k" * 31}, "storeAdminKey:"),
        ({"accessKey": None}, "accessKey: is missing"),
        ({"databaseKey": None}, "databaseKey: is missing"),
        ({"rosterKey": None}, "rosterKey: is missing"),
        ({"identityKey": None}, "identityKey: is missing"),
        ({"databaseRecoverFrom": "postgres"}, "databaseArchive: must differ from databaseRecoverFrom"),
        ({"edgeDomain": "Edge Domain"}, "edgeDomain:"),
        ({"schoolCa": "no certificate"}, "schoolCa:"),
        ({"schoolCa": RAW["schoolCa"] + "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}, "schoolCa:"),
        ({"platformCa": "no certificate"}, "platformCa:"),
        ({"tlsKey": None}, "tlsCert: needs tlsKey"),
        ({"tlsKey": None, "tlsCert": None}, "certIssuer: set either it or tlsCert"),
        ({"certIssuer": "lets-encrypt"}, "certIssuer: set either it or tlsCert"),
        ({"gatewayChart": "oci://registry.example/gateway-helm"}, "gatewayChartVersion: required"),
        ({"storeEndpoint": "s3.example"}, "storeEndpoint:"),
    ],
)
def test_a_wrong_key_is_named_with_the_command_that_sets_it(changes: dict[str, Any], says: str) -> None:
    found = message(**changes)
    assert says in found
    assert f"huiju:{says.partition(':')[0]}" in found, "the command names the key"
    assert "--stack test" in found


@pytest.mark.parametrize(
    "changes",
    [
        {"publicPort": 1},
        {"publicPort": 65535},
        {"storeAdminKey": "k" * 32},
        {"schoolCa": None},
        {"schoolCa": 2 * RAW["schoolCa"]},
        {"platformCa": 2 * RAW["schoolCa"]},
        {"schoolCa": RAW["schoolCa"].strip()},
        {"overrides": {"replicas": 1}},
        {"overrides": {"hstsSeconds": 0, "exposure": "LoadBalancer"}},
        {"tlsCert": None, "tlsKey": None, "certIssuer": "lets-encrypt"},
        {"storeEndpoint": "https://s3.example.cn:9000", "storeAdminKey": None},
        {"gatewayChart": "oci://registry.example/gateway-helm", "gatewayChartVersion": "v1.9.1"},
    ],
)
def test_the_other_side_of_each_edge_is_taken(settings: Settings, changes: dict[str, Any]) -> None:
    settings(**changes)


def test_all_problems_are_told_at_once() -> None:
    found = message(publicPort=0, profle="local", domain=None)
    assert all(each in found for each in ("publicPort:", "profle: is not a key", "domain: is missing"))
    assert "pulumi config rm 'huiju:profle'" in found


def test_no_message_shows_a_secret() -> None:
    assert "a planted key" not in message(tlsCert=None)
    assert SEED not in message(publicPort=0)
    assert "short-secret" not in message(storeAdminKey="short-secret")
    assert "--secret" in message(storeAdminKey="short-secret")


def test_settings_hide_their_secrets_when_printed(settings: Settings) -> None:
    shown = repr(settings()) + str(settings().model_dump())
    assert SEED not in shown
    assert "a planted key" not in shown


def test_other_namespaces_are_left_alone() -> None:
    assert config.read({**text(RAW), "kubernetes:context": "x"}, "test").context is None


def test_an_override_changes_one_cell_and_no_other(settings: Settings) -> None:
    row = settings(profile="prod", overrides={"replicas": 1}).row
    assert row == PROFILES[ProfileName.PROD].model_copy(update={"replicas": 1})


def test_every_cell_of_the_profile_can_be_overridden() -> None:
    assert set(StackSettings.model_fields["overrides"].annotation.model_fields) == set(Profile.model_fields)  # type: ignore[union-attr]


def test_every_key_is_described() -> None:
    assert all(field.description for field in (*StackSettings.model_fields.values(), *Profile.model_fields.values()))


def test_every_secret_is_told_to_be_one() -> None:
    secret = {
        field.alias for field in StackSettings.model_fields.values() if (field.description or "").startswith("Secret.")
    }
    assert secret == config.SECRETS


@pytest.mark.parametrize("name", Profile.model_fields)
def test_a_cell_of_a_stack_takes_what_the_profile_takes_and_no_more(name: str) -> None:
    mine, row = ({**each.model_json_schema()["properties"][to_camel(name)]} for each in (Overrides, Profile))
    allowed = [each for each in mine["anyOf"] if each != {"type": "null"}]
    assert allowed == [{key: value for key, value in row.items() if key not in {"description", "title"}}]


def test_cells_that_the_profile_would_refuse_are_refused_all_at_once() -> None:
    said = message(overrides={"logsFlushSeconds": 3600, "auditShipSeconds": 0, "metricsMemoryMib": 1})
    assert all(f"overrides.{cell}:" in said for cell in ("logsFlushSeconds", "auditShipSeconds", "metricsMemoryMib"))


def test_the_schema_takes_the_example_of_production_and_refuses_a_misspelt_key(root: Any) -> None:
    example = yaml.safe_load((root / "Pulumi.prod.example.yaml").read_text())
    jsonschema.validate(example, schema())
    example["config"]["huiju:domian"] = "x"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(example, schema())


def test_the_example_of_production_is_complete_but_for_its_secrets(root: Any) -> None:
    given = yaml.safe_load((root / "Pulumi.prod.example.yaml").read_text())["config"]
    raw = {key: value if isinstance(value, str) else json.dumps(value) for key, value in given.items()}
    seeds = {f"huiju:{key}": SEED for key in ("storeAdminKey", "accessKey", "databaseKey", "rosterKey", "identityKey")}
    settings = config.read({**raw, **seeds}, "prod")
    assert settings.profile is ProfileName.PROD
    assert set(settings.images) == set(IMAGES)


def test_both_handbook_pages_name_every_key_and_cell(root: Any) -> None:
    for page in ("infra.md", "infra.zh.md"):
        text = (root / "docs" / "engineer" / page).read_text(encoding="utf-8")
        keys = [f"`huiju:{field.alias or name}`" for name, field in StackSettings.model_fields.items()]
        cells = [f"`{field.alias or name}`" for name, field in Profile.model_fields.items()]
        assert not [each for each in (*keys, *cells) if f"| {each} |" not in text], page


@pytest.mark.parametrize("page", ["infra.md", "infra.zh.md"])
def test_the_page_has_a_row_for_every_part_of_the_plan(page: str, root: Any) -> None:
    text = (root / "docs" / "engineer" / page).read_text(encoding="utf-8")
    within = {"database_operator": "database", "database_backups": "database", "lesson_index": "database"}
    parts = {within.get(part.name, part.name).replace("_", " ") for part in fields(Platform)}
    assert [part for part in (*sorted(parts), "viewer") if f"| {part} |" not in text] == []


def test_schools_find_the_platform_under_their_own_domain_or_the_platforms(settings: Settings) -> None:
    assert settings(domain="edu.example.cn").schools_host == "schools.edu.example.cn"
    assert settings(edgeDomain="huiju.test").schools_host == "schools.huiju.test"
