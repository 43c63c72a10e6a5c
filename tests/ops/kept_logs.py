"""Kept logs in memory: both buckets, over as much of S3 as their readers ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BytesIO
from types import SimpleNamespace
from typing import Any

from catalog import names

Contents = bytes | None
"""Of one version; None is a deletion."""


class Client:
    """Objects of the bucket `logs` by key, and of the locked one the versions of each, the oldest first."""

    def __init__(self, logs: Mapping[str, bytes], access: Mapping[str, list[Contents]] | None = None) -> None:
        self.logs, self.access = logs, access if access is not None else {}
        self.put = dict[str, bytes]()

    def get_paginator(self, listing: str) -> Any:
        return SimpleNamespace(paginate=self._versions if listing == "list_object_versions" else self._objects)

    def _objects(self, **asked: str) -> Iterator[dict[str, Any]]:
        assert asked["Bucket"] == names.BUCKET_LOGS, "its reader may not list the other one so"
        for key in sorted(each for each in self.logs if each.startswith(asked["Prefix"])):
            yield {"Contents": [{"Key": key}]}
        yield {}

    def _versions(self, **asked: str) -> Iterator[dict[str, Any]]:
        assert asked["Bucket"] == names.BUCKET_ACCESS_LOGS, "its reader may not list the other one so"
        for key in sorted(each for each in self.access if each.startswith(asked["Prefix"])):
            versions = list(enumerate(self.access[key]))
            for number, content in reversed(versions):
                row = {"Key": key, "VersionId": str(number), "ETag": content, "IsLatest": number == versions[-1][0]}
                yield {"DeleteMarkers" if content is None else "Versions": [row]}
        yield {}

    def get_object(self, **asked: str) -> dict[str, Any]:
        if asked["Bucket"] == names.BUCKET_LOGS:
            return {"Body": BytesIO(self.logs[asked["Key"]]), "ETag": ""}
        content = self.access[asked["Key"]][int(asked["VersionId"])]
        assert content is not None
        return {"Body": BytesIO(content), "ETag": ""}

    def put_object(self, **given: Any) -> None:
        assert given["ObjectLockMode"] == "COMPLIANCE"
        self.put[given["Key"]] = given["Body"]


class Where:
    """A stack whose store this is."""

    stack, city = "local", "tiny"

    def __init__(self, logs: Mapping[str, bytes], access: Mapping[str, list[Contents]] | None = None) -> None:
        self.s3 = Client(logs, access)

    @contextmanager
    def bucket(self, *_: Any) -> Iterator[Any]:
        yield self
