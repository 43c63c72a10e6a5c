"""What a school's box is shown of its pupils it keeps nowhere: not on its disk, not in a log, a memory-backed file or what it ships.

Permissions good and bad, and names of pupils, are shown to the real cache in every part of a request that can carry them, for pieces that
it has and for pieces that it fetches; then all that it wrote is searched. In each place the same search finds what is there on purpose.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import stat
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count, product
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jwt
import pytest

from derive import box_log, keys, page_access, permission, school_cache, video_token
from derive.video_token import COOKIE
from services.packager.store import IMMUTABLE
from tests import box_cache
from tests.box_cache import CODE, ISSUER, LESSON, OTHER, SEED, Box, Platform
from tests.integration.searching import LEAST, Search
from tests.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]
PATIENCE = 120.0
"""Seconds until a request must have been answered by more than that the platform does not answer."""
METHODS = ("GET", "HEAD", "OPTIONS")
FOLDER = f"/lessons/{LESSON}/{'c' * 8}/r1/v720-3000"
Request = tuple[str, Mapping[str, str | bytes]]
"""Path with whatever it carries, and headers."""


def claims(name: str, **other: str | int) -> dict[str, Any]:
    """Of a permission in which a name stands, as none of ours has it."""
    right = video_token.claims(ISSUER, CODE, LESSON, int(time.time()) + 3600)
    return {**right, "sub": name, **other}


def signed(claims: Mapping[str, Any], seed: str = SEED, kid: str = keys.key_id(keys.VIDEO)) -> str:
    key = keys.pem(keys.private_key(seed, keys.VIDEO))
    return jwt.encode(dict(claims), key, keys.ALGORITHM, headers={"kid": kid})


def spoilt(token: str) -> str:
    """The last character but one of the signature is another."""
    return f"{token[:-2]}{'A' if token[-2] != 'A' else 'B'}{token[-1]}"


STATES: Mapping[str, Callable[[str], str]] = {
    "good": lambda name: signed(claims(name)),
    "good and long": lambda name: signed(claims(name, long="x" * 3000)),
    "ended": lambda name: signed(claims(name, exp=int(time.time()) - 60)),
    "of another school": lambda name: signed(claims(name, aud="0000000002")),
    "of another platform": lambda name: signed(claims(name, iss="https://else.test")),
    "for another lesson": lambda name: signed({**video_token.claims(ISSUER, CODE, OTHER, 2**31), "sub": name}),
    "by another key": lambda name: signed(claims(name), "other"),
    "by a key nobody knows": lambda name: signed(claims(name), "other", "video-9"),
    "altered": lambda name: spoilt(signed(claims(name))),
    "without its signature": lambda name: signed(claims(name)).rpartition(".")[0] + ".",
    "cut": lambda name: signed(claims(name)).rpartition(".")[0],
    "with an equals sign": lambda name: signed(claims(name)).replace(".", "=.", 1),
    "with a tail": lambda name: f"{signed(claims(name))}.{name}",
    "no permission at all": lambda name: f"{name}.{name}.{name}",
}
"""What is wrong with it -> it, for somebody of this name."""
GOOD = ("good", "good and long")
BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
    "sec-ch-ua": '"Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"',
    "Accept": "*/*",
    "Origin": ISSUER,
    "Referer": f"{ISSUER}/",
    "Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8",
}
"""What goes along with everything: how much stands beside a token in the cache's memory decides what of it comes on the disk."""
LET_IN = ("in the cookie", "among cookies", "by a page")
WAYS: Mapping[str, Callable[[str, str, str], Request]] = {
    "in the cookie": lambda path, token, _: (path, {"Cookie": f"{COOKIE}={token}"}),
    "among cookies": lambda path, token, name: (path, {"Cookie": f"a={name}; {COOKIE}={token}; b={token}".encode()}),
    "by a page": lambda path, token, _: (path, {page_access.HEADER: token}),
    "in another cookie": lambda path, token, name: (path, {"Cookie": f"session={token}; name={name}".encode()}),
    "as credentials": lambda path, token, _: (path, {"Authorization": f"Bearer {token}"}),
    "as a password": lambda path, token, name: (
        path,
        {"Authorization": b"Basic " + base64.b64encode(f"{name}:{token}".encode())},
    ),
    "in the query": lambda path, token, name: (f"{path}?{COOKIE}={token}&name={quote(name)}", {}),
    "in a path parameter": lambda path, token, name: (f"{path};{COOKIE}={token};name={quote(name)}", {}),
}
"""Where it stands -> the request for a path; those that let somebody in who shows a good one there are in `LET_IN`."""


