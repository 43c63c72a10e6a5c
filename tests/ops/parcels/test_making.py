"""A parcel: exact versions, a signature that apt's own checker takes, and a name that is its content's."""

from __future__ import annotations

import hashlib
import json
import lzma
import subprocess
from pathlib import Path

import pytest

from catalog.errors import UserError
from ops.parcels import making, signing


def package(folder: Path, name: str, version: str) -> Path:
    """A Debian package that holds nothing."""
    root = folder / f"build-{name}-{hashlib.sha256(version.encode()).hexdigest()[:6]}"
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN" / "control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: x <x@example.test>\nDescription: x\n"
    )
    target = folder / "debs"
    target.mkdir(exist_ok=True)
    subprocess.run(
        ["dpkg-deb", "--build", "--root-owner-group", str(root), str(target)], check=True, capture_output=True
    )
    return target


@pytest.fixture
def debs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    package(tmp_path, "one", "1:2.0+x~1")
    return package(tmp_path, "two", "3")


def test_the_manifest_records_exact_versions_and_names_that_need_no_quoting(debs: Path) -> None:
    parcel = making.make(debs)
    assert parcel.versions == {"one": "1:2.0+x~1", "two": "3"}
    for row in parcel.packages:
        assert set(row["file"]) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_./")
        content = (making.folder() / row["file"]).read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (row["sha256"], row["size"])


def test_the_index_is_signed_by_the_pinned_key_and_by_no_other(debs: Path, tmp_path: Path) -> None:
    parcel = making.make(debs)
    folder = making.folder() / parcel.id
    ring = tmp_path / "ring.asc"
    ring.write_text(signing.public_key())
    dearmoured = tmp_path / "ring.gpg"
    subprocess.run(
        ["gpg", "--batch", "--yes", "--dearmor", "-o", str(dearmoured), str(ring)], check=True, capture_output=True
    )
    check = ["gpgv", "--keyring", str(dearmoured), str(folder / "InRelease")]
    assert subprocess.run(check, capture_output=True, check=False).returncode == 0
    text = (folder / "InRelease").read_text()
    (folder / "InRelease").write_text(text.replace("Origin: huiju", "Origin: hujiu"))
    assert subprocess.run(check, capture_output=True, check=False).returncode != 0


def test_the_release_names_both_forms_of_the_index(debs: Path) -> None:
    folder = making.folder() / making.make(debs).id
    release = (folder / "InRelease").read_text()
    for name in ("Packages", "Packages.xz"):
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        assert any(row.split()[::2] == [digest, name] for row in release.splitlines() if len(row.split()) == 3)
    assert lzma.decompress((folder / "Packages.xz").read_bytes()) == (folder / "Packages").read_bytes()


def test_the_same_packages_are_the_same_parcel_and_others_are_another(debs: Path, tmp_path: Path) -> None:
    first, again = making.make(debs), making.make(debs)
    assert first == again
    package(tmp_path, "three", "1")
    other = making.make(debs)
    assert other.id != first.id
    assert (making.folder() / first.id / making.MANIFEST).exists(), "going back stays possible"
    assert json.loads((making.folder() / making.CURRENT).read_text())["id"] == other.id


def test_the_private_key_is_its_owners_alone(debs: Path) -> None:
    making.make(debs)
    assert signing.secret_file().stat().st_mode & 0o077 == 0


def test_a_missing_tool_is_named_with_what_to_type(debs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(UserError, match="apt-get install"):
        making.make(debs)
