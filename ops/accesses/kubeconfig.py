"""``huiju access kubeconfig``: somebody's own way into the cluster for a day's work, as one of the tiers that the matrix lets in.

The API server takes no certificate back. So it ends by itself after some hours, and its making is on record before anybody has it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from catalog import City, load_named, names
from catalog.errors import UserError
from derive import session_token
from infra.plan import rbac
from local.cluster import process
from ops.accesses import asking
from ops.audits import deeds
from ops.audits.deeds import Deed
from ops.lessons import place
from ops.lessons.place import Place

MAKING: Final = "kubeconfig"
"""On record: what was done."""
SIGNER: Final = "kubernetes.io/kube-apiserver-client"
NAME: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,38}[a-z0-9])?")
"""Of a person, in the API server's own log."""
LEAST_HOURS: Final = 1 / 6
"""The API server signs for ten minutes at least."""
WAIT: Final = "60s"


@dataclass(frozen=True)
class Bearer:
    """Who it is for, as what, and for how many hours."""

    tier: str
    name: str
    hours: float

    @property
    def user(self) -> str:
        """How the API server and the record name the person."""
        return f"{names.MANAGED_BY}:{self.name}"


def command(
    tier: Annotated[str, typer.Argument(metavar="TIER", help="A tier that the matrix lets into the cluster.")],
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="Who it is for, as the cluster's log shall name them.")
    ],
    *,
    hours: Annotated[float, typer.Option(help=f"How long it lasts; {session_token.MOST_HOURS} at most.")] = 10.0,
    to: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where it goes; without it: NAME.kubeconfig.")
    ] = None,
    stack: Annotated[str, typer.Option(help="The stack whose platform is meant.")] = "local",
) -> None:
    """Write a kubeconfig with a certificate of somebody's own for the cluster: what it opens is what the matrix gives TIER there.

    Nobody can take it back before it ends. Hand the file over as you would a key; that it was made goes on the audit record first.
    """
    where, file, whose = place.of_stack(stack), to or Path(f"{name}.kubeconfig"), Bearer(tier, name, hours)
    city = load_named(where.city)
    if found := [*problems(city, whose), *_in_the_way(file)]:
        raise UserError("nothing was made:\n  " + "\n  ".join(found))
    deed = Deed(MAKING, deeds.account(whose.user), {"tier": tier, "hours": f"{hours:g}"})
    with deeds.noted(where, deed):
        ends = write(where, city, whose, file)
    typer.echo(
        f"{file}: {name} as {tier}, until {ends:%Y-%m-%d %H:%M} UTC. Try: kubectl --kubeconfig {file} get pods -n {_first(city, tier)}"
    )


def problems(city: City, whose: Bearer) -> Iterator[str]:
    """Everything that is wrong with the wish."""
    let_in, known = rbac.tiers(city), [each.id for each in city.tiers]
    if whose.tier not in known:
        yield asking.unknown("tier", whose.tier, let_in)
    elif whose.tier not in let_in:
        yield f"the matrix gives {whose.tier!r} nothing in the cluster; into it may: {', '.join(let_in)}"
    if not NAME.fullmatch(whose.name):
        yield f"--name is 1 to 40 small letters, digits, dots and dashes, not {whose.name!r}"
    if not LEAST_HOURS <= whose.hours <= session_token.MOST_HOURS:
        yield f"--hours is from {LEAST_HOURS:.2g} to {session_token.MOST_HOURS}, not {whose.hours:g}"


def _in_the_way(file: Path) -> Iterator[str]:
    if file.exists():
        yield f"{file} is there already: remove it, or give another --out"
    elif not file.parent.is_dir():
        yield f"there is no folder {file.parent}"


def write(where: Place, city: City, whose: Bearer, file: Path) -> datetime:
    """Make the certificate and the file; when it ends (aware). Raises `UserError`; then there is no file."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = signed(where, key, whose)
    text = yaml.safe_dump(
        _configuration(_cluster(where), key, certificate, whose.name, _first(city, whose.tier)), sort_keys=False
    )
    process.replace(file, text)
    return certificate.not_valid_after_utc


def signed(where: Place, key: ec.EllipticCurvePrivateKey, whose: Bearer) -> x509.Certificate:
    """The cluster's certificate for the group of the tier; the request is gone afterwards."""
    parts = [
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, names.tier_group(whose.tier)),
        x509.NameAttribute(NameOID.COMMON_NAME, whose.user),
    ]
    asked = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(parts)).sign(key, hashes.SHA256())
    with _requested(where, asked, whose) as request:
        where.kubectl("certificate", "approve", request)
        path = "{.status.certificate}"
        where.kubectl("wait", f"csr/{request}", f"--for=jsonpath={path}", f"--timeout={WAIT}")
        found = where.kubectl("get", "csr", request, "-o", f"jsonpath={path}")
    certificate = x509.load_pem_x509_certificate(base64.b64decode(found))
    if certificate.public_key() != key.public_key():
        raise UserError(f"the cluster signed another key for {request}: try again")
    return certificate


@contextmanager
def _requested(where: Place, asked: x509.CertificateSigningRequest, whose: Bearer) -> Iterator[str]:
    """The name of the request in the cluster while the body runs."""
    request = f"{names.MANAGED_BY}-{whose.name}-{datetime.now(UTC):%Y%m%d%H%M%S}"
    body = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": request},
        "spec": {
            "request": base64.b64encode(asked.public_bytes(serialization.Encoding.PEM)).decode(),
            "signerName": SIGNER,
            "expirationSeconds": round(whose.hours * 3600),
            "usages": ["client auth"],
        },
    }
    where.kubectl("create", "-f", "-", stdin=json.dumps(body))
    try:
        yield request
    finally:
        where.kubectl("delete", "csr", request, "--ignore-not-found")


def _cluster(where: Place) -> dict[str, Any]:
    """Where the API server is and whom it is signed by, as the stack's own kubeconfig says, with nothing of its user."""
    found = json.loads(where.kubectl("config", "view", "--minify", "--flatten", "-o", "json"))
    return dict(found["clusters"][0]["cluster"])


def _configuration(
    cluster: dict[str, Any], key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate, name: str, namespace: str
) -> dict[str, Any]:
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    shown = {
        "client-certificate-data": base64.b64encode(certificate.public_bytes(pem)).decode(),
        "client-key-data": base64.b64encode(private).decode(),
    }
    context = {"cluster": names.MANAGED_BY, "user": name, "namespace": namespace}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": names.MANAGED_BY, "cluster": cluster}],
        "users": [{"name": name, "user": shown}],
        "contexts": [{"name": names.MANAGED_BY, "context": context}],
        "current-context": names.MANAGED_BY,
    }


def _first(city: City, tier: str) -> str:
    """A namespace that the tier may look into."""
    return names.namespace(rbac.services(city, tier)[0])
