"""The lab: origin, shield, district edges and school caches of a city of the catalog, running, and gone afterwards.

It has no gateway: what that asks by TLS, and for, is asked in the clear here, on ports of the lab's own.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

import jwt

from benchmarks.caching.plain import plain
from benchmarks.cdn import caches, network
from benchmarks.cdn.caches import Cache
from benchmarks.cdn.material import Lesson
from benchmarks.cdn.origin import PORT as ORIGIN_PORT
from benchmarks.cdn.request import Place, ask
from catalog import City
from derive import (
    cache_pod,
    cache_tree,
    district_edge,
    keys,
    school_cache,
    shield,
    traffic_server,
    video_token,
)
from derive.cache_tls import CacheTls
from derive.cache_tree import CacheLevel
from derive.school_cache import SchoolCache
from derive.signing import Ring
from local.cluster.network import run

SEED, ISSUER, DOMAIN = "lab", "https://lab.test", "lab.test"
CERTIFICATES = CacheTls(SEED, Ring())
LOCK = Path("/run/lock/huiju-cdn-lab")
WAIT_SECONDS = 900
"""For another lab of this machine to end."""
CACHE_MIB = 256
"""Of a school's box; smaller than a real one's, and sparse."""
TLS_PORT = 443
CITY_PORT, SCHOOLS_PORT, EDGE_PORT = 8090, 8091, 8092
"""In the gateway's place: the shield's for viewers and for boxes, and an edge's for boxes."""
STORE = f"http://{network.ORIGIN}:{ORIGIN_PORT}"
HOUR = 3600
TLS = f"{caches.CONFIGURATION}/caches"


