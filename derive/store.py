"""Accounts of the object store: who may do what in which bucket, and the files by which a pod signs in.

A pod finds its account in the Secret `s3-<account>` of its namespace, mounted at `/etc/s3`: the AWS SDK's own `config` (endpoint,
region, path style) and `credentials`, so that a plain `boto3.client("s3")` works.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from catalog import names
from derive.pods import secret_files

MOUNT = "/etc/s3"
VOLUME = "s3"


class Right(StrEnum):
    """What an account may do in a bucket. Rights add up; none includes another."""

    READ = "read"
    """Fetch an object whose key is known."""
    WRITE = "write"
    """Put objects, in parts too."""
    LIST = "list"
    """See keys, and uploads that were begun."""
    DELETE = "delete"
    """Delete objects; earlier versions of a versioned bucket stay."""
    PURGE = "purge"
    """Delete versions for good."""
    LOCK = "lock"
    """Put objects that nobody deletes until a day, and move that day later."""
    HISTORY = "history"
    """See and fetch every version, with those that a deletion hides."""


@dataclass(frozen=True)
class Account:
    """One account: a name, the service whose namespace holds its Secret, and its rights by bucket."""

    name: str
    service: str
    rights: dict[str, tuple[Right, ...]]

    @property
    def secret(self) -> str:
        """Name of its Secret."""
        return secret(self.name)


ADMIN = "admin"
"""Makes buckets and sets their policies; used by the set-up Job alone."""
SHIELD = "shield"
"""Serves lessons, and parcels for school boxes."""
PACKAGER = "packager"
"""Turns uploads into lessons; its notes on work done lie beside the uploads and expire with them."""
PUBLISHER = "publisher"
"""The operator's: hands videos in, lists and removes lessons, publishes parcels."""
ENTITLEMENT = names.ENTITLEMENT
"""Reads lessons' records and schools' plans, and puts audit records; it may list lessons too, since a store tells an absent object from
a forbidden one only to who may."""
BACKUP = "backup"
"""Keeps the database's backups and deletes those past their term."""
INDEXER = "indexer"
"""Reads the lessons' records into the database."""
EXPIRY = "expiry"
"""Deletes what is past its bucket's term."""
LOG_WRITER = "log-writer"
"""Puts logs in, access logs locked, and can neither read nor change them. A day until which an object is locked it could only move on."""
LOG_READER = "log-reader"
"""The operator's: finds log lines."""
LOG_ANCHOR = "log-anchor"
"""Reads logs and puts their digests on the audit record; it can change neither."""
AUDITOR = "auditor"
"""The operator's: reads the audit record and puts the platform's runs there."""

_KEEP = (Right.READ, Right.WRITE, Right.LIST)

ACCOUNTS: tuple[Account, ...] = (
    Account(SHIELD, names.VIDEO_LIBRARY, dict.fromkeys((names.BUCKET_LESSONS, names.BUCKET_PARCELS), (Right.READ,))),
    Account(
        PACKAGER,
        names.VIDEO_LIBRARY,
        {names.BUCKET_UPLOADS: (*_KEEP, Right.DELETE), names.BUCKET_LESSONS: _KEEP},
    ),
    Account(
        PUBLISHER,
        names.VIDEO_LIBRARY,
        {
            names.BUCKET_UPLOADS: (*_KEEP, Right.DELETE),
            names.BUCKET_LESSONS: (*_KEEP, Right.DELETE, Right.PURGE),
            names.BUCKET_PARCELS: (*_KEEP, Right.DELETE),
        },
    ),
    Account(
        ENTITLEMENT,
        names.ENTITLEMENT,
        {names.BUCKET_LESSONS: (Right.READ, Right.LIST), names.BUCKET_AUDIT: (Right.WRITE, Right.LOCK)},
    ),
    Account(AUDITOR, names.ENTITLEMENT, {names.BUCKET_AUDIT: (*_KEEP, Right.LOCK, Right.HISTORY)}),
    Account(
        LOG_WRITER,
        names.LOG_COLLECTOR,
        {names.BUCKET_LOGS: (Right.WRITE,), names.BUCKET_ACCESS_LOGS: (Right.WRITE, Right.LOCK)},
    ),
    Account(
        LOG_READER,
        names.MONITORING,
        {names.BUCKET_LOGS: (Right.READ, Right.LIST), names.BUCKET_ACCESS_LOGS: (Right.HISTORY,)},
    ),
    Account(
        LOG_ANCHOR,
        names.ENTITLEMENT,
        {
            names.BUCKET_LOGS: (Right.READ, Right.LIST),
            names.BUCKET_ACCESS_LOGS: (Right.HISTORY,),
            names.BUCKET_AUDIT: (Right.WRITE, Right.LOCK),
        },
    ),
    Account(BACKUP, names.DATABASE, {names.BUCKET_BACKUPS: (*_KEEP, Right.DELETE)}),
    Account(INDEXER, names.VIDEO_LIBRARY, {names.BUCKET_LESSONS: (Right.READ, Right.LIST)}),
)
"""Everybody but the administrator and the expiry Job, which the catalog's terms decide."""


def secret(account: str) -> str:
    """Name of an account's Secret."""
    return f"s3-{account}"


def client_files(access: str, secret_key: str, endpoint: str, region: str) -> dict[str, str]:
    """The Secret's entries: the AWS SDK's own two files."""
    return {
        "config": f"[default]\nregion = {region}\nendpoint_url = {endpoint}\ns3 =\n  addressing_style = path\n",
        "credentials": f"[default]\naws_access_key_id = {access}\naws_secret_access_key = {secret_key}\n",
    }


def client_volume(account: str) -> dict[str, Any]:
    """The pod's volume with its account's files."""
    return secret_files(VOLUME, secret(account))


def client_mount() -> dict[str, Any]:
    """Where a container sees them."""
    return {"name": VOLUME, "mountPath": MOUNT, "readOnly": True}


def client_env() -> list[dict[str, str]]:
    """What tells the AWS SDK to read them."""
    return [
        {"name": "AWS_CONFIG_FILE", "value": f"{MOUNT}/config"},
        {"name": "AWS_SHARED_CREDENTIALS_FILE", "value": f"{MOUNT}/credentials"},
    ]
