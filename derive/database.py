"""The platform's PostgreSQL as its clients see it: where it listens, its roles, and the files by which they sign in.

A pod finds its role in the Secret `postgres-<role>` of its namespace, mounted at `/etc/postgres`: libpq's own service file with the
authority beside it, so that a plain `psycopg.connect()` works, over TLS that is checked.
"""

from __future__ import annotations

from typing import Any, Final

from catalog import names
from derive import keys
from derive.pods import secret_files

MAJOR: Final = 15
"""PostgreSQL's major version: Debian 12's."""
PORT: Final = 5432
METRICS_PORT: Final = 9187
MOUNT: Final = "/etc/postgres"
VOLUME: Final = "postgres"
SERVICE_FILE: Final = "pg_service.conf"
AUTHORITY: Final = "ca.crt"
ROSTER_PERSON: Final = "huiju.person"
"""Setting by which the roster's reader says within a transaction which one person it asks about."""


def writes(cluster: str = names.POSTGRES) -> str:
    """Service that leads to the primary of ``cluster``."""
    return f"{cluster}-rw"


def host() -> str:
    """Where the primary answers, inside the Kubernetes cluster."""
    return f"{writes()}.{names.namespace(names.DATABASE)}.svc.cluster.local"


def password(seed: str, role: str) -> str:
    """What ``role`` signs in with."""
    return keys.password(seed, f"database/{role}")


def client_files(database: str, role: str, password: str, authority: str) -> dict[str, str]:
    """Entries of the Secret of ``role``: libpq's service file, the authority that it checks the server by, and what CloudNativePG reads."""
    service = {
        "host": host(),
        "port": str(PORT),
        "dbname": database,
        "user": role,
        "password": password,
        "sslmode": "verify-full",
        "sslrootcert": f"{MOUNT}/{AUTHORITY}",
        "connect_timeout": "10",
    }
    lines = "".join(f"{key}={value}\n" for key, value in service.items())
    return {
        SERVICE_FILE: f"[{database}]\n{lines}",
        AUTHORITY: authority,
        "username": role,
        "password": password,
    }


def client_volume(role: str) -> dict[str, Any]:
    """The pod's volume with its role's files."""
    return secret_files(VOLUME, names.role_secret(role))


def client_mount() -> dict[str, Any]:
    """Where a container sees them."""
    return {"name": VOLUME, "mountPath": MOUNT, "readOnly": True}


def client_env(database: str) -> list[dict[str, str]]:
    """What tells libpq to read them."""
    return [{"name": "PGSERVICEFILE", "value": f"{MOUNT}/{SERVICE_FILE}"}, {"name": "PGSERVICE", "value": database}]
