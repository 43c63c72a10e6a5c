"""Captions in HLS: the playlist of one WebVTT file, and the master playlist that lists them. Pure.

A caption is a row of the lesson's record: ``lang``, ``name``, ``path`` (key of its playlist) and ``vtt`` (key of the text). The master is
changed as text, so that captions come and go without the film being packaged again, also in lessons that an older packager made.
"""

from __future__ import annotations

import math
import posixpath
from collections.abc import Mapping, Sequence

GROUP = "captions"
MEDIA, VARIANT = "#EXT-X-MEDIA:TYPE=SUBTITLES", "#EXT-X-STREAM-INF:"
MARK = f',SUBTITLES="{GROUP}"'


def playlist(vtt: str, seconds: float) -> str:
    """The playlist of a whole film's captions, all in the one file ``vtt`` beside it; cue time 0 is the film's start (RFC 8216, 3.5)."""
    head = ["#EXTM3U", "#EXT-X-VERSION:7", f"#EXT-X-TARGETDURATION:{max(1, math.ceil(seconds))}", "#EXT-X-MEDIA-SEQUENCE:0",
            "#EXT-X-PLAYLIST-TYPE:VOD"]  # fmt: skip
    return "\n".join([*head, f"#EXTINF:{seconds:.5f},", vtt, "#EXT-X-ENDLIST", ""])


def listed(master: str, key: str, captions: Sequence[Mapping[str, str]]) -> str:
    """The master playlist ``master``, stored under ``key``, with these captions and no others."""
    lines = [line for line in master.split("\n") if not line.startswith(MEDIA)]
    lines = [
        line.replace(MARK, "") + (MARK if captions else "") if line.startswith(VARIANT) else line for line in lines
    ]
    at = next((number for number, line in enumerate(lines) if line.startswith(VARIANT)), len(lines))
    return "\n".join([*lines[:at], *(_media(each, posixpath.dirname(key)) for each in captions), *lines[at:]])


def _media(caption: Mapping[str, str], folder: str) -> str:
    uri = posixpath.relpath(caption["path"], folder)
    name = caption["name"].replace('"', "'")
    return f'{MEDIA},GROUP-ID="{GROUP}",NAME="{name}",LANGUAGE="{caption["lang"]}",DEFAULT=NO,AUTOSELECT=YES,FORCED=NO,URI="{uri}"'
