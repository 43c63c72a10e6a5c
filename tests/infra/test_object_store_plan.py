"""The object store: one account per task with what it needs and no more, terms from the catalog, Jobs named by what they do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from catalog import City
from catalog.errors import UserError
from infra.plan import object_store
from infra.plan.accounts import keys
from infra.plan.resource import Resource
from tests.infra.conftest import Settings


def one(resources: tuple[Resource, ...], kind: str, starts: str = "") -> Resource:
    (found,) = [each for each in resources if each.kind == kind and each.name.startswith(starts)]
    return found


def file(resources: tuple[Resource, ...], name: str) -> Any:
    return json.loads(one(resources, "ConfigMap").props["data"][name])


def may(policy: dict[str, Any], account: str, action: str, resource: str) -> bool:
    """Whether a bucket's policy lets an account do something: allowed by a statement, or denied."""
    return any(
        account in statement["Principal"]["AWS"] and action in statement["Action"] and resource in statement["Resource"]
        for statement in policy["Statement"]
    )


@pytest.fixture
def plan(tiny: City, settings: Settings) -> tuple[Resource, ...]:
    return object_store.plan(tiny, settings())


@pytest.mark.parametrize(
    ("account", "action", "bucket", "allowed"),
    [
        ("shield", "s3:GetObject", "lessons", True),
        ("shield", "s3:PutObject", "lessons", False),
        ("shield", "s3:ListBucket", "lessons", False),
        ("shield", "s3:GetObject", "uploads", False),
        ("packager", "s3:GetObject", "uploads", True),
        ("packager", "s3:PutObject", "lessons", True),
        ("packager", "s3:DeleteObject", "lessons", False),
        ("publisher", "s3:PutObject", "uploads", True),
        ("expiry", "s3:DeleteObject", "uploads", True),
        ("expiry", "s3:GetObject", "uploads", False),
        ("expiry", "s3:DeleteObject", "lessons", False),
        ("entitlement", "s3:PutObject", "audit", True),
        ("entitlement", "s3:PutObjectRetention", "audit", True),
        ("entitlement", "s3:GetObject", "audit", False),
        ("entitlement", "s3:DeleteObject", "audit", False),
        ("entitlement", "s3:PutObjectRetention", "lessons", False),
        ("auditor", "s3:GetObjectVersion", "audit", True),
        ("auditor", "s3:DeleteObject", "audit", False),
        ("auditor", "s3:DeleteObjectVersion", "audit", False),
        ("expiry", "s3:DeleteObjectVersion", "audit", True),
        ("log-writer", "s3:PutObject", "access-logs", True),
        ("log-writer", "s3:PutObjectRetention", "access-logs", True),
        ("log-writer", "s3:PutObjectRetention", "logs", False),
        ("log-writer", "s3:GetObject", "access-logs", False),
        ("log-writer", "s3:GetObjectVersion", "access-logs", False),
        ("log-writer", "s3:DeleteObject", "access-logs", False),
        ("log-writer", "s3:DeleteObjectVersion", "access-logs", False),
        ("log-reader", "s3:GetObjectVersion", "access-logs", True),
        ("log-reader", "s3:DeleteObjectVersion", "access-logs", False),
        ("expiry", "s3:DeleteObjectVersion", "access-logs", True),
    ],
)
def test_an_account_may_do_its_task_and_no_more(
    plan: tuple[Resource, ...], account: str, action: str, bucket: str, allowed: bool
) -> None:
    (policy,) = [each["policy"] for each in file(plan, "desired.json")["buckets"] if each["name"] == bucket]
    resource = f"arn:aws:s3:::{bucket}" + ("" if action == "s3:ListBucket" else "/*")
    assert may(policy, account, action, resource) is allowed


def test_nobody_may_change_policies_or_buckets(plan: tuple[Resource, ...]) -> None:
    actions = {
        a
        for bucket in file(plan, "desired.json")["buckets"]
        for s in (bucket["policy"] or {"Statement": []})["Statement"]
        for a in s["Action"]
    }
    assert not [
        action
        for action in actions
        if "*" in action or "Policy" in action or (action.endswith("Bucket") and "List" not in action)
    ]


def test_every_principal_has_an_account(plan: tuple[Resource, ...]) -> None:
    users = json.loads(one(plan, "Secret", "object-store-accounts").props["stringData"]["users.json"])["accessAccounts"]
    named = {
        p
        for bucket in file(plan, "desired.json")["buckets"]
        for s in (bucket["policy"] or {"Statement": []})["Statement"]
        for p in s["Principal"]["AWS"]
    }
    assert named == set(users)
    assert {user["role"] for user in users.values()} == {"user"}


