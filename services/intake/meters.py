"""What the intake says of itself."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.process_collector import ProcessCollector

from services.intake.refusal import Reason

TAKEN, BUSY, UNAVAILABLE, CUT_OFF = "taken", "busy", "unavailable", "cut-off"
"""Outcomes of a request, beside the reasons of a refusal."""
SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 120)
"""Buckets, in seconds; the last is what a box may take to send its body."""


class Meters:
    """Counters of one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        own = self.registry
        self.requests = Counter(
            "city_intake_requests", "Requests of school boxes by outcome.", ["outcome"], registry=own
        )
        self.series = Counter("city_intake_series", "Series that were handed on.", registry=own)
        self.left_out = Counter(
            "city_intake_left_out_series", "Series that boxes have no business to write.", registry=own
        )
        self.too_many = Counter(
            "city_intake_too_many_series", "Series beyond those that a school may have in an hour.", registry=own
        )
        self.lines = Counter("city_intake_log_lines", "Lines of boxes' access logs that were kept.", registry=own)
        self.lines_left_out = Counter(
            "city_intake_left_out_log_lines", "Lines that no box of ours writes.", registry=own
        )
        self.bytes = Counter("city_intake_received_bytes", "Bytes of bodies as they were received.", registry=own)
        self.held = Gauge("city_intake_held_requests", "Requests that are held in memory.", registry=own)
        about = "From a request's head to its answer."
        self.seconds = Histogram("city_intake_request_seconds", about, ["outcome"], registry=own, buckets=SECONDS)
        # Named before they happen, so that a rate sees the first one.
        for outcome in (TAKEN, BUSY, UNAVAILABLE, CUT_OFF, *Reason):
            self.requests.labels(str(outcome))
