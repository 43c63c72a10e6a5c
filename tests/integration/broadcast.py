"""Lessons for the player's tests: a recording as the packager lays it out, and a broadcast that grows by a segment a second."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

SECONDS = 120
"""How long the material is; a broadcast of it is never longer."""
RATES = {"v234": (416, 234, 150), "v360": (640, 360, 400)}
SOUND_KBPS = 64
SCHOOL = {"code": "5110020001", "name": {"zh": "第一小学", "en": "First Primary School"}}
CAPTIONS = {"zh": ("中文", "第{n}句：一个分数"), "en": ("English", "Line {n}: a fraction")}
CODECS = 'CODECS="avc1.42c01e,mp4a.40.2"'


def material(folder: Path) -> Path:
    """Two renditions and their sound in segments of one second, each in a folder with `init.mp4` and `s<n>.m4s`."""
    for name, (width, height, _) in RATES.items():
        picture = ["-f", "lavfi", "-i", f"testsrc2=s={width}x{height}:r=15:d={SECONDS}"]
        codec = (
            "-c:v libx264 -preset ultrafast -profile:v baseline -pix_fmt yuv420p -g 15 -keyint_min 15 -sc_threshold 0"
        )
        _segments(folder / name, [*picture, *codec.split()])
    _segments(folder / "sound", ["-f", "lavfi", "-i", f"sine=f=330:d={SECONDS}", "-c:a", "aac", "-ac", "2"])
    return folder


def _segments(folder: Path, words: list[str]) -> None:
    folder.mkdir(parents=True)
    form = ["-f", "hls", "-hls_time", "1", "-hls_segment_type", "fmp4", "-hls_playlist_type", "vod"]
    names = ["-hls_fmp4_init_filename", "init.mp4", "-hls_segment_filename", str(folder / "s%d.m4s")]
    subprocess.run(["ffmpeg", "-v", "error", *words, *form, *names, str(folder / "index.m3u8")], check=True)


def clock(seconds: float) -> str:
    """A time as WebVTT has it."""
    return f"00:{int(seconds) // 60:02}:{seconds % 60:06.3f}"


def master(*, captions: Mapping[str, tuple[str, str]], sound_only: bool) -> str:
    """A master playlist beside the folders of `material`, with these captions."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    lines.append('#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="sound",DEFAULT=YES,AUTOSELECT=YES,URI="sound/index.m3u8"')
    for language, (name, _) in captions.items():
        facts = f'GROUP-ID="c",NAME="{name}",LANGUAGE="{language}",AUTOSELECT=YES,DEFAULT=NO'
        lines.append(f'#EXT-X-MEDIA:TYPE=SUBTITLES,{facts},URI="captions-{language}.m3u8"')
    more = ',AUDIO="a"' + (',SUBTITLES="c"' if captions else "")
    for name, (width, height, kbps) in RATES.items():
        bits = 1000 * (kbps + SOUND_KBPS)
        lines += [
            f"#EXT-X-STREAM-INF:BANDWIDTH={bits},{CODECS},RESOLUTION={width}x{height}{more}",
            f"{name}/index.m3u8",
        ]
    if sound_only:
        lines += [f'#EXT-X-STREAM-INF:BANDWIDTH={1000 * SOUND_KBPS},CODECS="mp4a.40.2"{more}', "sound/index.m3u8"]
    return "\n".join([*lines, ""])


def recording(root: Path, lesson: str, made: Path, **about: Any) -> dict[str, Any]:
    """Lay a recorded lesson with captions and small pictures out below ``root``; its record."""
    folder = root / lesson / "h"
    folder.mkdir(parents=True)
    for each in made.iterdir():
        (folder / each.name).symlink_to(each)
    caption(folder, CAPTIONS)
    _pictures(folder)
    facts = {"title": "分数", "school": SCHOOL, "seconds": SECONDS, "master": f"{lesson}/h/master.m3u8"}
    return {"id": lesson, **facts, "thumbnails": {"vtt": f"{lesson}/h/thumbnails.vtt"}, **about}


