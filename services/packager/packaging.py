"""From an upload to a listed lesson, one step after the other; every step can be run again."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import captions, disk, download, encode, ffmpeg, index, playlists, thumbnails, tracks
from .errors import PackagingError
from .probe import Source, probe
from .progress import Progress
from .request import Request
from .rungs import Picture, pictures
from .store import IMMUTABLE, MASTER, Bucket
from .tracks import SOUND, Piece

FETCHED, SOUNDED, ENCODED = 0.02, 0.05, 0.99
"""Shares of the whole when the upload is fetched, when the sound is done and when the pictures are."""

WHOLE = 0.95
"""Share of a recording that must be readable: recorders cut off mid-picture and start late, by a second or two."""

BLOCK = 1 << 20

KEPT = ("captions", "replaces")
"""What a record keeps when its film is packaged anew: it was not made here."""


def fetch(uploads: Bucket, request: Request, folder: Path) -> Path:
    """The upload as a file whose hash is the one asked for."""
    try:
        answer = uploads.s3.get_object(Bucket=uploads.name, Key=request.content_hash)
    except uploads.s3.exceptions.NoSuchKey as error:
        raise PackagingError(f"no upload {request.content_hash[:12]} in the store: hand the file in again") from error
    size = int(answer["ContentLength"])
    disk.require(folder, size)
    target, digest = folder / "upload", hashlib.sha256()
    with disk.explained(folder, size), target.open("wb") as file:
        for block in iter(lambda: answer["Body"].read(BLOCK), b""):
            digest.update(block)
            file.write(block)
    if digest.hexdigest() != request.content_hash:
        uploads.delete([request.content_hash])  # else the next publish would take it for uploaded
        raise PackagingError("the upload is damaged: its content does not match its hash; hand the file in again")
    return target


def _require_whole(source: Source, pieces: list[Piece]) -> None:
    """A broken picture here and there is shown as it is; a recording of which much cannot be read is refused."""
    first = [piece for piece in pieces if piece.track == pieces[0].track]
    read = sum(segment.seconds for piece in first for segment in piece.segments)
    if read < WHOLE * source.seconds - 1:
        raise PackagingError(
            f"the video is damaged: {read:.0f} of its {source.seconds:.0f} seconds can be read; is the copy complete?"
        )


class Packaging:
    """One run over one request."""

    def __init__(self, request: Request, uploads: Bucket, lessons: Bucket, work: Path, *, quiet: bool = False) -> None:
        self.request, self.uploads, self.lessons, self.work = request, uploads, lessons, work
        self.progress = Progress(quiet=quiet)
        self.stored: dict[str, tuple[int, str]] = {}

    def run(self) -> dict[str, Any]:
        """Publish, and return the lesson's record."""
        old = self.lessons.read_json(index.record_key(self.request.id)) or {}
        same = old.get("content_hash") == self.request.content_hash and old.get("recipe") == self.request.recipe
        made = old if same else self._package(old.get("captions", []))
        record = self._written(self._to_take_away({**made, **self.request.about}))
        index.rebuild(self.lessons)
        self._drop_receipts()
        self.progress.show(1, "published")
        return record

    def _written(self, made: dict[str, Any]) -> dict[str, Any]:
        """Store the lesson's record, and return it: what is ``made``, and what others wrote into it, also during the hours that it took."""
        key, mine = index.record_key(self.request.id), {name: made[name] for name in made if name not in KEPT}
        for _ in range(index.TRIES):
            found, etag = self.lessons.seen(key)
            now = found or {}
            kept = {name: now[name] for name in KEPT if name in now}
            published = now.get("published") or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            record = {**mine, **kept, **self.request.about, "published": published}
            if record == now:
                return record
            # Before the record: whoever is last to write that has also been the last to write this.
            index.name_captions(self.lessons, record["master"], record.get("captions", []))
            if self.lessons.put_if(key, index.record_body(record), etag, MASTER):
                return record
        raise PackagingError("the lesson's record changes faster than it can be written; publish the lesson again")

    def _to_take_away(self, record: dict[str, Any]) -> dict[str, Any]:
        """``record`` with what may be taken away, which is made when it is missing."""
        there = record.pop("download", None)
        if self.request.download is None:
            return record
        self.progress.show(ENCODED, "copying the file to take away")
        return {**record, "download": there or download.make(self.lessons, self.request, record, self.work)}

    def _package(self, spoken: list[dict[str, str]]) -> dict[str, Any]:
        self.progress.show(0, "fetching the upload")
        source = self._indexed(probe(fetch(self.uploads, self.request, self.work), self.request.fps_limit))
        self.progress.show(FETCHED, "encoding sound")
        self.stored = {
            key: (size, etag) for key, size, etag in self.lessons.objects(f"{self.request.media}{self.request.recipe}/")
        }
        drawn = pictures(self.request.rungs, source.width, source.height, source.fps)
        sound = self._sound(source) if source.has_audio else ()
        pieces = [*sound, *self._pictures(source, drawn)]
        record = self._finish(source, drawn, pieces, spoken)
        source.path.unlink()  # room for what comes next
        return record

    def _indexed(self, source: Source) -> Source:
        """The source in a container with an index, since only there a chunk begins on exactly the frame that it should."""
        if source.seekable:
            return source
        disk.require(self.work, source.path.stat().st_size)
        target = self.work / "indexed.mkv"
        ffmpeg.run(encode.index(source, target))
        source.path.unlink()
        return probe(target, self.request.fps_limit)

    def _sound(self, source: Source) -> tuple[Piece, ...]:
        done = tracks.load(self.uploads, self.request, SOUND, self.stored)
        if done is not None:
            return done
        disk.require(self.work, int(source.seconds * self.request.audio_kbps * 125 * 1.2))
        target = self.work / "sound.mp4"
        ffmpeg.run(encode.audio(self.request, source, target))
        piece = tracks.store(self.lessons, self.request, tracks.Made(SOUND, target, encode.SAMPLE_RATE), 0)
        pieces = (piece,) if piece else ()
        tracks.save(self.uploads, self.request, SOUND, pieces)
        return pieces

    def _pictures(self, source: Source, drawn: tuple[Picture, ...]) -> list[Piece]:
        span = self.request.chunk_seconds
        pieces: list[Piece] = []
        for start in range(0, max(1, int(-(-source.seconds // 1))), span):
            unit = f"{start:06d}"
            done = tracks.load(self.uploads, self.request, unit, self.stored)
            if done is None:
                done = self._chunk(source, drawn, start, span)
                tracks.save(self.uploads, self.request, unit, done)
            pieces += done
            self._show(source, start + span)
        _require_whole(source, pieces)
        return pieces

    def _show(self, source: Source, second: float) -> None:
        self.progress.show(SOUNDED + (ENCODED - SOUNDED) * min(1.0, second / source.seconds), "encoding pictures")

    def _chunk(self, source: Source, drawn: tuple[Picture, ...], start: int, span: int) -> tuple[Piece, ...]:
        seconds = min(span, source.seconds - start + 1)
        disk.require(self.work, int(sum(p.rung.kbps for p in drawn) * 125 * 1.3 * seconds))
        command = encode.video(self.request, source, drawn, start=start, frames=span * source.fps, folder=self.work)
        ffmpeg.run(command, lambda frames: self._show(source, start + frames / source.fps))
        self._sheet(source, drawn[0], start)
        rate = encode.timescale(source.fps)
        made = [
            tracks.store(
                self.lessons, self.request, tracks.Made(p.rung.name, self.work / f"{p.rung.name}.mp4", rate), start
            )
            for p in drawn
        ]
        return tuple(piece for piece in made if piece)

    def _sheet(self, source: Source, smallest: Picture, start: int) -> None:
        """Store the chunk's small pictures; before its receipt, so that they are there when it counts as done."""
        drawn = thumbnails.sheet(self.request, smallest)
        rendition, target = self.work / f"{smallest.rung.name}.mp4", self.work / "sheet.jpg"
        # A recording that breaks off leaves a file without a single picture.
        if drawn and rendition.is_file() and b"moof" in rendition.read_bytes():
            ffmpeg.run(encode.sheet(rendition, source.fps, drawn, target))
            if target.is_file():
                self.lessons.put(thumbnails.sheet_key(self.request, start), target.read_bytes(), IMMUTABLE)
                target.unlink()

    def _thumbnails(self, smallest: Picture, seconds: float) -> dict[str, Any]:
        """Store the track of the sheets that are there; its row for the record."""
        drawn, span = thumbnails.sheet(self.request, smallest), self.request.chunk_seconds
        if drawn is None:
            return {}
        there = {key for key, _, _ in self.lessons.objects(thumbnails.folder(self.request))}
        starts = [at for at in range(0, int(seconds) + 1, span) if thumbnails.sheet_key(self.request, at) in there]
        key = thumbnails.track_key(self.request)
        self.lessons.put(key, thumbnails.track(drawn, starts, span, seconds).encode(), IMMUTABLE)
        return {"thumbnails": {"vtt": key, "seconds": drawn.seconds, "width": drawn.width, "height": drawn.height}}

    def _finish(
        self, source: Source, drawn: tuple[Picture, ...], pieces: list[Piece], spoken: list[dict[str, str]]
    ) -> dict[str, Any]:
        at = {p.rung.name: p for p in drawn}
        videos = tuple(self._track(name, pieces, at[name].width, at[name].height, source.fps) for name in at)
        sound = self._track(SOUND, pieces) if any(p.track == SOUND for p in pieces) else None
        for track in (*videos, *([sound] if sound else [])):
            self.lessons.put(
                f"{self.request.media}{track.folder}/index.m3u8", playlists.media(track).encode(), IMMUTABLE
            )
        picture = self.work / "poster.jpg"
        ffmpeg.run(encode.poster(source, picture))
        self.lessons.put(f"{self.request.media}{self.request.recipe}/poster.jpg", picture.read_bytes(), IMMUTABLE)
        record = self._record(source, videos, sound)
        text = captions.listed(playlists.master(videos, sound), record["master"], spoken)
        more = self._thumbnails(drawn[0], record["seconds"])
        self.lessons.put(record["master"], text.encode(), MASTER)
        return {**record, **more}

    def _track(self, name: str, pieces: list[Piece], width: int = 0, height: int = 0, fps: int = 0) -> playlists.Track:
        mine = [piece for piece in pieces if piece.track == name]
        if len({(piece.codec, piece.init.etag) for piece in mine}) != 1:
            raise PackagingError(
                f"the chunks of rendition {name} do not fit together, or it has none; remove the lesson and publish it again"
            )
        segments = tuple(segment for piece in mine for segment in piece.segments)
        return playlists.Track(f"{self.request.recipe}/{name}", mine[0].codec, segments, width, height, fps)

    def _record(
        self, source: Source, videos: tuple[playlists.Track, ...], sound: playlists.Track | None
    ) -> dict[str, Any]:
        rungs = [{"name": v.folder.split("/")[-1], "width": v.width, "height": v.height, "fps": v.fps, "average_bps": v.average,
                  "peak_bps": v.peak, "codec": v.codec, "segments": len(v.segments)} for v in videos]  # fmt: skip
        tracked = (*videos, *([sound] if sound else []))
        return {
            "id": self.request.id, "content_hash": self.request.content_hash, "recipe": self.request.recipe,
            "seconds": round(sum(s.seconds for s in videos[0].segments), 3), "width": source.width, "height": source.height,
            "bytes": sum(s.size for t in tracked for s in t.segments), "sound": sound is not None,
            "audio_only": sound is not None, "renditions": rungs,
            "master": f"{self.request.media}master.m3u8", "poster": f"{self.request.media}{self.request.recipe}/poster.jpg",
        }  # fmt: skip

    def _drop_receipts(self) -> None:
        prefix = f"work/{self.request.id}/"
        self.uploads.delete([key for key, _, _ in self.uploads.objects(prefix)])
