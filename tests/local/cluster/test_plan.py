"""The plan survives being written down, and any change to it is noticed."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from local.cluster import addons, components, configuration
from local.cluster.layout import Layout
from local.cluster.plan import Network, Part, Plan, digest_of
from local.cluster.tools import HOST_TOOLS, KUBERNETES, Tools

NETWORK = Network("hj-test", "192.0.2.1", "192.0.2.2", 30)
TOOLS = Tools({name: f"/programs/{name}" for name in (*HOST_TOOLS, *KUBERNETES)}, Path("/plugins"), "/bin")
IMAGES = {
    "coredns": "huiju.local/coredns@sha256:1",
    "local-path-provisioner": "huiju.local/p@sha256:2",
    "base": "huiju.local/b@sha256:3",
}


def _plan() -> Plan:
    parts = components.parts(Layout(Path("/data")), TOOLS, NETWORK)
    return Plan("test", "/data", NETWORK, 8443, 30443, "/bin", parts)


def test_a_plan_is_read_back_as_it_was_written() -> None:
    assert Plan.from_json(_plan().to_json()) == _plan()


def test_the_digest_changes_with_an_argument_and_with_a_file() -> None:
    plan, file = _plan(), Path("/data/config/x")
    first = digest_of(plan, {file: "a"})
    assert first == digest_of(plan, {file: "a"})
    assert first != digest_of(plan, {file: "b"})
    assert first != digest_of(dataclasses.replace(plan, port=8444), {file: "a"})


def test_every_part_waits_only_for_parts_before_it() -> None:
    seen: set[str] = set()
    for part in _plan().parts:
        assert set(part.after) <= seen, part.name
        seen.add(part.name)


def test_no_secret_stands_on_a_command_line() -> None:
    for part in _plan().parts:
        assert not any("PRIVATE KEY" in word or "--token=" in word for word in part.argv)


def _flags(name: str) -> dict[str, str]:
    part = next(part for part in _plan().parts if part.name == name)
    return dict(word.removeprefix("--").split("=", 1) for word in part.argv[1:])


def test_etcd_listens_on_loopback_and_asks_for_a_certificate() -> None:
    flags = _flags("etcd")
    assert flags["listen-client-urls"] == "https://127.0.0.1:2379"
    assert flags["client-cert-auth"] == "true"


def test_the_api_server_knows_nobody_anonymous_but_for_health() -> None:
    assert "anonymous-auth" not in _flags("kube-apiserver"), "the file below rules; both together are refused"
    conditions = configuration.authentication()["anonymous"]["conditions"]
    assert {item["path"] for item in conditions} == {"/livez", "/readyz", "/healthz"}


def test_secrets_are_written_encrypted_and_the_key_is_made_once(tmp_path: Path) -> None:
    key = configuration.encryption_key(tmp_path / "key")
    assert key == configuration.encryption_key(tmp_path / "key")
    first, *_ = configuration.encryption(key)["resources"][0]["providers"]
    assert "secretbox" in first, "the first provider is the one that writes"


def test_a_namespace_that_says_nothing_gets_baseline() -> None:
    (plugin,) = configuration.admission()["plugins"]
    assert plugin["configuration"]["defaults"]["enforce"] == "baseline"


def test_the_addons_leave_no_placeholder_and_keep_the_shells_own(tmp_path: Path) -> None:
    text = addons.manifests(Layout(tmp_path), NETWORK, IMAGES)
    assert "$coredns" not in text
    assert '"$VOL_DIR"' in text
    assert all(reference in text for reference in IMAGES.values())


def test_an_addon_without_its_image_is_an_error_and_not_an_empty_name(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        addons.manifests(Layout(tmp_path), NETWORK, {})


def test_a_part_has_plain_defaults() -> None:
    assert Part("x", ("y",)).after == ()
