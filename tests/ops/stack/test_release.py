"""What changes with an upgrade, and what going back restores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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


def _set(**values: object) -> None:
    """As `pulumi config set` does; None takes a setting away."""
    document = configuration.document("test")
    document["config"] |= {f"huiju:{key}": value for key, value in values.items()}
    document["config"] = {key: value for key, value in document["config"].items() if value is not None}
    configuration.rewrite("test", document)


PLACE = {
    "schoolCa": "NEW", "databaseArchive": "postgres-2", "databaseRecoverFrom": "postgres", "edgeDomain": "new.example",
    "derived": "/new", "alertMailTo": "new@example.org", "overrides": {"storeSizeGib": 9},
}  # fmt: skip
"""What somebody changed since the release that is gone back to."""


@pytest.mark.parametrize("older", [True, False])
def test_going_back_restores_nothing_but_versions(older: bool) -> None:
    former: dict[str, Any] = {
        **dict.fromkeys(PLACE),
        "schoolCa": "WITHDRAWN",
        "edgeDomain": "old.example",
        "derived": "/old",
    }
    if older:
        for path in (paths.state_dir() / "releases" / "test").iterdir():
            tools = release.history("test")[-1].tools
            said = {key: value for key, value in {**PUBLIC, **former}.items() if value is not None}
            path.write_text(json.dumps({"settings": said, "tools": tools, "at": 1}))
    _set(**former)
    release.record("test")
    _set(images=OTHER["images"], **PLACE)
    release.record("test")
    back = release.previous("test")
    assert [what for what, _, _ in release.changes(release.history("test")[-1], back)] == ["image portal"]
    release.put_back("test", back)
    now = configuration.settings("test")
    assert now["images"] == PUBLIC["images"]
    assert {key: now.get(key) for key in PLACE} == PLACE


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


def test_records_of_an_older_kit_that_differ_in_no_version_are_one_release() -> None:
    folder, tools = paths.state_dir() / "releases" / "test", release.history("test")[-1].tools
    for number, ca in enumerate(("A", "B", "C")):
        (folder / f"9{number}.json").write_text(
            json.dumps({"settings": {**OTHER, "schoolCa": ca}, "tools": tools, "at": 1})
        )
    assert [each.settings["images"] for each in release.history("test")] == [PUBLIC["images"], OTHER["images"]]
    assert release.previous("test").settings["images"] == PUBLIC["images"]
    release.forget_last("test")
    assert [each.settings["images"] for each in release.history("test")] == [PUBLIC["images"]]


def test_a_chart_in_a_folder_does_not_keep_the_version_of_the_one_before() -> None:
    _set(gatewayChart="oci://registry.example.org/gateway-helm", gatewayChartVersion="v1")
    release.record("test")
    release.put_back("test", release.previous("test"))
    assert configuration.settings("test")["gatewayChart"] == PUBLIC["gatewayChart"]
    assert "gatewayChartVersion" not in configuration.settings("test")


def test_an_operator_that_came_since_stays_under_its_databases() -> None:
    _set(images=OTHER["images"], databaseOperator="/operator.yaml", databasePlugin="/plugin.yaml")
    release.record("test")
    back = release.previous("test")
    assert [what for what, _, _ in release.changes(release.history("test")[-1], back)] == ["image portal"]
    release.put_back("test", back)
    now = configuration.settings("test")
    assert (now["images"], now["databaseOperator"], now["databasePlugin"]) == (
        PUBLIC["images"], "/operator.yaml", "/plugin.yaml",
    )  # fmt: skip


def test_an_image_that_came_since_stays_since_the_plan_asks_for_it() -> None:
    came = {"keycloak": "huiju.local/keycloak@sha256:" + "2" * 64}
    before, after = (dict[str, str](each["images"]) for each in (PUBLIC, OTHER))  # type: ignore[call-overload]
    _set(images=after | came)
    release.record("test")
    back = release.previous("test")
    assert [what for what, _, _ in release.changes(release.history("test")[-1], back)] == ["image portal"]
    release.put_back("test", back)
    assert configuration.settings("test")["images"] == before | came


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
