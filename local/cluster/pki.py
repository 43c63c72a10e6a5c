"""The cluster's own certificate authorities, its components' certificates and their kubeconfigs."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from local.cluster import process

CA_DAYS = 3650
LEAF_DAYS = 825
RENEW_DAYS = 90
"""A certificate with less left is made anew by the next ``up``."""


@dataclass(frozen=True)
class Leaf:
    """One certificate to be had: who, in which groups, for which names."""

    name: str
    authority: str
    common_name: str
    groups: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """DNS names and addresses; a leaf with names may serve, every leaf may be a client."""


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    private = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption()).decode()


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    start = _now() - datetime.timedelta(minutes=5)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=days))
    )


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write(folder: Path, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
    process.replace(folder / f"{name}.key", _key_pem(key))
    process.replace(folder / f"{name}.crt", certificate.public_bytes(serialization.Encoding.PEM).decode())


def authority(folder: Path, name: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """The authority ``name`` kept in ``folder``, made when it is not there."""
    crt, key_file = folder / f"{name}.crt", folder / f"{name}.key"
    if crt.exists() and key_file.exists():
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
        if isinstance(key, ec.EllipticCurvePrivateKey):
            return x509.load_pem_x509_certificate(crt.read_bytes()), key
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"huiju-{name}")])
    certificate = (
        _builder(subject, subject, key.public_key(), CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(folder, name, key, certificate)
    return certificate, key


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _still_good(folder: Path, leaf: Leaf, issuer: x509.Certificate) -> bool:
    """Whether the certificate on disk is this authority's, names what is wanted and lasts."""
    crt = folder / f"{leaf.name}.crt"
    if not crt.exists() or not (folder / f"{leaf.name}.key").exists():
        return False
    try:
        certificate = x509.load_pem_x509_certificate(crt.read_bytes())
        certificate.verify_directly_issued_by(issuer)
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName) if leaf.names else None
    except Exception:  # a torn or foreign file is simply replaced
        return False
    left = certificate.not_valid_after_utc - _now()
    wanted = {_general(name) for name in leaf.names}
    return left.days >= RENEW_DAYS and (extension is None or set(extension.value) == wanted)


def ensure(folder: Path, leaf: Leaf) -> None:
    """Make the certificate of ``leaf`` unless a good one is there."""
    issuer, issuer_key = authority(folder, leaf.authority)
    if _still_good(folder, leaf, issuer):
        return
    key = ec.generate_private_key(ec.SECP256R1())
    groups = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in leaf.groups]
    subject = x509.Name([*groups, x509.NameAttribute(NameOID.COMMON_NAME, leaf.common_name)])
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH] + ([ExtendedKeyUsageOID.SERVER_AUTH] if leaf.names else [])
    builder = (
        _builder(subject, issuer.subject, key.public_key(), LEAF_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )
    if leaf.names:
        names = x509.SubjectAlternativeName([_general(name) for name in leaf.names])
        builder = builder.add_extension(names, critical=False)
    _write(folder, leaf.name, key, builder.sign(issuer_key, hashes.SHA256()))


def signing_key(folder: Path, name: str) -> None:
    """A key pair without a certificate (service-account tokens): ``<name>.key`` and ``<name>.pub``."""
    if (folder / f"{name}.key").exists() and (folder / f"{name}.pub").exists():
        return
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    process.replace(folder / f"{name}.key", _key_pem(key))
    process.replace(folder / f"{name}.pub", public.decode())


def leaves(node_name: str, node: str, api_service: str) -> tuple[Leaf, ...]:
    """Every certificate of the cluster."""
    api_names = (
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
        "localhost",
    )
    return (
        Leaf("etcd", "etcd-ca", "etcd", names=("localhost", "127.0.0.1")),
        Leaf("etcd-client", "etcd-ca", "kube-apiserver"),
        Leaf("apiserver", "ca", "kube-apiserver", names=(*api_names, "127.0.0.1", node, api_service)),
        Leaf("apiserver-kubelet", "ca", "kube-apiserver-kubelet-client"),
        Leaf("front-proxy", "front-proxy-ca", "front-proxy-client"),
        Leaf("kubelet-server", "ca", f"system:node:{node_name}", names=(node_name, node)),
        Leaf("kubelet", "ca", f"system:node:{node_name}", ("system:nodes",)),
        Leaf("kube-controller-manager", "ca", "system:kube-controller-manager"),
        Leaf("kube-scheduler", "ca", "system:kube-scheduler"),
        Leaf("kube-proxy", "ca", "system:kube-proxy"),
        Leaf("admin", "ca", "huiju-admin", ("system:masters",)),
    )


def ensure_all(folder: Path, wanted: Iterable[Leaf]) -> None:
    """Every authority, certificate and key of the cluster; good ones are kept."""
    for leaf in wanted:
        ensure(folder, leaf)
    signing_key(folder, "service-account")


def kubeconfig(folder: Path, leaf: str, server: str, embed: bool = False) -> str:
    """A kubeconfig for one of the leaves, as JSON (which is YAML); with files named or, for the user's, embedded."""

    def item(key: str, file: str) -> dict[str, str]:
        if embed:
            return {f"{key}-data": _base64(folder / file)}
        return {key: str(folder / file)}

    user = item("client-certificate", f"{leaf}.crt") | item("client-key", f"{leaf}.key")
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "huiju", "cluster": {"server": server} | item("certificate-authority", "ca.crt")}],
            "users": [{"name": leaf, "user": user}],
            "contexts": [{"name": "huiju", "context": {"cluster": "huiju", "user": leaf}}],
            "current-context": "huiju",
        },
        indent=2,
    )


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
