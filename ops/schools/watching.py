"""`huiju school play`: a lesson played in the classroom of a trial school, through its box, and what the box's log says of it."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from catalog import load_named, names
from catalog.errors import UserError
from derive import access_log, school_cache, video_token
from derive.access_log import Access
from local import school
from local.school import wires
from local.school.trial import Trial
from ops.lessons import place
from ops.stack import configuration, school_authority, trust

Code = Annotated[str, typer.Argument(metavar="CODE", help="Code of the school.")]
Stack = Annotated[str, typer.Option(help="The stack whose platform is meant.")]
LOG = f"{school_cache.LOGS}/{school_cache.LOG}.log".lstrip("/")
HITS = ("TCP_HIT", "TCP_MEM_HIT", "TCP_CF_HIT", "TCP_REFRESH_HIT", "TCP_IMS_HIT")
SHOWN = 4
SETTLE_SECONDS = 2
"""Longer than the box keeps lines of its log back."""


@dataclass(frozen=True)
class Play:
    """One play, as the box's log tells it."""

    seconds: float
    answers: tuple[Access, ...]

    @property
    def media(self) -> Counter[bool]:
        """Answers with media, by whether they came from the box's own cache."""
        return Counter(each.why in HITS for each in self.answers if each.path.endswith((".m4s", ".mp4")))


def play(
    code: Code,
    lesson: Annotated[str | None, typer.Argument(metavar="[LESSON]", help="Its id; else the newest.")] = None,
    times: Annotated[int, typer.Option(min=1, max=10, help="How often.")] = 2,
    stack: Stack = "local",
) -> None:
    """Play a lesson in the classroom, twice, and show from where the box served it."""
    console = Console(soft_wrap=True, highlight=False)
    zone = ZoneInfo(load_named(place.of_stack(stack).city).timezone)
    for number in range(1, times + 1):
        done = watch(code, lesson, stack)
        served, fetched = done.media[True], done.media[False]
        console.print(
            f"play {number}: {done.seconds:.1f} s, {served + fetched} media answers: {served} from the box, {fetched} from the platform"
            f" (times in {zone})"
        )
        for each in done.answers[-SHOWN:]:
            said = f"{each.time.astimezone(zone):%H:%M:%S} {each.address} {each.status} {each.why} {each.milliseconds} ms {each.path}"
            console.print(f"  {said}", markup=False)


def watch(code: str, lesson: str | None, stack: str) -> Play:
    """Play once, as fast as it decodes. UserError when a picture or a sound is missing."""
    trial, base = school.find(code), f"https://{names.edge_host(code, _domain(stack))}"
    lesson_id = lesson or _newest(trial, base)
    master = json.loads(curl(trial, f"{base}/lessons/{lesson_id}/lesson.json"))["master"]
    log = trial.root / LOG
    before = _size(log)
    begun = time.monotonic()
    cookie = f"Cookie: {video_token.COOKIE}={token(stack, code, lesson_id)}"
    line = wires.in_room(
        trial, "ffmpeg", "-nostdin", "-v", "error", "-xerror", "-ca_file", str(school_authority.certificate_file()), "-tls_verify", "1",
        "-headers", f"{cookie}\r\n", "-i", f"{base}/lessons/{master}", "-map", "0:v", "-map", "0:a", "-f", "null", "-",
    )  # fmt: skip
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - begun
    if done.returncode or done.stderr:
        raise UserError(f"{lesson_id} does not play through the box of {code}:\n{done.stderr.strip()[-800:]}")
    return Play(seconds, _logged(log, before))


def _logged(log: Path, start: int) -> tuple[Access, ...]:
    """Answers in the box's log from byte ``start`` on, once no more come. Read from its disk: its link may be cut."""
    size = -1
    for _ in range(20):
        time.sleep(SETTLE_SECONDS)
        if size == (size := _size(log)) and size > start:
            break
    found = map(access_log.parse, log.read_bytes()[start:].decode(errors="replace").splitlines())
    return tuple(each for each in found if each)


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def _domain(stack: str) -> str:
    settings = configuration.settings(stack)
    return str(settings.get("edgeDomain") or settings["domain"])


def _newest(trial: Trial, base: str) -> str:
    rows: list[dict[str, Any]] = json.loads(curl(trial, f"{base}/lessons/index.json"))["lessons"]
    if not rows:
        raise UserError("no lesson is published yet: `huiju lesson publish FILE`")
    return str(rows[0]["id"])


def curl(trial: Trial, url: str, *words: str) -> str:
    """The body at ``url`` as a classroom gets it, the box's certificate checked against the school CA."""
    trusted = ("--cacert", str(school_authority.certificate_file()))
    line = wires.in_room(trial, "curl", "--silent", "--show-error", "--fail", "--max-time", "30", *trusted, *words, url)
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"{url} from the classroom of {trial.code}: {done.stderr.strip()}")
    return done.stdout


def token(stack: str, code: str, lesson: str) -> str:
    """Permission for anybody to play the lesson from the box of this school, as the platform gives it. UserError says why it does not."""
    where = place.of_stack(stack)
    address = f"{where.url}/access/play/{lesson}?place={code}"
    request = Request(address, method="POST", headers={"X-Token-In-Body": "1"})  # noqa: S310 - the stack's own https address
    try:
        with urlopen(request, timeout=30, context=trust.context(where.settings)) as answer:  # noqa: S310
            return str(json.loads(answer.read())["token"])
    except HTTPError as error:
        raise UserError(f"{lesson} may not be played at {code}: {error.code} {error.read().decode()[:300]}") from error
    except OSError as error:
        raise UserError(f"{address}: {error}; is the platform up? `huiju status` says") from error
