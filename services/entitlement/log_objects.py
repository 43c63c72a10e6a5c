"""Objects of the kept logs, each as its collector put it: of the locked bucket the first versions, whatever was put over them later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from derive.versions import Versions


@dataclass(frozen=True)
class Found:
    """What lies in one bucket below one prefix."""

    objects: tuple[tuple[str, str | None], ...]
    """Keys, and of a locked bucket the version that counts."""
    done: tuple[tuple[str, str], ...] = ()
    """Keys of a locked bucket with what somebody did to them."""


def find(client: Any, bucket: str, prefix: str, *, locked: bool) -> Found:  # noqa: ANN401  # boto3 makes its clients at run time
    """Look there; ``locked`` says that the bucket keeps every version. Raises what the store raises."""
    if not locked:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return Found(tuple((str(row["Key"]), None) for page in pages for row in page.get("Contents", ())))
    versions = Versions()
    for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        for row in page.get("Versions", ()):
            versions.take(row)
        for row in page.get("DeleteMarkers", ()):
            versions.mark(row)
    return Found(tuple((key, versions.first(key)) for key in versions.kept), tuple(versions.done()))


def of_version(version: str | None) -> dict[str, str]:
    """What `get_object` is asked beside the key."""
    return {} if version is None else {"VersionId": version}
