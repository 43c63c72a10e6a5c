"""Where a self-managed Pulumi backend keeps its files: a folder, or a bucket of any S3 service.

Both are read and written in the engine's own layout (`.pulumi/stacks/<project>/<stack>.json`, locks beside it), so that
plain `pulumi` and the kit see the same thing.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import parse_qs, urlsplit

from catalog.errors import UserError
from local import paths

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SETTING = "HUIJU_BACKEND_URL"
"""Names the backend of this shell; absent, this clone's folder is used. `PULUMI_BACKEND_URL` is not read, since `huiju env` of
another clone may have set it."""


class Store(Protocol):
    """A flat set of named byte strings. Writes are whole or not at all."""

    def read(self, key: str) -> bytes | None:
        """The content, or None when there is nothing of that name."""

    def write(self, key: str, content: bytes) -> None:
        """Put ``content`` there, durably."""

    def delete(self, key: str) -> None:
        """Remove it, if it is there."""

    def names(self, prefix: str) -> list[str]:
        """Every key under ``prefix``, sorted."""


class FolderStore:
    """A folder of this machine; a write survives a power cut."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, key: str) -> bytes | None:
        """The content, or None."""
        try:
            return (self.root / key).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, key: str, content: bytes) -> None:
        """Write beside, flush to the disk, then rename."""
        target = self.root / key
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".huiju-")
        try:
            with os.fdopen(handle, "wb") as part:
                part.write(content)
                part.flush()
                os.fsync(part.fileno())
            Path(name).replace(target)
        finally:
            Path(name).unlink(missing_ok=True)  # still there only when something went wrong, as on a full disk
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def delete(self, key: str) -> None:
        """Remove it, if it is there."""
        (self.root / key).unlink(missing_ok=True)

    def names(self, prefix: str) -> list[str]:
        """Every file under ``prefix``; the engine's own `.attrs` companions are left out."""
        folder = self.root / prefix
        found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".attrs")
        return sorted(path.relative_to(self.root).as_posix() for path in found)


class BucketStore:
    """A bucket of an S3 service; a put is atomic there by definition."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self.client, self.bucket = client, bucket

    def read(self, key: str) -> bytes | None:
        """The content, or None."""
        try:
            return self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except self.client.exceptions.NoSuchKey:
            return None

    def write(self, key: str, content: bytes) -> None:
        """Put the object."""
        self.client.put_object(Bucket=self.bucket, Key=key, Body=content)

    def delete(self, key: str) -> None:
        """Remove it; deleting what is not there is no error in S3."""
        self.client.delete_object(Bucket=self.bucket, Key=key)

    def names(self, prefix: str) -> list[str]:
        """Every key under ``prefix``."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{prefix}/")
        return sorted(item["Key"] for page in pages for item in page.get("Contents", []))


def backend_url() -> str:
    """The backend of this shell: `HUIJU_BACKEND_URL`, else this clone's own folder."""
    return os.environ.get(SETTING) or f"file://{paths.pulumi_backend_dir()}"


def open_store(url: str | None = None) -> Store:
    """The store behind a backend URL. Raises `UserError` for a scheme that is not self-managed."""
    url = url or backend_url()
    parts = urlsplit(url)
    if parts.scheme == "file":
        return FolderStore(Path(f"{parts.netloc}{parts.path}").expanduser())
    if parts.scheme == "s3":
        return BucketStore(_client(parts.query), parts.netloc)
    raise UserError(f"{SETTING}={url}: a state backend is file://FOLDER or s3://BUCKET?endpoint=HOST&region=REGION")


def _client(query: str) -> S3Client:
    """A client from the same URL words that the engine reads (`endpoint`, `region`, `disableSSL`, `s3ForcePathStyle`)."""
    from boto3.session import Session
    from botocore.config import Config

    words = {key.lower(): values[-1] for key, values in parse_qs(query).items()}
    endpoint = words.get("endpoint")
    if endpoint and "://" not in endpoint:
        endpoint = f"{'http' if words.get('disablessl') == 'true' else 'https'}://{endpoint}"
    style: Literal["path", "auto"] = "path" if words.get("s3forcepathstyle") == "true" else "auto"
    # A session of its own: boto3's shared one keeps the first credentials that this process ever found.
    return Session().client(
        "s3",
        endpoint_url=endpoint,
        region_name=words.get("region"),
        config=Config(s3={"addressing_style": style}, connect_timeout=5, retries={"max_attempts": 3}),
    )
