"""How many different series a school may have: what is beyond is left out, what was there goes on, and other schools are not concerned."""

from __future__ import annotations

import httpx
import pytest

from services.intake.readings import checked
from services.intake.refusal import Refused
from services.intake.series_seen import HOUR, SeriesSeen
from services.intake.settings import Settings
from tests import remote_write
from tests.remote_write import message, packed, series
from tests.services.intake.running import Database, Running
from tests.services.intake.told import CODE, JOB, OTHER

MOST = Settings.series_of_a_school


def labels(number: int) -> dict[bytes, bytes]:
    return {b"__name__": b"node_x", b"l": str(number).encode()}


def body(first: int, last: int, school: str = CODE) -> bytes:
    base = [("__name__", "node_x"), ("school", school), ("job", JOB)]
    return packed(message(*[series([*base, ("l", str(number))], (1.0, 1)) for number in range(first, last)]))


def test_what_was_seen_is_taken_again_and_new_ones_only_up_to_the_limit() -> None:
    seen = SeriesSeen(3)
    assert [seen.takes(CODE, labels(number)) for number in (1, 2, 1, 3, 4, 2, 5, 3)] == [
        True, True, True, True, False, True, False, True,
    ]  # fmt: skip
    assert seen.takes(OTHER, labels(4)), "another school's are its own"


def test_the_order_of_labels_makes_no_other_series_and_each_label_counts() -> None:
    seen = SeriesSeen(1)
    assert seen.takes(CODE, {b"a": b"1", b"b": b"2"})
    assert seen.takes(CODE, {b"b": b"2", b"a": b"1"})
    assert not seen.takes(CODE, {b"a": b"1", b"b": b"3"})
    assert not seen.takes(CODE, {b"a": b"1b2"})


def test_an_hour_later_others_are_taken_and_the_former_ones_are_no_memory() -> None:
    now = [HOUR * 7.5]
    seen = SeriesSeen(1, lambda: now[0])
    assert seen.takes(CODE, labels(1)) and not seen.takes(CODE, labels(2))
    now[0] += HOUR / 2
    assert seen.takes(OTHER, labels(2))
    assert set(seen._own) == {OTHER}
    assert seen.takes(CODE, labels(2)) and not seen.takes(CODE, labels(1))


def test_a_request_that_is_refused_uses_nothing_up(settings: Settings) -> None:
    seen = SeriesSeen(1)
    mixed = remote_write.write(
        ([("__name__", "node_y"), ("school", CODE), ("job", JOB)], 1.0, 1),
        ([("__name__", "node_x"), ("school", OTHER), ("job", JOB)], 1.0, 1),
    )
    with pytest.raises(Refused):
        checked(mixed, CODE, settings, lambda each: seen.takes(CODE, each))
    assert checked(body(0, 1), CODE, settings, lambda each: seen.takes(CODE, each)).series == 1


def test_a_box_that_makes_ever_new_series_has_them_left_out_counted_and_said_and_no_other_one_has(
    running: Running, behind: Database
) -> None:
    for first in range(0, 3 * MOST, MOST // 2):
        assert running.write(body(first, first + MOST // 2)).status_code == 204
    handed_on = [row for _, each in behind.arrived for row in remote_write.read(each)]
    assert len(handed_on) == MOST
    assert running.write(body(0, 10)).status_code == 204
    assert running.write(body(0, 10, OTHER), code=OTHER).status_code == 204
    assert [len(remote_write.read(each)) for _, each in behind.arrived[-2:]] == [10, 10]
    figures = httpx.get(f"{running.inner}/metrics", trust_env=False).text
    assert f"city_intake_too_many_series_total {2.0 * MOST}" in figures
    assert f"too-many-series={MOST // 2} school={CODE}" in running.log.read_text()
