"""Pieces become one file: each is brought to one order of streams on its way, picture and then sound, and none of that touches the disk.

A piece is a part as it came in, or a stretch of what was streamed live, out of the bucket.

Teachers' programs differ: one lists the sound first, one sends none, and whoever comes back comes with another. Whatever joins files as
they are takes the streams of the first for those of all.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

from services.live.encode import SILENCE
from services.live.streamed import Stretch
from services.packager import ffmpeg
from services.packager.encode import BEGIN, IN_TIME, SAMPLE_RATE
from services.packager.progress import say

STREAMED: Final = ("-protocol_whitelist", "pipe", "-format_whitelist", "mov,mp4,m4a,3gp,3g2,mj2", "-f", "mov")
FORMATS: Final = ("-protocol_whitelist", "file,pipe", "-format_whitelist", "mpegts", "-f", "mpegts")
SOUND_KBPS: Final = 192
"""Of the recording's sound, which is encoded once more: twice what any lesson has."""
WHOLE: Final = "recording.mkv"
JUMP: Final = 10.0
"""Seconds from which ffmpeg takes a step between two times for another clock (``-dts_delta_threshold``), and goes on without it."""
TAIL: Final = 0.1
"""Seconds for which the last picture of a part stands, and as many until the next part: the encoder's first sound is a moment early."""
ONE_CLOCK: Final = ("-itsoffset", "0.001")
"""A file whose times are moved, however little, begins for ffmpeg with its first stream; else with the first one that is asked for."""
Opened = Callable[[Stretch], AbstractContextManager[Sequence[int]]]
"""Opens what was streamed (:meth:`.streamed.Streamed.opened`)."""


@dataclass
class Stream:
    """What is in a stream; times as ffmpeg takes them, without what it takes for another clock."""

    packets: int = 0
    """From the first key frame on: nobody can show what comes before."""
    end: float = 0.0
    _last: float | None = None
    _shift: float = 0.0

    def add(self, shown: float | None, sent: float | None, *, key: bool) -> None:
        """The next packet."""
        self.packets += bool(self.packets or key)
        at = sent if sent is not None else shown
        if at is None:
            return
        if self._last is not None and not 0 <= at + self._shift - self._last <= JUMP:
            self._shift = self._last - at
        self._last = at + self._shift
        self.end = max(self.end, (shown if shown is not None else at) + self._shift)


@dataclass(frozen=True)
class Content:
    """What a part holds: the numbers of its first picture and its first sound that come, how many pictures, and its length."""

    file: Path
    picture: int
    sound: int | None
    """None where none came, announced or not."""
    pictures: int
    seconds: float
    codec: str
    shape: float
    """Width to height as it is shown, of the first pictures."""

    @property
    def heard(self) -> bool:
        """Whether there is sound."""
        return self.sound is not None


def look(file: Path) -> Content | None:
    """What is in a part, all of it read; None where no picture is."""
    words = ["ffprobe", "-v", "error", "-fflags", "+discardcorrupt", *FORMATS, "-show_entries",
             "packet=stream_index,pts_time,dts_time,flags:stream=index,codec_type,codec_name,width,height,sample_aspect_ratio:format=start_time",
             "-of", "compact", "-i", str(file)]  # fmt: skip
    streams, kinds, start = dict[int, Stream](), dict[int, Mapping[str, str]](), 0.0
    for section, row in _rows(words):
        if section == "packet":
            key = "K" in row.get("flags", "")
            streams.setdefault(int(row["stream_index"]), Stream()).add(_time(row, "pts"), _time(row, "dts"), key=key)
        elif section == "stream":
            kinds[int(row["index"])] = row
        elif section == "format":
            start = _time(row, "start") or 0.0
    coming = {kind: _first(kind, kinds, streams) for kind in ("video", "audio")}
    picture, sound = coming["video"], coming["audio"]
    if picture is None:
        return None
    end = max(streams[each].end for each in coming.values() if each is not None)
    about, lasts = kinds[picture], end - start + TAIL
    return Content(file, picture, sound, streams[picture].packets, lasts, about["codec_name"], _shape(about))


def _shape(row: Mapping[str, str]) -> float:
    pixel = row.get("sample_aspect_ratio", "N/A").replace(":", "/")
    stretched = Fraction(pixel) if pixel[:1].isdigit() and not pixel.startswith("0/") else Fraction(1)
    return float(int(row["width"]) / Fraction(row["height"]) * stretched)


def _first(kind: str, kinds: Mapping[int, Mapping[str, str]], streams: Mapping[int, Stream]) -> int | None:
    """The first stream of a kind of which anything came; a picture has a size."""
    mine = (number for number, row in sorted(kinds.items()) if row.get("codec_type") == kind)
    sized = (number for number in mine if kind == "audio" or kinds[number].get("width", "0").strip("0N/A"))
    return next((number for number in sized if number in streams and streams[number].packets), None)


def _rows(words: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """What ffprobe says, line by line: a class has a million packets."""
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=ffmpeg.ENVIRONMENT
    )
    with process:
        for line in process.stdout or ():
            section, *fields = line.strip().split("|")
            yield section, dict(field.split("=", 1) for field in fields if "=" in field)


