"""The database: PostgreSQL's instances, and in them what the catalog names: databases, a role that owns each and one that reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from catalog import City, names
from catalog.service import Database, Service
from derive import database, pinned, pods, store
from derive.store import BACKUP
from infra.config import StackSettings
from infra.plan import database_operator, objects
from infra.plan.accounts import endpoint, keys
from infra.plan.resource import Body, Resource, resource

API = "postgresql.cnpg.io/v1"
PLUGIN = "barman-cloud.cloudnative-pg.io"
"""The plugin that archives and backs up, by the name that it gives itself."""
ARCHIVE = "archive"
"""ObjectStore: where write-ahead logs and base backups go."""
SERVER_TLS, AUTHORITY = f"{names.POSTGRES}-tls", f"{names.POSTGRES}-authority"
UNUSED = "platform"
"""The database that the operator insists on making first; nothing is in it, and nobody has its password."""
RELOAD = {"cnpg.io/reload": "true"}
"""Label of what the instances take up without a restart when it changes."""
ACCESS, SECRET, REGION = "access-key-id", "secret-access-key", "region"
"""Entries of the archive's account, one value each: the plugin reads no AWS files."""
CHECKSUMS = ("AWS_REQUEST_CHECKSUM_CALCULATION", "AWS_RESPONSE_CHECKSUM_VALIDATION")
"""Newer SDKs add checksums that older stores refuse."""


def plan(city: City, settings: StackSettings) -> tuple[Resource, ...]:
    """The plugin, the instances, the roles and the databases; the operator stands before them (`database_operator`)."""
    return (
        *database_operator.plugin(settings),
        *_credentials(city, settings),
        _archive(settings),
        _images(settings),
        _cluster(city, settings),
        *(_database(each) for _, each in databases(city)),
    )


def databases(city: City) -> Iterator[tuple[Service, Database]]:
    """Owner and database, of all services."""
    return ((service, each) for service in city.services for each in service.databases)


def roles(each: Database) -> tuple[str, ...]:
    """Owner, reader, and whoever else reaches it."""
    return names.database_roles(each.id)


def instances(settings: StackSettings) -> str:
    """Which instances are meant: what is brought about in a database once is brought about again in new ones.

    Every beginning has an archive of its own (docs/decisions/0125).
    """
    return settings.database_archive


def server_pair(settings: StackSettings) -> dict[str, str]:
    """The certificate by which every instance is known, and its key."""
    hosts = (database.host(), database.writes(), f"{database.writes()}.{names.namespace(names.DATABASE)}")
    return pinned.pair(settings.database_key.get_secret_value(), "database/server", hosts)


def roles_of(city: City) -> tuple[str, ...]:
    """Every role of every database."""
    return tuple(role for _, each in databases(city) for role in roles(each))


def role_secret(each: Database, role: str, service: str, settings: StackSettings) -> Resource:
    """The Secret by which pods of ``service`` sign in as ``role``; the operator sets the role's password from the one beside it."""
    files = database.client_files(
        each.id,
        role,
        database.password(settings.database_key.get_secret_value(), role),
        server_pair(settings)["tls.crt"],
    )
    return objects.secret(names.role_secret(role), service, files, "kubernetes.io/basic-auth", labels=RELOAD)


def _credentials(city: City, settings: StackSettings) -> Iterator[Resource]:
    pair = server_pair(settings)
    yield objects.secret(SERVER_TLS, names.DATABASE, pair, "kubernetes.io/tls", labels=RELOAD)
    yield objects.secret(AUTHORITY, names.DATABASE, {database.AUTHORITY: pair["tls.crt"]}, labels=RELOAD)
    key = keys(settings, BACKUP)
    account = {ACCESS: key.access, SECRET: key.secret, REGION: settings.store_region}
    yield objects.secret(store.secret(BACKUP), names.DATABASE, account)
    for _, each in databases(city):
        for role in roles(each):
            yield role_secret(each, role, names.DATABASE, settings)


def _archive(settings: StackSettings) -> Resource:
    def entry(key: str) -> Body:
        return {"name": store.secret(BACKUP), "key": key}

    sidecar = {
        "resources": pods.resources("20m", "192Mi", "1"),
        "env": objects.env(dict.fromkeys(CHECKSUMS, "when_required")),
    }
    configuration = {
        "destinationPath": f"s3://{names.BUCKET_BACKUPS}/",
        "endpointURL": endpoint(settings),
        "s3Credentials": {"accessKeyId": entry(ACCESS), "secretAccessKey": entry(SECRET), "region": entry(REGION)},
        "wal": {"compression": "gzip"},
        "data": {"compression": "gzip", "immediateCheckpoint": True},
    }
    spec = {
        "configuration": configuration,
        "retentionPolicy": f"{settings.row.backup_keep_days}d",
        "instanceSidecarConfiguration": sidecar,
    }
    return _custom("barmancloud.cnpg.io/v1", "ObjectStore", ARCHIVE, spec)


