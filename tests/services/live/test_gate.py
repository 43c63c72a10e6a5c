"""A run begins in all playlists or in none."""

from __future__ import annotations

import threading

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
