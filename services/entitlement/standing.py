"""The version of the rules that is in force, replaced while requests are answered: by a good one only, and in one step.

Somebody looks every few seconds whether another version lies in the mounted folder. It is read whole and checked aside; then one
assignment puts it in force. A request takes the version once and keeps it to its end, so it never sees two. What is unsound or older
never replaces what is in force; without any, nothing is.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.entitlement import versions
from services.entitlement.versions import UnsoundError, Version

LOG = logging.getLogger(__package__)
LOOK_SECONDS = 3.0
"""Far less than the minute that the kubelet takes to bring a changed ConfigMap; one look costs two `stat`s."""
REASONS = ("missing", "empty", "cut", "altered", "from-the-future", "older")
"""Why a version is refused."""


class Standing(Collector):
    """The version in force, by what has lain in ``folder`` so far; ``clock`` gives the time, aware. Looks once at the start."""

    def __init__(self, folder: Path, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.version: Version | None = None
        self.problem: str | None = None
        """What is wrong with the version that lies in the folder now; None: it is the one in force."""
        self._folder, self._clock = folder, clock
        self._refused = Counter[str]()
        self._taken: object = None
        self._said: object = None
        self.look()

    @property
    def digest(self) -> str | None:
        """Of the version in force; None without any."""
        return self.version.digest if self.version else None

    def look(self) -> None:
        """Take what lies in the folder, if it is another version and a good one. Never raises."""
        lies = _identity(self._folder)
        if lies is not None and lies == self._taken:
            return
        try:
            found = versions.read(self._folder, self._clock())
            if self.version and found.digest != self.version.digest and found.made < self.version.made:
                raise UnsoundError("older", f"{found.name} was made before {self.version.name}, which is in force")
        except UnsoundError as error:
            # Swapped while it was read: the next look sees the whole of it.
            if lies == _identity(self._folder):
                self._refuse(lies, error)
            return
        self.problem, self._taken = None, lies
        if self.version is None or self.version.digest != found.digest or found.made > self.version.made:
            self.version = replace(found, turn=self.version.turn + 1) if self.version else found
            LOG.info("rules %s are in force, made %s", found.name, found.made.isoformat())

    def watch(self, ended: threading.Event, seconds: float = LOOK_SECONDS) -> None:
        """Look every so many seconds until ``ended`` is set."""
        while not ended.wait(seconds):
            self.look()

    def collect(self) -> Iterator[Metric]:
        """What Prometheus reads of it."""
        version = self.version
        held = GaugeMetricFamily("city_access_rules", "1 for the version of the rules in force.", labels=["version"])
        made = GaugeMetricFamily("city_access_rules_made_timestamp_seconds", "When the version in force was made.")
        if version:
            held.add_metric([version.name], 1)
            made.add_metric([], version.made.timestamp())
        yield from (held, made)
        stale = GaugeMetricFamily("city_access_rules_unsound", "1 while rules lie in the folder that are not taken.")
        stale.add_metric([], 1 if self.problem else 0)
        refused = CounterMetricFamily("city_access_rules_refused", "Versions that were not taken.", labels=["reason"])
        for reason in REASONS:
            refused.add_metric([reason], self._refused[reason])
        yield from (stale, refused)

    def _refuse(self, lies: object, error: UnsoundError) -> None:
        """Each state of the folder is counted and said once, however often it is looked at."""
        self.problem = str(error)
        if self._said == (lies, error.reason):
            return
        self._said = (lies, error.reason)
        self._refused[error.reason] += 1
        goes_on = (
            f"{self.version.name} stays in force" if self.version else "nothing is played until there is a good one"
        )
        LOG.error("rules refused (%s): %s; %s", error.reason, error, goes_on)


def _identity(folder: Path) -> object:
    """What tells one state of the folder from the next without reading it; None where something is not there."""
    try:
        link = folder / versions.LINK
        behind = str(link.readlink()) if link.is_symlink() else ""
        files = [(folder / name).stat() for name in (versions.RULES_FILE, versions.STAMP_FILE)]
    except OSError:
        return None
    return (behind, *((each.st_mtime_ns, each.st_size, each.st_ino) for each in files))
