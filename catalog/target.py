"""What must be reached, where, and by when; each with its source."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from catalog.school import Locality
from catalog.types import Count, Day, Fact, Names, Sentence, Slug


class Measure(StrEnum):
    """What a target counts; its unit is part of its name."""

    UPLINK_MBPS = "uplink-mbps"
    UPLINK_KBPS_PER_STUDENT = "uplink-kbps-per-student"
    STUDENTS_PER_DEVICE = "students-per-device"
    CONNECTED_SCHOOLS_PERCENT = "connected-schools-percent"
    LIVE_LESSONS_PER_WEEK = "live-lessons-per-week"
    COVERED_SCHOOLS_PERCENT = "covered-schools-percent"
    """Schools whose box lately fetched a piece of a lesson through the platform; without news is not covered."""
    SIGN_IN_P95_MS = "sign-in-p95-ms"
    """From the arrival of a person to the list of lessons on the screen, 95th percentile, in a load test."""
    SEGMENT_P95_MS = "segment-p95-ms"
    """From the moment a player wants a segment to its last byte, 95th percentile, in a load test."""
    STALLED_PLAYS_PERCENT = "stalled-plays-percent"
    """Plays that stood still at least once, or never began, in a load test."""
    FAILED_REQUESTS_PERCENT = "failed-requests-percent"
    """Requests without the right and whole answer, in a load test."""
    AUDIT_WAIT_MINUTES = "audit-wait-minutes"
    """How long the oldest audit record has waited for the store that keeps it, on the running platform."""


class Direction(StrEnum):
    """On which side of the value the target is met."""

    AT_LEAST = "at-least"
    AT_MOST = "at-most"


class Target(Fact):
    """One figure to reach."""

    id: Slug
    """Short id."""
    name: Names
    """Its name."""
    standard: Slug
    """The set of targets that it belongs to; the city chooses one set for its uplinks."""
    measure: Measure
    """What is counted."""
    direction: Direction
    """Whether the value is a floor or a ceiling."""
    value: Annotated[float, Field(gt=0, le=1_000_000)]
    """The figure, in the measure's unit."""
    localities: Annotated[tuple[Locality, ...], Field(min_length=1)]
    """Where it holds."""
    above_students: Count
    """It holds for schools with more students than this; 0: for all."""
    by: Day
    """The day by which it is reached."""
    source: Sentence
    """Where the figure comes from."""