def test_buckets_versions_and_terms_are_the_catalog_s(city: City, settings: Settings) -> None:
    plan = object_store.plan(city, settings())
    buckets = [bucket for service in city.services for bucket in service.buckets]
    assert {
        (each["name"], each["versioned"], each["locked_days"]) for each in file(plan, "desired.json")["buckets"]
    } == {(b.id, b.versioned, b.locked_days) for b in buckets}
    assert {(each["bucket"], each["days"]) for each in file(plan, "terms.json")["terms"]} == {
        (b.id, b.expire_days) for b in buckets if b.expire_days
    }
    assert one(plan, "CronJob").props["spec"]["timeZone"] == city.timezone


def test_a_city_that_keeps_everything_has_no_expiry(tiny: City, settings: Settings) -> None:
    kept = object_store.plan(_with_terms(tiny, None), settings())
    assert not [each for each in kept if each.kind == "CronJob" or each.name == "s3-expiry"]


def _with_terms(city: City, days: int | None) -> City:
    services = tuple(
        s.model_copy(update={"buckets": tuple(b.model_copy(update={"expire_days": days}) for b in s.buckets)})
        for s in city.services
    )
    return city.model_copy(update={"services": services})


def test_a_term_on_a_versioned_bucket_lets_versions_go(tiny: City, settings: Settings) -> None:
    plan = object_store.plan(_with_terms(tiny, 30), settings())
    (lessons,) = [each["policy"] for each in file(plan, "desired.json")["buckets"] if each["name"] == "lessons"]
    assert may(lessons, "expiry", "s3:DeleteObjectVersion", "arn:aws:s3:::lessons/*")


def test_the_set_up_job_is_named_by_its_input(tiny: City, settings: Settings) -> None:
    first = one(object_store.plan(tiny, settings()), "Job").name
    assert first == one(object_store.plan(tiny, settings(publicPort=9443)), "Job").name, (
        "what is not its input changes nothing"
    )
    assert first != one(object_store.plan(_with_terms(tiny, 3), settings()), "Job").name


def test_keys_differ_by_account_and_by_seed(settings: Settings) -> None:
    ours, other = settings(), settings(storeAdminKey="another-seed-of-thirty-two-characters")
    found = {keys(stack, account).secret for stack in (ours, other) for account in ("admin", "shield", "packager")}
    assert len(found) == 6
    assert all(len(secret) == 40 for secret in found)
    assert keys(ours, "admin").secret not in repr(keys(ours, "admin"))


def test_a_new_seed_rolls_the_server(tiny: City, settings: Settings) -> None:
    def mark(stack: Any) -> str:
        return str(
            one(object_store.plan(tiny, stack), "StatefulSet").props["spec"]["template"]["metadata"]["annotations"]
        )

    assert mark(settings()) == mark(settings(publicPort=9443))
    assert mark(settings()) != mark(settings(storeAdminKey="another-seed-of-thirty-two-characters"))


ACCOUNTS = {
    name: {"access": f"KEY-{name}", "secret": f"secret-{name}"}
    for name in (
        "shield",
        "packager",
        "publisher",
        "log-writer",
        "log-reader",
        "log-anchor",
        "auditor",
        "expiry",
        "entitlement",
        "backup",
        "indexer",
        "admin",
    )
}
OUTSIDE = {"storeEndpoint": "https://s3.example.cn", "storeAdminKey": None}


def test_with_an_outside_store_only_tasks_are_deployed(tiny: City, settings: Settings) -> None:
    plan = object_store.plan(tiny, settings(**OUTSIDE, storeAccounts=ACCOUNTS))
    assert not {each.kind for each in plan} & {"StatefulSet", "PersistentVolumeClaim", "Service"}
    (lessons,) = [each["policy"] for each in file(plan, "desired.json")["buckets"] if each["name"] == "lessons"]
    assert may(lessons, "KEY-shield", "s3:GetObject", "arn:aws:s3:::lessons/*")
    assert "https://s3.example.cn" in one(plan, "Secret", "s3-admin").props["stringData"]["config"]


def test_an_outside_store_without_an_administrator_is_the_city_s_to_set_up(tiny: City, settings: Settings) -> None:
    accounts = {name: account for name, account in ACCOUNTS.items() if name != "admin"}
    assert not [
        each for each in object_store.plan(tiny, settings(**OUTSIDE, storeAccounts=accounts)) if each.kind == "Job"
    ]


def test_an_outside_store_may_name_principals_its_own_way(tiny: City, settings: Settings) -> None:
    accounts = {**ACCOUNTS, "shield": {**ACCOUNTS["shield"], "principal": "arn:aws:iam::1:user/shield"}}
    plan = object_store.plan(tiny, settings(**OUTSIDE, storeAccounts=accounts))
    assert "arn:aws:iam::1:user/shield" in json.dumps(file(plan, "desired.json"))


def test_a_missing_account_is_named_with_the_commands(tiny: City, settings: Settings) -> None:
    accounts = {name: account for name, account in ACCOUNTS.items() if name != "shield"}
    with pytest.raises(UserError, match=r"no account 'shield'[\s\S]*storeAccounts\.shield\.secret' --secret"):
        object_store.plan(tiny, settings(**OUTSIDE, storeAccounts=accounts))
