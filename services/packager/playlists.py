"""HLS playlists (RFC 8216). Pure: text from measured segments."""

from __future__ import annotations

import math
from dataclasses import dataclass

AAC_LC = "mp4a.40.2"
"""RFC 6381 name of the sound."""

GROUP = "sound"


@dataclass(frozen=True)
class Segment:
    """A stored segment: name in its folder, seconds, bytes, and the store's ETag by which a later run knows it again."""

    name: str
    seconds: float
    size: int
    etag: str


@dataclass(frozen=True)
class Track:
    """A finished rendition or the sound: where it lies (relative to the master), what it is, its segments."""

    folder: str
    codec: str
    segments: tuple[Segment, ...]
    width: int = 0
    height: int = 0
    fps: int = 0

    @property
    def average(self) -> int:
        """Bits a second over the whole."""
        return math.ceil(8 * sum(s.size for s in self.segments) / sum(s.seconds for s in self.segments))

    @property
    def peak(self) -> int:
        """Bits a second of the busiest segment; those much shorter than the longest do not count (RFC 8216, 4.1)."""
        longest = max(s.seconds for s in self.segments)
        return math.ceil(max(8 * s.size / s.seconds for s in self.segments if s.seconds >= longest / 2))


def media(track: Track) -> str:
    """The playlist of one track; ``init.mp4`` and the segments lie beside it."""
    target = max(1, round(max(s.seconds for s in track.segments)))
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", f"#EXT-X-TARGETDURATION:{target}", "#EXT-X-MEDIA-SEQUENCE:0", "#EXT-X-PLAYLIST-TYPE:VOD",
             "#EXT-X-INDEPENDENT-SEGMENTS", '#EXT-X-MAP:URI="init.mp4"']  # fmt: skip
    for segment in track.segments:
        lines += [f"#EXTINF:{segment.seconds:.5f},", segment.name]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def master(videos: tuple[Track, ...], sound: Track | None) -> str:
    """The master playlist, smallest rendition first: a phone on a thin link starts at once.

    The sound alone is the last variant: a link too thin for any picture can be told to take it, and nobody begins with it.
    """
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    if sound:
        lines.append(
            f'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="{GROUP}",NAME="sound",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="{sound.folder}/index.m3u8"'
        )
    for video in videos:
        peak, average = (getattr(video, key) + (getattr(sound, key) if sound else 0) for key in ("peak", "average"))
        codecs = ",".join([video.codec, *([sound.codec] if sound else [])])
        facts = [f"BANDWIDTH={peak}", f"AVERAGE-BANDWIDTH={average}", f'CODECS="{codecs}"', f"RESOLUTION={video.width}x{video.height}",
                 f"FRAME-RATE={video.fps:.3f}", *([f'AUDIO="{GROUP}"'] if sound else [])]  # fmt: skip
        lines += ["#EXT-X-STREAM-INF:" + ",".join(facts), f"{video.folder}/index.m3u8"]
    if sound:
        alone = [
            f"BANDWIDTH={sound.peak}",
            f"AVERAGE-BANDWIDTH={sound.average}",
            f'CODECS="{sound.codec}"',
            f'AUDIO="{GROUP}"',
        ]
        lines += ["#EXT-X-STREAM-INF:" + ",".join(alone), f"{sound.folder}/index.m3u8"]
    return "\n".join([*lines, ""])
