"""The tree of caches as it runs: a lesson through the door of a district, from its edge, and by no other way."""

from __future__ import annotations

import http.client
import secrets
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from catalog import load_named, names
from catalog.school import School
from derive import cache_pod, cache_tree, keys, store
from ops.schools import certificate
from ops.stack import pair, session
from tests import waiting
from tests.integration.conftest import Platform
from tests.integration.test_platform import client, forwarded

pytestmark = pytest.mark.integration
CITY = load_named("tiny")
SCHOOL = CITY.schools[0]
EDGE, SHIELD = cache_tree.parents(CITY, SCHOOL, session.EDGE_DOMAIN)
SPACE = names.edge_namespace(SCHOOL.district)
KEY = ec.generate_private_key(ec.SECP256R1())
BODY = b"a segment of the tree"
PATIENCE = 60
until = partial(waiting.until, seconds=PATIENCE, pause=0.5)


@dataclass(frozen=True)
class Box:
    """What a school's box is to the gateway: a certificate, and the two hosts that it asks."""

    platform: Platform
    chain: Path | None
    """Key and certificate; None for a stranger."""

    def ask(
        self, host: str, path: str, headers: Mapping[str, str] | None = None, at: str = ""
    ) -> tuple[int, bytes, str]:
        """Status, body and the caches' own account (`Via`), by the city's gateway or that ``at`` an address."""
        context = ssl.create_default_context(cafile=str(self.platform.authority))
        if self.chain:
            context.load_cert_chain(self.chain)
        address = urlsplit(at or self.platform.url)
        line = http.client.HTTPSConnection(host)
        line.sock = context.wrap_socket(
            socket.create_connection((address.hostname, address.port), timeout=30), server_hostname=host
        )
        try:
            line.request("GET", path, headers=headers or {})
            answer = line.getresponse()
            return answer.status, answer.read(), answer.headers.get("Via", "")
        finally:
            line.close()


def certified(platform: Platform, school: School, folder: Path) -> Box:
    """The box of a school, whose key and certificate lie in ``folder``."""
    request = x509.CertificateSigningRequestBuilder().subject_name(pair.common_name(school.code))
    pem = request.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    chain = folder / f"box-{school.code}.pem"
    chain.write_text(keys.pem(KEY) + certificate.sign(school.code, pem, platform.stack))
    return Box(platform, chain)


@pytest.fixture(scope="module")
def box(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Box:
    return certified(platform, SCHOOL, tmp_path_factory.mktemp("box"))


@pytest.fixture(scope="module")
def lesson(platform: Platform) -> Iterator[str]:
    """Path of an object of its own, which no cache has seen."""
    name = f"probe/tree-{secrets.token_hex(6)}.m4s"
    with forwarded(platform) as endpoint:
        client(platform, endpoint, store.ADMIN, "object-store").put_object(
            Bucket=names.BUCKET_LESSONS, Key=name, Body=BODY, CacheControl="public, max-age=600"
        )
    yield f"/{names.BUCKET_LESSONS}/{name}"
    with forwarded(platform) as endpoint:
        client(platform, endpoint, store.ADMIN, "object-store").delete_object(Bucket=names.BUCKET_LESSONS, Key=name)


def test_a_lesson_comes_from_the_district_s_edge_which_asks_the_shield_once(box: Box, lesson: str) -> None:
    status, body, via = box.ask(EDGE, lesson)
    assert (status, body) == (200, BODY)
    assert via.index("(shield ") < via.index("(edge ")
    status, body, via = box.ask(EDGE, lesson)
    assert (status, body) == (200, BODY)
    assert "(edge [cH" in via or "(edge [cR" in via, "from the edge's own cache, disk or memory"


def test_the_shield_s_door_for_schools_stands_in_for_the_edge(box: Box, lesson: str) -> None:
    status, body, via = box.ask(SHIELD, lesson)
    assert (status, body) == (200, BODY)
    assert "(edge " not in via


def test_without_a_school_s_certificate_a_district_s_door_stays_shut(platform: Platform, lesson: str) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        Box(platform, None).ask(EDGE, lesson)


def test_a_district_s_door_leads_to_lessons_alone(box: Box) -> None:
    for path in ("/", cache_pod.STATS, cache_pod.HEALTH, "/parcels/probe/Packages", "/api/v1/write"):
        assert box.ask(EDGE, path)[0] == 404, path


def test_the_shield_s_door_for_edges_asks_for_a_certificate_of_an_edge(platform: Platform, lesson: str) -> None:
    """Asked from the one place whose network reaches it: an edge's pod, with its certificate and without."""
    host, folder = f"{names.shield_part(0)}.{names.VIDEO_LIBRARY}.svc.cluster.local", cache_pod.TLS
    mine = f"-cert {folder}/tls.crt -key {folder}/tls.key"
    said = []
    for shown in (mine, ""):
        question = f"GET {lesson} HTTP/1.0\\r\\nHost: {cache_tree.shield_host()}\\r\\n\\r\\n"
        line = f"openssl s_client -quiet -connect {host}:8443 {shown}"
        script = f"(printf '{question}'; sleep 2) | timeout 10 {line} 2>/dev/null | head -1; true"
        place = ("exec", "-n", SPACE, f"deployment/{names.DISTRICT_EDGE}", "-c", names.DISTRICT_EDGE)
        said.append(platform.cluster.kubectl(*place, "--", "bash", "-c", script).strip())
    assert [each.split()[1:2] for each in said] == [["200"], []]


def test_an_edge_that_is_gone_is_missed_by_nobody_who_asks_the_shield(box: Box, lesson: str) -> None:
    """What a box sees while its edge is down, by which it turns to the shield; then the edge is there again."""
    kubectl = box.platform.cluster.kubectl
    kubectl("scale", "-n", SPACE, f"deployment/{names.DISTRICT_EDGE}", "--replicas=0")
    try:
        until(lambda: box.ask(EDGE, lesson)[0] == 503)
        assert box.ask(SHIELD, lesson)[:2] == (200, BODY)
    finally:
        kubectl("scale", "-n", SPACE, f"deployment/{names.DISTRICT_EDGE}", "--replicas=1")
    until(lambda: box.ask(EDGE, lesson)[0] == 200)


def test_the_figures_of_every_edge_are_seen(platform: Platform) -> None:
    question = f"GET {cache_pod.STATS} HTTP/1.0\\r\\nHost: x\\r\\n\\r\\n"
    script = f"exec 3<>/dev/tcp/127.0.0.1/{cache_pod.FIGURES_PORT}; printf '{question}' >&3; head -1 <&3"
    for district in cache_tree.edges(CITY):
        place = ("exec", "-n", names.edge_namespace(district), f"deployment/{names.DISTRICT_EDGE}", "--")
        assert " 200 " in platform.cluster.kubectl(*place, "bash", "-c", script)
