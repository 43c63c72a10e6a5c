"""What a lesson consists of in the bucket, from its record and the listing below it: what every viewer needs, and each rendition. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Object:
    """One object of the bucket of lessons."""

    key: str
    bytes: int


@dataclass(frozen=True)
class Media:
    """A recorded lesson as it is played now: earlier packagings, downloads and live segments left out."""

    lesson: str
    shared: tuple[Object, ...]
    """Master playlist, sound, captions, pictures."""
    renditions: Mapping[str, tuple[Object, ...]]
    """Rendition -> its playlist and segments, in the order of playing."""


def played(record: Mapping[str, Any], keys: Iterable[str]) -> dict[str, str]:
    """Key -> the track or file that it is of, for those keys that are played now: no other packaging, download or live segment.

    Captions are kept when a lesson is packaged anew, and lie where the packaging was to which they were given.
    """
    below = f"{str(record['master']).rpartition('/')[0]}/{record['recipe']}/"
    download = (record.get("download") or {}).get("path")
    spoken = {row[name] for row in record.get("captions", ()) for name in ("path", "vtt")}
    return {
        key: key.rpartition("/")[2] if key in spoken else key.removeprefix(below).split("/")[0]
        for key in keys
        if key in spoken or (key.startswith(below) and key != download)
    }


def of(record: Mapping[str, Any], listing: Iterable[tuple[str, int]]) -> Media:
    """The media of ``record`` in ``listing`` (key, bytes); ValueError, in words, where it has no picture to fetch."""
    master, names = str(record["master"]), {str(each["name"]) for each in record["renditions"]}
    listed = dict(listing)
    tracks = played(record, listed)
    shared, renditions = list[Object](), dict[str, list[Object]]()
    for key in sorted({master, *tracks} & listed.keys(), key=lambda each: (each != master, each)):
        track, found = tracks.get(key), Object(key, listed[key])
        if track in names:
            renditions.setdefault(track, []).append(found)
        else:
            shared.append(found)
    if not renditions:
        raise ValueError("has no rendition in the store: publish it again")
    return Media(str(record["id"]), tuple(shared), {name: tuple(each) for name, each in renditions.items()})
