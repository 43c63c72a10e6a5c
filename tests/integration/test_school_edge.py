"""The schools' door of a real platform: who gets in, as whom, to what; and that nothing leads round it."""

from __future__ import annotations

import gzip
import json
import secrets
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPResponse, HTTPSConnection
from pathlib import Path
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from catalog import load_named, names
from derive import access_log, keys, shield, store
from derive.access_log import Access
from infra.plan import ports
from ops.lessons import place
from ops.schools import certificate
from ops.stack import pair, school_authority, session
from tests import remote_write
from tests.derive.test_access_log import BOX
from tests.integration.conftest import Platform
from tests.integration.test_platform import client, forwarded

pytestmark = pytest.mark.integration
HOST = names.schools_host(session.EDGE_DOMAIN)
CODE, OTHER = (school.code for school in load_named("tiny").schools[:2])
SUBJECT = "x-forwarded-client-cert"
LARGE = 32 << 20
LINES = {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}
KEY = ec.generate_private_key(ec.SECP256R1())
REQUEST = x509.CertificateSigningRequestBuilder().subject_name(pair.common_name(CODE)).sign(KEY, hashes.SHA256())


@dataclass(frozen=True)
class Door:
    """The gateway, as a client with a certificate or none sees it."""

    platform: Platform
    files: Path
    """Where certificates are put for the TLS library to read."""

    def connect(self, pem: str | None, name: str = HOST) -> HTTPSConnection:
        """A connection that asks for ``name`` and shows the certificate ``pem``, whose key is `KEY`."""
        context = ssl.create_default_context(cafile=str(self.platform.authority))
        if pem is not None:
            chain = self.files / f"{hash(pem)}.pem"
            chain.write_text(keys.pem(KEY) + pem)
            context.load_cert_chain(chain)
        address = urlsplit(self.platform.url)
        plain = socket.create_connection((address.hostname, address.port), timeout=30)
        connection = HTTPSConnection(name)
        connection.sock = context.wrap_socket(plain, server_hostname=name)
        return connection

    def ask(
        self,
        path: str,
        pem: str | None,
        *,
        name: str = HOST,
        host: str | None = None,
        method: str = "GET",
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """Status and body; ``name`` is asked for by TLS, ``host`` by HTTP."""
        connection = self.connect(pem, name)
        try:
            connection.request(method, path, body, {**(headers or {}), "Host": host or name})
            answer: HTTPResponse = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def part(self, path: str, pem: str | None, wanted: str) -> tuple[int, bytes, str]:
        """Status, body and the caches' own account of an answer to a request for a part."""
        connection = self.connect(pem)
        try:
            connection.request("GET", path, headers={"Host": HOST, "Range": wanted})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers.get("Via", "")
        finally:
            connection.close()

    def write(
        self, code: str, pem: str | None, value: float = 0.25, claim: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """Send a reading that claims to be of school ``code``."""
        labels = [("__name__", names.METRIC_FETCH_SECONDS), ("school", code), ("job", names.BOX_JOB)]
        body = remote_write.write((labels, value, time.time_ns() // 1_000_000))
        sent = {**remote_write.HEADERS, **(claim or {})}
        return self.ask("/api/v1/write", pem, method="POST", body=body, headers=sent)

    def log(self, pem: str | None, *rows: dict[str, str], name: str = HOST) -> tuple[int, bytes]:
        """Send lines of an access log, as a box does."""
        body = gzip.compress("".join(f"{json.dumps(row)}\n" for row in rows).encode())
        return self.ask("/api/v1/access-log", pem, name=name, method="POST", body=body, headers=LINES)


@pytest.fixture(scope="module")
def door(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Door:
    return Door(platform, tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def box(platform: Platform) -> str:
    """The certificate of a box, signed as a technician does it."""
    pem = REQUEST.public_bytes(serialization.Encoding.PEM).decode()
    return certificate.sign(CODE, pem, platform.stack)


@pytest.fixture(scope="module", autouse=True)
def objects(platform: Platform) -> Iterator[None]:
    """A lesson's file and a parcel's, in the store; they are removed again."""
    with forwarded(platform) as endpoint:
        admin = client(platform, endpoint, store.ADMIN, "object-store")
        for bucket, key, body in (
            ("lessons", "probe/segment.m4s", b"a segment"),
            ("lessons", "probe/large.m4s", bytes(LARGE)),
            ("lessons", "probe/part.m4s", b"a segment in parts"),
            ("parcels", "probe/Packages", b"a parcel"),
        ):
            admin.put_object(Bucket=bucket, Key=key, Body=body, CacheControl="public, max-age=60")
    yield
    with forwarded(platform) as endpoint:
        admin = client(platform, endpoint, store.ADMIN, "object-store")
        for bucket in ("lessons", "parcels"):
            for key in ("segment.m4s", "large.m4s", "part.m4s", "Packages"):
                admin.delete_object(Bucket=bucket, Key=f"probe/{key}")


def signed(issuer: pair.Pair, life: timedelta = timedelta(days=1)) -> str:
    """A certificate of school CODE for `KEY` by any authority; with a negative life it has ended."""
    built = pair.builder(pair.common_name(CODE), issuer.parsed.subject, KEY.public_key(), life)
    return pair.pem(pair.signed(issuer, built))


REFUSED: dict[str, Callable[[], str | None]] = {
    "none": lambda: None,
    "of a foreign authority": lambda: signed(pair.authority("foreign")),
    "of a foreign authority with the same name": lambda: signed(_namesake()),
    "of the platform's own authority": lambda: signed(_platform()),
    "that has ended": lambda: signed(school_authority.ensure(), timedelta(minutes=-30)),
}


def _platform() -> pair.Pair:
    found = pair.kept("ca")
    assert found is not None
    return found


def _namesake() -> pair.Pair:
    """An authority that calls itself as the school CA does."""
    subject = school_authority.ensure().parsed.subject
    built = pair.builder(subject, subject, KEY.public_key(), timedelta(days=1))
    return pair.Pair(pair.pem(built.sign(KEY, hashes.SHA256())), keys.pem(KEY))


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize(
    "path", ["/lessons/probe/segment.m4s", "/parcels/probe/Packages", "/api/v1/write", "/api/v1/access-log", "/"]
)
def test_without_a_certificate_of_the_school_ca_there_is_no_answer_at_all(door: Door, what: str, path: str) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        door.ask(path, REFUSED[what]())


def test_a_box_gets_lessons_and_parcels(door: Door, box: str) -> None:
    assert door.ask("/lessons/probe/segment.m4s", box) == (200, b"a segment")
    assert door.ask("/parcels/probe/Packages", box) == (200, b"a parcel")


def test_players_that_ask_for_a_part_fill_the_cache_with_the_whole(door: Door, box: str) -> None:
    answers = [door.part("/lessons/probe/part.m4s", box, "bytes=0-") for _ in range(2)]
    assert [answer[:2] for answer in answers] == [(200, b"a segment in parts")] * 2
    assert "[cH" in answers[1][2] or "[cR" in answers[1][2], "the second is from the cache (disk or memory)"


def test_a_download_that_was_cut_off_goes_on_where_it_was(door: Door, box: str) -> None:
    assert door.part("/parcels/probe/Packages", box, "bytes=2-")[:2] == (206, b"parcel")


def test_parcels_are_there_for_a_box_that_has_no_certificate_yet(door: Door) -> None:
    assert door.ask("/parcels/probe/Packages", None, name="localhost") == (200, b"a parcel")


def readings(platform: Platform, code: str) -> list[float]:
    """What the city's Prometheus has of a school's lesson path, newest first."""
    query = f'{names.METRIC_FETCH_SECONDS}{{school="{code}"}}[5m]'
    where = place.of_stack(platform.stack)
    with where.forwarded(names.MONITORING, names.PROMETHEUS, ports.PROMETHEUS) as address:
        asked = f"{address}/api/v1/query?{urlencode({'query': query})}"
        with urlopen(asked, timeout=30) as answer:
            found = json.load(answer)["data"]["result"]
    return [float(value) for each in found for _, value in reversed(each["values"])]


def test_a_school_writes_its_own_readings_and_no_other_school_s(platform: Platform, door: Door, box: str) -> None:
    mark = 100 + secrets.randbelow(10**6)
    assert door.write(CODE, box, mark) == (204, b"")
    assert readings(platform, CODE)[0] == mark
    for code in (OTHER, "", f"{CODE} "):
        assert door.write(code, box, mark + 1)[0] == 400
        assert mark + 1 not in readings(platform, code)


@pytest.mark.parametrize("name", [SUBJECT, SUBJECT.upper(), "X-Forwarded-Client-Cert"])
def test_what_a_box_says_of_its_own_certificate_does_not_count(door: Door, box: str, name: str) -> None:
    claim = {name: f'Hash={"0a" * 32};Subject="CN={OTHER}"'}
    assert door.write(OTHER, box, claim=claim)[0] == 400
    assert door.write(CODE, box, claim=claim) == (204, b"")


@pytest.mark.parametrize(("name", "host"), [("localhost", HOST), (HOST, "localhost"), (HOST, "portal.portal")])
def test_a_connection_to_one_host_does_not_reach_the_other(door: Door, box: str, name: str, host: str) -> None:
    for path in ("/lessons/probe/segment.m4s", "/api/v1/write", "/api/v1/access-log"):
        assert door.ask(path, box, name=name, host=host)[0] == 404


def test_a_school_s_access_log_is_printed_as_its_own_whatever_it_says_of_itself(
    platform: Platform, door: Door, box: str
) -> None:
    path = f"/lessons/{secrets.token_hex(8)}"
    line = {**BOX, "path": path, "time": f"{time.time():.3f}"}
    assert door.log(box, {**line, "school": OTHER}, {**line, "access_log": "gateway"}) == (204, b"")
    assert door.log(box, line, name="localhost")[0] in {404, 405}, "and not at the public host"
    found: list[Access] = []
    # What a pod prints is in its log a moment later.
    for _ in range(10):
        said = platform.cluster.kubectl("logs", "-n", names.SCHOOL_EDGE, f"deployment/{names.INTAKE}", "--tail=-1")
        if found := [each for each in map(access_log.parse, said.splitlines()) if each and each.path == path]:
            break
        time.sleep(0.5)
    assert [(each.place, each.school, each.permission) for each in found] == [(access_log.BOX, CODE, BOX["permission"])]


def test_the_public_host_takes_no_readings(door: Door, box: str) -> None:
    claim = {**remote_write.HEADERS, SUBJECT: f'Hash={"0a" * 32};Subject="CN={CODE}"'}
    answer = door.ask("/api/v1/write", box, name="localhost", method="POST", body=b"", headers=claim)
    assert answer[0] in {404, 405}


@pytest.mark.parametrize(
    "path", ["/", "/lessons", "/uploads/x", "/api/v1/query", "/api/v1/write/x", "/metrics", "/healthz", "/_stats"]
)
def test_the_schools_host_serves_nothing_else(door: Door, box: str, path: str) -> None:
    assert door.ask(path, box)[0] == 404


@pytest.mark.parametrize("path", ["/lessons/?list-type=2", "/parcels/", "/lessons/..%2fuploads/x", "/lessons/../api"])
def test_only_files_whose_name_is_known_are_served(door: Door, box: str, path: str) -> None:
    status, body = door.ask(path, box)
    assert status in {400, 403, 404}
    assert b"ListBucketResult" not in body


@pytest.mark.parametrize(
    ("namespace", "workload", "host", "port", "open_"),
    [
        ("portal", "deployment/portal", "shield.video-library", shield.PORT, False),
        ("school-edge", "deployment/intake", "shield.video-library", shield.PORT, False),
        ("video-library", "deployment/shield-0", "shield.video-library", shield.PORT, True),
        ("portal", "deployment/portal", "intake.school-edge", 8080, False),
        ("video-library", "deployment/shield-0", "intake.school-edge", 8080, False),
        ("school-edge", "deployment/intake", "object-store.object-store", 7070, False),
    ],
)
def test_nobody_in_the_cluster_goes_round_the_gateway(  # noqa: PLR0917
    platform: Platform, namespace: str, workload: str, host: str, port: int, open_: bool
) -> None:
    knock = f"timeout 3 bash -c '</dev/tcp/{host}.svc.cluster.local/{port}' 2>/dev/null && echo open || echo shut"
    said = platform.cluster.kubectl("exec", "-n", namespace, workload, "--", "bash", "-c", knock)
    assert said.strip() == ("open" if open_ else "shut")


def test_a_large_file_over_a_link_that_stalls_arrives_whole(door: Door, box: str) -> None:
    connection = door.connect(box)
    connection.request("GET", "/lessons/probe/large.m4s", headers={"Host": HOST})
    answer = connection.getresponse()
    size = len(answer.read(64 << 10))
    # Longer than Envoy's own limit of 15 s, and more bytes than all buffers on the way hold.
    time.sleep(17)
    while part := answer.read(64 << 10):
        size += len(part)
    connection.close()
    assert size == LARGE
