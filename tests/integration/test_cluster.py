"""The embedded cluster heals itself, shares the machine with a second one, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from local import images, paths
from local.toolchain import tool
from tests import waiting

pytestmark = [
    pytest.mark.integration,
    pytest.mark.cluster,
    pytest.mark.skipif(os.geteuid() != 0, reason="the embedded cluster needs root"),
    pytest.mark.timeout(900),
]

PORT = 8080
SERVE = (
    "exec perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalPort => 8080, Listen => 9, ReuseAddr => 1) or die; "
    'while ($c = $s->accept) { sysread $c, $_, 999; print $c "HTTP/1.0 200 OK\\r\\n\\r\\nhello"; close $c }\''
)
PARTS = [
    "keeper",
    "guard",
    "supervisor",
    "etcd",
    "containerd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
]
PARTS += ["kubelet", "kube-proxy", "kube-network-policies"]
ALWAYS = {"keeper", "etcd", "kubelet"}
"""One that watches, one that keeps data, one that runs pods; the others are killed by `make proof`."""

until = partial(waiting.until, seconds=120, pause=0.3)


@dataclass(frozen=True)
class Clone:
    """A cluster of its own, driven by the command that users type."""

    name: str

    @property
    def environment(self) -> dict[str, str]:
        """The shell's settings without any that point at another cluster."""
        mixed = {"KUBECONFIG", "HUIJU_KUBECONFIG", "HUIJU_CONTEXT", "HUIJU_PORT"}
        return {key: value for key, value in os.environ.items() if key not in mixed} | {"HUIJU_CLONE_ID": self.name}

    @property
    def folder(self) -> Path:
        """The cluster's data."""
        return paths.state_dir().with_name(self.name) / "cluster"

    def huiju(self, *words: str, check: bool = True) -> str:
        """Standard output of `huiju cluster ...`."""
        command = ["huiju", "cluster", *words]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def kubectl(self, *words: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """kubectl on this cluster; 30 s at most."""
        command = [
            str(tool("kubectl")),
            "--kubeconfig",
            str(self.folder / "kubeconfig"),
            "--request-timeout=20s",
            *words,
        ]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)

    def parts(self) -> dict[str, dict[str, Any]]:
        """Name -> state of every process."""
        return {part["name"]: part for part in json.loads(self.huiju("status", "--json", check=False))}

    def healthy(self) -> bool:
        """Whether every process runs."""
        parts = self.parts()
        return set(parts) == set(PARTS) and all(part["state"] == "running" for part in parts.values())

    def answers(self) -> bool:
        """Whether the pod behind the gateway's NodePort answers through the public port."""
        port = json.loads((self.folder / "state/plan.json").read_text())["port"]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as response:
                return bool(response.read() == b"hello")
        except OSError:
            return False


def _pod(name: str, image: str) -> list[dict[str, Any]]:
    """A pod that says hello, and a Service that puts it where the gateway will be."""
    container = {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/bin/sh", "-c", f"echo started; {SERVE}"],
    }
    meta = {"name": name, "labels": {"app": name}}
    port = {"port": PORT, "nodePort": 30443}
    return [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": meta,
            "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {"type": "NodePort", "selector": {"app": name}, "ports": [port]},
        },
    ]


def _start(name: str) -> Clone:
    clone = Clone(name)
    clone.huiju("reset", "--yes")
    clone.huiju("up")
    for document in _pod("hello", images.build(["base"])["base"].reference):
        made = clone.kubectl("apply", "-f", "-", stdin=json.dumps(document))
        assert made.returncode == 0, made.stderr
    until(clone.answers, "the pod answers through the public port")
    return clone


@dataclass(frozen=True)
class Machine:
    """What a machine shows of clusters: everything that `down` must take away again."""

    links: frozenset[str]
    mounts: frozenset[str]
    rules: str
    groups: frozenset[str]
    folders: frozenset[str]


