"""Command lines of the parts, from addresses and paths (pure)."""

from __future__ import annotations

from collections.abc import Mapping

from local.cluster.layout import CONTAINERD_SOCKET, SERVICE_ACCOUNT, Layout
from local.cluster.plan import Network, Part
from local.cluster.tools import Tools

API_PORT = 6443
SERVICE_NODE_PORTS = "30000-32767"
NODE_NAME = "huiju"
EVENTS_KEPT = "1h0m0s"


def server(network: Network) -> str:
    """The API server's address, for the host and for the node alike."""
    return f"https://{network.node}:{API_PORT}"


def etcd(layout: Layout, tools: Tools) -> Part:
    """The database; reachable on the node's loopback only, and only with its own client certificate."""
    pki = layout.pki
    flags = {
        "name": NODE_NAME,
        "data-dir": layout.etcd / "data",
        "listen-client-urls": "https://127.0.0.1:2379",
        "advertise-client-urls": "https://127.0.0.1:2379",
        "listen-peer-urls": "https://127.0.0.1:2380",
        "initial-advertise-peer-urls": "https://127.0.0.1:2380",
        "initial-cluster": f"{NODE_NAME}=https://127.0.0.1:2380",
        "cert-file": pki / "etcd.crt",
        "key-file": pki / "etcd.key",
        "peer-cert-file": pki / "etcd.crt",
        "peer-key-file": pki / "etcd.key",
        "trusted-ca-file": pki / "etcd-ca.crt",
        "peer-trusted-ca-file": pki / "etcd-ca.crt",
        "client-cert-auth": "true",
        "peer-client-cert-auth": "true",
        "snapshot-count": "10000",
        "quota-backend-bytes": str(4 * 2**30),
        "logger": "zap",
        "log-level": "warn",
    }
    return Part("etcd", _argv(tools, "etcd", flags), ready="tcp:127.0.0.1:2379")


def api_server(layout: Layout, tools: Tools, network: Network) -> Part:
    """The API server: no anonymous requests but health, RBAC and NodeRestriction, Secrets encrypted, Pod Security by default."""
    pki, config = layout.pki, layout.config
    flags = {
        "advertise-address": network.node,
        "bind-address": "0.0.0.0",  # noqa: S104 -- of the cluster's own network namespace
        "secure-port": API_PORT,
        "etcd-servers": "https://127.0.0.1:2379",
        "etcd-cafile": pki / "etcd-ca.crt",
        "etcd-certfile": pki / "etcd-client.crt",
        "etcd-keyfile": pki / "etcd-client.key",
        "client-ca-file": pki / "ca.crt",
        "tls-cert-file": pki / "apiserver.crt",
        "tls-private-key-file": pki / "apiserver.key",
        "kubelet-certificate-authority": pki / "ca.crt",
        "kubelet-client-certificate": pki / "apiserver-kubelet.crt",
        "kubelet-client-key": pki / "apiserver-kubelet.key",
        "kubelet-preferred-address-types": "InternalIP",
        "requestheader-client-ca-file": pki / "front-proxy-ca.crt",
        "requestheader-allowed-names": "front-proxy-client",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-username-headers": "X-Remote-User",
        "proxy-client-cert-file": pki / "front-proxy.crt",
        "proxy-client-key-file": pki / "front-proxy.key",
        "service-account-issuer": "https://kubernetes.default.svc.cluster.local",
        "service-account-key-file": pki / "service-account.pub",
        "service-account-signing-key-file": pki / "service-account.key",
        "service-cluster-ip-range": network.services,
        "service-node-port-range": SERVICE_NODE_PORTS,
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "admission-control-config-file": config / "admission.json",
        "authentication-config": config / "authentication.json",
        "encryption-provider-config": config / "encryption.json",
        "audit-policy-file": config / "audit.json",
        "audit-log-path": layout.logs / "audit.log",
        "audit-log-maxsize": "20",
        "audit-log-maxbackup": "2",
        "allow-privileged": "true",
        "enable-aggregator-routing": "true",
        "event-ttl": EVENTS_KEPT,
        "profiling": "false",
    }
    argv = _argv(tools, "kube-apiserver", flags)
    return Part("kube-apiserver", argv, after=("etcd",), ready=f"tcp:127.0.0.1:{API_PORT}")


