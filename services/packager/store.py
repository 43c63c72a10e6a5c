"""The object store, by any S3 API: what the packager and the lesson commands need of it, and no more."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

IMMUTABLE = "public, max-age=31536000, immutable"
"""For what never changes under its name: segments, media playlists, posters."""

MASTER = "public, max-age=60"
"""For master playlists and records: a new ladder is seen within a minute."""

INDEX = "public, max-age=5"
"""For the list of lessons: a viewer sees a new lesson within seconds, and a class opening the page at once is still one read."""

TYPES = {
    ".m3u8": "application/vnd.apple.mpegurl",
    ".m4s": "video/iso.segment",
    ".mp4": "video/mp4",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".vtt": "text/vtt",
}
"""Suffix -> content type."""

CHANGED = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")
MISSING = ("NoSuchKey", "NoSuchBucket", "NotFound", "404")


def client(**settings: Any) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    """A boto3 client of the store named by the AWS files and variables; ``settings`` (endpoint_url, keys) win over them."""
    # Newer SDKs add checksums that older stores refuse; the environment is the one spelling that every boto3 understands or ignores.
    os.environ.setdefault("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    os.environ.setdefault("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required")
    import boto3
    from botocore.config import Config

    session = boto3.session.Session()
    # boto3 of Debian 12 does not read endpoint_url from the config file.
    settings.setdefault(
        "endpoint_url", os.environ.get("AWS_ENDPOINT_URL") or session._session.get_scoped_config().get("endpoint_url")
    )
    settings.setdefault("region_name", session.region_name or "us-east-1")
    config = Config(
        s3={"addressing_style": "path"},
        retries={"max_attempts": 8, "mode": "standard"},
        connect_timeout=10,
        read_timeout=60,
        max_pool_connections=16,
    )
    return session.client("s3", config=config, **settings)


def code(error: Exception) -> str:
    """The store's error code in a botocore ClientError, or an empty string."""
    return str(getattr(error, "response", {}).get("Error", {}).get("Code", ""))


class Bucket:
    """One bucket."""

    def __init__(self, s3: Any, name: str) -> None:  # noqa: ANN401
        self.s3, self.name = s3, name

    def put(self, key: str, body: bytes, cache: str) -> str:
        """Store ``body`` under ``key`` and return its ETag."""
        kind = TYPES.get(Path(key).suffix, "application/octet-stream")
        return str(
            self.s3.put_object(Bucket=self.name, Key=key, Body=body, ContentType=kind, CacheControl=cache)["ETag"]
        )

    def send(self, key: str, file: Path, cache: str) -> None:
        """Store ``file`` under ``key``, in parts, as something that a browser saves and does not show."""
        kind = TYPES.get(Path(key).suffix, "application/octet-stream")
        headers = {"ContentType": kind, "CacheControl": cache, "ContentDisposition": "attachment"}
        self.s3.upload_file(str(file), self.name, key, ExtraArgs=headers)

    def get(self, key: str) -> tuple[bytes, str] | None:
        """Content and ETag of ``key``, or None when there is no such object."""
        return self.version(key, None)

    def version(self, key: str, version: str | None) -> tuple[bytes, str] | None:
        """The same of one version of it; None is the newest."""
        try:
            answer = self.s3.get_object(Bucket=self.name, Key=key, **({"VersionId": version} if version else {}))
        except self.s3.exceptions.ClientError as error:
            if code(error) in MISSING:
                return None
            raise
        return answer["Body"].read(), str(answer["ETag"])

    def read_json(self, key: str) -> dict[str, Any] | None:
        """The JSON object under ``key``; None when it is missing or is none (a damaged object is written anew)."""
        return self.seen(key)[0]

    def seen(self, key: str) -> tuple[dict[str, Any] | None, str | None]:
        """As `read_json`, with the ETag by which `put_if` knows whether it is what it was; None when it is missing."""
        found = self.get(key)
        if found is None:
            return None, None
        try:
            value = json.loads(found[0])
        except ValueError:
            value = None
        return value if isinstance(value, dict) else None, found[1]

    def objects(self, prefix: str) -> Iterator[tuple[str, int, str]]:
        """Key, bytes and ETag of every object whose key begins with ``prefix``."""
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix):
            for row in page.get("Contents", []):
                yield str(row["Key"]), int(row["Size"]), str(row["ETag"])

    def put_if(self, key: str, body: bytes, etag: str | None, cache: str) -> bool:
        """Store ``body`` only if ``key`` still has ``etag`` (None: does not exist); False when somebody was faster."""
        condition = {"If-Match": etag} if etag else {"If-None-Match": "*"}

        def add(params: dict[str, Any], **_: object) -> None:
            params["headers"].update(condition)

        # Through an event, since put_object of older boto3 has no parameter for it.
        self.s3.meta.events.register("before-call.s3.PutObject", add, unique_id="condition")
        try:
            self.put(key, body, cache)
        except self.s3.exceptions.ClientError as error:
            if code(error) in CHANGED or (etag and code(error) in MISSING):
                return False
            raise
        finally:
            self.s3.meta.events.unregister("before-call.s3.PutObject", unique_id="condition")
        return True

    def delete(self, keys: list[str]) -> None:
        """Delete objects; those that are gone already are fine."""
        for at in range(0, len(keys), 1000):
            self.s3.delete_objects(
                Bucket=self.name, Delete={"Objects": [{"Key": key} for key in keys[at : at + 1000]], "Quiet": True}
            )
