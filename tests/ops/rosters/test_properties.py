"""Whatever bytes stand in a roster, it is taken or refused in so many lines, and what is taken is what stands there."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.rosters.findings import MOST, Findings, RosterError
from ops.rosters.form import COURSES, FORMS, USERS
from ops.rosters.rows import Encoding, rows
from ops.rosters.source import Source
from tests.ops.rosters import small

IDS = st.from_regex(r"[A-Za-z0-9{_][A-Za-z0-9._/@:{}+-]{0,30}", fullmatch=True)
PLAIN = st.text(st.characters(codec="gb18030", exclude_categories=("Cc", "Cf", "Zl", "Zp", "Cs", "Cn")), max_size=20)
NAMES = PLAIN.filter(lambda each: not each.lstrip().startswith(("=", "+", "-", "@")))
PERSON = st.tuples(IDS, st.sampled_from(["true", "false"]), NAMES, st.lists(IDS, max_size=3))
SOME = settings(max_examples=120)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = small.written(tmp_path_factory.mktemp("roster") / "r")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def put(files: dict[str, bytes], folder: Path) -> Path:
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def parsed(content: bytes, encoding: Encoding) -> tuple[list[tuple[str, ...]], Findings]:
    findings = Findings()
    with tempfile.TemporaryDirectory() as folder:
        put({USERS.file: content}, Path(folder))
        found: Iterator[tuple[int, tuple[str, ...]]] = rows(Source(Path(folder)), USERS, findings, encoding)
        return [cells for _, cells in found], findings


@SOME
@given(st.lists(PERSON, min_size=1, max_size=8), st.sampled_from(Encoding), st.booleans(), st.permutations(range(5)))
def test_what_was_written_is_read_whatever_the_order_of_columns_and_the_quotes(
    people: list[tuple[str, str, str, list[str]]], encoding: Encoding, quoted: bool, order: list[int]
) -> None:
    header = ("sourcedId", "enabledUser", "givenName", "agentSourcedIds", "status")
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    lines = [(identity, enabled, name, ",".join(agents), "") for identity, enabled, name, agents in people]
    writer.writerows([[line[each] for each in order] for line in [header, *lines]])
    found, findings = parsed(out.getvalue().encode(encoding), encoding)
    assert not findings.kept
    assert found == [(identity, "", enabled, agents) for identity, enabled, _, agents, _ in lines]


@SOME
@given(st.binary(max_size=400), st.sampled_from(Encoding), st.booleans())
def test_no_bytes_break_the_reader(content: bytes, encoding: Encoding, headed: bool) -> None:
    header = b"sourcedId,enabledUser,agentSourcedIds\n" if headed else b""
    found, findings = parsed(header + content, encoding)
    assert all(len(cells) == len(USERS.columns) for cells in found)
    assert len(findings.kept) <= MOST


@SOME
@given(st.data())
def test_a_damaged_roster_is_refused_or_is_whole(good: dict[str, bytes], data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([form.file for form in FORMS]))
    at = data.draw(st.integers(0, len(good[name]) - 1))
    drop, more = data.draw(st.integers(0, 9)), data.draw(st.binary(max_size=9))
    damaged = {**good, name: good[name][:at] + more + good[name][at + drop :]}
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = small.checked(put(damaged, Path(folder)))
        except RosterError as error:
            assert error.findings.kept
            return
    assert len(found.users) == len(found.lines) == len(found.roles) == len(found.ages)
    assert all(found.roles)
    assert COURSES.file in found.rows