def controller_manager(layout: Layout, tools: Tools, network: Network) -> Part:
    """The controllers, each with its own service account."""
    pki = layout.pki
    kubeconfig = layout.config / "kube-controller-manager.kubeconfig"
    flags = {
        "kubeconfig": kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "bind-address": "127.0.0.1",
        "client-ca-file": pki / "ca.crt",
        "requestheader-client-ca-file": pki / "front-proxy-ca.crt",
        "root-ca-file": pki / "ca.crt",
        "cluster-signing-cert-file": pki / "ca.crt",
        "cluster-signing-key-file": pki / "ca.key",
        "service-account-private-key-file": pki / "service-account.key",
        "use-service-account-credentials": "true",
        "service-cluster-ip-range": network.services,
        "leader-elect": "false",
        "flex-volume-plugin-dir": "/run/flexvolume",
        "profiling": "false",
    }
    argv = _argv(tools, "kube-controller-manager", flags)
    return Part("kube-controller-manager", argv, after=("kube-apiserver",), ready="tcp:127.0.0.1:10257")


def scheduler(layout: Layout, tools: Tools) -> Part:
    """The scheduler."""
    kubeconfig = layout.config / "kube-scheduler.kubeconfig"
    flags = {
        "kubeconfig": kubeconfig,
        "authentication-kubeconfig": kubeconfig,
        "authorization-kubeconfig": kubeconfig,
        "bind-address": "127.0.0.1",
        "leader-elect": "false",
        "profiling": "false",
    }
    argv = _argv(tools, "kube-scheduler", flags)
    return Part("kube-scheduler", argv, after=("kube-apiserver",), ready="tcp:127.0.0.1:10259")


def containerd(layout: Layout, tools: Tools) -> Part:
    """The container runtime."""
    argv = (tools.program["containerd"], "--config", str(layout.config / "containerd.toml"), "--log-level", "warn")
    return Part("containerd", argv, ready=f"unix:{CONTAINERD_SOCKET}")


def kubelet(layout: Layout, tools: Tools, network: Network) -> Part:
    """The node's agent."""
    flags = {
        "config": layout.config / "kubelet.json",
        "kubeconfig": layout.config / "kubelet.kubeconfig",
        "hostname-override": NODE_NAME,
        "node-ip": network.node,
        "cert-dir": "/run/kubelet",
        "v": "1",
    }
    return Part(
        "kubelet", _argv(tools, "kubelet", flags), after=("containerd", "kube-apiserver"), ready="tcp:127.0.0.1:10248"
    )


def proxy(layout: Layout, tools: Tools) -> Part:
    """Service addresses."""
    argv = (tools.program["kube-proxy"], "--config", str(layout.config / "kube-proxy.json"))
    return Part("kube-proxy", argv, after=("kube-apiserver",), ready="tcp:127.0.0.1:10256")


def network_policies(layout: Layout, tools: Tools, network: Network) -> Part:
    """The NetworkPolicy agent. It only knows in-cluster credentials, so each start asks for a token and puts it where it looks."""
    token = SERVICE_ACCOUNT / "token"
    ask = f"{tools.program['kubectl']} --kubeconfig {layout.config}/admin.kubeconfig --namespace kube-system"
    script = (
        "umask 077; set -e; "
        f"{ask} create token kube-network-policies --duration=87600h > {token}.new; mv {token}.new {token}; "
        f"cp {layout.pki}/ca.crt {SERVICE_ACCOUNT}/ca.crt; "
        f"exec {tools.program['kube-network-policies']} -disable-nri -nfqueue-id {network.queue} "
        f"-hostname-override {NODE_NAME} -metrics-bind-address 127.0.0.1:9080"
    )
    env = {"KUBERNETES_SERVICE_HOST": network.node, "KUBERNETES_SERVICE_PORT": str(API_PORT)}
    argv = ("/bin/sh", "-c", script)
    return Part("kube-network-policies", argv, after=("kube-apiserver",), ready="tcp:127.0.0.1:9080", env=env)


def parts(layout: Layout, tools: Tools, network: Network) -> tuple[Part, ...]:
    """Every part of the cluster, in the order in which they start."""
    return (
        etcd(layout, tools),
        containerd(layout, tools),
        api_server(layout, tools, network),
        controller_manager(layout, tools, network),
        scheduler(layout, tools),
        kubelet(layout, tools, network),
        proxy(layout, tools),
        network_policies(layout, tools, network),
    )


def _argv(tools: Tools, program: str, flags: Mapping[str, object]) -> tuple[str, ...]:
    return (tools.program[program], *(f"--{flag}={value}" for flag, value in flags.items()))