@dataclass
class Planted:
    """What was shown, word by word, and what came of it."""

    words: dict[str, str] = field(default_factory=dict)
    opening: list[str] = field(default_factory=list)
    """Tokens that opened something."""
    counts: Counter[str] = field(default_factory=Counter)

    def token(self, state: str) -> tuple[str, str]:
        """A new one in this state, and the name of a person whose account stands in it."""
        person = "".join(chr(0x4E00 + secrets.randbelow(0x5000)) for _ in range(6))
        account, number = f"zhang.wei.{secrets.token_hex(8)}", self.counts["tokens"]
        token = STATES[state](account)
        beyond = token.rpartition(".")[2][permission.CHARACTERS :]
        found = {"account": account, "name": person, "token": token}
        if len(beyond) > 2 * LEAST and account not in beyond:
            found |= {"signature": beyond[: len(beyond) // 2], "signature, on": beyond[len(beyond) // 2 :]}
        self.words |= {f"{number}, {state}: {what}": word for what, word in found.items()}
        self.counts["tokens"] += 1
        return token, person


@dataclass(frozen=True)
class Place:
    """Somewhere to look, and a word that is there on purpose."""

    name: str
    content: bytes
    known: str


def pieces(platform: Platform, name: str, kept: str) -> Iterator[str]:
    """Paths of pieces that nobody has asked for yet."""
    for number in count():
        path = f"{FOLDER}/{name}{number}.m4s"
        platform.objects[path] = (f"{path} ".encode() * 50, kept)
        yield path


def show(box: Box, planted: Planted, path: str, state: str, way: str, *, beside: bool, method: str) -> None:
    """A token in this state is shown in this way; ``beside``: with a good one in the cookie."""
    token, name = planted.token(state)
    asked, headers = WAYS[way](path, token, name)
    carrier = planted.token("good")[0] if beside and "Cookie" not in headers else ""
    if carrier:
        headers = {**headers, "Cookie": f"{COOKIE}={carrier}"}
    end, status = time.monotonic() + PATIENCE, 0
    while not 200 <= status < 500:
        # A machine that does much else has the box wait in vain for the platform.
        assert time.monotonic() < end, (state, way, beside, status)
        status, body = box.school(method, asked, headers={**BROWSER, **headers})
        planted.counts["requests"] += bool(status)
    given = status in {200, 206} and method != "OPTIONS"
    good = state in GOOD and way in LET_IN
    assert given <= (good or bool(carrier)), (state, way, beside, status)
    assert given or path.encode() not in body
    assert given or not good or method == "OPTIONS", (state, way, beside, status)
    if given:
        planted.counts["opened"] += 1
        planted.opening.append(token if good else carrier)


def show_all(box: Box, planted: Planted, new: Iterator[str], alone: int) -> None:
    """Tokens in every state, in every way, alone or beside a good one, for a cold piece and for a warm one.

    ``alone`` is 0 or 1: of what is shown alone this time the other is shown beside a good one.
    """
    for number, ((row, state), (column, way)) in enumerate(product(enumerate(STATES), enumerate(WAYS))):
        path, beside = next(new), (row + column) % 2 != alone
        for heat in ("cold", "warm"):
            method = "GET" if heat == "cold" else METHODS[number % len(METHODS)]
            show(box, planted, path, state, way, beside=beside, method=method)
            # What it is warmed with, if it was not given.
            show(box, planted, path, "good", LET_IN[number % len(LET_IN)], beside=False, method="GET")


def memory(box: Box) -> Iterator[bytes]:
    """Every file that the process has open or shares its memory with, whether a folder knows it still or not."""
    assert box.process
    process = Path(f"/proc/{box.process.pid}")
    shared = {row.split(maxsplit=5)[0] for row in (process / "maps").read_text().splitlines() if "s" in row.split()[1]}
    for each in (*(process / "fd").iterdir(), *(process / "map_files" / name for name in shared)):
        with suppress(OSError):
            if stat.S_ISREG(each.stat().st_mode):
                yield lines(each.read_bytes())


def lines(content: bytes) -> bytes:
    """Without what is empty of it, which would be one line of many megabytes."""
    return re.sub(rb"\0{64,}", b"\n", content)


def written(folder: Path) -> bytes:
    """All files below a folder."""
    return b"\n".join(lines(each.read_bytes()) for each in sorted(folder.rglob("*")) if each.is_file())


def logged(box: Box) -> list[bytes]:
    """The lines of the access log, of the parts that were rolled too."""
    return b"".join(
        each.read_bytes() for each in sorted((box.folder / "log").glob(f"{school_cache.LOG}.log*"))
    ).splitlines()


def shipped(box: Box) -> list[str]:
    """What the city keeps of them."""
    return [row for row in (box_log.kept(line, CODE) for line in logged(box)) if row]


def kept_on_purpose(box: Box, platform: Platform, planted: Planted, control: str) -> dict[str, str]:
    """What is to be found on the disk: a permission that is a piece's content, and a header that nobody drops."""
    token, header = STATES["good"](control), f"header{control[::-1]}"
    path = f"{FOLDER}/{control}.m4s"
    signature = token.rpartition(".")[2][:40]
    bodies = {path: f"{token} {signature} ".encode() * 50}
    # The server writes 4 MiB at a time: after so much more, what came before is on the disk.
    bodies |= {f"{FOLDER}/filling-{number}.m4s": secrets.token_bytes(4 << 20) for number in range(3)}
    platform.objects |= {each: (body, IMMUTABLE) for each, body in bodies.items()}
    for each, body in bodies.items():
        good, _ = planted.token("good")
        assert box.school("GET", each, good, headers={"X-Kept": header}) == (200, body)
        planted.opening.append(good)
        planted.counts["requests"] += 1
    return {"token": token, "account": control, "signature": signature, "header": header}


RUN = b"proxy.process"


def places(box: Box, platform: Platform, control: str) -> Iterator[Place]:
    """Where the box leaves something; it runs, and is ended for its last files."""
    assert box.process
    process, log = Path(f"/proc/{box.process.pid}"), box.folder / "log"
    yield Place("the environment", (process / "environ").read_bytes(), control)
    yield Place("the command line", (process / "cmdline").read_bytes(), "traffic_server")
    yield Place("files that the process has open or shares", b"\n".join(memory(box)), control)
    yield Place("the access log", b"\n".join(logged(box)), control)
    yield Place("what is shipped of it", "\n".join(shipped(box)).encode(), control)
    yield Place("its counters", box.ask("GET", school_cache.STATS)[1], "school.had.yes")
    # Traffic Server writes its counters down once in a while, and not when it is ended.
    until(lambda: RUN in written(box.folder / "run"), "its counters are in its files", 120)
    yield Place("what the platform was asked", "\n".join(path for path, _ in platform.asked).encode(), control)
    box.down()
    yield Place("diags.log", (log / "diags.log").read_bytes(), "traffic server running")
    yield Place("its disk", written(box.folder / "cache"), control)
    yield Place("files of its run", written(box.folder / "run"), RUN.decode())
    rest = (written(box.folder / "etc"), written(log), (box.folder / "said").read_bytes())
    yield Place("its configuration, all logs and what it prints", b"\n".join(rest), ISSUER)


def test_what_a_school_shows_its_box_is_found_nowhere_and_what_is_kept_on_purpose_everywhere(
    tmp_path: Path,
    campaign: Callable[[int, int], int],
    proof: Callable[[str, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    planted, control = Planted(), f"control{secrets.token_hex(8)}"
    monkeypatch.setenv("HUIJU_CONTROL", control)
    with box_cache.standing() as (platform, box, _):
        new, soon = pieces(platform, "", IMMUTABLE), pieces(platform, "soon-", "public, max-age=1")
        for number in range(campaign(1, 20)):
            show_all(box, planted, new, number % 2)
        for path in [next(soon) for _ in range(campaign(6, 60))]:
            show(box, planted, path, "good", "in the cookie", beside=False, method="GET")
        time.sleep(1.5)
        for number in range(campaign(6, 60)):
            show(box, planted, f"{FOLDER}/soon-{number}.m4s", "good", "among cookies", beside=False, method="GET")
        on_disk = kept_on_purpose(box, platform, planted, control)
        until(lambda: len(shipped(box)) >= planted.counts["requests"], "a line each is shipped", 120)
        named = {json.loads(row)["permission"] for row in shipped(box)}
        looked = [*places(box, platform, control)]
    assert named >= set(map(permission.name, planted.opening)), "the lines are of these requests"
    assert not [each.name for each in looked if each.known.encode() not in each.content], "nothing is proved there"
    (tmp_path / "control").mkdir()
    sought, (disk,) = Search(on_disk, tmp_path / "control"), (each for each in looked if each.name == "its disk")
    assert sought.found(disk.content) == set(on_disk), "the same search finds what is on the disk"
    search = Search(planted.words, tmp_path)
    found = {each.name: sorted(search.found(each.content)) for each in looked}
    size = sum(len(each.content) for each in looked)
    says = (
        f"{planted.counts['tokens']:,} permissions and {planted.counts['tokens']:,} pupils in {planted.counts['requests']:,} requests "
        f"({planted.counts['opened']:,} opened), {len(planted.words):,} words sought in {len(looked)} places, {size:,} bytes: "
        f"{sum(map(len, found.values()))} found"
    )
    print(says)
    proof("permissions and names of pupils shown to a school's box", says)
    assert {name: each[:5] for name, each in found.items() if each} == {}
