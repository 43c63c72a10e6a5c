"""What a box's keeper takes for given up: only what its cache says is gone, or never was there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from catalog import load_named
from derive import video_token, withdrawal
from derive.moments import stamp
from tests import box_cache
from tests.box_cache import LESSON, OTHER
from tests.loopback import Quiet, listening

MINE, OTHERS = f"/lessons/{LESSON}/lesson.json", f"/lessons/{OTHER}/lesson.json"
TAKEN = f"/lessons/{LESSON}/{video_token.DOWNLOAD}/{'c' * 12}-r1-v720-3000.mp4"
AT = "2026-11-29T05:00:00Z"
FORGOTTEN = 400
"""Days after which nobody names a withdrawal any more, and no stick of before it is about."""


@dataclass
class Answering:
    """A cache that answers each path with its status, 200 where none is named."""

    url: str = ""
    status: dict[str, int] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def answering() -> Iterator[Answering]:
    found = Answering()

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_PURGE(self) -> None:
            found.asked.append(self.path)
            self.send_response_only(found.status.get(self.path, 200))
            self.send_header("Content-Length", "0")
            self.end_headers()

    with listening(Handler) as found.url:
        yield found


@dataclass
class Given:
    """What the keeper knows of two withdrawn lessons, and its way to the cache."""

    cache: Any
    known: Any
    file: Path
    """What it remembers."""

    def hear(self, *paths: str, at: str = AT, **more: str) -> None:
        """The platform names these paths of the lesson."""
        self.known.hear({"lessons": [{"id": LESSON, "at": at, "paths": list(paths), **more}]})

    def rows(self) -> dict[str, Any]:
        """What it remembers of each."""
        return dict(json.loads(self.file.read_text()))

    def before(self) -> None:
        """As a keeper of before wrote it."""
        rows = self.rows()
        for row in rows.values():
            row.pop("form", None)
        self.file.write_text(json.dumps(rows))

    def up(self) -> int:
        found, wrong = self.known.purge(self.cache)
        if wrong:
            raise wrong
        return int(found)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch, answering: Answering, tmp_path: Path) -> Given:
    monkeypatch.syspath_prepend(str(box_cache.FILES))
    from keeper import cache, withdrawals  # type: ignore[import-not-found]  # as it lies on the box

    found = Given(cache.Cache(answering.url), withdrawals.Withdrawals(tmp_path), tmp_path / withdrawals.FILE)
    rows = [{"id": path.split("/")[2], "at": AT, "paths": [path]} for path in (MINE, OTHERS)]
    found.known.hear({"lessons": rows})
    return found


@pytest.mark.parametrize("status", [302, 403, 500, 503])
def test_a_cache_that_refuses_is_asked_again_in_the_same_round(given: Given, answering: Answering, status: int) -> None:
    answering.status = {MINE: status}
    with pytest.raises(OSError, match=f"the cache answered {status}"):
        given.up()
    assert answering.asked == [MINE, OTHERS], "one that is refused keeps no other one"
    answering.status = {}
    assert given.up() == 1
    assert answering.asked[2:] == [MINE]


def test_what_the_cache_never_had_is_given_up(given: Given, answering: Answering) -> None:
    answering.status = {MINE: 404}
    assert (given.up(), given.up()) == (1, 0)
    assert answering.asked == [MINE, OTHERS], "a minute later again"


def test_the_plan_is_looked_after_anew_for_what_was_given_up_beside_a_refusal(
    given: Given, answering: Answering, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keeper import service

    settings = {"platforms": ["https://127.0.0.1:9"], "school": "1", "state": str(tmp_path), "seconds": 5}
    box_cache.certificates(tmp_path / "tls")
    keeper = service.Keeper({**settings, "cache": given.cache.address}, tmp_path / "tls")
    renewed: list[bool] = []
    monkeypatch.setattr(keeper.prefetch, "renew", lambda: renewed.append(True))
    for answer, times in ((403, 1), (403, 1), (200, 2)):
        answering.status = {MINE: answer}
        if answer == 403:
            with pytest.raises(OSError, match="the cache answered 403"):
                keeper.withdraw()
        else:
            keeper.withdraw()
        assert len(renewed) == times, "once for each that was given up"


def test_what_viewers_took_away_through_the_box_is_given_up_with_its_lesson(given: Given, answering: Answering) -> None:
    given.hear(TAKEN, at="2026-11-29T06:00:00Z")
    assert given.up() == 3
    assert answering.asked == [MINE, OTHERS, TAKEN]


def test_downloads_whose_names_count_up_are_given_up_one_by_one(given: Given, answering: Answering) -> None:
    taken = [TAKEN.replace("3000", str(number)) for number in (3000, 3500, 4000)]
    (folded,) = withdrawal.folded(taken)
    given.hear(folded, at="2026-11-29T06:00:00Z")
    assert given.up() == 5
    assert answering.asked[2:] == taken


def test_nothing_else_with_such_a_folder_is_asked_for_or_given_up(given: Given, answering: Answering) -> None:
    assert given.up() == 2
    for path in (
        TAKEN.replace(video_token.DOWNLOAD, "~other"),
        TAKEN.replace(video_token.DOWNLOAD, f"h/{video_token.DOWNLOAD}"),
        TAKEN.replace(video_token.DOWNLOAD, f"{video_token.DOWNLOAD}/.."),
    ):
        with pytest.raises(OSError, match="not given up"):
            given.cache.purge([path])
    for asking in (given.cache.held, lambda path: given.cache.fetch(path, lambda _: None)):
        with pytest.raises(ValueError, match="no lesson's path"):
            asking(TAKEN)
    assert answering.asked == [MINE, OTHERS]


def test_a_path_of_a_form_that_the_box_does_not_know_is_said_and_keeps_nothing_else(
    given: Given, answering: Answering
) -> None:
    given.hear(MINE, f"/lessons/{LESSON}/+new/1.m4s", f"{TAKEN}/", TAKEN, at="2026-11-29T06:00:00Z")
    found, wrong = given.known.purge(given.cache)
    assert found == 4
    assert "2 paths are not given up" in str(wrong) and f"/lessons/{LESSON}/+new/1.m4s" in str(wrong)
    assert answering.asked == [MINE, OTHERS, MINE, TAKEN]
    assert given.known.purge(given.cache) == (0, None), "not again at every look"


def test_the_service_goes_on_and_says_once_what_it_skipped(
    given: Given, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from keeper import service

    settings = {"platforms": ["https://127.0.0.1:9"], "school": "1", "state": str(tmp_path), "seconds": 5}
    box_cache.certificates(tmp_path / "tls")
    keeper = service.Keeper({**settings, "cache": given.cache.address}, tmp_path / "tls")
    given.hear(f"/lessons/{LESSON}/+new/1.m4s", at="2026-11-29T06:00:00Z")
    assert (keeper.withdraw(), keeper.withdraw()) == (5, 5)
    said = capsys.readouterr()
    assert said.err.count("1 paths are not given up") == 1
    assert "2 objects given up" in said.out


@pytest.mark.parametrize("kind", [{}, {"kind": "purged"}])
def test_a_box_that_was_upgraded_gives_up_what_its_keeper_of_before_left(
    given: Given, answering: Answering, kind: dict[str, str]
) -> None:
    given.hear(MINE, TAKEN, at="2026-11-29T06:00:00Z", **kind)
    given.up()
    # One of before forgot the paths once it had nothing more to do.
    given.known.keeps_out(LESSON, 0)
    given.known.keeps_out(LESSON, datetime(2026, 11, 30, tzinfo=UTC).timestamp())
    given.before()
    answering.asked.clear()
    for _ in range(2):
        given.hear(MINE, TAKEN, at="2026-11-29T06:00:00Z", **kind)
        given.up()
        assert answering.asked == [TAKEN], "once, and nothing of the lesson that took its place"


def test_what_is_ended_and_named_by_nobody_any_more_is_forgotten(given: Given) -> None:
    def ago(days: float) -> str:
        return stamp(datetime.now(UTC) - timedelta(days=days))

    def ages() -> set[int]:
        return {(datetime.now(UTC) - datetime.fromisoformat(row["at"])).days for row in given.rows().values()}

    given.file.unlink()
    for days in (FORGOTTEN, 300, 20):
        given.hear(MINE, at=ago(days), kind="purged")
    for days in (FORGOTTEN + 1, 200):
        given.hear(MINE, at=ago(days))
    given.up()
    given.hear(MINE, at=ago(0), kind="purged")
    assert ages() == {300, 20, FORGOTTEN + 1, 200, 0}, "the withdrawals' rounds go on"
    rows = {key: {**row, "rounds": 4, "paths": []} for key, row in given.rows().items()}
    given.file.write_text(json.dumps(rows))
    given.hear(MINE, at=ago(1))
    assert ages() == {300, 20, 200, 0, 1}
    assert given.known.keeps_out(LESSON, datetime.fromisoformat(ago(200)).timestamp()), "of an older stick"


def test_the_box_forgets_nothing_that_the_platform_names_yet(given: Given) -> None:
    from keeper import withdrawals

    assert given.known
    for name in ("tiny", "neijiang"):
        assert timedelta(seconds=withdrawals.KEPT) >= withdrawal.kept(load_named(name))
