"""The caches in the cluster, pod by pod, and the way to a port of each one's own loopback."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from catalog import names
from ops.lessons.place import Place

LEVELS = (names.SHIELD, names.DISTRICT_EDGE)
"""Caches in the cluster, the one nearest to the store first: whoever asks a cache that was purged must not be given it by the next."""
SECONDS = 60.0


@dataclass(frozen=True)
class Door:
    """One pod."""

    level: str
    """One of `LEVELS`."""
    name: str
    """Namespace and pod, for people."""
    opened: Callable[[int], AbstractContextManager[str]]
    """Port of the pod -> its address here while the body runs; UserError when it cannot be reached."""

    @contextmanager
    def line(self, port: int) -> Iterator[http.client.HTTPConnection]:
        """A connection to the port of the pod's loopback."""
        with self.opened(port) as address:
            line = http.client.HTTPConnection(urlsplit(address).netloc, timeout=SECONDS)
            try:
                yield line
            finally:
                line.close()


def of(where: Place) -> list[Door]:
    """Every cache's pod that runs, level by level."""
    selector = f"app.kubernetes.io/name in ({','.join(LEVELS)}),app.kubernetes.io/managed-by={names.MANAGED_BY}"
    found = json.loads(where.kubectl("get", "pods", "-A", "-l", selector, "-o", "json"))["items"]
    return sorted(_doors(where, found), key=lambda door: (LEVELS.index(door.level), door.name))


def _doors(where: Place, pods: Sequence[dict[str, dict[str, object]]]) -> Iterator[Door]:
    for pod in pods:
        # One that is ending holds its copies still, and may answer with them.
        if pod["status"].get("phase") == "Running":
            labels = pod["metadata"]["labels"]
            space, name = str(pod["metadata"]["namespace"]), str(pod["metadata"]["name"])
            level = str(labels["app.kubernetes.io/name"])  # type: ignore[index]  # JSON of the API
            yield Door(level, f"{space}/{name}", partial(where.forwarded_to, space, f"pod/{name}"))
