"""A lesson made on the spot, so that a fresh platform has something to play: slides, a running clock and a spoken voice.

The same tools give the same bytes (fixed texts, bit-exact flags, one thread), and the file is kept by what it is made from, so the second
``make up`` finds its content hash published already. The texts are our own; the picture is drawn by ffmpeg, the voice is espeak-ng's.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from catalog import City
from catalog.access import Scope, Use
from catalog.errors import UserError
from local import paths

WIDTH, HEIGHT, FPS = 1280, 720, 25
PAUSE = 1.0
"""Seconds of quiet after each slide's words."""
INK, SOFT, PAPER, ACCENT, CLOCK = "0x14231f", "0x52635e", "0xf4f7f5", "0x0f766e", "0x9f1239"
TITLE, SUBJECT = "认识分数（示例课） · Fractions, a sample lesson", "数学"


@dataclass(frozen=True)
class Slide:
    """What is shown and said; ``parts`` shares of a cake of which ``taken`` are coloured (0 parts: no cake)."""

    heading: str
    english: str
    says: str
    parts: int = 0
    taken: int = 0


SLIDES = (
    Slide("认识分数", "Getting to know fractions", "同学们好，今天我们来认识分数。"),
    Slide(
        "平均分成两份，一份是二分之一",
        "One of two equal parts: 1/2",
        "把一个蛋糕平均分成两份，每一份是它的二分之一。",
        2,
        1,
    ),
    Slide("平均分成四份，一份是四分之一", "One of four equal parts: 1/4", "平均分成四份，每一份是它的四分之一。", 4, 1),
    Slide("分得越多，每一份越小", "The more parts, the smaller each one", "比一比，分的份数越多，每一份就越小。", 8, 1),
    Slide(
        "想一想：涂色的是几分之几？", "Think: which fraction is coloured?", "想一想，涂色部分是蛋糕的几分之几？", 8, 3
    ),
)


def _run(command: Sequence[str]) -> bytes:
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise UserError(f"the sample lesson cannot be made: {command[0]}: {said[-1] if said else done.returncode}")
    return done.stdout


def _font() -> tuple[str, bool]:
    """A font file, and whether it has Chinese letters."""
    found = _run(["fc-match", "--format=%{file}|%{lang}", "Noto Sans CJK SC:lang=zh-cn"]).decode()
    file, _, languages = found.partition("|")
    return file, "zh-cn" in languages.split("|")


def _speak(slide: Slide, chinese: bool, target: Path) -> float:
    """Speak into ``target`` (WAV) and return its seconds."""
    voice, words = ("cmn", slide.says) if chinese else ("en", slide.english)
    _run(["espeak-ng", "-v", voice, "-s", "150", "-w", str(target), words])
    with wave.open(str(target)) as sound:
        return float(sound.getnframes() / sound.getframerate())


def _text(file: Path, font: str, look: str, enable: str) -> str:
    return f"drawtext=fontfile={font}:textfile={file}:expansion=none:{look}:enable='{enable}'"


def _cake(slide: Slide, enable: str) -> Iterator[str]:
    left, top, width, height = 240, 380, 800, 150
    share = width // max(1, slide.parts)
    for part in range(slide.parts):
        fill = ACCENT if part < slide.taken else "white"
        where = f"x={left + part * share}:y={top}:w={share}:h={height}"
        yield f"drawbox={where}:color={fill}:t=fill:enable='{enable}'"
        yield f"drawbox={where}:color={INK}:t=4:enable='{enable}'"


def _drawing(spans: Sequence[tuple[float, float]], font: str, chinese: bool, folder: Path) -> str:
    """The filter that draws all slides, the progress line and the clock."""
    steps = []
    for number, (slide, (start, end)) in enumerate(zip(SLIDES, spans, strict=True)):
        enable = f"gte(t,{start:.2f})*lt(t,{end:.2f})"
        heading, english = folder / f"{number}.zh.txt", folder / f"{number}.en.txt"
        heading.write_text(slide.heading if chinese else slide.english, encoding="utf-8")
        english.write_text(slide.english if chinese else f"{number + 1} / {len(SLIDES)}", encoding="utf-8")
        top = 150 if slide.parts else 260
        steps.append(_text(heading, font, f"fontsize=64:fontcolor={INK}:x=(w-tw)/2:y={top}", enable))
        steps.append(_text(english, font, f"fontsize=36:fontcolor={SOFT}:x=(w-tw)/2:y={top + 100}", enable))
        steps += _cake(slide, enable)
    clock = f"drawtext=fontfile={font}:text='%{{pts\\:hms}}':fontsize=40:fontcolor={CLOCK}:x=w-tw-48:y=h-84"
    bar = f"drawbox=x=0:y=0:w=iw:h=14:color={ACCENT}:t=fill"
    return ",".join([bar, *steps, clock])


