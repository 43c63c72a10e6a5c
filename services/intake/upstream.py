"""Prometheus, to which readings are handed on, and the format that both sides speak."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import httpx

from services.intake.refusal import Reason, Refused

TYPE, ENCODING, VERSION = "application/x-protobuf", "snappy", "0.1.0"
HEADERS = {
    # Ours, never the box's: another type would have the same bytes read as another message than was looked at.
    "Content-Type": TYPE,
    "Content-Encoding": ENCODING,
    "X-Prometheus-Remote-Write-Version": VERSION,
    "User-Agent": "huiju-intake",
}
_SHOWN = 300


class Unavailable(Exception):  # noqa: N818  # not an error of the box's
    """It did not take them for a reason that is not in them: the box shall try again."""


def require_format(headers: Mapping[str, str]) -> None:
    """Raises `Refused` for anything but remote write 1.0."""
    kind, _, parameters = headers.get("content-type", "").replace(" ", "").partition(";")
    plain = parameters in {"", "proto=prometheus.WriteRequest"}
    if kind != TYPE or not plain or headers.get("content-encoding") != ENCODING:
        raise Refused(Reason.FORMAT, f"remote write 1.0 is taken: Content-Type {TYPE}, Content-Encoding {ENCODING}")


async def send(client: httpx.AsyncClient, url: str, content: bytes) -> None:
    """Hand ``content`` on. Raises `Refused` when it says that the readings are wrong (they would be next time too), else `Unavailable`."""
    try:
        answer = await client.post(url, content=content, headers=HEADERS)
    except httpx.HTTPError as error:
        raise Unavailable(f"the city's database of readings does not answer ({type(error).__name__})") from error
    if answer.status_code == HTTPStatus.BAD_REQUEST:
        raise Refused(Reason.STORE, "the city's database of readings does not take them", answer.text[:_SHOWN])
    if not answer.is_success:
        raise Unavailable(f"the city's database of readings answers {answer.status_code}")
