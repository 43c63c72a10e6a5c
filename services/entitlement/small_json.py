"""What a page of ours sends along: a small JSON object, which no form of another site can send."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request

MOST_BYTES: Final = 4096
KIND: Final = "application/json"
"""The only type that is read. A page elsewhere would have to ask first whether it may send it (CORS), and is answered by nobody."""


async def read(request: Request) -> dict[str, Any] | None:
    """The object; None for what is none, or is larger than 4 KiB, or does not say how large it is."""
    size, kind = request.headers.get("content-length", ""), request.headers.get("content-type", "")
    if not size.isdecimal() or int(size) > MOST_BYTES or kind.partition(";")[0].strip().lower() != KIND:
        return None
    try:
        found = await request.json()
    except (ValueError, RecursionError):  # 4 KiB are enough for more brackets in each other than Python goes into
        return None
    return found if isinstance(found, dict) else None
