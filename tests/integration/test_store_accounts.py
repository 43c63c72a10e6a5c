"""Who may do what in the object store: every account, bucket and call, asked of the running store, against a table written by hand.

The table says what the words beside the accounts say, and is compiled from nothing. Nothing is put into a locked bucket: what may be
done there is done in a twin of it, which has its policy and no lock of its own; the bucket itself is asked for all that it must refuse.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError

from catalog import load_named
from infra.plan import accounts
from tests.integration.conftest import Platform
from tests.integration.test_platform import client, forwarded, signing

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]
AUDIT, ACCESS = LOCKED = ("audit", "access-logs")
TWINS = {f"{bucket}-twin": bucket for bucket in LOCKED}
PREFIX = "probe-accounts/"
NUMBERS = count()
LOCK_SECONDS = 5
NAMESPACES = {
    "shield": "video-library",
    "packager": "video-library",
    "publisher": "video-library",
    "indexer": "video-library",
    "entitlement": "entitlement",
    "auditor": "entitlement",
    "log-anchor": "entitlement",
    "log-writer": "log-collector",
    "log-reader": "monitoring",
    "backup": "database",
    "expiry": "object-store",
}
"""Account -> where its Secret lies."""
TABLE: Mapping[str, Mapping[str, str]] = {
    # Serves lessons, and parcels for school boxes: fetches what it knows the name of.
    "shield": {"lessons": "get", "parcels": "get"},
    # Turns uploads into lessons and cleans up after itself; what is published it cannot take back.
    "packager": {"uploads": "get put list delete", "lessons": "get put list"},
    # The operator's: hands videos in, lists and removes lessons with every version, publishes parcels.
    "publisher": {
        "uploads": "get put list delete",
        "lessons": "get put list delete versions delete-version",
        "parcels": "get put list delete",
    },
    "indexer": {"lessons": "get list"},
    # Reads records of lessons; puts audit records and locks them, and can neither read nor delete one.
    "entitlement": {"lessons": "get list", AUDIT: "put retain"},
    # The operator's: reads the audit record with every version, puts runs there and locks them.
    "auditor": {AUDIT: "get put list versions get-version retain"},
    # Reads what is kept of logs, access logs by their first versions, and puts its digests on the audit record, locked.
    "log-anchor": {"logs": "get list", ACCESS: "versions get-version", AUDIT: "put retain"},
    # Puts logs, and locks access logs; it can neither read nor delete one.
    "log-writer": {"logs": "put", ACCESS: "put retain"},
    "log-reader": {"logs": "get list", ACCESS: "versions get-version"},
    "backup": {"database-backups": "get put list delete"},
    # Deletes what is past its bucket's term, and fetches nothing.
    "expiry": {
        "uploads": "list delete",
        "logs": "list delete",
        ACCESS: "list delete versions delete-version",
        AUDIT: "list delete versions delete-version",
    },
}
"""Account -> bucket -> what it may do there; all else is refused."""
BUCKETS = ("uploads", "lessons", "parcels", "logs", "database-backups", *LOCKED)


def may(account: str, bucket: str, call: str) -> bool:
    """What the table says."""
    return call in TABLE.get(account, {}).get(TWINS.get(bucket, bucket), "").split()


@dataclass(frozen=True)
class Store:
    """The running store, as its administrator and as each account."""

    endpoint: str
    admin: Any
    clients: dict[str, Any]

    def fresh(self, bucket: str) -> dict[str, str]:
        """Where a new object lies; in a locked bucket there is none, and all that is asked about it is refused before it is missed."""
        at = {"Bucket": bucket, "Key": f"{PREFIX}{next(NUMBERS)}", "VersionId": "null"}
        if bucket in LOCKED:
            return at
        put = self.admin.put_object(Bucket=bucket, Key=at["Key"], Body=b"probe")
        return {**at, "VersionId": put.get("VersionId", "null")}


@pytest.fixture(scope="module")
def store(platform: Platform) -> Iterator[Store]:
    """The store with the locked buckets' twins; they and all that was put are gone afterwards."""
    with forwarded(platform) as endpoint:
        admin = client(platform, endpoint, "admin", "object-store")
        clients = {name: client(platform, endpoint, name, place) for name, place in NAMESPACES.items()}
        for twin, bucket in TWINS.items():
            with suppress(ClientError):
                admin.create_bucket(Bucket=twin, ObjectLockEnabledForBucket=True)
            policy = admin.get_bucket_policy(Bucket=bucket)["Policy"]
            admin.put_bucket_policy(Bucket=twin, Policy=policy.replace(f":::{bucket}", f":::{twin}"))
        yield Store(endpoint, admin, clients)
        time.sleep(LOCK_SECONDS)
        for bucket in (*BUCKETS, *TWINS):
            if bucket not in LOCKED:
                _clean(admin, bucket)
        for twin in TWINS:
            admin.delete_bucket(Bucket=twin)


def _clean(admin: Any, bucket: str) -> None:
    """Remove every version of what the test put there."""
    for page in admin.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=PREFIX):
        for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            admin.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])


def _retention() -> dict[str, Any]:
    return {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(seconds=LOCK_SECONDS)}


