"""A lesson's identity, keys and public paths.

Bucket and path agree: object ``<key>`` of bucket ``lessons`` is served at ``/lessons/<key>``. A lesson's keys are::

    <id>/lesson.json                              the record
    <id>/<content hash>/master.m3u8               entry point of the player
    <id>/<content hash>/<recipe>/<rendition>/...  media, never overwritten with something else
    <id>/<content hash>/<recipe>/captions-...     captions of one language, named after their content
    <id>/<content hash>/<recipe>/thumbnails/...   small pictures of the time line
    <id>/~download/...                            the film to take away, which no permission to play opens
    index.json                                    list of the published lessons, rebuilt from the records
    withdrawn.json                                what caches give up, see `derive.withdrawal`

The id is derived from the school's code and the file's content: publishing the same file for the same school again, from any
machine, is the same lesson. A changed file is another lesson.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from catalog import names

BLOCK = 1 << 20
LESSON_ID = re.compile(r"l-[a-z2-7]{16}")
INDEX = "index.json"
REPLACED = "replaced_by"
"""Key of a record of which nothing is left but where old links lead."""


def content_hash(path: Path) -> str:
    """sha256 of the file, in hexadecimal; OSError when it cannot be read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()


def lesson_id(content: str, school: str) -> str:
    """Id of the file with this content hash, published for the school with this code: ``l-`` and 16 letters or digits (80 bits)."""
    digest = hashlib.sha256(f"{school}/{content}".encode()).digest()
    return "l-" + base64.b32encode(digest[:10]).decode().lower()


def live_id(school: str, title: str, started: str) -> str:
    """Id of the class with this title that the school with this code begins to stream at this moment."""
    return lesson_id(hashlib.sha256(f"live/{title}/{started}".encode()).hexdigest(), school)


def record_key(lesson: str) -> str:
    """Key of the record in the bucket of lessons."""
    return f"{lesson}/lesson.json"


def public_path(key: str) -> str:
    """Path at which the platform serves an object of the bucket of lessons."""
    return f"/{names.BUCKET_LESSONS}/{key}"


def page_path(lesson: str) -> str:
    """Path of the portal's page on which the lesson plays."""
    return f"/?lesson={lesson}"
