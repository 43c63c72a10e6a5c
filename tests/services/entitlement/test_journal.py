"""The chain on disk: acknowledged means there, whatever happens to the process or the disk."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from derive import audit
from derive.audit_chain import verify
from services.entitlement import journal
from services.entitlement.journal import Journal, UnrecordedError, recover, waiting
from tests.media import ROOT

ENTRY = audit.Entry(audit.Kind.REFUSAL, "play", "l-" + "a" * 16, "out-of-reach", None)


def now() -> datetime:
    return datetime.now(UTC)


def there(folder: Path) -> dict[str, bytes]:
    return {f"{path.parent.name}/{path.name}": path.read_bytes() for path in waiting(folder)}


@pytest.fixture
def fsyncs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Every fsync of a file, and a disk that takes its time."""
    done: list[int] = []
    real = os.fsync

    def slow(number: int) -> None:
        threading.Event().wait(0.02)
        done.append(number)
        real(number)

    monkeypatch.setattr(os, "fsync", slow)
    yield done


def test_what_was_appended_is_a_sound_chain(tmp_path: Path) -> None:
    chain = Journal(tmp_path, "pod", now)
    for _ in range(3):
        chain.append([ENTRY, ENTRY])
    chain.cut()
    chain.append([ENTRY])
    chain.cut()
    found = verify(there(tmp_path))
    assert (found.findings, found.records) == ((), 7)
    assert [path.name for path in waiting(tmp_path)] == ["000000000001.jsonl", "000000000007.jsonl"]


def test_a_growing_segment_is_not_shipped_and_an_empty_one_is_none(tmp_path: Path) -> None:
    chain = Journal(tmp_path, "pod", now)
    chain.cut()
    chain.append([ENTRY])
    assert waiting(tmp_path) == []


def test_many_threads_make_one_chain_and_share_fsyncs(tmp_path: Path, fsyncs: list[int]) -> None:
    chain = Journal(tmp_path, "pod", now)
    begun = len(fsyncs)
    with ThreadPoolExecutor(40) as pool:
        list(pool.map(lambda _: chain.append([ENTRY]), range(400)))
    chain.cut()
    found = verify(there(tmp_path))
    assert (found.findings, found.records) == ((), 400)
    assert len(fsyncs) - begun < 200, "each record had an fsync of its own"


def test_segments_that_are_cut_while_threads_write_are_named_by_their_first_record(tmp_path: Path) -> None:
    chain, over = Journal(tmp_path, "pod", now), threading.Event()

    def cut() -> None:
        while not over.is_set():
            chain.cut()

    cutter = threading.Thread(target=cut)
    cutter.start()
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda _: chain.append([ENTRY, ENTRY]), range(300)))
    over.set()
    cutter.join()
    chain.cut()
    found = verify(there(tmp_path))
    assert (found.findings, found.records) == ((), 600)


def test_a_record_is_synced_before_it_is_acknowledged(tmp_path: Path, fsyncs: list[int]) -> None:
    chain = Journal(tmp_path, "pod", now)
    chain.append([ENTRY])  # makes the file, and syncs its folder too
    for _ in range(3):
        before = len(fsyncs)
        chain.append([ENTRY])
        assert len(fsyncs) == before + 1


class _Full:
    """`os.fsync` of a full disk, once it is told so."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.real, self.full = os.fsync, False
        monkeypatch.setattr(os, "fsync", self)

    def __call__(self, number: int) -> None:
        if self.full:
            self.full = False
            raise OSError(errno.ENOSPC, "No space left on device")
        self.real(number)


def test_a_failed_write_is_not_acknowledged_and_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = _Full(monkeypatch)
    chain = Journal(tmp_path, "pod", now)
    chain.append([ENTRY])
    disk.full = True
    with pytest.raises(UnrecordedError, match="No space"):
        chain.append([ENTRY])
    assert chain.broken
    with pytest.raises(UnrecordedError):
        chain.append([ENTRY])
    found = verify(there(tmp_path))
    assert (found.findings, found.records) == ((), 1)


@pytest.mark.parametrize("fails", ["open", "fsync"])
def test_of_a_chain_whose_first_write_fails_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    disk = _Full(monkeypatch)
    for _ in range(3):
        chain = Journal(tmp_path, "pod", now)
        if fails == "open":
            monkeypatch.setattr(Path, "open", _no_space)
        disk.full = fails == "fsync"
        with pytest.raises(UnrecordedError, match="No space"):
            chain.append([ENTRY])
    assert list(tmp_path.iterdir()) == []


def _no_space(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_of_a_chain_whose_folder_cannot_be_made_durable_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _Full(monkeypatch).full = True
    with pytest.raises(OSError, match="No space"):
        Journal(tmp_path, "pod", now)
    assert list(tmp_path.iterdir()) == []


def test_what_was_acknowledged_before_a_write_failed_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = _Full(monkeypatch)
    chain = Journal(tmp_path, "pod", now)
    chain.append([ENTRY])
    chain.cut()
    disk.full = True
    with pytest.raises(UnrecordedError):
        chain.append([ENTRY])
    assert [path.name for path in tmp_path.glob("*/*")] == ["000000000001.jsonl"]


def test_half_a_line_of_a_dead_process_goes_and_the_rest_is_kept(tmp_path: Path) -> None:
    chain = Journal(tmp_path, "pod", now)
    chain.append([ENTRY, ENTRY])
    (grows,) = tmp_path.glob("*/*.open")
    content = grows.read_bytes()
    grows.write_bytes(content + content[:100])
    assert recover(tmp_path) == len(content)
    found = verify(there(tmp_path))
    assert (found.findings, found.records) == ((), 2)


def test_nothing_is_left_of_a_segment_without_a_whole_line(tmp_path: Path) -> None:
    place = tmp_path / audit.writer_id(now(), "pod")
    place.mkdir()
    (place / f"000000000001{journal.OPEN}").write_bytes(b'{"half')
    assert recover(tmp_path) == 0
    assert list(place.iterdir()) == []


WRITER = """
import sys, threading
from datetime import UTC, datetime
from pathlib import Path
from derive import audit
from services.entitlement.journal import Journal
chain = Journal(Path(sys.argv[1]), "pod", lambda: datetime.now(UTC))
lock = threading.Lock()
def work(thread):
    for number in range(10**6):
        name = f"{thread}-{number}"
        chain.append([audit.Entry(audit.Kind.GRANT, "play", name, "allowed", None)])
        with lock:
            print(name, flush=True)
for thread in range(4):
    threading.Thread(target=work, args=(thread,)).start()
"""


@pytest.mark.proof
@pytest.mark.parametrize("acknowledged", [1, 50, 333])
def test_what_was_acknowledged_before_kill_9_is_there(
    tmp_path: Path, acknowledged: int, proof: Callable[[str, str], None]
) -> None:
    process: Any = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    told = {process.stdout.readline().strip() for _ in range(acknowledged)}
    process.send_signal(signal.SIGKILL)
    told |= {line.strip() for line in process.stdout if line.endswith("\n")}
    process.wait()
    recover(tmp_path)
    segments = there(tmp_path)
    written = {
        audit.parse(line).entry.resource for text in segments.values() for line in text.splitlines(keepends=True)
    }
    assert len(told) >= acknowledged
    assert told <= written
    assert not verify(segments).findings
    said = f"{len(told)} records were acknowledged by 4 threads, 0 are missing, and the chain is sound"
    proof(f"audit: the service is killed after {acknowledged} acknowledged records", said)