def _images(settings: StackSettings) -> Resource:
    """PostgreSQL by its digest: the operator takes the version of anything else from a tag."""
    return _custom(API, "ImageCatalog", names.POSTGRES, {"images": [_image(settings)]})


def _image(settings: StackSettings) -> Body:
    return {"major": database.MAJOR, "image": settings.images["postgresql"]}


def _cluster(city: City, settings: StackSettings) -> Resource:
    row = settings.row
    storage: Body = {"size": f"{row.database_size_gib}Gi"}
    if settings.storage_class:
        storage["storageClass"] = settings.storage_class
    catalogue = {"apiGroup": "postgresql.cnpg.io", "kind": "ImageCatalog", "name": names.POSTGRES}
    spec = {
        "instances": row.database_instances,
        "imageCatalogRef": {**catalogue, "major": database.MAJOR},
        **_beginning(settings),
        "storage": storage,
        "resources": pods.resources("100m", f"{row.database_memory_mib}Mi", "2"),
        "inheritedMetadata": {
            "labels": {names.LABEL_SERVICE: names.DATABASE, names.LABEL_API_CLIENT: "true"},
        },
        "certificates": {"serverCASecret": AUTHORITY, "serverTLSSecret": SERVER_TLS},
        "managed": {"roles": [_role(role) for role in roles_of(city)]},
        "plugins": [{"name": PLUGIN, "isWALArchiver": True, "parameters": archive(settings.database_archive)}],
        "postgresql": _parameters(settings),
        # With one instance it would only keep its node from being emptied.
        "enablePDB": row.database_instances > 1,
        "smartShutdownTimeout": max(1, row.drain_seconds),
        "stopDelay": row.drain_seconds + 60,
    }
    annotations = {"pulumi.com/waitFor": "condition=Ready"}
    return _custom(API, "Cluster", names.POSTGRES, spec, keeps_data=True, annotations=annotations)


def archive(name: str) -> dict[str, str]:
    """What tells the plugin which archive is meant."""
    return {"barmanObjectName": ARCHIVE, "serverName": name}


def _beginning(settings: StackSettings) -> Body:
    """What new instances begin with: nothing, or an archive. Looked at once, when there are none."""
    source = settings.database_recover_from
    first = {"database": UNUSED, "owner": UNUSED}
    if source is None:
        return {"bootstrap": {"initdb": first}}
    cluster = {"name": source, "plugin": {"name": PLUGIN, "parameters": archive(source)}}
    return {"bootstrap": {"recovery": {"source": source, **first}}, "externalClusters": [cluster]}


def _parameters(settings: StackSettings) -> Body:
    row = settings.row
    parameters: Body = {"parameters": {"shared_buffers": f"{row.database_memory_mib // 4}MB", "max_connections": "100"}}
    if row.database_instances > 1:
        # What is confirmed is on two volumes; with the others down it goes on with one, and catches up.
        parameters["synchronous"] = {"method": "any", "number": 1, "dataDurability": "preferred"}
    return parameters


def _role(name: str) -> Body:
    return {"name": name, "login": True, "passwordSecret": {"name": names.role_secret(name)}}


def _database(each: Database) -> Resource:
    spec = {
        "name": each.id,
        "owner": names.owner_role(each.id),
        "cluster": {"name": names.POSTGRES},
        # A database whose row is taken out of the catalog is left to who knows what was in it.
        "databaseReclaimPolicy": "retain",
    }
    annotations = {"pulumi.com/waitFor": "jsonpath={.status.applied}=true"}
    name = f"{names.POSTGRES}-{each.id.replace('_', '-')}"
    return _custom(API, "Database", name, spec, annotations=annotations)


def _custom(api: str, kind: str, name: str, spec: Body, *, keeps_data: bool = False, **metadata: Any) -> Resource:  # noqa: ANN401
    body = {"apiVersion": api, "kind": kind, "metadata": objects.meta(name, names.DATABASE, **metadata), "spec": spec}
    return resource(body, keeps_data=keeps_data)
