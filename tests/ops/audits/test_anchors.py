"""Anchors: the latest end of each chain is kept, and what is no anchor is refused or passed over."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import pytest

from catalog.errors import UserError
from derive.audit import Head
from ops.audits import anchors
from tests.derive.test_audit import NOW, records


def test_the_latest_end_of_each_chain_is_kept_and_what_is_past_the_term_goes(tmp_path: Path) -> None:
    where = tmp_path / "new" / "heads"
    chain, other, old = records(5), records(2, "other"), records(1, "old", NOW - timedelta(days=300))
    anchors.remember(where, [chain[3].head, other[1].head, old[0].head])
    anchors.remember(where, [chain[1].head, chain[4].head])
    assert set(anchors.read(where)) == {chain[4].head, other[1].head, old[0].head}
    anchors.remember(where, [], expired=NOW - timedelta(days=199))
    assert set(anchors.read(where)) == {chain[4].head, other[1].head}


def test_ends_that_many_remember_at_once_are_all_kept(tmp_path: Path) -> None:
    where = tmp_path / "stack.heads"
    ends = {records(1, f"run-{number}")[0].head for number in range(50)}
    # A lock is of the file that was opened, so threads are to each other what two commands are.
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda each: anchors.remember(where, [each]), ends))
    assert set(anchors.read(where)) == ends
    assert sorted(path.name for path in tmp_path.iterdir()) == ["stack.heads", "stack.lock"]


def test_without_a_file_nothing_was_seen(tmp_path: Path) -> None:
    assert anchors.read(tmp_path / "none") == []


@pytest.mark.parametrize(
    "line", ["nonsense", "[]", "{}", '{"writer": "x", "sequence": 1, "hash": "0"}', '{"writer": 1}']
)
def test_a_line_that_is_no_anchor_is_refused_with_its_place(tmp_path: Path, line: str) -> None:
    where = tmp_path / "heads"
    where.write_text(line + "\n")
    with pytest.raises(UserError, match="heads:1: this is no anchor"):
        anchors.read(where)


def test_a_file_that_is_no_text_is_refused_in_words(tmp_path: Path) -> None:
    where = tmp_path / "heads"
    where.write_bytes(b"\xff\xfe{}")
    with pytest.raises(UserError, match=r"heads is not UTF-8 text \(byte 0\)"):
        anchors.read(where)
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        anchors.read(tmp_path)


def test_printed_ends_are_found_among_what_else_the_service_prints() -> None:
    head = records(1)[0].head
    shown = json.dumps({"audit_head": asdict(head)})
    before = "2026-11-28T08:00:00+00:00 entitlement entitlement-1 "
    lines = [
        before + shown,
        before + json.dumps({"lesson": '{"audit_head": {}}', "verdict": "no-such-lesson"}),
        before + json.dumps({"audit_head": {"writer": "x"}}),
        before + 'the "audit_head" of nothing',
    ]
    assert list(anchors._heads(lines)) == [Head(head.writer, 1, head.hash)]
