"""Why a request is not taken, and what the box shall do about it."""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus


class Reason(StrEnum):
    """A refusal's kind, as counted and logged."""

    NO_CERTIFICATE = "no-certificate"
    UNKNOWN_SCHOOL = "unknown-school"
    FORMAT = "format"
    TOO_LARGE = "too-large"
    BROKEN = "broken"
    LABELS = "labels"
    OTHER_SCHOOL = "other-school"
    STORE = "store"


STATUS: dict[Reason, HTTPStatus] = {
    # A box keeps these and tries again: the catalog or its certificate may be mended.
    Reason.NO_CERTIFICATE: HTTPStatus.FORBIDDEN,
    Reason.UNKNOWN_SCHOOL: HTTPStatus.FORBIDDEN,
    Reason.FORMAT: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
}
"""Every other reason is 400: vmagent drops a block at 400 and 409 only, and would send a hopeless one for ever at 413 or 403."""


class Refused(Exception):  # noqa: N818  # not an error of ours
    """The request is not taken. ``detail`` holds nothing of what was sent; ``quoted``, for the box alone, may."""

    def __init__(self, reason: Reason, detail: str, quoted: str = "") -> None:
        super().__init__(detail)
        self.reason, self.detail, self.quoted = reason, detail, quoted

    @property
    def status(self) -> HTTPStatus:
        """How it is answered."""
        return STATUS.get(self.reason, HTTPStatus.BAD_REQUEST)
