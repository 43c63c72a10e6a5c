"""What is handed on is the school's own, whatever was sent; bodies that are too much are turned away before they are unfolded."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import cramjam
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.readings import checked
from services.intake.refusal import Reason, Refused
from services.intake.settings import Settings
from tests import remote_write
from tests.remote_write import field, label, message, packed, series
from tests.services.intake.told import CODE, JOB, OTHER, READING

NAMES = st.text("abcXYZ_059", max_size=12).map(lambda rest: f"l{rest}")
VALUES = st.text(max_size=40)
METRICS = st.text("abcXYZ_059", min_size=1, max_size=12).map(lambda rest: f"node_{rest}")


@st.composite
def own(draw: st.DrawFn) -> tuple[list[tuple[str, str]], float, int]:
    """A series as a box of CODE sends it."""
    more = draw(st.dictionaries(NAMES, VALUES, max_size=6))
    name = draw(METRICS | st.just(READING))
    labels = [("__name__", name), ("school", CODE), ("job", JOB), *more.items()]
    return draw(st.permutations(labels)), draw(st.floats()), draw(st.integers(0, 2**62))


def refused(body: bytes, settings: Settings, reason: Reason) -> bool:
    """Whether the body is refused for this reason."""
    with pytest.raises(Refused) as caught:
        checked(body, CODE, settings)
    assert caught.value.reason is reason, caught.value.detail
    return True


@given(rows=st.lists(own(), max_size=8))
def test_a_box_s_own_readings_are_handed_on_as_they_are(settings: Settings, rows: list[Any]) -> None:
    body = remote_write.write(*rows)
    found = checked(body, CODE, settings)
    assert (found.series, found.left_out) == (len(rows), 0)
    assert remote_write.read(found.content) == remote_write.read(body)


@given(rows=st.lists(own(), min_size=1, max_size=8), data=st.data())
def test_one_series_that_is_not_the_school_s_own_refuses_them_all(
    settings: Settings, rows: list[Any], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(rows) - 1))
    labels, value, when = rows[at]
    rest = [each for each in labels if each[0] != "school"]
    school = data.draw(
        st.just(OTHER) | st.just("") | st.just(CODE + " ") | st.just(CODE[:-1]) | VALUES.filter(lambda v: v != CODE)
    )
    wrong = data.draw(st.sampled_from([[*rest, ("school", school)], rest]))
    rows[at] = (wrong, value, when)
    assert refused(remote_write.write(*rows), settings, Reason.OTHER_SCHOOL)


@pytest.mark.parametrize(("first", "second"), [(CODE, OTHER), (OTHER, CODE), (CODE, CODE)])
def test_a_label_twice_is_refused_whichever_a_reader_would_take(settings: Settings, first: str, second: str) -> None:
    body = packed(message(series([("__name__", "node_x"), ("school", first), ("school", second)], (1.0, 1))))
    assert refused(body, settings, Reason.LABELS)


def _tricks() -> dict[str, bytes]:
    """Messages in which two readers may see different things."""
    good = series([("__name__", "node_x"), ("school", CODE), ("job", JOB)], (1.0, 1))
    two = field(1, b"school") + field(2, OTHER.encode()) + field(2, CODE.encode())
    return {
        "the value twice in one label": message(field(1, label("__name__", "node_x")) + field(1, label("job", JOB)) + field(1, two)),
        "a label in an unknown field": message(good + field(9, label("school", OTHER))),
        "a series in an unknown field": message(good) + field(7, series([("__name__", "node_x"), ("school", OTHER), ("job", JOB)])),
        "an exemplar with labels": message(good + field(3, field(1, label("school", OTHER)))),
        "metadata": message(good) + field(3, field(2, b"x") + field(4, b"help")),
        "a field number that 32 bits cut off": message(series([("__name__", "node_x"), ("school", CODE), ("job", JOB)]))
        + remote_write.varint((1 << 32 | 1) << 3 | 2) + remote_write.varint(4) + b"\x0a\x02\x0a\x00",
        "a long varint": b"\x8a\x80\x80\x80\x00" + remote_write.varint(len(good)) + good,
    }  # fmt: skip


@pytest.mark.parametrize("trick", _tricks())
def test_nothing_is_handed_on_that_was_not_looked_at(settings: Settings, trick: str) -> None:
    try:
        content = checked(packed(_tricks()[trick]), CODE, settings).content
    except Refused:
        return
    for number, each in remote_write.fields(bytes(cramjam.snappy.decompress_raw(content))):
        assert number == 1
        assert {inner for inner, _ in remote_write.fields(each)} <= {1, 2}
        names = [dict(remote_write.fields(part)) for inner, part in remote_write.fields(each) if inner == 1]
        assert [part[2] for part in names if part[1] == b"school"] == [CODE.encode()]
        assert all(len(list(remote_write.fields(part))) == 2 for inner, part in remote_write.fields(each) if inner == 1)


@given(rows=st.lists(own(), min_size=1, max_size=4), seed=st.integers(0, 2**32))
def test_a_damaged_body_is_refused_or_still_the_school_s_own(settings: Settings, rows: list[Any], seed: int) -> None:
    chance = random.Random(seed)
    content = bytearray(cramjam.snappy.decompress_raw(remote_write.write(*rows)))
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(content))
        content[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
    try:
        handed = checked(packed(bytes(content)), CODE, settings)
    except Refused:
        return
    read = remote_write.read(handed.content)
    assert len(read) == handed.series
    for labels, _ in read:
        assert [value for name, value in labels if name == b"school"] == [CODE.encode()]


@given(rows=st.lists(own(), min_size=1, max_size=3), data=st.data())
def test_a_truncated_body_is_refused(settings: Settings, rows: list[Any], data: st.DataObject) -> None:
    body = remote_write.write(*rows)
    assert refused(body[: data.draw(st.integers(0, len(body) - 1))], settings, Reason.BROKEN)


@given(noise=st.binary(max_size=200))
def test_noise_is_refused_or_empty(settings: Settings, noise: bytes) -> None:
    try:
        found = checked(noise, CODE, settings)
    except Refused:
        return
    assert len(remote_write.read(found.content)) == found.series == 0


@pytest.mark.parametrize(
    "name",
    [
        "", "school:city_school_coverage:ratio", "ALERTS", "ALERTS_FOR_STATE", "city_coverage_ratio", "probe_success",
        "city_school_coverage_ratio", "kubelet_volume_stats_used_bytes", "node_a b", "node_a-b", "node_a:b", "node_名", "node_",
        f"{READING}_x", "upx", "xnode_load1", "node_a\nb",
    ],
)  # fmt: skip
def test_what_boxes_do_not_measure_is_left_out_and_holds_nothing_up(settings: Settings, name: str) -> None:
    good = ([("__name__", READING), ("school", CODE), ("job", JOB)], 1.0, 1)
    found = checked(
        remote_write.write(good, ([("__name__", name), ("school", CODE), ("job", JOB)], 1, 1)), CODE, settings
    )
    assert (found.series, found.left_out) == (1, 1)
    assert remote_write.read(found.content) == remote_write.read(remote_write.write(good))


@pytest.mark.parametrize("job", ["prometheus", "front-door", "", f"{JOB} ", "School-Box", None])
def test_no_box_speaks_for_a_part_of_the_platform(settings: Settings, job: str | None) -> None:
    labels = [("__name__", "up"), ("school", CODE), *([("job", job)] if job is not None else [])]
    found = checked(remote_write.write((labels, 1, 1)), CODE, settings)
    assert (found.series, found.left_out) == (0, 1)


def test_another_school_s_series_is_refused_even_where_it_would_be_left_out(settings: Settings) -> None:
    labels = [("__name__", "anything"), ("school", OTHER), ("job", "any")]
    assert refused(remote_write.write((labels, 1, 1)), settings, Reason.OTHER_SCHOOL)


@pytest.mark.parametrize("name", [READING, "node_load1", "up", "scrape_duration_seconds"])
def test_a_box_s_metrics_are_taken(settings: Settings, name: str) -> None:
    body = remote_write.write(([("__name__", name), ("school", CODE), ("job", JOB)], 1, 1))
    assert checked(body, CODE, settings).series == 1


@pytest.mark.parametrize("name", ["", "a b", "a-b", "1a", "名", "a:b"])
def test_a_label_without_a_plain_name_is_refused(settings: Settings, name: str) -> None:
    body = remote_write.write(([("__name__", "up"), ("school", CODE), ("job", JOB), (name, "x")], 1, 1))
    assert refused(body, settings, Reason.LABELS)


@pytest.mark.parametrize(("more", "taken"), [(0, True), (1, False)])
def test_limits_hold_on_both_sides(settings: Settings, more: int, taken: bool) -> None:
    limits = settings.limits
    base = [("__name__", "node_x"), ("school", CODE), ("job", JOB)]
    bodies = {
        Reason.LABELS: [
            remote_write.write(([*base, *((f"l{n}", "") for n in range(limits.labels - 3 + more))], 1, 1)),
            remote_write.write(([*base, ("l", "值" * (limits.label_bytes + more))], 1, 1)),
        ],
        Reason.TOO_LARGE: [packed(message(*[series(base)] * (limits.series + more)))],
    }
    for reason, all_bodies in bodies.items():
        for body in all_bodies:
            assert checked(body, CODE, settings) if taken else refused(body, settings, reason)


def test_bytes_that_are_no_text_are_refused(settings: Settings) -> None:
    body = packed(message(series([("__name__", "node_x"), ("school", CODE), ("job", JOB), ("l", b"\xff")])))
    assert refused(body, settings, Reason.LABELS)


def test_what_would_unpack_to_too_much_is_refused_before_it_is_unpacked(settings: Settings) -> None:
    honest = packed(bytes(settings.limits.content_bytes + 1))
    assert len(honest) < settings.limits.body_bytes, "a bomb: small as sent"
    assert refused(honest, settings, Reason.TOO_LARGE)
    assert refused(remote_write.varint(2**32 - 1) + b"\x00", settings, Reason.TOO_LARGE)
    assert refused(remote_write.varint(64) + honest[4:], settings, Reason.BROKEN), "a head that lies is found out"


@pytest.mark.parametrize("part", [b"\x0a\x00", b"\x0a\x02\x0a\x00"])
def test_many_empty_parts_are_counted_before_they_are_unfolded(settings: Settings, part: bytes) -> None:
    assert refused(packed(part * (settings.limits.content_bytes // len(part))), settings, Reason.TOO_LARGE)


def test_a_body_full_of_what_is_not_known_here_is_nothing(settings: Settings) -> None:
    found = checked(packed(b"\x1a\x00" * (settings.limits.content_bytes // 2)), CODE, settings)
    assert (remote_write.read(found.content), found.series) == ([], 0)


def test_one_series_of_many_labels_is_refused_by_its_size(settings: Settings) -> None:
    bomb = packed(message(b"\x0a\x00" * (settings.limits.series_bytes // 2 + 1)))
    assert refused(bomb, settings, Reason.TOO_LARGE)


def test_settings_of_the_limits_are_what_counts(settings: Settings) -> None:
    small = dataclasses.replace(settings, limits=dataclasses.replace(settings.limits, series=1))
    row = ([("__name__", "node_x"), ("school", CODE), ("job", JOB)], 1.0, 1)
    assert checked(remote_write.write(row), CODE, small).series == 1
    assert refused(remote_write.write(row, row), small, Reason.TOO_LARGE)
