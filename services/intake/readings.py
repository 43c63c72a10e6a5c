"""A body of readings: unpacked within limits, looked at series by series, and packed again without anything that was not looked at."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cramjam
from google.protobuf.message import DecodeError

from services.intake.message import Request, Series
from services.intake.refusal import Reason, Refused
from services.intake.settings import Limits, Settings

SCHOOL, NAME, JOB = b"school", b"__name__", b"job"
_PLAIN = re.compile(rb"[a-zA-Z_][a-zA-Z0-9_]*")
"""A label's name."""
Labels = dict[bytes, bytes]


@dataclass(frozen=True)
class Checked:
    """A body as it may be handed on."""

    content: bytes
    """Snappy, protobuf."""
    series: int
    left_out: int
    """Series that a box has no business to write; the others are not held up by them."""
    too_many: int = 0
    """Series beyond those that the school may have; the others are not held up by them either."""


def checked(body: bytes, school: str, settings: Settings, takes: Callable[[Labels], bool] = lambda _: True) -> Checked:
    """What of ``body`` (snappy, protobuf) may be handed on, of those series whose labels ``takes`` lets by. Raises `Refused`."""
    request = _parsed(Request, _unpacked(body, settings.limits))
    if len(request.timeseries) > settings.limits.series:
        raise Refused(Reason.TOO_LARGE, f"{len(request.timeseries)} series; {settings.limits.series} are taken")
    every = [_series(each, school.encode(), settings) for each in request.timeseries]
    own = [each for each in every if each is not None]
    # Asked when nothing can be refused any more: what is refused is not seen.
    series = [content for labels, content in own if takes(labels)]
    content = bytes(cramjam.snappy.compress_raw(Request(timeseries=series).SerializeToString()))
    return Checked(content, len(series), len(every) - len(own), len(own) - len(series))


def _unpacked(body: bytes, limits: Limits) -> bytes:
    """The content; its size is read from the head of the body before anything is unpacked."""
    try:
        size = cramjam.snappy.decompress_raw_len(body)
        if size > limits.content_bytes:
            raise Refused(Reason.TOO_LARGE, f"{size} bytes unpacked; {limits.content_bytes} are taken")
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as error:
        raise Refused(Reason.BROKEN, "the body is not snappy") from error


def _parsed(kind: Any, content: bytes) -> Any:  # noqa: ANN401  # a class made at run time
    try:
        return kind.FromString(content)
    except DecodeError as error:
        raise Refused(Reason.BROKEN, "the content is not a remote write 1.0 message") from error


def _series(content: bytes, school: bytes, settings: Settings) -> tuple[Labels, bytes] | None:
    """A series' labels and how it may be handed on, or None when boxes do not write such. Raises `Refused` where it is wrong or not the
    school's."""
    limits = settings.limits
    if len(content) > limits.series_bytes:
        raise Refused(Reason.TOO_LARGE, f"a series of {len(content)} bytes; {limits.series_bytes} are taken")
    series = _parsed(Series, content)
    if len(series.labels) > limits.labels:
        raise Refused(Reason.LABELS, f"a series with {len(series.labels)} labels; {limits.labels} are taken")
    labels: Labels = {label.name: label.value for label in series.labels}
    if len(labels) != len(series.labels):
        raise Refused(Reason.LABELS, "a series has a label twice")
    if labels.get(SCHOOL) != school:
        raise Refused(Reason.OTHER_SCHOOL, "a series does not carry the certificate's school in its label `school`")
    _look(labels, settings)
    if not (settings.writable.fullmatch(labels.get(NAME, b"")) and labels.get(JOB) == settings.job):
        return None
    # Fields that are not known here go away: exemplars, and whatever later versions bring.
    series.DiscardUnknownFields()
    return labels, bytes(series.SerializeToString())


def _look(labels: Labels, settings: Settings) -> None:
    """Whether labels are plain names with short text."""
    if not all(map(_PLAIN.fullmatch, labels)):
        raise Refused(Reason.LABELS, "a label has no plain name")
    try:
        longest = max(len(value.decode()) for value in labels.values())
    except UnicodeDecodeError as error:
        raise Refused(Reason.LABELS, "a label's value is not UTF-8") from error
    if longest > settings.limits.label_bytes:
        raise Refused(
            Reason.LABELS, f"a label's value of {longest} characters; {settings.limits.label_bytes} are taken"
        )
