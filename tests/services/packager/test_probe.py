"""What cannot be read in time is said in one line."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

from ops.lessons import captions, wish
from services.live import recording
from services.packager.errors import RETRY, PackagingError
from services.packager.probe import PROBE_SECONDS, probe


@pytest.fixture(autouse=True)
def endless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every program takes longer than it may."""

    def run(words: list[str], *, timeout: float, **_: object) -> NoReturn:
        raise subprocess.TimeoutExpired(words, timeout)

    monkeypatch.setattr(subprocess, "run", run)


def test_a_film_that_cannot_be_read_in_time_may_be_tried_again() -> None:
    with pytest.raises(PackagingError, match=f"could not be read within {PROBE_SECONDS} s") as raised:
        probe(Path("film.mp4"), 60)
    assert raised.value.code == RETRY


def test_how_long_it_is_is_not_known_then() -> None:
    assert wish.seconds(Path("film.mp4")) is None


def test_captions_that_are_not_converted_in_time_are_named(tmp_path: Path) -> None:
    (tmp_path / "zh.srt").write_text("1\n00:00:00,000 --> 00:00:01,000\n你好\n")
    _, (line,) = captions.read([f"zh={tmp_path / 'zh.srt'}"], None)
    assert "zh.srt" in line and "did not convert it within" in line


def test_streams_that_are_not_seen_in_time_are_looked_for_again() -> None:
    assert recording.streams(Path("class.ts")) == frozenset()
