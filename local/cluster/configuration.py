"""Configuration files of the parts, as text (pure); Kubernetes reads JSON where it reads YAML."""

from __future__ import annotations

import base64
import json
import secrets
from pathlib import Path
from typing import Any

from local.cluster import pki, process
from local.cluster.components import NODE_NAME, server
from local.cluster.layout import CONTAINERD_SOCKET, Layout
from local.cluster.plan import Network
from local.cluster.tools import Tools

MAX_PODS = 250


def admission() -> dict[str, Any]:
    """Namespaces that say nothing get Pod Security `baseline`, and warnings for what `restricted` would refuse."""
    levels = {"enforce": "baseline", "warn": "restricted", "audit": "restricted"}
    defaults = levels | {f"{mode}-version": "latest" for mode in levels}
    security = {
        "apiVersion": "pod-security.admission.config.k8s.io/v1",
        "kind": "PodSecurityConfiguration",
        "defaults": defaults,
        "exemptions": {"usernames": [], "runtimeClasses": [], "namespaces": ["kube-system", "local-path-storage"]},
    }
    plugins = [{"name": "PodSecurity", "configuration": security}]
    return {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration", "plugins": plugins}


def authentication() -> dict[str, Any]:
    """Nobody is anonymous, but health may be asked without a name."""
    conditions = [{"path": path} for path in ("/livez", "/readyz", "/healthz")]
    anonymous = {"enabled": True, "conditions": conditions}
    return {
        "apiVersion": "apiserver.config.k8s.io/v1beta1",
        "kind": "AuthenticationConfiguration",
        "anonymous": anonymous,
    }


def audit() -> dict[str, Any]:
    """Who changed what, without bodies (they hold secrets); reads and the components' own chatter are left out."""
    rules = [
        {"level": "None", "userGroups": ["system:nodes"]},
        {
            "level": "None",
            "users": [
                "system:kube-scheduler",
                "system:kube-controller-manager",
                "system:kube-proxy",
                "system:apiserver",
            ],
        },
        {"level": "None", "userGroups": ["system:serviceaccounts:kube-system"]},
        {"level": "None", "resources": [{"group": "", "resources": ["events"]}, {"group": "coordination.k8s.io"}]},
        {"level": "Metadata", "verbs": ["create", "update", "patch", "delete", "deletecollection"]},
        {"level": "Metadata", "resources": [{"group": "", "resources": ["secrets"]}]},
        {"level": "None"},
    ]
    return {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": rules}


def encryption(key: str) -> dict[str, Any]:
    """Secrets at rest under secretbox; the identity provider only reads what was written before."""
    providers = [{"secretbox": {"keys": [{"name": "key1", "secret": key}]}}, {"identity": {}}]
    resources = [{"resources": ["secrets"], "providers": providers}]
    return {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration", "resources": resources}


def encryption_key(file: Path) -> str:
    """The key kept in ``file`` (32 bytes, base64), made once: without it the Secrets in etcd are lost."""
    if not file.exists():
        process.replace(file, base64.b64encode(secrets.token_bytes(32)).decode())
    return file.read_text().strip()


def kubelet(layout: Layout, network: Network) -> dict[str, Any]:
    """Images cannot be pulled again and disks of laptops are full: neither image clean-up nor early eviction."""
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(layout.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(layout.pki / "kubelet-server.crt"),
        "tlsPrivateKeyFile": str(layout.pki / "kubelet-server.key"),
        "readOnlyPort": 0,
        "address": network.node,
        "healthzBindAddress": "127.0.0.1",
        "healthzPort": 10248,
        "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        "clusterDNS": [network.dns_service],
        "clusterDomain": "cluster.local",
        "resolvConf": str(layout.config / "resolv.conf"),
        "podCIDR": network.node_pods,
        "podLogsDir": "/var/log/pods",
        "maxPods": MAX_PODS,
        "seccompDefault": True,
        "serializeImagePulls": False,
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "containerLogMaxSize": "10Mi",
        "containerLogMaxFiles": 3,
        "volumePluginDir": "/run/flexvolume",
        "nodeStatusUpdateFrequency": "10s",
    }


def kube_proxy(layout: Layout, network: Network) -> dict[str, Any]:
    """iptables mode works on every kernel seen; the connection-tracking table's size is the machine's business."""
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clusterCIDR": network.pods,
        "hostnameOverride": NODE_NAME,
        "clientConnection": {"kubeconfig": str(layout.config / "kube-proxy.kubeconfig")},
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "oomScoreAdj": 0,
    }


def cni(network: Network) -> dict[str, Any]:
    """One bridge; addresses are kept in the private ``/run`` and so handed out anew at each start."""
    ipam = {
        "type": "host-local",
        "ranges": [[{"subnet": network.node_pods}]],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dataDir": "/run/cni/networks",
    }
    bridge = {
        "type": "bridge",
        "bridge": network.bridge,
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": ipam,
    }
    ports = {"type": "portmap", "capabilities": {"portMappings": True}}
    return {"cniVersion": "0.4.0", "name": "huiju", "plugins": [bridge, ports]}


def containerd(layout: Layout, tools: Tools, pause: str) -> str:
    """containerd's configuration; every value is a path or reference of ours, quoted as JSON (which TOML's basic strings accept)."""
    cri = '[plugins."io.containerd.grpc.v1.cri"'
    quoted = json.dumps
    return f"""version = 2
root = {quoted(str(layout.containerd))}
state = "/run/containerd"

[grpc]
  address = {quoted(str(CONTAINERD_SOCKET))}

{cri}]
  sandbox_image = {quoted(pause)}
  restrict_oom_score_adj = true
  disable_apparmor = true
  stream_server_address = "127.0.0.1"

{cri}.cni]
  bin_dir = {quoted(str(tools.cni))}
  conf_dir = {quoted(str(layout.config / "cni"))}

{cri}.containerd]
  default_runtime_name = "runc"

{cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

{cri}.containerd.runtimes.runc.options]
  BinaryName = {quoted(tools.program["runc"])}
  SystemdCgroup = false

{cri}.registry]
  config_path = {quoted(str(layout.config / "registries"))}
"""


def resolvers() -> str:
    """The host's real DNS servers; systemd-resolved's own address is of no use in another network namespace."""
    behind = Path("/run/systemd/resolve/resolv.conf")
    return (behind if behind.exists() else Path("/etc/resolv.conf")).read_text()


def files(layout: Layout, tools: Tools, network: Network, pause: str) -> dict[Path, str]:
    """Every configuration file and its text; the keys and certificates must exist."""
    texts: dict[str, str] = {
        "admission.json": json.dumps(admission(), indent=1),
        "authentication.json": json.dumps(authentication(), indent=1),
        "audit.json": json.dumps(audit(), indent=1),
        "encryption.json": json.dumps(encryption(encryption_key(layout.pki / "secrets-at-rest.key")), indent=1),
        "kubelet.json": json.dumps(kubelet(layout, network), indent=1),
        "kube-proxy.json": json.dumps(kube_proxy(layout, network), indent=1),
        "containerd.toml": containerd(layout, tools, pause),
        "cni/10-huiju.conflist": json.dumps(cni(network), indent=1),
        "resolv.conf": resolvers() if network.outside else "",
    }
    for leaf in ("kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "admin"):
        texts[f"{leaf}.kubeconfig"] = pki.kubeconfig(layout.pki, leaf, server(network))
    return {layout.config / name: text for name, text in texts.items()}
