"""What the intake is told by files and environment variables."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Limits:
    """What one request may be."""

    body_bytes: int = 2 << 20
    """As sent, compressed. A box's minute is 10 to 100 kB; more where a queue is caught up with."""
    content_bytes: int = 8 << 20
    """Unpacked; vmagent's own limit of a block."""
    series: int = 10_000
    """vmagent's own limit of a block."""
    series_bytes: int = 64 << 10
    labels: int = 48
    label_bytes: int = 1024
    """Of one label's value."""
    log_bytes: int = 1 << 20
    """Of access log lines, unpacked: what a box puts into one batch (`BATCH` of the role's `log_shipper.py`)."""
    log_lines: int = 20_000
    """The shortest line that is one has about 200 bytes, a batch of a box then 5,000."""
    receive_seconds: float = 120.0
    """How long a box may take to send its body over a slow link."""


@dataclass(frozen=True)
class Settings:
    """Everything of one deployment."""

    upstream: str
    """Where Prometheus takes remote writes."""
    schools: frozenset[str]
    """Codes of the catalog."""
    job: bytes
    """Label `job` of every series of a box. The platform's own rules go by theirs: no box can speak for a part of the platform."""
    writable: re.Pattern[bytes]
    """Names of the metrics that boxes write; all others are the city's, or nobody's."""
    limits: Limits = Limits()
    at_once: int = 32
    """Requests that are held in memory."""
    at_once_of_a_school: int = 2
    """One school in trouble shall not take all places."""
    upstream_seconds: float = 30.0
    series_of_a_school: int = 2_000
    """Different series that one school may write in an hour; all others are left out. A box writes about 270: 235 of its exporter
    (measured 2026-12-01, with 2 processors and 5 network interfaces) and what the role's programs tell; one with 64 processors
    less than 1,000. A box that makes new ones with each request would have the database's memory end, for all schools."""
    log_rate: float = 1 << 20
    """Bytes of access log lines printed a second, in the long run. A node keeps 50 MiB of what a pod prints (kubelet's
    `containerLogMaxSize` 10Mi, `containerLogMaxFiles` 5), so the collector has most of a minute to read them."""
    log_burst: float = 8 << 20
    """And at once: less than the first of these files."""
    log_rate_of_a_school: float = 32 << 10
    """Of one school, so that its box fills neither this pace nor the store alone. 30 classrooms write 2 to 3 kB a second while they
    watch (64 MiB packed, ten times as much printed, are their two weeks: docs/decisions/0250): a box catches up with a day in less
    than an hour, with two weeks in a night."""
    log_burst_of_a_school: float = 4 << 20
    """And at once: half of what all have, and as much as the worst batch is when it is printed. 1 MiB becomes 3.6 MiB where every
    path is of bytes that are no text; a batch that is larger than this would never be taken."""


def read(folder: Path) -> Settings:
    """The settings in ``folder``: `schools.json` (code -> row) and `intake.json`. Raises OSError, ValueError or KeyError."""
    rows = json.loads((folder / "schools.json").read_text(encoding="utf-8"))
    told = json.loads((folder / "intake.json").read_text(encoding="utf-8"))
    return Settings(
        told["upstream"], frozenset(rows), told["job"].encode(), writable(told["metrics"], told["families"])
    )


def writable(metrics: Sequence[str], families: Sequence[str]) -> re.Pattern[bytes]:
    """A pattern for these names, and for plain names that begin with one of these families."""
    exact = "|".join(map(re.escape, metrics))
    begun = "|".join(map(re.escape, families))
    return re.compile(f"(?:{exact}|(?:{begun})[a-zA-Z0-9_]+)".encode())
