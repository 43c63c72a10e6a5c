"""The database as planned: the operators' manifests in our house, the instances by the profile's row, the roles by the catalog."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from catalog import City, names
from catalog.errors import UserError
from catalog.service import Database
from derive import database as client
from infra.config import StackSettings
from infra.plan import database, database_backups, database_operator, lesson_index
from infra.plan.platform import plan
from infra.plan.resource import Resource, ordered
from tests.infra.conftest import SEED, Settings


def one(resources: tuple[Resource, ...], kind: str, name: str) -> dict[str, Any]:
    (found,) = [each.props for each in resources if (each.kind, each.name) == (kind, name)]
    return found


def both(city: City, stack: StackSettings) -> tuple[Resource, ...]:
    """The operator, and what stands on it."""
    return (*database_operator.plan(city, stack), *database.plan(city, stack))


def test_released_manifests_come_into_our_namespace_with_our_labels(tiny: City, settings: Settings) -> None:
    plan = both(tiny, settings())
    text = json.dumps([each.props for each in plan])
    assert "upstream-system" not in text
    assert "upstream.example" not in text
    for each in plan:
        assert each.props["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "huiju", each.logical_name
    binding = one(plan, "ClusterRoleBinding", "cnpg-manager-rolebinding")
    assert binding["subjects"][0]["namespace"] == "database"
    webhook = one(plan, "ValidatingWebhookConfiguration", "cnpg-validating-webhook-configuration")
    assert webhook["webhooks"][0]["clientConfig"]["service"]["namespace"] == "database"


def test_what_the_house_makes_itself_is_not_taken_from_them(tiny: City, settings: Settings) -> None:
    plan = both(tiny, settings())
    assert not [each for each in plan if each.kind in {"Namespace", "Certificate"} or each.name == "configuration"]


def test_the_operator_is_found_by_the_label_that_it_looks_for(tiny: City, settings: Settings) -> None:
    deployment = one(both(tiny, settings()), "Deployment", "cnpg-controller-manager")
    assert deployment["metadata"]["labels"]["app.kubernetes.io/name"] == "cloudnative-pg"


def test_a_definition_loses_its_prose_and_no_property(tiny: City, settings: Settings) -> None:
    definition = one(both(tiny, settings()), "CustomResourceDefinition", "clusters.postgresql.cnpg.io")
    schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert "description" not in schema
    assert schema["properties"]["spec"] == {"type": "object", "properties": {"description": {"type": "string"}}}


def test_the_operators_run_our_images_and_hand_them_on(tiny: City, settings: Settings) -> None:
    stack = settings()
    plan = both(tiny, stack)
    for name, image, variable in (
        ("cnpg-controller-manager", "cloudnative-pg", "OPERATOR_IMAGE_NAME"),
        ("barman-cloud", "barman-cloud", "SIDECAR_IMAGE"),
    ):
        template = one(plan, "Deployment", name)["spec"]["template"]
        (container,) = template["spec"]["containers"]
        env = {row["name"]: row.get("value") for row in container["env"]}
        assert (container["image"], env[variable]) == (stack.images[image], stack.images[image])
        assert template["metadata"]["labels"]["huiju.dev/api-client"] == "true"
    operator = one(plan, "Deployment", "cnpg-controller-manager")["spec"]["template"]["spec"]["containers"][0]
    assert {"name": "KEPT", "value": "as it was"} in operator["env"]
    assert {"name": "WATCH_NAMESPACE", "value": "database"} in operator["env"]


@pytest.mark.parametrize("key", ["databaseOperator", "databasePlugin"])
def test_where_the_cluster_has_an_operator_ours_is_left_out(tiny: City, settings: Settings, key: str) -> None:
    deployments = {each.name for each in both(tiny, settings(**{key: None})) if each.kind == "Deployment"}
    left = {"databaseOperator": "barman-cloud", "databasePlugin": "cnpg-controller-manager"}[key]
    assert deployments == {left}


@pytest.mark.parametrize(("text", "says"), [(None, "cannot be read"), ("a: [", "cannot be read"), ("a: 1", "nothing")])
def test_a_manifest_that_is_none_is_refused(
    tiny: City, settings: Settings, tmp_path: Path, text: str | None, says: str
) -> None:
    file = tmp_path / "operator.yaml"
    if text:
        file.write_text(text)
    with pytest.raises(UserError, match=f"huiju:databaseOperator: .*{says}"):
        both(tiny, settings(databaseOperator=str(file)))


def test_instances_memory_and_volume_are_the_profile_s_cells(tiny: City, settings: Settings) -> None:
    for profile, instances in (("local", 1), ("prod", 3)):
        spec = one(database.plan(tiny, settings(profile=profile)), "Cluster", "postgres")["spec"]
        assert (spec["instances"], spec["enablePDB"]) == (instances, instances > 1)
        assert ("synchronous" in spec["postgresql"]) == (instances > 1)
    changed = settings(overrides={"databaseMemoryMib": 800, "databaseSizeGib": 7}, storageClass="fast")
    spec = one(database.plan(tiny, changed), "Cluster", "postgres")["spec"]
    assert spec["resources"]["limits"]["memory"] == "800Mi"
    assert spec["postgresql"]["parameters"]["shared_buffers"] == "200MB"
    assert spec["storage"] == {"size": "7Gi", "storageClass": "fast"}


def test_every_database_of_the_catalog_has_an_owner_and_a_reader(tiny: City, settings: Settings) -> None:
    more = (Database(id="records_2", holds="Records."),)
    services = tuple(s.model_copy(update={"databases": more}) if s.id == "portal" else s for s in tiny.services)
    plan = database.plan(tiny.model_copy(update={"services": services}), settings())
    roles = one(plan, "Cluster", "postgres")["spec"]["managed"]["roles"]
    assert [role["name"] for role in roles] == [
        "lessons_owner",
        "lessons_reader",
        "records_2_owner",
        "records_2_reader",
        "roster_owner",
        "roster_reader",
        "roster_keeper",
        "roster_school",
        "identity_owner",
        "identity_reader",
    ]
    secrets = {each.name for each in plan if each.kind == "Secret"}
    assert {role["passwordSecret"]["name"] for role in roles} <= secrets
    created = one(plan, "Database", "postgres-records-2")["spec"]
    assert (created["name"], created["owner"], created["databaseReclaimPolicy"]) == (
        "records_2",
        "records_2_owner",
        "retain",
    )


def test_passwords_differ_and_follow_the_seed(tiny: City, settings: Settings) -> None:
    def passwords(seed: str) -> set[str]:
        plan = database.plan(tiny, settings(databaseKey=seed))
        secrets = [each.props["stringData"] for each in plan if each.kind == "Secret"]
        return {entries["password"] for entries in secrets if "password" in entries}

    assert len(passwords(SEED)) == len(database.roles_of(tiny))
    assert not passwords(SEED) & passwords(SEED + "x")


def test_clients_check_the_certificate_that_the_instances_show(tiny: City, settings: Settings) -> None:
    plan = database.plan(tiny, settings())
    shown = one(plan, "Secret", database.SERVER_TLS)["stringData"]["tls.crt"]
    assert one(plan, "Secret", "postgres-lessons-reader")["stringData"][client.AUTHORITY] == shown
    assert one(plan, "Secret", database.AUTHORITY)["stringData"] == {client.AUTHORITY: shown}
    certificates = one(plan, "Cluster", "postgres")["spec"]["certificates"]
    assert certificates == {"serverCASecret": database.AUTHORITY, "serverTLSSecret": database.SERVER_TLS}


def test_the_archive_is_the_catalog_s_bucket_and_keeps_the_profile_s_days(tiny: City, settings: Settings) -> None:
    spec = one(database.plan(tiny, settings(overrides={"backupKeepDays": 9})), "ObjectStore", database.ARCHIVE)["spec"]
    assert spec["retentionPolicy"] == "9d"
    assert spec["configuration"]["destinationPath"] == "s3://database-backups/"
    account = one(database.plan(tiny, settings()), "Secret", "s3-backup")["stringData"]
    entries = spec["configuration"]["s3Credentials"]
    assert {entry["key"] for entry in entries.values()} == set(account)


def test_each_kind_comes_after_what_it_needs(tiny: City, settings: Settings) -> None:
    kinds = [each.kind for group in ordered(database.plan(tiny, settings())) for each in group]
    order = ["Service", "Deployment", "ObjectStore", "Cluster", "Database"]
    assert [kinds.index(kind) for kind in order] == sorted(kinds.index(kind) for kind in order)
    first = [each.kind for group in ordered(database_operator.plan(tiny, settings())) for each in group]
    assert first.index("CustomResourceDefinition") < first.index("Deployment")


def test_new_instances_begin_empty_or_from_another_archive_and_write_their_own(tiny: City, settings: Settings) -> None:
    def spec(**changes: Any) -> dict[str, Any]:
        found: dict[str, Any] = one(database.plan(tiny, settings(**changes)), "Cluster", "postgres")["spec"]
        return found

    assert "initdb" in spec()["bootstrap"]
    assert spec()["plugins"][0]["parameters"]["serverName"] == "postgres"
    after = spec(databaseRecoverFrom="postgres", databaseArchive="postgres-2")
    assert after["bootstrap"]["recovery"]["source"] == "postgres"
    assert after["externalClusters"][0]["plugin"]["parameters"]["serverName"] == "postgres"
    assert after["plugins"][0]["parameters"]["serverName"] == "postgres-2"


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Asia/Urumqi", "America/St_Johns", "UTC", "Pacific/Kiritimati"])
def test_the_nightly_backup_is_at_night_where_the_city_is(zone: str) -> None:
    second, minute, hour, *rest = database_backups.schedule(zone).split()
    assert (second, rest) == ("0", ["*", "*", "*"])
    there = datetime(2026, 1, 15, int(hour), int(minute), tzinfo=UTC).astimezone(ZoneInfo(zone))
    assert (there.hour, there.minute) == (database_backups.HOUR, database_backups.MINUTE)


def test_the_index_job_is_another_one_when_its_input_is(tiny: City, settings: Settings) -> None:
    def job(**changes: Any) -> str:
        (found,) = [each.name for each in lesson_index.plan(tiny, settings(**changes)) if each.kind == "Job"]
        return found

    images = {name: f"{text[:-1]}1" if name == "kit" else text for name, text in settings().images.items()}
    assert job() == job() != job(images=images)


def test_the_index_signs_in_as_the_owner_and_only_reads_the_bucket(tiny: City, settings: Settings) -> None:
    plan = tuple(lesson_index.plan(tiny, settings()))
    secrets = {each.name for each in plan if each.kind == "Secret"}
    assert secrets == {"s3-indexer", "postgres-lessons-owner"}
    assert {each.namespace for each in plan} == {"video-library"}


def test_new_instances_get_everything_that_is_made_in_them_once(tiny: City, settings: Settings) -> None:
    """Begun empty they have no tables, no realm and no keys of Keycloak, whatever completed in those before."""

    def made(archive: str) -> dict[tuple[str, str], set[str]]:
        everything = plan(tiny, settings(databaseArchive=archive)).resources
        jobs = [("Job", each.namespace, each.name) for each in everything if each.kind == "Job"]
        (keycloak,) = [each for each in everything if (each.kind, each.namespace) == ("Deployment", names.IDENTITY)]
        pod = ("Keycloak", names.IDENTITY, json.dumps(keycloak.props["spec"]["template"]["metadata"]["annotations"]))
        found: dict[tuple[str, str], set[str]] = {}
        for kind, space, name in (*jobs, pod):
            found.setdefault((kind, space), set()).add(name)
        return found

    before, after = made("postgres"), made("postgres-2")
    assert before == made("postgres")
    again = {where for where in before if before[where] != after[where]}
    assert again == {
        ("Job", names.VIDEO_LIBRARY),
        ("Job", names.ENTITLEMENT),
        ("Job", names.IDENTITY),
        ("Keycloak", names.IDENTITY),
    }
