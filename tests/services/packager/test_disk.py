"""A full working folder, on a real small file system of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.packager import disk
from services.packager.errors import NO_SPACE, PackagingError
from tests.media import ROOT

FILL = """
import sys
from pathlib import Path
from services.packager import disk
from services.packager.errors import PackagingError
folder = Path(sys.argv[1])
try:
    with disk.explained(folder, 5 << 20), (folder / "upload").open("wb") as file:
        for _ in range(5):
            file.write(b"x" * (1 << 20))
            file.flush()
except PackagingError as error:
    print(error.code, error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_is_one_sentence_with_figures(tmp_path: Path) -> None:
    script = f'mount -t tmpfs -o size=2m none "{tmp_path}" && exec "{sys.executable}" -c "$FILL" "{tmp_path}"'
    environment = {**os.environ, "FILL": FILL, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True, env=environment, check=False
    )
    assert done.stdout.startswith(f"{NO_SPACE} not enough working space: packaging this lesson needs 5 MiB"), (
        done.stderr
    )


def test_the_jobs_limit_counts_what_is_used_already(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKAGER_WORK_BYTES", str(100 << 20))
    (tmp_path / "upload").write_bytes(b"x" * (30 << 20))
    disk.require(tmp_path, (70 << 20) - disk.MARGIN)
    with pytest.raises(PackagingError, match="and 70 MiB are left") as caught:
        disk.require(tmp_path, (70 << 20) - disk.MARGIN + 1)
    assert caught.value.code == NO_SPACE


def test_other_errors_of_the_system_pass_through(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), disk.explained(tmp_path, 1):
        (tmp_path / "absent" / "x").write_bytes(b"")