def _time(row: Mapping[str, str], name: str) -> float | None:
    text = row.get(f"{name}_time", "N/A")
    return None if text == "N/A" else float(text)


def contents(folder: Path) -> list[Content]:
    """What is in the parts that hold a picture, in order."""
    return [each for part in sorted((folder / "parts").glob("*.ts")) if (each := look(part))]


def joined(folder: Path, pieces: Sequence[Content | Stretch], opened: Opened) -> tuple[Path, int]:
    """One file of all pieces and the number of pictures in it, without a byte of chance: joined again it is the same.

    A part may end in the middle of a packet, and begin with another camera: what is not whole is left out, and the sound is encoded anew,
    since a muxer gives up at half a packet of it where a decoder goes on.
    """
    target, seen = folder / WHOLE, [0]
    ending, beginning = os.pipe()
    with ThreadPoolExecutor(1) as pool:
        feeding = pool.submit(_feed, pieces, opened, beginning)
        try:
            ffmpeg.run(_whole(target), seen.append, source=ending)
        finally:
            os.close(ending)  # What is still being fed has nowhere to go then, and ends.
    feeding.result()
    return target, seen[-1]


def _feed(pieces: Sequence[Content | Stretch], opened: Opened, to: int) -> None:
    """All pieces, one behind the other, into a pipe."""
    begin, sound = 0.0, any(each.heard for each in pieces)
    try:
        for each in pieces:
            if isinstance(each, Content):
                _send(_part(each, begin, sound=sound), to)
            else:
                with opened(each) as pipes:
                    _send(_stretch(each, pipes, begin, sound=sound), to, pipes)
            begin += each.seconds + TAIL
    finally:
        os.close(to)


def _send(words: Sequence[str], to: int, pipes: Sequence[int] = ()) -> None:
    """One piece. What cannot be read of it costs no other: that pictures are missing is seen in the end. What was killed is tried again."""
    with tempfile.TemporaryFile("w+") as errors:
        done = subprocess.run(words, stdout=to, stderr=errors, check=False, env=ffmpeg.ENVIRONMENT, pass_fds=pipes)
        errors.seek(0)
        if done.returncode:
            error = ffmpeg.failure(done.returncode, errors.read(100_000))
            if done.returncode < 0:
                raise error
            say(warning=f"a part of the recording: {error}")


def _part(content: Content, begin: float, *, sound: bool) -> list[str]:
    """A part; it is opened twice, once for each stream: a sound that begins after minutes would otherwise have all pictures until then
    wait in memory."""
    source = ["-fflags", "+genpts+bitexact+discardcorrupt", *ONE_CLOCK, *FORMATS, "-i", str(content.file)]
    second = [] if content.sound is None else source
    return _piece(
        [*source, *_second(second, sound=sound)], (content.picture, content.sound), content.seconds, begin, sound=sound
    )


def _stretch(stretch: Stretch, pipes: Sequence[int], begin: float, *, sound: bool) -> list[str]:
    """What was streamed, its pictures out of the first pipe and its sound out of the second."""
    sources = [["-fflags", "+bitexact", *STREAMED, "-i", f"pipe:{pipe}"] for pipe in pipes]
    second = sources[1] if stretch.heard else []
    return _piece([*sources[0], *_second(second, sound=sound)], (0, 0), stretch.seconds, begin, sound=sound)


def _second(source: list[str], *, sound: bool) -> list[str]:
    """Where the sound comes from: silence where there is none, and nothing where the whole recording has none."""
    return (source or ["-f", "lavfi", "-i", SILENCE]) if sound else []


def _piece(
    sources: Sequence[str], streams: tuple[int, int | None], seconds: float, begin: float, *, sound: bool
) -> list[str]:
    """MPEG-TS from second ``begin``: the picture as it is, and sound for as long as it lasts."""
    picture, heard = streams
    chain = f"{IN_TIME},apad"
    encoded = ["-map", f"1:{heard or 0}", "-c:a", "aac", "-b:a", f"{SOUND_KBPS}k", "-ac", "2", "-ar", str(SAMPLE_RATE),
               "-af", chain]  # fmt: skip
    return ["ffmpeg", "-hide_banner", "-nostdin", "-v", "error", *sources, "-map", f"0:{picture}",
            "-c:v", "copy", *(encoded if sound else []), "-t", f"{seconds:.6f}", "-output_ts_offset", f"{begin:.6f}",
            "-muxdelay", "0", "-muxpreload", "0", "-mpegts_flags", "initial_discontinuity", "-fflags", "+bitexact", "-flags", "+bitexact",
            "-map_metadata", "-1", "-f", "mpegts", "pipe:1"]  # fmt: skip


def _whole(target: Path) -> list[str]:
    """All of them from the pipe into one file, as they are."""
    return [*BEGIN, "-fflags", "+genpts+bitexact", *FORMATS, "-i", "pipe:0", "-map", "0:v:0", "-map", "0:a:0?", "-c", "copy",
            "-fflags", "+bitexact", "-flags", "+bitexact", "-map_metadata", "-1", "-f", "matroska", str(target)]  # fmt: skip
