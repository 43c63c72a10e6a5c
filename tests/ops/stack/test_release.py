"""What changes with an upgrade, and what going back restores."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import UserError
from local import paths
from ops.stack import configuration, release
from tests.ops.stack.test_configuration import PUBLIC, WANTED

OTHER = {**PUBLIC, "images": {"portal": "huiju.local/portal@sha256:" + "1" * 64}}


@pytest.fixture(autouse=True)
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    configuration.ensure("test", WANTED)
    release.record("test")


def test_the_same_versions_are_one_release() -> None:
    release.record("test")
    assert len(release.history("test")) == 1
    with pytest.raises(UserError, match="no earlier release"):
        release.previous("test")


def test_a_new_image_is_one_change_from_digest_to_digest() -> None:
    configuration.ensure("test", configuration.Wanted(OTHER, WANTED.secret))
    changes = release.changes(release.history("test")[-1], release.of_settings(configuration.settings("test")))
    assert changes == [("image portal", "portal@000000000000", "portal@111111111111")]


def test_no_secret_is_in_a_record() -> None:
    text = "".join(path.read_text() for path in (paths.state_dir() / "releases" / "test").iterdir())
    assert "secure" not in text
    assert "PEM" not in text


def test_going_back_restores_versions_and_keeps_place_and_credentials() -> None:
    moved = {**OTHER, "publicPort": 9443}
    configuration.ensure("test", configuration.Wanted(moved, WANTED.secret))
    release.record("test")
    secrets = configuration.read_secrets("test")
    release.put_back("test", release.previous("test"))
    assert configuration.settings("test")["images"] == PUBLIC["images"]
    assert configuration.settings("test")["publicPort"] == 9443
    assert configuration.read_secrets("test") == secrets


def test_going_back_leaves_the_signing_keys_where_they_are() -> None:
    document = configuration.document("test")
    document["config"] |= {"huiju:signingEpochs": "2", "huiju:signingSince": "2026-10-15T08:00:00Z"}
    configuration.rewrite("test", document)
    configuration.ensure("test", configuration.Wanted(OTHER, WANTED.secret))
    release.record("test")
    release.put_back("test", release.previous("test"))
    assert configuration.settings("test")["images"] == PUBLIC["images"]
    assert configuration.settings("test")["signingEpochs"] == "2"
    assert configuration.settings("test")["signingSince"]


def test_after_going_back_the_next_up_generates_the_file_again() -> None:
    release.put_back("test", release.history("test")[-1])
    assert configuration.generated("test")
    assert configuration.ensure("test", WANTED)


def test_only_the_last_releases_are_remembered() -> None:
    for index in range(release.KEEP + 3):
        images = {"portal": "huiju.local/portal@sha256:" + f"{index:x}".rjust(64, "a")}
        configuration.ensure("test", configuration.Wanted({**PUBLIC, "images": images}, WANTED.secret))
        release.record("test")
    assert len(release.history("test")) == release.KEEP
