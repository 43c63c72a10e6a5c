"""Certificates for the cluster: who may have one, what is asked of the cluster, and what is left where it fails."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typer.testing import CliRunner

from catalog import City, load_named, names
from catalog.errors import UserError
from infra.plan import rbac
from ops.accesses import kubeconfig
from ops.audits import pending, runs
from ops.cli import app
from ops.lessons import place

PEM = serialization.Encoding.PEM
AUTHORITY = ec.generate_private_key(ec.SECP256R1())


@dataclass
class Server:
    """An API server that signs what is approved, with another's key where it is ``foreign``."""

    stack: str = "local"
    city: str = "tiny"
    broken: str = ""
    foreign: bool = False
    requests: dict[str, dict[str, Any]] = field(default_factory=dict)
    seen: list[dict[str, Any]] = field(default_factory=list)
    approved: set[str] = field(default_factory=set)

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        """What kubectl would say."""
        if words[0] == self.broken:
            raise UserError(f"the cluster refused {words[0]}")
        if words[0] == "create":
            body = json.loads(stdin or "")
            self.requests[body["metadata"]["name"]] = body
            self.seen.append(body)
        elif words[:2] == ("certificate", "approve"):
            self.approved.add(words[2])
        elif words[:2] == ("get", "csr"):
            assert words[2] in self.approved
            return base64.b64encode(self._signed(self.requests[words[2]]["spec"])).decode()
        elif words[:2] == ("delete", "csr"):
            del self.requests[words[2]]
        elif words[0] == "config":
            whole = {"server": "https://api.example", "certificate-authority-data": "QQ=="}
            return json.dumps({"clusters": [{"name": "x", "cluster": whole}], "users": [{"user": {"token": "secret"}}]})
        return ""

    def _signed(self, spec: dict[str, Any]) -> bytes:
        asked, now = x509.load_pem_x509_csr(base64.b64decode(spec["request"])), datetime.now(UTC)
        key = AUTHORITY.public_key() if self.foreign else asked.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        ends = now + timedelta(seconds=spec["expirationSeconds"])
        made = x509.CertificateBuilder(asked.subject, asked.subject, key, 1, now, ends)
        return made.sign(AUTHORITY, hashes.SHA256()).public_bytes(PEM)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Server:
    """A stack whose API server it is, with records that wait on this machine."""
    found = Server()
    monkeypatch.setattr(place, "of_stack", lambda _: found)
    monkeypatch.setattr(pending, "folder", lambda: tmp_path / "pending")
    monkeypatch.setattr(runs, "ship", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    return found


def test_who_is_let_in_is_what_the_matrix_says() -> None:
    for name in ("tiny", "neijiang"):
        city = load_named(name)
        given = {group["name"] for each in rbac.plan(city) for group in each.props.get("subjects", ())}
        assert {names.tier_group(tier) for tier in rbac.tiers(city)} == given


def test_the_file_has_the_group_the_name_and_the_hours_and_nothing_of_the_administrator(server: Server) -> None:
    done = CliRunner().invoke(app, ["access", "kubeconfig", "technician", "--name", "li", "--hours", "2"])
    assert done.exit_code == 0, done.output
    file = Path("li.kubeconfig")
    assert file.stat().st_mode & 0o777 == 0o600
    found = yaml.safe_load(file.read_text())
    assert "secret" not in file.read_text()
    user = found["users"][0]["user"]
    certificate = x509.load_pem_x509_certificate(base64.b64decode(user["client-certificate-data"]))
    said = {each.oid: each.value for each in certificate.subject}
    assert said == {NameOID.ORGANIZATION_NAME: "huiju:technician", NameOID.COMMON_NAME: "huiju:li"}
    key = serialization.load_pem_private_key(base64.b64decode(user["client-key-data"]), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.public_key() == certificate.public_key()
    assert server.seen[0]["spec"]["expirationSeconds"] == 7200
    assert not server.requests, "the request is left in the cluster"


def test_it_is_on_record_before_anything_is_asked_and_however_it_ends(server: Server, tmp_path: Path) -> None:
    server.broken = "certificate"
    done = CliRunner().invoke(app, ["access", "kubeconfig", "technician", "--name", "li"])
    assert isinstance(done.exception, UserError)
    assert not Path("li.kubeconfig").exists()
    assert not server.requests, "the request is left in the cluster"
    told = "".join(each.read_text() for each in (tmp_path / "pending").rglob("*") if each.is_file())
    assert all(word in told for word in ("account/huiju:li", "technician", kubeconfig.MAKING, "failed")), told


def test_where_nothing_can_be_noted_nothing_is_asked(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def begin(_: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(pending, "begin", begin)
    done = CliRunner().invoke(app, ["access", "kubeconfig", "technician", "--name", "li"])
    assert isinstance(done.exception, UserError)
    assert not server.seen


def test_a_certificate_of_another_key_is_no_way_in(server: Server) -> None:
    server.foreign = True
    done = CliRunner().invoke(app, ["access", "kubeconfig", "technician", "--name", "li"])
    assert isinstance(done.exception, UserError)
    assert "another key" in str(done.exception)
    assert not Path("li.kubeconfig").exists()


def test_everything_that_is_wrong_is_said_at_once(server: Server) -> None:
    Path("here").write_text("kept")
    words = ["access", "kubeconfig", "student", "--name", "Li Lei", "--hours", "13", "--out", "here"]
    done = CliRunner().invoke(app, words)
    said = str(done.exception)
    for part in ("gives 'student' nothing", "platform-operator", "'Li Lei'", "13", "here is there already"):
        assert part in said
    assert Path("here").read_text() == "kept"
    assert not server.seen


@pytest.fixture
def city() -> City:
    return load_named("tiny")


@pytest.mark.parametrize("name", ["", "system:masters", "-li", "li-", "a" * 41, "li/x", "lí"])
def test_a_name_is_a_plain_one(city: City, name: str) -> None:
    assert list(kubeconfig.problems(city, kubeconfig.Bearer("technician", name, 1)))


def test_a_tier_that_is_not_there_is_said_with_those_that_are(city: City) -> None:
    (said,) = kubeconfig.problems(city, kubeconfig.Bearer("technicain", "li", 1))
    assert "technician" in said
