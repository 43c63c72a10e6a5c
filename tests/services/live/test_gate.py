"""A run begins in all playlists or in none."""

from __future__ import annotations

import threading

import pytest

from services.live import gate as gates
from services.live.gate import Gate
from services.packager.fragments import Fragment

Part = bytes | Fragment


def fragment(number: int) -> Fragment:
    return Fragment(str(number).encode(), 1, number)


def test_nothing_goes_on_before_every_track_has_a_segment_and_then_all_of_it_in_order() -> None:
    passed: list[tuple[str, Part]] = []
    gate = Gate(("picture", "sound"), lambda track, part: passed.append((track, part)))
    early: list[tuple[str, Part]] = [("sound", b"s"), ("sound", fragment(1)), ("sound", fragment(2)), ("picture", b"p")]
    for each in early:
        gate.take(*each)
    assert not passed
    gate.take("picture", fragment(1))
    gate.take("sound", fragment(3))
    assert passed == [*early, ("picture", fragment(1)), ("sound", fragment(3))]


def test_a_track_stays_in_order_whichever_thread_opens_the_gate() -> None:
    passed: dict[str, list[Part]] = {"picture": [], "sound": []}
    gate = Gate(passed, lambda track, part: passed[track].append(part))
    parts: list[Part] = [b"header", *map(fragment, range(200))]

    def feed(track: str) -> None:
        for part in parts:
            gate.take(track, part)

    threads = [threading.Thread(target=feed, args=(name,)) for name in passed]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert passed == {"picture": parts, "sound": parts}


def test_a_run_whose_sound_does_not_come_is_given_up_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    passed: list[tuple[str, Part]] = []
    gate = Gate(("picture", "sound"), lambda track, part: passed.append((track, part)))
    gate.take("picture", fragment(1))
    assert not gate.gives_up(), "it may still come"
    monkeypatch.setattr(gates, "PATIENCE", 0.0)
    assert gate.gives_up()
    gate.take("sound", fragment(1))
    assert gate.gives_up() and not passed, "half a run would be worse than none"


def test_a_picture_that_is_late_is_waited_for_and_an_open_gate_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "PATIENCE", 0.0)
    passed: list[tuple[str, Part]] = []
    gate = Gate(("picture", "sound"), lambda track, part: passed.append((track, part)))
    gate.take("sound", fragment(1))
    assert not gate.gives_up(), "its key frame may be seconds away"
    gate.take("picture", fragment(1))
    assert len(passed) == 2 and not gate.gives_up()