def caption(folder: Path, captions: Mapping[str, tuple[str, str]]) -> None:
    """Give the lesson laid out in ``folder`` these captions: a name and a line by the language's tag."""
    (folder / "master.m3u8").write_text(master(captions=captions, sound_only=True))
    for language, (_, line) in captions.items():
        cues = [f"{clock(at)} --> {clock(at + 0.9)}\n{line.format(n=at)}\n" for at in range(SECONDS)]
        (folder / f"captions-{language}.vtt").write_text("WEBVTT\n\n" + "\n".join(cues))
        head = f"#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:{SECONDS}\n#EXT-X-PLAYLIST-TYPE:VOD\n"
        text = f"{head}#EXTINF:{SECONDS}.0,\ncaptions-{language}.vtt\n#EXT-X-ENDLIST\n"
        (folder / f"captions-{language}.m3u8").write_text(text)


def _pictures(folder: Path) -> None:
    """A sheet of six small pictures, one for every twenty seconds."""
    draw = ["-f", "lavfi", "-i", f"testsrc2=s=160x90:r=1:d={SECONDS}", "-vf", "select=not(mod(n\\,20)),tile=6x1"]
    subprocess.run(
        ["ffmpeg", "-v", "error", *draw, "-frames:v", "1", "-update", "1", str(folder / "sheet.jpg")], check=True
    )
    cues = [f"{clock(20 * n)} --> {clock(20 * n + 20)}\nsheet.jpg#xywh={160 * n},0,160,90\n" for n in range(6)]
    (folder / "thumbnails.vtt").write_text("WEBVTT\n\n" + "\n".join(cues))


class Broadcast:
    """A live lesson below ``root`` as the live packager would write it; it has run for ``already`` seconds when it begins."""

    def __init__(self, root: Path, lesson: str, made: Path, *, already: int = 20, window: int = 30) -> None:
        self.root, self.lesson, self.made, self.window = root, lesson, made, window
        self.folder = root / lesson / "live"
        self.count = already
        self.began = datetime.now(UTC) - timedelta(seconds=already)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def record(
        self, state: str = "live", *, recorded: bool | None = None, until: datetime | None = None, **more: Any
    ) -> dict[str, Any]:
        """What the lesson's record says; ``recorded`` is whether a recording is to come, of which older records say nothing."""
        started = f"{self.began:%Y-%m-%dT%H:%M:%SZ}"
        live = {"state": state, "master": f"{self.lesson}/live/master.m3u8", "started": started, "segment_seconds": 1}
        said: dict[str, Any] = {} if recorded is None else {"recorded": recorded}
        said |= {} if until is None else {"until": f"{until:%Y-%m-%dT%H:%M:%SZ}"}
        return {"id": self.lesson, "title": "直播：圆的面积", "school": SCHOOL, "live": {**live, **said}, **more}

    def tell(self, record: dict[str, Any]) -> None:
        """Write the record."""
        (self.root / self.lesson).mkdir(parents=True, exist_ok=True)
        (self.root / self.lesson / "lesson.json").write_text(json.dumps(record))

    def start(self) -> Broadcast:
        """Begin to write; `stop` ends it as a broken ingest does."""
        for name in (*RATES, "sound"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
            for each in (self.made / name).iterdir():
                if each.suffix != ".m3u8":
                    (self.folder / name / each.name).symlink_to(each)
        (self.folder / "master.m3u8").write_text(master(captions={}, sound_only=False))
        self.tell(self.record())
        self._write()
        self._thread.start()
        return self

    def stop(self) -> None:
        """No further segment, and no word of an end."""
        self._stop.set()
        self._thread.join()

    def end(self) -> None:
        """The class is over: the playlists say so, and the record."""
        self.stop()
        self._write(end=True)
        self.tell(self.record("ended"))

    def resume(self) -> None:
        """Go on where it was stopped."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while self.count < SECONDS and not self._stop.wait(1):
            self.count += 1
            self._write()

    def _write(self, *, end: bool = False) -> None:
        first = max(0, self.count - self.window)
        lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-TARGETDURATION:1", f"#EXT-X-MEDIA-SEQUENCE:{first}",
                 "#EXT-X-INDEPENDENT-SEGMENTS", '#EXT-X-MAP:URI="init.mp4"']  # fmt: skip
        for number in range(first, self.count):
            at = (self.began + timedelta(seconds=number)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            lines += [f"#EXT-X-PROGRAM-DATE-TIME:{at}", "#EXTINF:1.00000,", f"s{number}.m4s"]
        text = "\n".join([*lines, *(["#EXT-X-ENDLIST"] if end else []), ""])
        for name in (*RATES, "sound"):
            draft = self.folder / name / ".index"
            draft.write_text(text)
            draft.replace(self.folder / name / "index.m3u8")
