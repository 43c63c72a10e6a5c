"""Every image of the kit, as built: its program is there and may be run by its user, and nothing in it raises privileges."""

from __future__ import annotations

import functools
import json
import stat
import tarfile
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from local import images
from local.images.definition import load
from local.images.inventory import built

pytestmark = pytest.mark.integration


def _json(tar: tarfile.TarFile, name: str) -> dict[str, Any]:
    stream = tar.extractfile(name)
    assert stream
    content: dict[str, Any] = json.load(stream)
    return content


def _blob(digest: str) -> str:
    return f"blobs/sha256/{digest.removeprefix('sha256:')}"


@functools.cache
def _view(archive: Path) -> tuple[dict[str, Any], dict[str, tarfile.TarInfo]]:
    """The image's config, and the files of all layers laid over one another."""
    files: dict[str, tarfile.TarInfo] = {}
    with tarfile.open(archive) as tar:
        manifest = _json(tar, _blob(_json(tar, "index.json")["manifests"][0]["digest"]))
        for layer in manifest["layers"]:
            with tarfile.open(fileobj=tar.extractfile(_blob(layer["digest"])), mode="r:*") as content:
                for member in content:
                    path = PurePosixPath(member.name.removeprefix("./").strip("/"))
                    if path.name.startswith(".wh."):
                        gone = str(path.with_name(path.name.removeprefix(".wh.")))
                        files = {
                            name: row for name, row in files.items() if name != gone and not name.startswith(f"{gone}/")
                        }
                    else:
                        files[str(path)] = member
        return _json(tar, _blob(manifest["config"]["digest"]))["config"], files


@pytest.fixture(scope="module", autouse=True)
def all_built() -> None:
    """Built by this clone's `make up`, or here."""
    images.build()


@pytest.mark.parametrize("name", load().public())
def test_an_image_can_be_run_by_its_user_and_raises_no_privileges(name: str) -> None:
    config, files = _view(built(name).archive)
    assert config["User"] == ("26:26" if name in {"postgresql", "barman-cloud"} else "10001:10001")
    raised = [path for path, row in files.items() if row.isfile() and row.mode & (stat.S_ISUID | stat.S_ISGID)]
    assert raised == []
    program = (config.get("Entrypoint") or config["Cmd"])[0].lstrip("/")
    candidates = [program, f"usr/{program}"]  # /bin is a link to /usr/bin
    found = [files[path] for path in candidates if path in files]
    assert found and (found[0].issym() or found[0].mode & stat.S_IXOTH)


@pytest.mark.parametrize("name", load().public())
def test_an_image_says_what_it_is_and_holds_no_package_lists(name: str) -> None:
    config, files = _view(built(name).archive)
    labels = config["Labels"]
    assert labels["org.opencontainers.image.title"] == name
    assert labels["org.opencontainers.image.revision"] == built(name).key
    kept = [path for path in files if path.startswith("var/lib/apt/lists/") or path.endswith(".deb")]
    assert kept == []
    assert not [text for text in config.get("Env", []) if "proxy" in text.lower()]
