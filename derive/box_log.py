"""A line of a school box's access log on its way to the city: what its fields may hold, and how it is kept.

Whatever a box sends is a stranger's text: of it a line is put together anew that holds nothing but these fields, each in its form, and the
school of the certificate, never one that the box names. Imports nothing of ours, so that the intake stays small.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

PLACE: Final = "school-box"
"""What such a line says of where it was written."""
MOST: Final = 160
"""Characters of a path, as in every access log of ours (`derive.access_log`): no whole token fits."""
SCHOOL: Final = "school"
LONGEST: Final = 4096
"""Bytes of a line. The longest that a box prints has about 600; six bytes may stand for a character of a path."""
_COUNT: Final = re.compile(r"[0-9]{1,15}")
FORM: Final[Mapping[str, re.Pattern[str]]] = {
    "access_log": re.compile(re.escape(PLACE)),
    "time": re.compile(r"[0-9]{1,11}([.][0-9]{1,3})?"),
    "from": re.compile(r"[0-9A-Fa-f.:]{2,45}"),
    "permission": re.compile(r"[A-Za-z0-9_-]{0,12}"),
    "method": re.compile(r"[!-~]{0,20}"),
    # No query, whoever asked with one.
    "path": re.compile(rf"[^?\x00-\x20\x7f]{{0,{MOST}}}"),
    "status": re.compile(r"[0-9]{1,3}"),
    "cache": re.compile(r"[A-Za-z0-9_/-]{1,40}"),
    "bytes": _COUNT,
    "ms": _COUNT,
    "policy": re.compile(r"[0-9a-f]{12}"),
}
"""Field -> what it may hold; all of them text, as Traffic Server writes them."""


def kept(line: bytes, school: str) -> str | None:
    """The line as it is kept, of ``school`` (code); None for one that no box of ours writes. Fields that are not known here go away."""
    if len(line) > LONGEST:
        return None
    try:
        row: Any = json.loads(line.decode(errors="replace"))
        fields = {name: row[name] for name in FORM}
        sound = all(form.fullmatch(fields[name]) for name, form in FORM.items())
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return json.dumps({**fields, SCHOOL: school}, separators=(",", ":")) if sound else None
