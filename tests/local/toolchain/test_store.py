"""Cache entries: whole or absent, checked cheaply at each use, made again when damaged, filled by one run at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from local.toolchain import store

FILL_AND_WAIT = """
import sys, time
from pathlib import Path
from local.toolchain import store

def fill(into):
    (into / "half").write_text("half")
    print("filling", flush=True)
    {how_to_wait}

store.ensure(Path(sys.argv[1]), fill, print)
"""


@pytest.fixture
def entry(tmp_path: Path) -> Path:
    return tmp_path / "tools" / "thing" / "0123"


def fill(into: Path) -> None:
    (into / "bin").mkdir()
    (into / "bin" / "thing").write_text("content")


def filled(entry: Path, said: list[str]) -> Path:
    return store.ensure(entry, fill, said.append) / "bin" / "thing"


def never(into: Path) -> None:
    raise AssertionError("the entry is whole and must not be made again")


def background(entry: Path, how_to_wait: str) -> subprocess.Popen[str]:
    """Another run that has begun to fill the entry."""
    code = textwrap.dedent(FILL_AND_WAIT).format(how_to_wait=how_to_wait)
    process = subprocess.Popen([sys.executable, "-c", code, str(entry)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "filling\n"
    return process


def test_an_absent_entry_is_filled_and_a_whole_one_is_left_alone(entry: Path, said: list[str]) -> None:
    assert filled(entry, said).read_text() == "content"
    store.ensure(entry, never, said.append)


def test_a_fill_that_fails_leaves_no_entry(entry: Path, said: list[str]) -> None:
    def broken(into: Path) -> None:
        (into / "half").write_text("half")
        raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        store.ensure(entry, broken, said.append)
    assert not entry.exists()
    assert filled(entry, said).read_text() == "content"
    assert not (entry / "half").exists(), "what the failed run left is not taken over"


@pytest.mark.parametrize("harm", ["truncated", "overwritten", "removed"])
def test_a_damaged_file_is_noticed_and_the_entry_made_again(entry: Path, said: list[str], harm: str) -> None:
    thing = filled(entry, said)
    if harm == "removed":
        thing.unlink()
    else:
        thing.write_text("cont" if harm == "truncated" else "CONTENT")
    assert filled(entry, said).read_text() == "content"
    assert "damaged" in said[-1]


def test_a_manifest_that_cannot_be_read_counts_as_damage(entry: Path, said: list[str]) -> None:
    filled(entry, said)
    (entry / store.MANIFEST).write_text("{")
    assert not store.intact(entry)
    assert filled(entry, said).read_text() == "content"
    assert store.intact(entry)


def test_a_file_that_was_only_touched_is_hashed_and_kept(entry: Path, said: list[str]) -> None:
    thing = filled(entry, said)
    os.utime(thing, (1, 1))
    store.ensure(entry, never, said.append)
    assert store.intact(entry)


def test_damage_that_keeps_size_and_time_is_found_by_the_full_check(entry: Path, said: list[str]) -> None:
    thing = filled(entry, said)
    times = (thing.stat().st_atime_ns, thing.stat().st_mtime_ns)
    thing.write_text("CONTENT")
    os.utime(thing, ns=times)
    assert store.intact(entry), "the cheap check cannot see this"
    assert store.damage(entry) == [f"{thing}: content differs from the manifest"]


def test_a_killed_run_leaves_nothing_half_done(entry: Path, said: list[str]) -> None:
    other = background(entry, "time.sleep(60)")
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert not entry.exists()
    assert filled(entry, said).read_text() == "content"
    assert not (entry / "half").exists()


def test_a_second_run_waits_for_the_first_and_takes_its_result(entry: Path, said: list[str]) -> None:
    other = background(entry, "time.sleep(0.5)")
    store.ensure(entry, never, said.append)
    assert other.wait() == 0
    assert (entry / "half").read_text() == "half"
    assert "waiting" in said[0]


def test_a_killed_run_whose_compiler_still_writes_is_waited_for(entry: Path, said: list[str], tmp_path: Path) -> None:
    compiler = f"import time, pathlib; time.sleep(0.5); pathlib.Path({str(tmp_path / 'late')!r}).touch()"
    start = f"import subprocess; subprocess.Popen([sys.executable, '-c', {compiler!r}], close_fds=False)"
    started = f"{start}; print('filling', flush=True); time.sleep(60)"
    other = background(entry, started)
    assert other.stdout is not None
    other.stdout.readline()
    other.send_signal(signal.SIGKILL)
    other.wait()
    filled(entry, said)
    assert (tmp_path / "late").exists(), "the entry was made while the killed run's compiler was still at work"


def test_read_only_folders_can_be_removed(tmp_path: Path) -> None:
    inner = tmp_path / "tree" / "inner"
    inner.mkdir(parents=True)
    (inner / "file").touch()
    inner.chmod(0o500)
    store.remove(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()