def _text(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _machine() -> Machine:
    links = frozenset(link["ifname"] for link in json.loads(_text("ip", "-j", "link")))
    mounts = frozenset(line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines())
    rules = "".join(line for line in _text("iptables-save").splitlines() if line.startswith("-A"))
    groups = frozenset(str(path) for path in Path("/sys/fs/cgroup").glob("**/huiju-*") if path.is_dir())
    folders = frozenset(str(path) for top in ("/var/lib", "/run", "/etc", "/var/log") for path in Path(top).iterdir())
    return Machine(links, mounts, rules, groups, folders)


def _processes_of(name: str) -> list[str]:
    """Command lines of processes that carry the clone's id in their settings or data folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            settings = (entry / "environ").read_bytes() if entry.name.isdigit() else b""
            words = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue
        if f"HUIJU_CLONE_ID={name}\0".encode() in settings or f"/{name}/cluster/".encode() in words:
            found.append(words.replace(b"\0", b" ").decode())
    return found


@pytest.fixture(scope="module")
def before() -> Machine:
    """The machine before this module's clusters."""
    return _machine()


@pytest.fixture(scope="module")
def clone(before: Machine) -> Iterator[Clone]:
    """One cluster for the whole module, with a pod that answers."""
    first = Clone(f"{paths.clone_id()[:8]}-c")
    try:
        yield _start(first.name)
    finally:
        first.huiju("reset", "--yes")


def test_up_again_changes_nothing(clone: Clone) -> None:
    pids = {name: part["pid"] for name, part in clone.parts().items()}
    clone.huiju("up")
    assert {name: part["pid"] for name, part in clone.parts().items()} == pids


def test_a_pod_can_be_entered_and_its_log_read(clone: Clone) -> None:
    assert clone.kubectl("logs", "hello").stdout == "started\n"
    assert clone.kubectl("exec", "hello", "--", "hostname").stdout == "hello\n"


def test_a_pod_resolves_services_but_the_outside_is_closed(clone: Clone) -> None:
    found = clone.kubectl("exec", "hello", "--", "getent", "hosts", "kube-dns.kube-system.svc.cluster.local")
    assert found.stdout.split()[:1] == ["10.96.0.10"]
    # 203.0.113.0/24 is for documentation (RFC 5737): whatever is there, the node refuses the way to it.
    outside = clone.kubectl("exec", "hello", "--", "timeout", "5", "bash", "-c", "exec 3<>/dev/tcp/203.0.113.1/80")
    assert "unreachable" in outside.stderr.lower(), outside.stderr


def test_a_claim_gets_a_volume_of_the_default_class(clone: Clone) -> None:
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    pod, _ = _pod("writer", images.build(["base"])["base"].reference)
    pod["spec"]["containers"][0] |= {
        "command": ["sh", "-c", "id -u > /v/x; sleep 600"],
        "volumeMounts": [{"name": "v", "mountPath": "/v"}],
    }
    pod["spec"]["volumes"] = [{"name": "v", "persistentVolumeClaim": {"claimName": "v"}}]
    clone.kubectl(
        "apply",
        "-f",
        "-",
        stdin=json.dumps(
            {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "v"}, "spec": claim}
        ),
    )
    clone.kubectl("apply", "-f", "-", stdin=json.dumps(pod))
    until(
        lambda: clone.kubectl("exec", "writer", "--", "cat", "/v/x").stdout == "10001\n",
        "the pod wrote into its volume",
    )
    clone.kubectl("delete", "pod/writer", "pvc/v", "--wait=false")
    until(lambda: not any((clone.folder / "volumes").iterdir()), "the volume's folder is gone")


def test_a_secret_is_not_readable_in_the_database(clone: Clone) -> None:
    clone.kubectl("create", "secret", "generic", "hidden", "--from-literal=word=plainly-visible-word")
    clone.kubectl("create", "configmap", "shown", "--from-literal=word=plainly-visible-other")
    stored = b"".join(path.read_bytes() for path in (clone.folder / "etcd/data/member").rglob("*") if path.is_file())
    assert b"plainly-visible-other" in stored, "the search finds what is not encrypted"
    assert b"plainly-visible-word" not in stored


