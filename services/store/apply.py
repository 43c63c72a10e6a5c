"""Makes the object store as it should be: buckets, versioning, locks, policies. Safe to run again; never deletes a bucket.

Usage: ``apply.py DESIRED.json``, where DESIRED is ``{"buckets": [{"name", "versioned", "locked_days", "policy"}]}``; the account comes
from the AWS files.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

ATTEMPTS, PAUSE = 30, 2.0
"""The store may still be starting: a minute in all."""
MINE = {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}


def apply(client: Any, bucket: dict[str, Any]) -> list[str]:  # noqa: ANN401  # boto3 clients have no static type
    """Bring one bucket to its desired state; returns what was changed."""
    name, changed, locked = str(bucket["name"]), [], bucket.get("locked_days")
    if _create(client, name, locked=bool(locked)):
        changed.append("created")
    wanted = "Enabled" if bucket["versioned"] else "Suspended"
    status = client.get_bucket_versioning(Bucket=name).get("Status", "Suspended")
    if status != wanted:
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": wanted})
        changed.append(f"versioning {wanted.lower()}")
    if locked and _lock(client, name) != _rule(locked):
        client.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=_rule(locked))
        changed.append(f"locked for {locked} days")
    there = _policy(client, name)
    if bucket["policy"] and there != bucket["policy"]:
        client.put_bucket_policy(Bucket=name, Policy=json.dumps(bucket["policy"]))
        changed.append("policy")
    elif there and not bucket["policy"]:
        client.delete_bucket_policy(Bucket=name)
        changed.append("policy removed")
    return changed


def _create(client: Any, name: str, *, locked: bool) -> bool:  # noqa: ANN401
    try:
        client.create_bucket(Bucket=name, **({"ObjectLockEnabledForBucket": True} if locked else {}))
    except ClientError as error:
        if error.response["Error"]["Code"] not in MINE:
            raise
        return False
    return True


def _rule(days: int) -> dict[str, Any]:
    """Nobody deletes an object for so many days, the administrator neither."""
    return {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": days}}}


def _lock(client: Any, name: str) -> Any:  # noqa: ANN401
    try:
        return client.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ObjectLockConfigurationNotFoundError":
            raise
        return None


def _policy(client: Any, name: str) -> Any:  # noqa: ANN401
    try:
        return json.loads(client.get_bucket_policy(Bucket=name)["Policy"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucketPolicy":
            raise
        return None


def wait(client: Any) -> None:  # noqa: ANN401
    """Return when the store answers; raise its last error after a minute."""
    for attempt in range(ATTEMPTS):
        try:
            client.list_buckets()
        except BotoCoreError:
            if attempt == ATTEMPTS - 1:
                raise
            time.sleep(PAUSE)
        else:
            return


def connect() -> Any:  # noqa: ANN401  # boto3 clients have no static type
    """A client of the store that the AWS files name; boto3 of Debian 12 does not read ``endpoint_url`` from them by itself."""
    session = boto3.session.Session()
    profile: dict[str, Any] = session._session.get_scoped_config()  # no public way before boto3 1.28
    return session.client("s3", endpoint_url=profile.get("endpoint_url"))


def main(path: str) -> None:
    """Apply the desired state in the file at ``path``."""
    client = connect()
    wait(client)
    for bucket in json.loads(Path(path).read_text(encoding="utf-8"))["buckets"]:
        print(f"{bucket['name']}: {', '.join(apply(client, bucket)) or 'as it should be'}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
