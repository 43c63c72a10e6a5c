"""A parcel of lessons for a stick: which objects go into it, and the list that is signed. Pure.

Each file lies under its sha256, so that every file system takes its name and the same file is kept once. The list says which path of
a lesson each is, and how the platform would have answered.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from catalog.access import Licence, Use
from catalog.wording import did_you_mean
from derive import lesson, lesson_media

MANIFEST, MEDIA, FORMAT = "manifest.asc", "media", 1
"""The signed list, the folder of files, and the form of both; the box's side is in the role `school_box`."""
HASH = re.compile(r"[0-9a-f]{64}")
"""What a file is called."""
MOST_BYTES = 2**32 - 1
"""What FAT32, the form of most sticks, takes as one file."""
SLACK = 32 << 10
"""Bytes that a file wastes at most on a stick, by its form."""


def hindrance(record: Mapping[str, Any]) -> str:
    """Why no stick can hold the lesson, in words; empty where one can."""
    if "recipe" in record:
        return ""
    name = f"{record['id']} “{record.get('title', '')}”"
    if "live" in record:
        return f"{name} is a live class: a stick takes it once it has been recorded and packaged, if it ever is"
    return f"{name} has no packaging that is played now: publish it again"


def unlicensed(records: Iterable[Mapping[str, Any]], licences: Iterable[Licence]) -> str:
    """Which lessons no stick may take by their licences, in words, with each licence; empty where all may."""
    known = {each.id: each for each in licences}
    named = [(record, str((record.get("licence") or {}).get("id"))) for record in records]
    wrong = [
        f"{record['id']} “{record.get('title', '')}” ({_terms(name, known.get(name))})"
        for record, name in named
        if name not in known or Use.OFFLINE not in known[name].uses
    ]
    able = ", ".join(each.id for each in known.values() if Use.OFFLINE in each.uses) or "none"
    how = f"name others with --lessons, or publish these under a licence that allows `offline` ({able})"
    return f"no stick takes what its licence does not let go offline: {', '.join(wrong)}: {how}" if wrong else ""


def _terms(name: str, licence: Licence | None) -> str:
    return f"{name}, {licence.name.zh} {licence.name.en}" if licence else f"{name}, which the city does not have"


def unknown(records: Iterable[Mapping[str, Any]], renditions: Iterable[str]) -> str:
    """Which of ``renditions`` no lesson of ``records`` has, in words; empty where each is one's."""
    known = {str(each["name"]) for record in records for each in record["renditions"]}
    wrong = [f"{each!r}{did_you_mean(each, known)}" for each in sorted(set(renditions) - known)]
    return f"no lesson has the rendition {', '.join(wrong)}; there are {', '.join(sorted(known))}" if wrong else ""


def planned(record: Mapping[str, Any], paths: Iterable[str]) -> list[str]:
    """The renditions of a lesson that a plan names, by the paths of its items."""
    folders = {path.rpartition("/")[0].rpartition("/")[2] for path in paths}
    return sorted(folders & {str(each["name"]) for each in record["renditions"]})


def chosen(record: Mapping[str, Any], keys: Sequence[str], renditions: Collection[str]) -> list[str]:
    """Those keys of a lesson that go into a parcel: without other renditions, downloads and live segments; its entry points last.

    ``renditions`` empty means all. ValueError, in words, when the lesson has none of them.
    """
    there = {str(each["name"]) for each in record["renditions"]}
    left_out = there - set(renditions) if renditions else set()
    if there and left_out == there:
        raise ValueError(f"has none of the renditions {', '.join(sorted(renditions))}, but {', '.join(sorted(there))}")
    media = [key for key, track in lesson_media.played(record, keys).items() if track not in left_out]
    return [*sorted(media), str(record["master"]), lesson.record_key(str(record["id"]))]


def fewer(master: str, record: Mapping[str, Any], renditions: Collection[str]) -> str:
    """The master playlist with only these renditions: a player without a link must not choose one that is not there."""
    if not renditions:
        return master
    left_out = {str(each["name"]) for each in record["renditions"]} - set(renditions)
    lines, kept = master.split("\n"), list[str]()
    for line in lines:
        folder = line.rpartition("/")[0].rpartition("/")[2]
        if not line.startswith("#") and folder in left_out:
            while kept and not kept[-1].startswith("#EXT-X-STREAM-INF"):
                kept.pop()
            kept.pop()
        else:
            kept.append(line)
    return "\n".join(kept)


def manifest(made: str, lessons: Sequence[Mapping[str, Any]], withdrawn: Mapping[str, Any] | None) -> str:
    """The list, one value a line: what signs it takes no long ones. ``withdrawn`` goes along: a box without a link hears it so."""
    told = {"format": FORMAT, "made": made, "lessons": list(lessons), "withdrawn": withdrawn or {"lessons": []}}
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"
