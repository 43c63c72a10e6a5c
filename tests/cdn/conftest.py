"""The lab of the video CDN, running for all of its proofs."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.cdn import caches, network
from benchmarks.cdn.lab import Lab
from benchmarks.cdn.lab import lab as running
from catalog import load_named


def killed() -> tuple[subprocess.Popen[bytes], Path]:
    """What a killed lab leaves: a namespace, a process in it and a folder."""
    name, folder = f"{network.TAG}-killed", Path(tempfile.gettempdir()) / f"{network.TAG}-killed"
    subprocess.run(("ip", "netns", "add", name), check=True)
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(("ip", "netns", "exec", name, "sleep", "600"), start_new_session=True), folder


@pytest.fixture(scope="session")
def shared() -> Iterator[Lab]:
    """One lab; what is left of it afterwards is a fault."""
    if why := caches.missing():
        pytest.skip(why)
    process, folder = killed()
    with running(load_named("tiny")) as made:
        assert process.poll() is not None, "what ran in a killed lab is ended by the next one"
        assert not folder.exists() and f"{network.TAG}-killed" not in network.left(), "and all that it left is gone"
        yield made
    assert not network.left(), "namespaces remain"
    assert not made.folder.exists(), "files remain"


@pytest.fixture
def lab(shared: Lab) -> Lab:
    """The lab with an origin that does no wrong and has counted nothing, and with every cache up, whatever another test did to them."""
    shared.mend()
    return shared
