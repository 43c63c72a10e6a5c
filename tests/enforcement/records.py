"""Records of what the run asks for: of lessons as packaging leaves them, and of classes as the service that streams them writes them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from derive import live, moments, video_token
from derive.questions import Thing
from services.live import record
from services.live.request import parse
from tests.enforcement.product import CITY, ENDS, MOMENTS, WITHOUT_FILE, is_live

FOR_EVER: Final = MOMENTS[-1] + 365 * 86_400
FREEST: Final = CITY.licences[0].id
"""Of live classes: it would let everybody play them, and take them away."""
FILE: Final = "lesson.mp4"
SUBJECTS: Final = {each.id: each.name.zh for each in CITY.subjects}
"""What records call them."""


def of(what: Thing) -> dict[str, Any]:
    """The record. Where there is a file, there is one whatever the licence says: that nobody takes it away is not left to packaging."""
    if is_live(what):
        # A class has no file, but one may be left from an earlier recording under the id: the rule has to hold by itself.
        return {**_class(what, MOMENTS[0], record.LIVE, ENDS.get(what.id, FOR_EVER)), **_away(what)}
    if what in WITHOUT_FILE:
        return _class(what, what.published or 0, record.ENDED, (what.published or 0) + 3600)
    published = datetime.fromtimestamp(what.published or 0, UTC).isoformat()
    return {"id": what.id, **_about(what), "published": published, "master": f"{what.id}/h/master.m3u8", **_away(what)}


def _about(what: Thing) -> dict[str, Any]:
    licence = FREEST if is_live(what) else what.licence
    subject = {"subject": SUBJECTS[what.subject]} if what.subject else {}
    return {"title": "a lesson", "school": {"code": what.school}, "licence": {"id": licence}, **subject}


def _away(what: Thing) -> dict[str, Any]:
    return {"download": {"path": f"{what.id}/{video_token.DOWNLOAD}/{FILE}", "bytes": 1}}


def _class(what: Thing, started: int, state: str, until: int) -> dict[str, Any]:
    asked = live.request(CITY, what.id, _about(what), datetime.fromtimestamp(started, UTC))
    request = parse(json.dumps({**asked, "until": moments.stamp(datetime.fromtimestamp(until, UTC))}))
    return record.record(request, state, timedelta(hours=1).total_seconds())
