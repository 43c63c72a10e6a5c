"""Keys of the object store's accounts: derived from one secret when the store is ours, given by the stack when it is not."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass

from catalog import City, names
from catalog.errors import UserError
from catalog.service import Bucket
from derive.store import ACCOUNTS, ADMIN, EXPIRY, Account, Right
from infra.config import StackSettings
from infra.plan.ports import STORE


@dataclass(frozen=True)
class Keys:
    """What an account signs with, and how policies name it."""

    access: str
    secret: str
    principal: str

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Keys({self.access})"


def accounts(city: City) -> tuple[Account, ...]:
    """Every account but the administrator's."""
    terms = {bucket.id: _expiry_rights(bucket.versioned) for _, bucket in buckets(city) if bucket.expire_days}
    return (*ACCOUNTS, *((Account(EXPIRY, names.OBJECT_STORE, terms),) if terms else ()))


def _expiry_rights(versioned: bool) -> tuple[Right, ...]:
    return (Right.LIST, Right.DELETE, *((Right.PURGE,) if versioned else ()))


def buckets(city: City) -> Iterator[tuple[str, Bucket]]:
    """Service id and bucket, of all services."""
    return ((service.id, bucket) for service in city.services for bucket in service.buckets)


def endpoint(settings: StackSettings) -> str:
    """Where S3 requests go."""
    store = names.namespace(names.OBJECT_STORE)
    return settings.store_endpoint or f"http://{names.OBJECT_STORE}.{store}.svc.cluster.local:{STORE}"


def keys(settings: StackSettings, account: str) -> Keys:
    """Keys of ``account``; raises UserError when an outside store's are not set."""
    if settings.store_endpoint is None:
        return Keys(account, _derived(settings, account), account)
    given = settings.store_accounts.get(account)
    if given is None:
        raise UserError(
            f"the stack has no account {account!r} for {settings.store_endpoint}; set it:\n"
            f"    pulumi config set --path 'huiju:storeAccounts.{account}.access' KEY_ID\n"
            f"    pulumi config set --path 'huiju:storeAccounts.{account}.secret' --secret"
        )
    return Keys(given.access, given.secret.get_secret_value(), given.principal or given.access)


def _derived(settings: StackSettings, account: str) -> str:
    """40 hex digits (160 bits) that nobody can tell from another account's."""
    seed = settings.store_admin_key
    if seed is None:
        raise UserError("storeAdminKey is not set")
    return hmac.new(seed.get_secret_value().encode(), f"object-store/{account}".encode(), hashlib.sha256).hexdigest()[
        :40
    ]


def has_admin(settings: StackSettings) -> bool:
    """Whether buckets are ours to make."""
    return settings.store_endpoint is None or ADMIN in settings.store_accounts
