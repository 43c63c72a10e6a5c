"""ffmpeg's arguments, as lists: one decode, many encodes. Pure.

Rate: constant quality (CRF) under a cap. A slide costs little and a busy picture never more than the rung promises, which is
what a school's 20 Mbit/s link is planned with. The buffer is 1.5 s of the cap, so that a 6 s segment stays within 1.25 of it.
"""

from __future__ import annotations

from pathlib import Path

from .probe import INPUT_LIMITS, Source
from .request import Request
from .rungs import Picture
from .thumbnails import Sheet

AAC_PRIMING = 1024
"""Samples that an AAC encoder puts before the first one; as many are cut from the start so that sound and picture stay together."""

SAMPLE_RATE = 48_000
IN_TIME = f"aresample={SAMPLE_RATE}:async=1000:first_pts=0:flags=res"
"""Sound that keeps to its times, silence where it begins late or has a gap. `res`: ffmpeg 5.1 makes the resampler where it first has to
stretch, if it has none yet, begins anew with it, and puts silence for all that was before into the middle."""
TICKS_PER_FRAME = 1000
BEGIN = ["ffmpeg", "-hide_banner", "-nostdin", "-v", "error", "-y", "-progress", "pipe:1", "-nostats"]
FRAGMENTED = ["-use_editlist", "0", "-f", "mp4", "-movflags"]
COMMON = "+empty_moov+default_base_moof+skip_trailer"


def timescale(fps: int) -> int:
    """Ticks a second of the video tracks: a whole number of ticks for every frame."""
    return fps * TICKS_PER_FRAME


def _filters(source: Source, drawn: tuple[Picture, ...]) -> str:
    whole = ["yadif=deint=interlaced"] if source.interlaced else []
    # start_time=0 repeats the frame that was showing when the chunk begins, also where the source has no frame for seconds.
    whole += [f"fps={source.fps}:start_time=0:round=near", "format=yuv420p", f"split={len(drawn)}"]
    taps = "".join(f"[s{n}]" for n in range(len(drawn)))
    scaled = [f"[s{n}]scale={p.width}:{p.height}:flags=bicubic,setsar=1[v{n}]" for n, p in enumerate(drawn)]
    return ";".join([f"[0:v:0]{','.join(whole)}{taps}", *scaled])


def _video_output(
    request: Request, source: Source, picture: Picture, *, number: int, frames: int, target: Path
) -> list[str]:
    gop, cap = source.fps * request.keyframe_seconds, picture.rung.kbps
    return ["-map", f"[v{number}]", "-frames:v", str(frames), "-c:v", "libx264", "-preset", request.preset, "-profile:v", "high",
            "-level:v", f"{picture.level / 10:.1f}", "-crf", str(picture.rung.crf), "-maxrate", f"{cap}k", "-bufsize", f"{cap * 3 // 2}k",
            "-g", str(gop), "-keyint_min", str(gop), "-sc_threshold", "0", "-flags", "+cgop+global_header+bitexact", "-map_metadata", "-1",
            "-video_track_timescale", str(timescale(source.fps)), *FRAGMENTED, f"{COMMON}+frag_keyframe", str(target)]  # fmt: skip


def video(
    request: Request, source: Source, drawn: tuple[Picture, ...], *, start: int, frames: int, folder: Path
) -> list[str]:
    """Encode ``frames`` frames from second ``start`` into ``<folder>/<rung>.mp4``, all rungs from one decode."""
    # Without accurate seek the frames since the keyframe before keep times below zero, which the fps filter understands.
    command = [
        *BEGIN,
        "-noaccurate_seek",
        "-ss",
        str(start),
        *INPUT_LIMITS,
        "-i",
        str(source.path),
        "-filter_complex",
        _filters(source, drawn),
    ]
    for number, picture in enumerate(drawn):
        command += _video_output(
            request, source, picture, number=number, frames=frames, target=folder / f"{picture.rung.name}.mp4"
        )
    return command


def audio(request: Request, source: Source, target: Path) -> list[str]:
    """Encode the whole sound into ``target``, two channels at 48 kHz, gaps filled, fragments of one segment."""
    chain = f"{IN_TIME},atrim=start_sample={AAC_PRIMING},asetpts=PTS-STARTPTS"
    return [*BEGIN, *INPUT_LIMITS, "-i", str(source.path), "-map", "0:a:0", "-vn", "-af", chain, "-ac", "2", "-c:a", "aac",
            "-b:a", f"{request.audio_kbps}k", "-flags", "+global_header+bitexact", "-map_metadata", "-1",
            "-frag_duration", str(request.segment_seconds * 1_000_000), *FRAGMENTED, COMMON, str(target)]  # fmt: skip


def index(source: Source, target: Path) -> list[str]:
    """Copy the first picture and sound, as they are, into a Matroska file, which has an index."""
    return [*BEGIN, "-fflags", "+genpts", *INPUT_LIMITS, "-i", str(source.path), "-map", "0:v:0", "-map", "0:a:0?", "-c", "copy",
            "-f", "matroska", str(target)]  # fmt: skip


def sheet(rendition: Path, fps: int, drawn: Sheet, target: Path) -> list[str]:
    """One sheet of small pictures from the chunk of a rendition at ``rendition``; places without a frame stay black."""
    chain = f"select=not(mod(n\\,{drawn.seconds * fps})),scale={drawn.width}:{drawn.height},setsar=1,tile={drawn.columns}x{drawn.rows}"
    return [*BEGIN, *INPUT_LIMITS, "-i", str(rendition), "-map", "0:v:0", "-vf", chain, "-frames:v", "1", "-flags", "+bitexact",
            "-map_metadata", "-1", "-q:v", "6", "-f", "image2", "-update", "1", str(target)]  # fmt: skip


def whole(parts: list[Path], target: Path) -> list[str]:
    """Copy the tracks of ``parts``, one in each, into a progressive MP4 whose index comes first."""
    inputs = [word for part in parts for word in (*INPUT_LIMITS, "-i", str(part))]
    tracks = [word for number in range(len(parts)) for word in ("-map", f"{number}:0")]
    return [*BEGIN, *inputs, *tracks, "-c", "copy", "-flags", "+bitexact", "-fflags", "+bitexact", "-map_metadata", "-1",
            "-f", "mp4", "-movflags", "+faststart", str(target)]  # fmt: skip


def poster(source: Source, target: Path) -> list[str]:
    """One picture from a third into the lesson, past its title, 480 pixels wide."""
    return [*BEGIN, "-ss", f"{source.seconds / 3:.2f}", *INPUT_LIMITS, "-i", str(source.path), "-map", "0:v:0", "-frames:v", "1",
            "-vf", "scale=480:-2,setsar=1", "-flags", "+bitexact", "-map_metadata", "-1",
            "-q:v", "4", "-f", "image2", "-update", "1", str(target)]  # fmt: skip
