"""What the monitoring of a real platform says, and where its alerts go: a receiver of the test's own, named in the stack as users do."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from catalog import names
from ops import derived
from ops.phases import Phases
from ops.stack import configuration, session
from tests.integration.conftest import Platform

SINK = "alert-sink"
CODE = Path(__file__).with_name("sink.py")
HOOK, MAIL = 8080, 2525


def wait(says: str, check: Callable[[], Any], seconds: float = 120) -> Any:
    """What ``check`` gives as soon as it gives something; fails with ``says``."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := check():
            return found
        time.sleep(2)
    pytest.fail(f"not within {seconds:.0f} s: {says}")


def query(url: str, expression: str, at: float | None = None) -> list[dict[str, Any]]:
    """What Prometheus at ``url`` answers, at the Unix time ``at`` or now."""
    data = {"query": expression} | ({"time": str(at)} if at else {})
    return list(httpx.post(f"{url}/api/v1/query", data=data, timeout=30).json()["data"]["result"])


def arrived(platform: Platform, by: str, *texts: str) -> bool:
    """Whether one message that came by ``webhook`` or ``mail`` holds all ``texts``."""
    said = platform.cluster.kubectl("logs", "-n", SINK, f"pod/{SINK}")
    rows = (json.loads(line) for line in said.splitlines() if line.startswith("{"))
    bodies = [json.dumps(row["body"], ensure_ascii=False) for row in rows if row["by"] == by]
    return any(all(text in body for text in texts) for body in bodies)


@contextmanager
def receiver(platform: Platform) -> Iterator[None]:
    """A pod that takes alerts, in a namespace of the test's own."""
    labels = {"app": SINK}
    meta = {"name": SINK, "namespace": SINK, "labels": labels}
    container = {
        "name": SINK,
        "image": configuration.settings(platform.stack)["images"]["kit"],
        "command": ["python3", "-c", CODE.read_text(encoding="utf-8")],
        "resources": {"limits": {"memory": "96Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True},
    }
    seen = [{"name": name, "port": port} for name, port in (("hook", HOOK), ("mail", MAIL))]
    objects = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SINK}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": [container]}},
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": labels, "ports": seen}},
    ]
    listing = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    platform.cluster.kubectl("apply", "-f", "-", stdin=listing)
    platform.cluster.kubectl("wait", "-n", SINK, "--for=condition=Ready", f"pod/{SINK}", "--timeout=90s")
    try:
        yield
    finally:
        platform.cluster.kubectl("delete", "namespace", SINK, "--wait=false")


@contextmanager
def told(platform: Platform, city: Path) -> Iterator[None]:
    """The platform of ``city`` with the receiver's addresses, both set as a user sets them; afterwards the platform as it was."""
    before = configuration.file(platform.stack).read_text(encoding="utf-8")
    document, host = configuration.document(platform.stack), f"{SINK}.{SINK}.svc.cluster.local"
    hook = configuration.cipher_of(platform.stack).encrypt(f"http://{host}:{HOOK}/alerts")
    own = {
        "city": str(city),
        "derived": derived.folder(str(city), lambda _: None),
        "alertWebhook": {"secure": hook},
        "alertMailTo": "ops@example.cn",
        "alertMailFrom": "huiju@example.cn",
        "alertMailServer": f"{host}:{MAIL}",
        "alertMailTls": "false",
    }
    config = {**document["config"], **{f"huiju:{key}": value for key, value in own.items()}}
    configuration.rewrite(platform.stack, {**document, "config": config})
    try:
        session.reapply(platform.stack, Phases())
        rollout = ("rollout", "status", "-n", names.MONITORING, "--timeout=100s")
        for workload in (f"statefulset/{names.ALERTMANAGER}", f"deployment/{names.EXPORTER}"):
            platform.cluster.kubectl(*rollout, workload)
        yield
    finally:
        # What a person set outlives a file that is written anew.
        configuration.replace(configuration.file(platform.stack), before)
        session.provision(platform.wanted, platform.cluster.target, Phases())
