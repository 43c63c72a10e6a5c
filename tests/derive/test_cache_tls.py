"""Whom shield and edges answer, whom they ask and whom the gateway takes for them: the real servers, by TLS, on loopback."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from derive import cache_pod, cache_tree, district_edge, pinned, purging, shield, video_token
from derive.cache_tls import CacheTls
from derive.signing import Ring
from tests.three_levels import CERTIFICATES, CITY, DOMAIN, SCHOOL, SEED, Behind, City3, permission, running, written


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City3]:
    with running(tmp_path_factory.mktemp("levels")) as found:
        yield found


def stranger() -> dict[str, str]:
    return pinned.pair("another seed", "caches/edge-east", ("edge-east",), pinned.CLIENT)


Who = Callable[[], dict[str, str] | None]
NOBODY: dict[str, Who] = {
    "no certificate": lambda: None,
    "another stack": stranger,
    "of the stack, but for another purpose": lambda: pinned.pair(SEED, "box", ("x",), pinned.CLIENT),
    "what the shield shows": lambda: CERTIFICATES.of_shield(()),
    "the gateway's of an epoch that is neither accepted nor the next": lambda: CacheTls(SEED, Ring(3)).of_gateway(),
}
GATEWAY: Who = CERTIFICATES.of_gateway


def other_edge() -> dict[str, str]:
    return CERTIFICATES.of_edge(CITY.districts[1].id)


def asked(behind: Behind, path: str, folder: Path, who: Who, **headers: str) -> int:
    """Status of what ``who`` is answered; 0 where nothing is."""
    pair = who()
    try:
        line = behind.line(written(folder, "client", pair) if pair else None)
        line.request("GET", path, headers={"Host": DOMAIN, **headers})
        return line.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0


@pytest.mark.parametrize("who", [*NOBODY.values(), other_edge, GATEWAY], ids=[*NOBODY, "an edge", "the gateway"])
@pytest.mark.parametrize("door", ["edge", "shield", "viewers"])
def test_a_cache_answers_the_gateway_and_the_shield_edges_too_and_nobody_else(
    city: City3, tmp_path: Path, door: str, who: Who
) -> None:
    """Whatever they ask: a refused hand-shake has no status. What viewers may have besides is a matter of their tokens."""
    path, behind = city.put("shut.m4s", b"s"), city.gateway.behind[city.schools_host]
    if door == "edge":
        behind = city.gateway.behind[city.edge_host]
    if door == "viewers":
        behind = replace(behind, port=city.tree.ports[shield.VIEWERS_PORT])
    known = who in {GATEWAY, other_edge} if door != "edge" else who == GATEWAY
    assert asked(behind, path, tmp_path, who) == (0 if not known else 403 if door == "viewers" else 200)
    cookie = f"{video_token.COOKIE}={permission(place=video_token.CITY)}"
    assert asked(behind, path, tmp_path, who, Cookie=cookie) == (200 if known else 0)


@pytest.mark.parametrize("door", [cache_pod.PORT, shield.VIEWERS_PORT, cache_pod.FIGURES_PORT])
def test_nothing_but_figures_comes_without_tls(city: City3, door: int) -> None:
    path = city.put("clear.m4s", b"c")
    for cache in (*city.shields, city.edge):
        if cache is city.edge and door == shield.VIEWERS_PORT:
            continue
        found = {each: plainly(cache.address, city.tree.ports[door], each) for each in (cache_pod.HEALTH, path)}
        assert found == (
            {cache_pod.HEALTH: 200, path: 404} if door == cache_pod.FIGURES_PORT else dict.fromkeys(found, 0)
        )


def test_who_stands_on_a_pod_s_loopback_has_a_lesson_fetched_without_token_and_certificate(city: City3) -> None:
    """`huiju cdn warm`: the store answers nobody whose question is not signed, and the shield no edge without its certificate."""
    for cache in (city.shields[0], city.edge):
        path = city.put(f"warmed-{cache.name}.m4s", b"w")
        assert plainly(cache.address, city.tree.ports[purging.PORT], path) == 200
        assert city.store.read[path] == 1


def plainly(address: str, port: int, path: str) -> int:
    """Status of what is asked in the clear, whatever port the question names; 0 where there is no answer."""
    line = http.client.HTTPConnection(address, port, timeout=10)
    try:
        line.request("GET", path, headers={"Host": f"x:{cache_pod.PORT}"})
        return line.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        line.close()


def test_a_cache_that_the_gateway_does_not_know_is_not_asked(city: City3, tmp_path: Path) -> None:
    """Neither the shield in an edge's place, nor one edge in another's."""
    edge, shields = city.gateway.behind[city.edge_host], city.gateway.behind[city.schools_host]
    shown = written(tmp_path, "client", GATEWAY() or {})
    for wrong in (replace(edge, known=shields.known), replace(edge, known=CERTIFICATES.edge(CITY.districts[1].id))):
        with pytest.raises(ssl.SSLCertVerificationError):
            wrong.line(shown)
    with pytest.raises(ssl.SSLCertVerificationError):
        edge.line(shown, name=shields.name)


def test_a_second_question_costs_no_second_hand_shake_and_a_second_connection_no_whole_one(
    city: City3, tmp_path: Path
) -> None:
    """The gateway keeps connections, and takes up the session of one that has ended."""
    path, behind = city.put("kept.m4s", b"k"), city.gateway.behind[city.edge_host]
    line = behind.line(written(tmp_path, "client", GATEWAY() or {}))
    for _ in range(3):
        line.request("GET", path, headers={"Host": city.edge_host})
        answer = line.getresponse()
        assert (answer.status, answer.read(), line.sock is None) == (200, b"k", False)
    assert isinstance(line.sock, ssl.SSLSocket)
    session, context = line.sock.session, line.sock.context
    with (
        socket.create_connection((behind.address, behind.port), 10) as plain,
        context.wrap_socket(plain, server_hostname=behind.name, session=session) as again,
    ):
        again.do_handshake()
        assert again.session_reused


@pytest.mark.parametrize("steps", [("1", "1,2"), ("1,2", "2,1"), ("2,1", "2")])
def test_at_each_step_of_new_keys_who_has_taken_it_and_who_has_not_know_each_other(
    city: City3, tmp_path: Path, steps: tuple[str, str]
) -> None:
    """Also in the order in which nobody should take them."""
    path = city.put("renewed.m4s", b"r")
    rings = [CacheTls(SEED, Ring.parse(each)) for each in steps]
    for cache, gateway in (rings, reversed(rings)):
        files = district_edge.files(CITY, cache_tree.shield_parts(2), 1)
        name = f"renewed-{cache.ring}-{gateway.ring}".replace(",", "-")
        # It asks the shield of the tree by what that knows; whom it answers is what is looked at.
        own = CERTIFICATES.of_edge(SCHOOL.district)
        new = {key: text for key, text in cache.of_edge(SCHOOL.district).items() if key not in {"tls.crt", "tls.key"}}
        tls = {**own, **new, cache_pod.TRUSTED: own[cache_pod.TRUSTED]}
        edge = city.tree.cache(name, files, {cache_pod.TLS: tls}, name, port=cache_pod.PORT)
        edge.start()
        behind = Behind(
            edge.address, edge.port, cache_tree.edge_service(SCHOOL.district), gateway.edge(SCHOOL.district)
        )
        assert asked(behind, path, tmp_path, gateway.of_gateway) == 200
        edge.stop()


def test_an_edge_asks_nobody_but_the_shield_it_knows(city: City3, tmp_path: Path) -> None:
    """A server that says it is the shield, with a certificate of its own, gets no question."""
    files = district_edge.files(CITY, cache_tree.shield_parts(2), 1)
    wrong = {**CERTIFICATES.of_edge(SCHOOL.district), cache_pod.TRUSTED: stranger()["tls.crt"]}
    edge = city.tree.cache("doubtful", files, {cache_pod.TLS: wrong}, "doubtful", port=cache_pod.PORT)
    edge.start()
    path = city.put("doubt.m4s", b"d")
    behind = replace(city.gateway.behind[city.edge_host], address=edge.address)
    assert asked(behind, path, tmp_path, GATEWAY) == 502
    assert city.store.read[path] == 0
