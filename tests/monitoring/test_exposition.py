"""The fast page is byte for byte what prometheus_client makes of the same series."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from monitoring import exposition
from monitoring.exposition import Families, Gauge, Table

LABEL = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUE = st.one_of(st.none(), st.floats(), st.sampled_from([0.0, 1.0, 1e6, 1e21, 1234567.0, math.inf, -math.inf]))


def slow(columns: list[tuple[Table, list[float | None]]]) -> bytes:
    registry = CollectorRegistry()
    registry.register(Families(columns))
    return generate_latest(registry)


@given(st.lists(st.tuples(LABEL, LABEL, VALUE), max_size=8), LABEL)
def test_the_fast_page_is_the_library_s(rows: list[tuple[str, str, float | None]], says: str) -> None:
    table = Table(Gauge("city_x_ratio", says, ("zone", "area")), [row[:2] for row in rows])
    plain = Table(Gauge("city_y_count", "y"), [()])
    columns: list[tuple[Table, list[float | None]]] = [(table, [row[2] for row in rows]), (plain, [3.0])]
    assert exposition.page(columns) == slow(columns)


def test_nought_keeps_its_sign_in_either_order() -> None:
    table = Table(Gauge("a", "a", ("b",)), [("1",), ("2",), ("3",)])
    columns: list[list[float | None]] = [[0.0, -0.0, 0.0], [-0.0, 0.0, -0.0]]
    for values in columns:
        assert exposition.page([(table, values)]) == slow([(table, values)])


def test_a_column_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        Table(Gauge("a", "a", ("b",)), [("1",), ("2",)]).render([1.0])
