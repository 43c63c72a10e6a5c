"""Proof, on whichever cluster is in use, that NetworkPolicies do something: two pods, a deny, an allow, and what gets through."""

from __future__ import annotations

import json
import secrets
import subprocess
import time
from collections.abc import Callable
from typing import Any

from catalog.errors import UserError
from local.cluster.in_use import Target

PORT = 8080
IMAGE = "base"
READY_SECONDS = 120
VERDICT_SECONDS = 15
"""An agent may need a moment to hear of a new policy."""

Kubectl = Callable[..., "subprocess.CompletedProcess[str]"]


class UnverifiedError(Exception):
    """Why nothing can be said."""


def _kubectl(target: Target) -> Kubectl:
    from local.cluster.tools import kubernetes_tool

    command = [kubernetes_tool("kubectl"), *target.arguments()]

    def run(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                [*command, *arguments],
                input=stdin,
                capture_output=True,
                text=True,
                timeout=READY_SECONDS + 30,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, 1, "", "timed out")

    return run


def _pod(name: str, image: str, script: str) -> dict[str, Any]:
    """A pod that fits Pod Security `restricted`."""
    security = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/bin/sh", "-c", script],
        "securityContext": security,
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"cpu": "500m", "memory": "64Mi"}},
    }
    spec = {
        "containers": [container],
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"probe": name}}, "spec": spec}


def _policy(name: str, ingress: list[dict[str, Any]]) -> dict[str, Any]:
    spec = {"podSelector": {"matchLabels": {"probe": "server"}}, "policyTypes": ["Ingress"], "ingress": ingress}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name}, "spec": spec}


DENY = _policy("deny", [])
ALLOW = _policy("allow", [{"from": [{"podSelector": {"matchLabels": {"probe": "client"}}}]}])

# Debian's smallest image has bash and perl, but neither nc nor curl.
SERVE = (
    "exec perl -MIO::Socket::INET -e "
    f"'my $s = IO::Socket::INET->new(LocalPort => {PORT}, Listen => 5, ReuseAddr => 1) or die; while (my $c = $s->accept) {{ close $c }}'"
)
CALL = "exec timeout 3 bash -c 'exec 3<>/dev/tcp/{address}/{port}'"


def verify_network_policies(target: Target, image: str | None = None) -> str:
    """``enforced``, or ``not verified: <why>``. Makes a namespace of its own with two pods in it and deletes it again.

    ``image`` is one with bash and perl that the cluster's nodes can get; without it, the kit's own base as this machine built it.
    """
    kubectl = _kubectl(target)
    namespace = f"huiju-policy-check-{secrets.token_hex(4)}"
    try:
        _say(kubectl("create", "namespace", namespace))
        _say(kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted"))
        return _probe(kubectl, namespace, image or _image())
    except UnverifiedError as why:
        return f"not verified: {why}"
    finally:
        kubectl("delete", "namespace", namespace, "--wait=false", "--ignore-not-found")


def _say(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode:
        raise UnverifiedError(
            done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f"exit code {done.returncode}"
        )
    return done.stdout


def _image() -> str:
    from local import images

    try:
        return images.reference(IMAGE)
    except UserError as error:
        raise UnverifiedError(str(error)) from error


def _probe(kubectl: Kubectl, namespace: str, image: str) -> str:
    """Reachable, denied, allowed for the client: each must be seen."""
    for pod in (_pod("server", image, SERVE), _pod("client", image, "exec sleep 600")):
        _say(kubectl("-n", namespace, "create", "-f", "-", stdin=json.dumps(pod)))
    ready = kubectl("-n", namespace, "wait", "--for=condition=Ready", "pod", "--all", f"--timeout={READY_SECONDS}s")
    if ready.returncode:
        raise UnverifiedError(f"the two pods of the check did not start (image {image})")
    address = _say(kubectl("-n", namespace, "get", "pod", "server", "-o", "jsonpath={.status.podIP}"))

    def reached() -> bool:
        script = CALL.format(address=address, port=PORT)
        return kubectl("-n", namespace, "exec", "client", "--", "/bin/sh", "-c", script).returncode == 0

    def apply(policy: dict[str, Any]) -> None:
        _say(kubectl("-n", namespace, "apply", "-f", "-", stdin=json.dumps(policy)))

    _expect(reached, True, "without a policy the pods could not reach each other")
    apply(DENY)
    _expect(
        reached, False, "a policy that denies everything was ignored: this cluster does not enforce NetworkPolicies"
    )
    apply(ALLOW)
    _expect(reached, True, "a policy that allows the client did not let it through")
    return "enforced"


def _expect(reached: Callable[[], bool], wanted: bool, otherwise: str) -> None:
    """Try until the answer is the wanted one or :data:`VERDICT_SECONDS` have passed."""
    deadline = time.monotonic() + VERDICT_SECONDS
    while reached() is not wanted:
        if time.monotonic() > deadline:
            raise UnverifiedError(otherwise)
        time.sleep(0.5)
