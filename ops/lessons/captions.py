"""Captions of a lesson: read from files and checked before anything is sent, then stored beside the media and listed in the master.

Names carry a hash of the content, since caches keep them for good: other captions are another file, and the film stays as it is.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.errors import UserError
from derive import lesson
from ops.lessons import webvtt
from services.packager import captions, index
from services.packager.store import IMMUTABLE, MASTER, Bucket

LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")
"""A language, perhaps a script, perhaps a region, as BCP 47 writes them: `zh`, `zh-Hans`, `en-GB`."""
NAMES = {
    "zh": "中文",
    "zh-Hans": "简体中文",
    "zh-Hant": "繁體中文",
    "en": "English",
    "ii": "ꆈꌠꉙ",
    "bo": "བོད་ཡིག",
}
"""Language -> what its own speakers call it (Unicode CLDR); another one is shown by its tag."""
PACKAGED = {"content_hash", "recipe", "master", "seconds"}
"""What a record says once there is a film; one that is live has none."""
CONVERT_SECONDS = 60
MOST_BYTES = 2 << 20
"""A lesson of a day, spoken without a pause, has a tenth of that."""


@dataclass(frozen=True)
class Caption:
    """Checked captions: language tag and WebVTT text."""

    lang: str
    text: str


def read(given: Sequence[str], seconds: float | None) -> tuple[list[Caption], list[str]]:
    """The captions that ``given`` names (``LANG=FILE``), and everything that is wrong with them, a line each.

    ``seconds`` is the film's length, None where it is not known.
    """
    found: list[Caption] = []
    wrong: list[str] = []
    for each in given:
        lang, sign, name = each.partition("=")
        if not sign or not name or not LANGUAGE.fullmatch(lang):
            wrong.append(f"{each!r} is not of the form LANG=FILE, such as zh=lesson.vtt or en-GB=lesson.srt")
        elif any(caption.lang == lang for caption in found):
            wrong.append(f"captions in {lang} are given twice")
        else:
            text, problem = _text(Path(name))
            wrong += [f"{name}: {what}" for what in ([problem] if problem else webvtt.problems(text, seconds))]
            found.append(Caption(lang, text))
    return found, wrong


def _text(file: Path) -> tuple[str, str | None]:
    """The file as WebVTT, and why it is none."""
    kind = file.suffix.lower()
    if kind not in (".vtt", ".srt"):
        return "", "captions are WebVTT (.vtt) or SubRip (.srt)"
    try:
        if file.stat().st_size > MOST_BYTES:
            return "", f"it is larger than {MOST_BYTES >> 20} MiB"
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return "", "it is not UTF-8: save it as UTF-8"
    except OSError as error:
        return "", f"it cannot be read: {error.strerror}"
    return _converted(text) if kind == ".srt" else (text, None)


def _converted(srt: str) -> tuple[str, str | None]:
    if not shutil.which("ffmpeg"):
        return "", "SubRip is converted by ffmpeg, which is not installed here: install it, or give WebVTT"
    command = ["ffmpeg", "-hide_banner", "-v", "error", "-f", "srt", "-i", "pipe:0", "-f", "webvtt", "pipe:1"]
    try:
        done = subprocess.run(command, input=srt.encode(), capture_output=True, check=False, timeout=CONVERT_SECONDS)
    except subprocess.TimeoutExpired:
        return "", f"ffmpeg did not convert it within {CONVERT_SECONDS} s: give WebVTT"
    if done.returncode or not done.stdout.strip():
        said = done.stderr.decode(errors="replace").strip().splitlines()
        return "", f"it is no SubRip ({said[-1] if said else 'no cue in it'})"
    return done.stdout.decode(), None


def publish(
    lessons: Bucket,
    record: dict[str, Any],
    add: Sequence[Caption],
    drop: Callable[[list[str]], None],
    remove: Sequence[str] = (),
) -> dict[str, Any]:
    """Give the published lesson ``record`` these captions and take others, and return its new record.

    The text first, then what lists it; last, what is taken goes to ``drop``, as keys. Of what others change meanwhile nothing is lost.
    UserError for a language that is not there.
    """
    _refuse(record, remove)
    key, stored = lesson.record_key(record["id"]), set[str]()
    for _ in range(index.TRIES):
        etag, now = _read(lessons, key)
        rows = {row["lang"]: row for row in now.get("captions", []) if row["lang"] not in remove}
        rows |= {each.lang: _stored(lessons, now, each) for each in add}
        kept = [rows[lang] for lang in sorted(rows)]
        stored |= _keys([*now.get("captions", []), *kept])
        # Before the record: whoever is last to write that has also been the last to write this.
        _list(lessons, now["master"], kept)
        changed = {
            **{name: value for name, value in now.items() if name != "captions"},
            **({"captions": kept} if kept else {}),
        }
        if _settled(lessons, key, etag, changed if changed != now else None):
            drop(sorted(stored - _keys(kept)))
            return changed
    raise UserError("the lesson's record changes faster than it can be written: run this again")


def _refuse(record: dict[str, Any], remove: Iterable[str]) -> None:
    if not record.keys() >= PACKAGED:
        raise UserError("the lesson has no recording yet: give captions once it is packaged")
    there = [row["lang"] for row in record.get("captions", [])]
    for lang in remove:
        if lang not in there:
            raise UserError(f"the lesson has no captions in {lang!r}: it has {', '.join(there) or 'none'}")


def _read(lessons: Bucket, key: str) -> tuple[str, dict[str, Any]]:
    """ETag and content of the record as it is now. UserError where the lesson went meanwhile."""
    record, etag = lessons.seen(key)
    if record is None or etag is None or not record.keys() >= PACKAGED:
        raise UserError("the lesson was removed or replaced meanwhile: `huiju lesson list` shows what is published")
    return etag, record


def _settled(lessons: Bucket, key: str, etag: str, changed: dict[str, Any] | None) -> bool:
    """Whether nobody else wrote the record since it had ``etag``, and it says what is ``changed`` now; None where nothing is."""
    found = lessons.get(key)
    # Looked at before the condition, too: the trial's store (versitygw) does not mind it where the record is gone.
    if found is None or found[1] != etag:
        return False
    return changed is None or lessons.put_if(key, index.record_body(changed), etag, MASTER)


def _keys(rows: Iterable[Mapping[str, str]]) -> set[str]:
    return {key for row in rows for key in (row["path"], row["vtt"])}


def _stored(lessons: Bucket, record: dict[str, Any], caption: Caption) -> dict[str, str]:
    body = caption.text.encode()
    stem = f"captions-{caption.lang.lower()}-{hashlib.sha256(body).hexdigest()[:12]}"
    folder = f"{record['id']}/{record['content_hash']}/{record['recipe']}"
    lessons.put(f"{folder}/{stem}.vtt", body, IMMUTABLE)
    lessons.put(f"{folder}/{stem}.m3u8", captions.playlist(f"{stem}.vtt", record["seconds"]).encode(), IMMUTABLE)
    name = NAMES.get(caption.lang, caption.lang)
    return {"lang": caption.lang, "name": name, "path": f"{folder}/{stem}.m3u8", "vtt": f"{folder}/{stem}.vtt"}


def _list(lessons: Bucket, key: str, rows: list[dict[str, str]]) -> None:
    if not index.name_captions(lessons, key, rows):
        raise UserError(f"the lesson's master playlist {key} is gone: publish the lesson again")