def _encode(folder: Path, drawing: str, spans: Sequence[tuple[float, float]], target: Path) -> None:
    total = spans[-1][1]
    voices = [str(folder / f"{number}.wav") for number in range(len(spans))]
    delays = [f"[{n + 1}:a]adelay={round(start * 1000)}[a{n}]" for n, (start, _) in enumerate(spans)]
    mixed = (
        "".join(f"[a{n}]" for n in range(len(spans)))
        + f"amix=inputs={len(spans)}:normalize=0,apad=whole_dur={total:.2f}[sound]"
    )
    script = folder / "filter.txt"
    script.write_text(";".join([f"[0:v]{drawing}[picture]", *delays, mixed]), encoding="utf-8")
    exact = ["-fflags", "+bitexact", "-flags", "+bitexact", "-map_metadata", "-1"]
    _run([
        "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"color=c={PAPER}:s={WIDTH}x{HEIGHT}:r={FPS}:d={total:.2f}",
        *(word for voice in voices for word in ("-i", voice)),
        "-filter_complex_script", str(script), "-map", "[picture]", "-map", "[sound]", "-t", f"{total:.2f}",
        "-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-threads", "1", "-pix_fmt", "yuv420p", "-g", "50",
        "-c:a", "aac", "-b:a", "128k", "-ac", "2", "-ar", "48000", *exact, str(target),
    ])  # fmt: skip


def render(target: Path) -> None:
    """Make the sample lesson's video; UserError names the missing program."""
    missing = [name for name in ("ffmpeg", "espeak-ng", "fc-match") if not shutil.which(name)]
    if missing:
        raise UserError(
            f"the sample lesson needs {', '.join(missing)}: apt-get install ffmpeg espeak-ng fontconfig fonts-noto-cjk, "
            "or leave it out with `huiju up --no-lesson`"
        )
    font, chinese = _font()
    # Beside the target and of this run alone: another clone may be making the same file.
    with TemporaryDirectory(dir=target.parent, prefix=".making-") as name:
        folder, spans, at = Path(name), [], 0.0
        for number, slide in enumerate(SLIDES):
            seconds = _speak(slide, chinese, folder / f"{number}.wav") + PAUSE
            spans.append((at, at + seconds))
            at += seconds
        _encode(folder, _drawing(spans, font, chinese, folder), spans, folder / target.name)
        (folder / target.name).replace(target)


def file() -> Path:
    """The sample lesson, made if it is not there; kept by its texts and the tools that make it."""
    tools = [
        subprocess.run([name, flag], capture_output=True, check=False).stdout.split(b"\n")[0]
        for name, flag in _VERSIONS
        if shutil.which(name)
    ]
    key = hashlib.sha256(b"\n".join([Path(__file__).read_bytes(), *tools])).hexdigest()[:16]
    target = paths.cache_dir() / "sample-lesson" / f"{key}.mp4"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        render(target)
    return target


_VERSIONS = (("ffmpeg", "-version"), ("espeak-ng", "--version"))


def school(city: City) -> str:
    """Code of the school that the sample is published for: the first leading school, or the first school."""
    leading = [code for alliance in city.alliances for code in alliance.leading]
    return leading[0] if leading else city.schools[0].code


def licence(city: City) -> str | None:
    """Id of the licence that lets the public play the sample longest; None where the city has none: the sample then is for its schools."""
    public = {tier.id for tier in city.tiers if tier.scope is Scope.PUBLIC}
    fitting = [
        each for each in city.licences if Use.STREAM in each.uses and public & set(each.tiers) and not each.window
    ]
    # Without end first; among equals the one that gives least away.
    fitting.sort(key=lambda each: (-(each.window_days or NO_END), len(each.uses), each.id))
    return fitting[0].id if fitting else None


NO_END = 1 << 20
"""Days; more than any licence's window."""