CALLS: dict[str, Callable[[Any, dict[str, str]], Any]] = {
    "get": lambda s3, at: s3.get_object(Bucket=at["Bucket"], Key=at["Key"]),
    "head": lambda s3, at: s3.head_object(Bucket=at["Bucket"], Key=at["Key"]),
    "put": lambda s3, at: s3.put_object(Bucket=at["Bucket"], Key=at["Key"], Body=b"other"),
    "list": lambda s3, at: s3.list_objects_v2(Bucket=at["Bucket"], MaxKeys=1),
    "delete": lambda s3, at: s3.delete_object(Bucket=at["Bucket"], Key=at["Key"]),
    "versions": lambda s3, at: s3.list_object_versions(Bucket=at["Bucket"], MaxKeys=1),
    "get-version": lambda s3, at: s3.get_object(**at),
    "delete-version": lambda s3, at: s3.delete_object(**at),
    "retain": lambda s3, at: s3.put_object_retention(Bucket=at["Bucket"], Key=at["Key"], Retention=_retention()),
    # What nobody but the administrator may; harmless where it is let through.
    "policy": lambda s3, at: s3.get_bucket_policy(Bucket=at["Bucket"]),
    "versioning": lambda s3, at: s3.get_bucket_versioning(Bucket=at["Bucket"]),
    "lock": lambda s3, at: s3.get_object_lock_configuration(Bucket=at["Bucket"]),
    "remove": lambda s3, at: s3.delete_bucket(Bucket=at["Bucket"]),
}
SAME = {"head": "get"}
"""Call -> the one that gives the right to it."""


def outcome(call: Callable[[], Any]) -> str:
    """`done`, `refused`, or the error's own code."""
    try:
        call()
    except ClientError as error:
        code = str(error.response["Error"]["Code"])
        return "refused" if code in {"AccessDenied", "403"} else code
    return "done"


Answers = Iterator[tuple[tuple[str, str, str], str, str]]
"""Account, bucket and call; what came of it; what should have."""


def asked(store: Store) -> Answers:
    """Every call of every account on every bucket."""
    for bucket in (*BUCKETS, *TWINS):
        shared = store.fresh(bucket)
        for account, s3 in store.clients.items():
            for name, call in CALLS.items():
                allowed = may(account, bucket, SAME.get(name, name))
                if bucket in LOCKED and allowed:
                    continue
                at = store.fresh(bucket) if allowed else shared
                yield (account, bucket, name), outcome(partial(call, s3, at)), "done" if allowed else "refused"


def copied(store: Store) -> Answers:
    """Every copy into a bucket to which the account may write, or else within the bucket: a way round the right to read."""
    for account, s3 in store.clients.items():
        safe = (*(each for each in BUCKETS if each not in LOCKED), *TWINS)
        open_ = [bucket for bucket in safe if may(account, bucket, "put")]
        for bucket in safe:
            at, target = store.fresh(bucket), open_[0] if open_ else bucket
            copy = partial(s3.copy_object, Bucket=target, Key=f"{PREFIX}copy-{next(NUMBERS)}")
            said = outcome(partial(copy, CopySource={"Bucket": at["Bucket"], "Key": at["Key"]}))
            allowed = bool(open_) and may(account, bucket, "get")
            yield (account, bucket, f"copy to {target}"), said, "done" if allowed else "refused"


def test_every_account_may_do_in_every_bucket_what_the_table_says_and_no_more(
    store: Store, proof: Callable[[str, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    answers = [*asked(store), *copied(store)]
    wrong = [each for each in answers if each[1] != each[2]]
    allowed = sum(wanted == "done" for *_, wanted in answers)
    said = f"{len(answers):,} calls to the store, {allowed} allowed, {len(wrong)} mismatches"
    with capsys.disabled():
        print(f"\nobject store: {said}")
    proof("access: object store, every account, bucket and call against a table written by hand", said)
    assert not wrong, wrong
    assert len(answers) > 800
    assert 40 < allowed < len(answers) / 5


@pytest.mark.parametrize("who", ["nobody", "a stranger", "the shield with a wrong secret"])
def test_without_an_account_of_the_store_nothing_is_answered(store: Store, who: str) -> None:
    keys = {"a stranger": ("stranger", "s" * 40), "the shield with a wrong secret": ("shield", "0" * 40)}
    access, secret = keys.get(who, (None, None))
    s3 = signing(store.endpoint, access, secret, **({} if access else {"signature_version": UNSIGNED}))
    for bucket in (*BUCKETS, *TWINS):
        at = store.fresh(bucket)
        for name in ("get", "head", "put", "list", "delete"):
            with pytest.raises(ClientError) as caught:
                CALLS[name](s3, at)
            assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403, (bucket, name)


def test_the_table_has_every_account_and_bucket_of_the_city_and_the_twin_has_the_policy(
    platform: Platform, store: Store
) -> None:
    city = load_named(platform.wanted.city)
    planned = {each.name: each.service for each in accounts.accounts(city)}
    assert planned == NAMESPACES
    assert set(TABLE) == set(NAMESPACES)
    assert {bucket.id for _, bucket in accounts.buckets(city)} == set(BUCKETS)
    for twin, bucket in TWINS.items():
        own, its = (json.loads(store.admin.get_bucket_policy(Bucket=each)["Policy"]) for each in (bucket, twin))
        assert json.loads(json.dumps(its).replace(twin, bucket)) == own