@dataclass
class Lab:
    """What runs, and how viewers reach it."""

    city: City
    folder: Path
    shield: Cache
    edges: dict[str, Cache]
    """By district."""
    schools: dict[str, Cache]
    """By code."""
    origin: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def caches(self) -> tuple[Cache, ...]:
        """All, parents first."""
        return (self.shield, *self.edges.values(), *self.schools.values())

    @property
    def levels(self) -> dict[CacheLevel, tuple[Cache, ...]]:
        """By the level's name."""
        return {
            CacheLevel.SHIELD: (self.shield,),
            CacheLevel.EDGE: tuple(self.edges.values()),
            CacheLevel.SCHOOL: tuple(self.schools.values()),
        }

    def door(self, code: str) -> Place:
        """Where a classroom of the school asks."""
        host = school_box(self.city, code, self.folder).host
        return Place(network.space(code), "127.0.0.1", TLS_PORT, host, tls=True)

    def edge_door(self, district: str) -> Place:
        """Where boxes of the district ask; no token is looked at there."""
        return replace(self.edges[district].health, port=EDGE_PORT)

    @property
    def doors(self) -> dict[str, Place]:
        """Where viewers ask, by the place that their tokens name: the city's own door, for the gateway, and each school's."""
        city = Place(network.ROOT, network.ORIGIN, CITY_PORT, DOMAIN)
        return {video_token.CITY: city, **{code: self.door(code) for code in self.schools}}

    def cpu_seconds(self) -> float:
        """All caches' of the processor, so far."""
        return sum(each.cpu_seconds() for each in self.caches)

    def told(self, path: str) -> dict[str, int]:
        """Say something to the origin; its reads by path."""
        answer = ask(Place(network.ROOT, network.ORIGIN, ORIGIN_PORT, "origin"), path)
        found: dict[str, int] = json.loads(answer.data or b"{}")
        return found

    def reads(self, lesson: Lesson) -> dict[str, int]:
        """Reads of the origin for each file of the lesson."""
        return {path: count for path, count in self.told("/_counts").items() if lesson.id in path}

    def cut(self, code: str) -> None:
        """The school's link goes down, as when a cable is pulled."""
        link = network.space_link(self.city, code)
        run([("ip", "-n", link.parent, "link", "set", link.device, "down")])

    def join(self, code: str) -> None:
        """It comes back."""
        link = network.space_link(self.city, code)
        run([("ip", "-n", link.parent, "link", "set", link.device, "up")])

    def mend(self) -> None:
        """Everything up and giving what only the origin has, and the origin without faults and counts."""
        if self.origin is None:
            self.start_origin()
        self.told("/_reset")
        for each in self.caches:
            if each.process is None or each.process.poll() is not None:
                each.start()
        for district in self.edges:
            self._gives(self.edge_door(district), video_token.CITY)
        for place, door in self.doors.items():
            self._gives(door, place)
        self.told("/_reset")

    def _gives(self, door: Place, place: str) -> None:
        """Wait until a new lesson comes: a cache leaves a parent that once failed it alone for a while."""
        lesson = Lesson(self.city, f"mended {door.space} {time.monotonic_ns()}", 1)
        deadline = time.monotonic() + 3 * traffic_server.DOWN_SECONDS
        while (answer := ask(door, lesson.path(lesson.rung(0), 0), cookie(place, lesson))).status != 200:  # noqa: PLR2004
            if time.monotonic() > deadline:
                raise TimeoutError(f"{door} gives no lesson: {answer.status} {answer.error}")
            time.sleep(0.2)

    def start_origin(self) -> None:
        """Run it until it answers."""
        line = ("ip", "netns", "exec", network.ROOT, sys.executable, "-m", "benchmarks.cdn.origin")
        with (self.folder / "origin").open("ab") as said:
            self.origin = subprocess.Popen(
                (*line, network.ORIGIN, str(ORIGIN_PORT)),
                cwd=Path(__file__).resolve().parents[2],
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
        deadline = time.monotonic() + caches.WELL_SECONDS
        while ask(Place(network.ROOT, network.ORIGIN, ORIGIN_PORT, "origin"), "/_counts").status != 200:  # noqa: PLR2004
            if time.monotonic() > deadline:
                raise TimeoutError((self.folder / "origin").read_text())
            time.sleep(0.1)

    def stop_origin(self) -> None:
        """The origin is dark."""
        if self.origin:
            self.origin.kill()
            self.origin.wait(30)
            self.origin = None


def cookie(place: str, lesson: Lesson, **other: str | int) -> dict[str, str]:
    """The header of who may play ``lesson`` at ``place`` for an hour; ``other`` claims take the place of the platform's own."""
    return signed({**video_token.claims(ISSUER, place, lesson.id, int(time.time()) + HOUR), **other})


def signed(claims: dict[str, Any], seed: str = SEED, kid: str = keys.key_id(keys.VIDEO)) -> dict[str, str]:
    """The header with these claims, by the key of ``seed``."""
    key = keys.private_key(seed, keys.VIDEO)
    return {"Cookie": f"{video_token.COOKIE}={jwt.encode(claims, keys.pem(key), keys.ALGORITHM, headers={'kid': kid})}"}


def tokens(place: str) -> str:
    """How the cache of ``place`` checks them."""
    return video_token.configuration(ISSUER, place, [keys.public_jwk(SEED, keys.VIDEO)])


def school_box(city: City, code: str, folder: Path) -> SchoolCache:
    """The box of a school of the lab."""
    edge, door = _parents(city, code)
    return SchoolCache(
        code=code,
        domain=DOMAIN,
        edge=f"http://{edge}:{EDGE_PORT}",
        platform=f"http://{door}:{SCHOOLS_PORT}",
        segment_seconds=city.packaging.segment_seconds,
        cache_mib=CACHE_MIB,
        networks=["10.0.0.0/8"],
        issuer=ISSUER,
        keys=[keys.public_jwk(SEED, keys.VIDEO)],
        tls=str(folder / "tls"),
    )


def _parents(city: City, code: str) -> tuple[str, str]:
    """Host names of the district's edge and of the shield's door for schools. Names, not addresses: those would be looked up backwards."""
    (school,) = (each for each in city.schools if each.code == code)
    edge, door = cache_tree.parents(city, school, DOMAIN)
    return edge, door


def _shield(city: City, folder: Path) -> Cache:
    changes = {shield.SIGNING: f"{caches.CONFIGURATION}/store", cache_pod.TLS: TLS}
    files = caches.fitted(shield.files(city, STORE, 1, tokens(video_token.CITY)), changes)
    files = plain(files, {shield.PORT: SCHOOLS_PORT, shield.VIEWERS_PORT: CITY_PORT}, besides=True)
    signing = {
        f"store/{shield.SIGNING_FILE}": shield.signing_file("lab", "lab").replace(
            shield.SIGNING, changes[shield.SIGNING]
        ),
        "store/region.config": shield.region_file("lab-1"),
    }
    health = Place(network.ROOT, network.ORIGIN, cache_pod.FIGURES_PORT, DOMAIN)
    known = _known(CERTIFICATES.of_shield(cache_tree.edges(city)))
    return Cache("shield", network.ROOT, folder / "shield", {**files, **signing, **known}, health)


def _edge(city: City, district: str, folder: Path) -> Cache:
    files = caches.fitted(district_edge.files(city, [network.ORIGIN], 1), {cache_pod.TLS: TLS})
    files = plain(files, {district_edge.PORT: EDGE_PORT}, besides=True)
    space = network.space(district)
    health = Place(space, "127.0.0.1", cache_pod.FIGURES_PORT, DOMAIN)
    return Cache(district, space, folder / district, {**files, **_known(CERTIFICATES.of_edge(district))}, health)


def _known(entries: dict[str, str]) -> dict[str, str]:
    return {f"caches/{name}": text for name, text in entries.items()}


def _school(city: City, code: str, folder: Path) -> Cache:
    changes = {f"{school_cache.FOLDER}/current": caches.CONFIGURATION}
    files = caches.fitted(school_cache.files(school_box(city, code, folder)), changes)
    space, addresses = network.space(code), (f"{network.space_link(city, code).net}.1", network.ORIGIN)
    known = zip(addresses, _parents(city, code), strict=True)
    files["hosts"] = "".join(f"{address} {name}\n" for address, name in known)
    files["records.config"] += f"CONFIG proxy.config.hostdb.host_file.path STRING {caches.CONFIGURATION}/hosts\n"
    return Cache(code, space, folder / code, files, Place(space, "127.0.0.1", school_cache.LOCAL_PORT, DOMAIN))


def _certificate(folder: Path) -> None:
    """One key for all boxes, its certificate, and the authority of the platform."""
    folder.mkdir()
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(folder / "box.key"))
    line = ("openssl", "req", "-x509", *key, "-out", str(folder / "box.crt"), "-subj", f"/CN={DOMAIN}", "-days", "2")
    subprocess.run(line, check=True, capture_output=True)
    shutil.copy(folder / "box.crt", folder / "platform.crt")
    for path in (folder, *folder.iterdir()):
        shutil.chown(path, caches.USER, caches.USER)


