"""ffmpeg's arguments for one run, as lists: one decode, a pipe for each track. Pure.

Every track begins at the same moment and has a segment every so many seconds exactly: frames are spread evenly, key frames stand on segment
borders, and pictures without B-frames need no edit list (see ``services/packager/fragments.py``). Every rendition always has the rung's
whole size, with black beside a picture of another shape, so that a camera that is changed in the middle of class changes no playlist.
"""

from __future__ import annotations

from collections.abc import Mapping

from services.live.request import SOUND, Request
from services.packager.encode import AAC_PRIMING, BEGIN, COMMON, FRAGMENTED, IN_TIME, SAMPLE_RATE, timescale
from services.packager.request import Rung
from services.packager.rungs import level

PRESET = "veryfast"
"""x264's preset, as for recordings (docs/decisions/0071): three renditions up to 720p take about one core."""
BURST = 0.5
"""The rate's buffer, seconds: a segment of 2 s is then at most a quarter over the rung's rate."""
SILENCE = f"anullsrc=r={SAMPLE_RATE}:cl=stereo"


def command(request: Request, pipes: Mapping[str, int], *, sound: bool) -> list[str]:
    """Read MPEG-TS from the standard input and write each track, fragmented MP4, to its pipe; silence where the source has no ``sound``."""
    words = [*BEGIN, "-probesize", "2M", "-analyzeduration", "2M", "-f", "mpegts", "-i", "pipe:0"]
    words += [] if sound else ["-re", "-f", "lavfi", "-i", SILENCE]
    words += ["-filter_complex", _filters(request)]
    for number, rung in enumerate(request.rungs):
        words += _picture(request, rung, number, pipes[rung.name])
    return [*words, *_sound(request, pipes[SOUND], sound=sound)]


def _filters(request: Request) -> str:
    # Without a start_time: ffmpeg makes the filters anew for a picture of another size, and they would repeat it from the run's beginning.
    whole = f"yadif=deint=interlaced,fps={request.fps}:round=near,format=yuv420p,split={len(request.rungs)}"
    taps = "".join(f"[s{number}]" for number in range(len(request.rungs)))
    scaled = [
        f"[s{number}]scale={r.width}:{r.height}:force_original_aspect_ratio=decrease:force_divisible_by=2,"
        f"pad={r.width}:{r.height}:-1:-1,setsar=1[v{number}]"
        for number, r in enumerate(request.rungs)
    ]
    return ";".join([f"[0:v:0]{whole}{taps}", *scaled])


def _picture(request: Request, rung: Rung, number: int, pipe: int) -> list[str]:
    gop = request.fps * request.segment_seconds
    # cfr repeats the first frame from where the sound begins, and has no gap and no step back where the filters are made anew.
    return ["-map", f"[v{number}]", "-fps_mode", "cfr", "-r", str(request.fps),
            "-c:v", "libx264", "-preset", PRESET, "-profile:v", "high", "-bf", "0",
            "-level:v", f"{level(rung.width, rung.height, request.fps) / 10:.1f}", "-crf", str(rung.crf), "-maxrate", f"{rung.kbps}k",
            "-bufsize", f"{int(rung.kbps * BURST)}k", "-g", str(gop), "-keyint_min", str(gop), "-sc_threshold", "0",
            "-flags", "+cgop+global_header+bitexact", "-map_metadata", "-1", "-video_track_timescale", str(timescale(request.fps)),
            "-flush_packets", "1", *FRAGMENTED, f"{COMMON}+frag_keyframe", f"pipe:{pipe}"]  # fmt: skip


def _sound(request: Request, pipe: int, *, sound: bool) -> list[str]:
    chain = f"{IN_TIME},atrim=start_sample={AAC_PRIMING},asetpts=PTS-STARTPTS"
    return ["-map", "0:a:0" if sound else "1:a:0", "-vn", "-af", chain, "-ac", "2", "-c:a", "aac", "-b:a", f"{request.audio_kbps}k",
            "-flags", "+global_header+bitexact", "-map_metadata", "-1", "-frag_duration", str(request.segment_seconds * 1_000_000),
            "-flush_packets", "1", *FRAGMENTED, COMMON, f"pipe:{pipe}"]  # fmt: skip
