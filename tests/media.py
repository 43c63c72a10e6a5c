"""What the tests of lessons share: a real object store on loopback, small recordings, requests, and the packager as a process."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from local import toolchain
from local.ports import free_port
from services.packager.store import Bucket, client

ROOT = Path(__file__).resolve().parent.parent
ACCESS, SECRET = "tester", "tester-secret"
RUNGS = [
    {"name": "v234-145", "width": 416, "height": 234, "kbps": 145, "crf": 23},
    {"name": "v360-365", "width": 640, "height": 360, "kbps": 365, "crf": 23},
    {"name": "v720-3000", "width": 1280, "height": 720, "kbps": 3000, "crf": 23},
]
_numbers = count()


@dataclass(frozen=True)
class Store:
    """A versitygw on loopback."""

    endpoint: str

    def variables(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
        }

    def client(self) -> Any:
        return client(
            endpoint_url=self.endpoint, region_name="us-east-1", aws_access_key_id=ACCESS, aws_secret_access_key=SECRET
        )

    def pair(self) -> tuple[Bucket, Bucket]:
        """Fresh buckets of uploads and of lessons, the latter versioned as in the catalog."""
        s3, number = self.client(), next(_numbers)
        for name in (f"uploads-{number}", f"lessons-{number}"):
            s3.create_bucket(Bucket=name)
        s3.put_bucket_versioning(Bucket=f"lessons-{number}", VersioningConfiguration={"Status": "Enabled"})
        return Bucket(s3, f"uploads-{number}"), Bucket(s3, f"lessons-{number}")


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder, port = tmp_path_factory.mktemp("store"), free_port()
    for name in ("objects", "versions"):
        (folder / name).mkdir()
    command = [str(toolchain.tool("versitygw")), "--port", f"127.0.0.1:{port}", "--quiet", "posix"]
    keys = {"ROOT_ACCESS_KEY": ACCESS, "ROOT_SECRET_KEY": SECRET}
    where = ["--versioning-dir", str(folder / "versions"), str(folder / "objects")]
    process = subprocess.Popen([*command, *where], env={**os.environ, **keys}, stdout=subprocess.DEVNULL)
    try:
        _wait(port)
        yield Store(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait()


def _wait(port: int) -> None:
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError("the object store did not start")


def record(
    target: Path,
    *,
    seconds: float = 10,
    size: str = "640x360",
    rate: str = "25",
    sound: bool = True,
    keyframes: int = 73,
) -> Path:
    """A moving test picture with a number on every frame and a tone.

    ``keyframes`` are so many frames apart: by themselves they fit neither 2 s nor 6 s.
    """
    picture = ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}"]
    tone = ["-f", "lavfi", "-i", f"sine=f=440:d={seconds}"] if sound else []
    codec = [
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-g",
        str(keyframes),
        "-pix_fmt",
        "yuv420p",
        *(["-c:a", "aac"] if sound else []),
    ]
    subprocess.run(["ffmpeg", "-v", "error", "-y", *picture, *tone, *codec, str(target)], check=True)
    return target


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("clip") / "clip.mp4")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def wanted(content: str, lesson: str = "l-test", download: str | None = None, **ladder: Any) -> dict[str, Any]:
    """A packaging request as the publisher makes it, with chunks of 6 s so that even a short clip has several."""
    school = {"code": "5110020001", "name": {"zh": "一小", "en": "First"}}
    timing = {"segment_seconds": 6, "keyframe_seconds": 2, "chunk_seconds": 6, "audio_kbps": 96, "fps_limit": 30}
    about = {"title": "分数 <b>$(HOME)</b> \"'", "school": school}
    whole = {"rungs": RUNGS, "preset": "ultrafast", "thumbnail_seconds": 2, **timing, **ladder}
    core = {"id": lesson, "content_hash": content, "recipe": "0123456789ab"}
    return {**core, "about": about, "ladder": whole, "download": download}


@dataclass
class Run:
    """How a packager ended: its exit code and what it said."""

    code: int
    lines: list[dict[str, Any]]

    @property
    def error(self) -> str:
        return next((str(line["error"]) for line in self.lines if "error" in line), "")


def start(
    store: Store, pair: tuple[Bucket, Bucket], request: dict[str, Any], work: Path, **more: str
) -> subprocess.Popen[str]:
    work.mkdir(parents=True, exist_ok=True)
    own = {"PACKAGER_REQUEST": json.dumps(request), "PACKAGER_WORK": str(work)}
    names = {"PACKAGER_UPLOADS": pair[0].name, "PACKAGER_LESSONS": pair[1].name}
    environment = {"PATH": os.environ["PATH"], "HOME": str(work), **store.variables(), **own, **names, **more}
    command = [sys.executable, "-m", "packager"]
    return subprocess.Popen(command, cwd=ROOT / "services", env=environment, stdout=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> Run:
    said, _ = process.communicate()
    return Run(process.returncode, [json.loads(line) for line in said.splitlines()])


def package(store: Store, pair: tuple[Bucket, Bucket], file: Path, work: Path, **more: Any) -> Run:
    """Hand ``file`` in and package it."""
    content = digest(file)
    pair[0].put(content, file.read_bytes(), "no-store")
    return finish(start(store, pair, wanted(content, **more), work))


def download(lessons: Bucket, prefix: str, target: Path) -> Path:
    """Everything below ``prefix`` as files."""
    for key, _, _ in lessons.objects(prefix):
        found = lessons.get(key)
        assert found
        (target / key).parent.mkdir(parents=True, exist_ok=True)
        (target / key).write_bytes(found[0])
    return target