def test_nobody_is_anonymous(clone: Clone) -> None:
    context = ssl.create_default_context(cafile=str(clone.folder / "pki/ca.crt"))
    server = json.loads((clone.folder / "kubeconfig").read_text())["clusters"][0]["cluster"]["server"]
    with urllib.request.urlopen(f"{server}/readyz", context=context) as response:
        assert response.status == 200
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"{server}/api/v1/namespaces", context=context)


def test_network_policies_are_enforced(clone: Clone) -> None:
    assert "network policies: enforced" in clone.huiju("verify")
    assert "huiju-policy-check" not in clone.kubectl("get", "ns", "--field-selector=status.phase=Active").stdout


def _silence_agent(clone: Clone, number: signal.Signals) -> None:
    os.kill(clone.parts()["kube-network-policies"]["pid"], number)


def test_while_the_agent_is_silent_new_connections_wait_and_then_go_on(clone: Clone) -> None:
    _silence_agent(clone, signal.SIGSTOP)
    try:
        assert not clone.answers(), "fail closed"
    finally:
        _silence_agent(clone, signal.SIGCONT)
    until(clone.answers, "the pod answers again")


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in ALWAYS else pytest.mark.slow) for name in PARTS]
)
def test_whichever_part_is_killed_comes_back_by_itself(clone: Clone, name: str) -> None:
    pid = clone.parts()[name]["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: clone.parts()[name]["pid"] not in (None, pid), f"{name} runs again")
    until(clone.healthy, f"every part runs after {name} was killed")
    until(clone.answers, f"the pod answers after {name} was killed")
    until(lambda: clone.kubectl("exec", "hello", "--", "true").returncode == 0, f"exec works after {name} was killed")


def test_keeper_and_guard_killed_together_are_mended_by_up(clone: Clone) -> None:
    for name in ("keeper", "guard"):
        os.kill(clone.parts()[name]["pid"], signal.SIGSTOP)
    for name in ("keeper", "guard"):
        os.kill(clone.parts()[name]["pid"], signal.SIGKILL)
    clone.huiju("up")
    until(clone.healthy, "keeper and guard run again")
    until(clone.answers, "the pod answers again")


def test_a_stale_identity_file_harms_no_stranger(clone: Clone) -> None:
    clone.huiju("down")
    with subprocess.Popen(["sleep", "600"]) as stranger:
        stale = {"pid": stranger.pid, "start": 1, "boot": "of another day"}
        for name in ("keeper", "guard", "supervisor"):
            (clone.folder / f"state/{name}.process.json").write_text(json.dumps(stale))
        (clone.folder / "state/wanted").touch()  # as after a power cut
        clone.huiju("up")
        assert stranger.poll() is None
        stranger.kill()
    until(clone.healthy, "the cluster runs")
    until(clone.answers, "the pod of before answers")


@pytest.mark.slow
def test_two_clones_do_not_clash(clone: Clone) -> None:
    other = Clone(f"{paths.clone_id()[:8]}-d")
    try:
        _start(other.name)
        assert clone.answers()
        assert other.healthy()
        assert clone.healthy()
    finally:
        other.huiju("reset", "--yes")
    assert not other.folder.exists()
    assert clone.answers()


def test_down_leaves_nothing_but_data(clone: Clone, before: Machine) -> None:
    assert clone.name in str(_machine()), "the comparison sees the cluster while it runs"
    assert _processes_of(clone.name)
    clone.huiju("down")
    after = _machine()
    assert not _processes_of(clone.name)
    for kind in ("links", "mounts", "groups", "folders"):
        new = getattr(after, kind) - getattr(before, kind)
        assert not {
            item for item in new if clone.name in item or item.startswith(("/var/lib/", "/run/hj", "/run/huiju"))
        }, kind
    assert after.rules == before.rules
    assert clone.huiju("status", check=False).count("stopped") == len(PARTS)
    clone.huiju("down")
    assert (clone.folder / "etcd/data/member").is_dir()
