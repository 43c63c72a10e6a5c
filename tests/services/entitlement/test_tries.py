"""Wrong tries: five for one id, then a wait that ends by itself; somebody else is not held up."""

from __future__ import annotations

from services.entitlement.tries import OF_ALL, OF_ONE, SECONDS, Tries


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_after_so_many_wrong_tries_one_id_waits_until_the_first_is_forgotten() -> None:
    clock = Clock()
    tries = Tries(clock)
    for _ in range(OF_ONE):
        assert tries.wait("one") == 0
        tries.wrong("one")
        clock.now += 1
    assert tries.wait("one") == SECONDS - OF_ONE
    assert tries.wait("other") == 0
    clock.now = 1000.0 + SECONDS
    assert tries.wait("one") == 0


def test_all_ids_together_have_an_end_too_and_so_has_memory() -> None:
    clock = Clock()
    tries = Tries(clock)
    for number in range(OF_ALL + 50):
        tries.wrong(str(number))
    assert tries.wait("somebody else") == SECONDS
    assert len(tries._all) == OF_ALL
    clock.now += SECONDS
    assert tries.wait("somebody else") == 0
    assert not tries._all
