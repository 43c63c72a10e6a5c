"""When a licence opens and closes for one lesson. Pure. What is decided by stands in the compiled tables; this tells people beforehand."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from catalog.access import Licence


def closes(licence: Licence, published: datetime) -> datetime | None:
    """The first moment at which the licence no longer holds for what was published then (aware); None: it has no end."""
    ends = []
    if licence.window_days is not None:
        ends.append(published + timedelta(days=licence.window_days))
    if licence.window is not None:
        after = licence.window.ends + timedelta(days=1)
        ends.append(datetime.combine(after, time(), ZoneInfo(licence.window.timezone)))
    return min(ends).astimezone(UTC) if ends else None


def closed(licence: Licence | None, published: datetime, now: datetime) -> bool:
    """Whether it does not hold any more at ``now`` (aware); a licence that is not of the city holds for nothing."""
    end = None if licence is None else closes(licence, published)
    return licence is None or (end is not None and now >= end)
