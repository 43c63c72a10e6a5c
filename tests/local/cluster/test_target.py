"""A cluster that the user gives is used as it is; only without one the embedded cluster is."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import UserError
from local import cluster, paths
from local.cluster import cgroups, lifecycle, ports, process
from local.cluster.layout import Layout


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HUIJU_KUBECONFIG", "KUBECONFIG", "HUIJU_CONTEXT", "HUIJU_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_without_a_hint_it_is_the_embedded_cluster() -> None:
    assert cluster.target() == cluster.Target(paths.kubeconfig(), None, embedded=True)


def test_the_shell_settings_of_the_kit_mean_the_embedded_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(paths.kubeconfig()))
    assert cluster.target().embedded


@pytest.mark.parametrize("variable", ["HUIJU_KUBECONFIG", "KUBECONFIG"])
def test_a_given_kubeconfig_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str) -> None:
    (tmp_path / "config").write_text("{}")
    monkeypatch.setenv(variable, str(tmp_path / "config"))
    assert cluster.target() == cluster.Target(tmp_path / "config", None, embedded=False)


def test_a_context_means_the_users_own_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube/config").write_text("{}")
    assert cluster.target("mine") == cluster.Target(tmp_path / ".kube/config", "mine", embedded=False)


def test_a_kubeconfig_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nonexistent/config")
    with pytest.raises(UserError, match="/nonexistent/config"):
        cluster.target()


def test_without_root_the_error_names_the_alternative(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(UserError, match="--context"):
        lifecycle.up()


def test_without_root_nothing_is_to_be_stopped_where_nothing_was_ever_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    lifecycle.down()
    paths.cluster_dir().mkdir(parents=True)
    with pytest.raises(UserError, match="needs root"):
        lifecycle.down()


@pytest.mark.parametrize("text", ["0", "65536", "https", "-1", ""])
def test_a_port_that_is_none_is_an_error(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("HUIJU_PORT", text)
    if text:
        with pytest.raises(UserError, match="HUIJU_PORT"):
            ports.public_port()
    else:
        assert ports.public_port() == ports.DEFAULT_PORT


def _layout(tmp_path: Path, clone: str = "clone") -> Layout:
    layout = Layout(tmp_path / clone / "cluster")
    layout.make()
    return layout


def test_a_taken_port_gives_way_and_the_choice_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "free", lambda port: port != ports.DEFAULT_PORT)
    assert ports.allot(_layout(tmp_path)) == ports.DEFAULT_PORT + 1
    assert ports.public_port(_layout(tmp_path)) == ports.DEFAULT_PORT + 1


def test_a_taken_port_that_was_asked_for_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUIJU_PORT", "9443")
    monkeypatch.setattr(ports, "free", lambda port: False)
    with pytest.raises(UserError, match="9443"):
        ports.allot(_layout(tmp_path))


def test_the_port_that_the_own_keeper_holds_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "free", lambda port: False)
    assert ports.allot(_layout(tmp_path), held=ports.DEFAULT_PORT) == ports.DEFAULT_PORT


def test_a_port_of_another_clone_that_is_being_started_is_taken_although_nobody_listens_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "free", lambda port: True)
    other, own = _layout(tmp_path, "other"), _layout(tmp_path)
    with process.locked(other.lock, 0):
        assert ports.allot(other) == ports.DEFAULT_PORT
        assert ports.allot(own) == ports.DEFAULT_PORT + 1
    other.wanted.touch()
    (own.state / "port").unlink()
    assert ports.allot(own) == ports.DEFAULT_PORT + 1


def test_a_port_of_another_clone_that_was_stopped_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "free", lambda port: True)
    assert ports.allot(_layout(tmp_path, "other")) == ports.DEFAULT_PORT
    assert ports.allot(_layout(tmp_path)) == ports.DEFAULT_PORT


HYBRID = (
    "2:cpu,cpuacct:/\n1:name=systemd:/\n0::/",
    "1 0 0:1 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
    "2 0 0:2 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n3 0 0:3 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
)
UNIFIED = ("0::/session", "1 0 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate")


def test_hierarchies_of_an_older_machine_are_all_found() -> None:
    found = {item.controllers: str(item.mount) for item in cgroups.hierarchies(*HYBRID)}
    assert found == {
        "cpu,cpuacct": "/sys/fs/cgroup/cpu",
        "name=systemd": "/sys/fs/cgroup/systemd",
        "": "/sys/fs/cgroup/unified",
    }


def test_the_single_hierarchy_of_a_newer_machine_is_found() -> None:
    (only,) = cgroups.hierarchies(*UNIFIED)
    assert only.v2
    assert only.mount == cgroups.MOUNT