@contextmanager
def lab(city: City, settings: Mapping[str, str] | None = None) -> Iterator[Lab]:
    """A running lab; one at a time on this machine. Nothing of it remains, nor of one that was killed.

    ``settings`` take the place of those that the kit generates, in every cache.
    """
    with LOCK.open("w") as lock:
        _alone(lock)
        folder = Path(tempfile.mkdtemp(prefix=f"{network.TAG}-"))
        folder.chmod(0o755)
        try:
            network.connect(city)
            _certificate(folder / "tls")
            edges = {each: _edge(city, each, folder) for each in cache_tree.edges(city)}
            schools = {each.code: _school(city, each.code, folder) for each in city.schools}
            made = Lab(city, folder, _shield(city, folder), edges, schools)
            made.start_origin()
            for each in made.caches:
                each.write(settings or {})
                each.start(wait=False)
            for each in made.caches:
                each.wait()
            yield made
        finally:
            network.remove()
            shutil.rmtree(folder, ignore_errors=True)


def _alone(lock: TextIO) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError(f"another lab has run on this machine for {WAIT_SECONDS} s") from None
            time.sleep(1)
        else:
            break
    # Folders of labs that were killed.
    for old in Path(tempfile.gettempdir()).glob(f"{network.TAG}-*"):
        shutil.rmtree(old, ignore_errors=True)
