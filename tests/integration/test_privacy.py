"""50 planted secrets and 200 pupils: in no state, output, log, difference, metric, process list or cache of a platform that was used.

Every place is asked for something that is known to be in it too: a search that finds nothing anywhere proves nothing.
"""

from __future__ import annotations

import base64
import csv
import gzip
import os
import re
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from rich.console import Console
from typer.testing import CliRunner

from catalog import load_named, names
from catalog.access import Scope
from derive import cache_pod, cache_tree, session_token, store, video_token
from infra.plan import ports
from local import paths
from ops.cli import app
from ops.lessons import place
from ops.phases import Phases
from ops.rosters import reaching
from ops.stack import checkpoint, configuration, engine, session
from ops.stack.store import open_store
from services.entitlement.shipping import HEAD
from tests.integration import remote_write, viewer
from tests.integration.alerting import wait
from tests.integration.conftest import Platform
from tests.integration.searching import LEAST, Search, spellings
from tests.integration.test_cache_tree import Box, certified
from tests.integration.test_platform import client, forwarded, get

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]
PUPILS, SECRETS = 200, 50
LESSON = "l-privacyprivacy22"
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_PUPIL = re.compile(r"s[0-9]{15}")


@dataclass
class Planted:
    """What must be found nowhere, and what must be found."""

    canary: str = field(default_factory=lambda: f"canary{secrets.token_hex(8)}")
    lesson: str = field(
        default_factory=lambda: "l-" + "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(16))
    )
    """Of no lesson that there is; but in an id's form, so that the record keeps it. Of the canary it keeps nothing."""
    secrets: dict[str, str] = field(default_factory=dict)
    pupils: dict[str, str] = field(default_factory=dict)
    """Ids and names."""


@dataclass(frozen=True)
class Place:
    """Somewhere to look, and a word that is known to be there."""

    name: str
    content: bytes
    known: str


class Processes:
    """Every command line that ran on this machine while it was watched."""

    def __init__(self) -> None:
        self._end, self.seen = threading.Event(), set[bytes]()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Processes:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(0.05):
            for line in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(line.read_bytes())
                except OSError:
                    continue  # it ended meanwhile


def made_of(platform: Platform) -> Iterator[tuple[str, str]]:
    """Every random word of every Secret that the kit made: seeds are in the stack's file, these are what comes of them."""
    for service in load_named(platform.wanted.city).services:
        for each in get(platform, "secrets", "-n", service.id)["items"]:
            if each["metadata"]["labels"].get("app.kubernetes.io/managed-by") != "huiju":
                continue
            for key, value in each["data"].items():
                text = _CERTIFICATE.sub("", base64.b64decode(value).decode())
                for number, word in enumerate(re.findall(r"[A-Za-z0-9+/=_-]{32,}", text)):
                    yield f"{service.id}/{each['metadata']['name']}/{key} {number}", word


def roster(folder: Path, planted: Planted) -> None:
    """A made-up roster of the city in which 200 pupils have ids and names that are nowhere else."""
    done = CliRunner().invoke(app, ["roster", "sample", "--schools", "tiny", "--out", str(folder)])
    assert done.exit_code == 0, done.output
    rows = list(csv.DictReader((folder / "users.csv").read_text(encoding="utf-8").splitlines()))
    pupils = [row["sourcedId"] for row in rows if _PUPIL.fullmatch(row["sourcedId"])][:PUPILS]
    assert len(pupils) == PUPILS
    ids = {pupil: f"s-{secrets.token_hex(8)}" for pupil in pupils}
    given = {identity: "".join(chr(0x4E00 + secrets.randbelow(0x5000)) for _ in range(6)) for identity in ids.values()}
    planted.pupils |= {f"id {each}": each for each in ids.values()}
    planted.pupils |= {f"name of {each}": name for each, name in given.items()}
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            head, *body = csv.reader(file)
        body = [[_PUPIL.sub(lambda found: ids.get(found[0], found[0]), cell) for cell in row] for row in body]
        if path.stem == "users":
            first, name = head.index("sourcedId"), head.index("givenName")
            for row in body:
                row[name] = given.get(row[first], row[name])
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\r\n").writerows([head, *body])


@contextmanager
def emptied(platform: Platform) -> Iterator[None]:
    """The roster's tables are empty before and afterwards."""
    where, (owner, *_) = place.of_stack(platform.stack), names.database_roles(names.DATABASE_ROSTER)

    def empty() -> None:
        with reaching.connecting(where, owner) as connect, connect() as connection:
            connection.execute("TRUNCATE people, roles, classes, enrolments, guardians, imports, consents, seats")

    empty()
    try:
        yield
    finally:
        empty()


@contextmanager
def settled(platform: Platform, planted: Planted) -> Iterator[str]:
    """The stack with planted secrets of a person's; gives what `pulumi preview --diff` says of them."""
    planted.secrets |= {"webhook": secrets.token_hex(20), "mail password": secrets.token_hex(20)}
    before = configuration.file(platform.stack).read_text(encoding="utf-8")
    document, cipher = configuration.document(platform.stack), configuration.cipher_of(platform.stack)
    own = {
        "alertWebhook": {"secure": cipher.encrypt(f"http://hook.invalid/{planted.secrets['webhook']}")},
        "alertMailTo": f"{planted.canary}@example.cn",
        "alertMailFrom": "huiju@example.cn",
        "alertMailServer": "mail.invalid:587",
        "alertMailUser": "huiju",
        "alertMailPassword": {"secure": cipher.encrypt(planted.secrets["mail password"])},
    }
    config = {**document["config"], **{f"huiju:{key}": value for key, value in own.items()}}
    configuration.rewrite(platform.stack, {**document, "config": config})
    try:
        difference = engine.previewed(["--stack", platform.stack, "--diff"], platform.cluster.environment)
        session.reapply(platform.stack, Phases(Console(record=True)))
        yield difference
    finally:
        configuration.replace(configuration.file(platform.stack), before)
        session.provision(platform.wanted, platform.cluster.target, Phases())


def at_edges(platform: Platform, folder: Path) -> dict[str, Box]:
    """Host name of every district's edge -> a box of the district, which it lets in."""
    city = viewer.city(platform)
    first = {school.district: school for school in reversed(city.schools)}
    return {
        names.district_host(district, session.EDGE_DOMAIN): certified(platform, first[district], folder)
        for district in cache_tree.edges(city)
    }


def used(platform: Platform, planted: Planted, edges: Mapping[str, Box]) -> None:
    """Sessions and video tokens are shown in every way in which players show them; each is a planted secret."""
    city = viewer.city(platform)
    tier = viewer.tier_of(city, Scope.CLASS)
    path = f"/lessons/{LESSON}/h/1.m4s"
    for number in range(10):
        held, video = (
            viewer.session(platform, tier, city.schools[0].code),
            viewer.minted(platform, LESSON, seconds=600 + number),
        )
        for kind, token in (("session", held), ("video", video)):
            planted.secrets |= {
                f"{kind} token {number}": token,
                f"signature of {kind} token {number}": token.rpartition(".")[2],
            }
        viewer.play(platform, LESSON, held)
        viewer.ask(platform, f"/access/play/{LESSON}", method="POST", Cookie=f"{session_token.COOKIE}={held}")
        viewer.ask(platform, "/monitoring/api/v1/query?query=up", Authorization=f"Bearer {held}")
        viewer.ask(platform, path, Cookie=viewer.cookie(video))
        viewer.ask(platform, f"{path}?{video_token.COOKIE}={video}")
        viewer.ask(platform, f"{path};{video_token.COOKIE}={video}")
        viewer.ask(platform, f"/lessons/{video}")
        for host, box in edges.items():
            box.ask(host, path, {"Cookie": viewer.cookie(video), "Authorization": f"Bearer {held}"})
            box.ask(host, f"{path}?{video_token.COOKIE}={video}")


def marked(platform: Platform, planted: Planted, prometheus: str, edges: Mapping[str, Box]) -> None:
    """Put the canary wherever the platform lets somebody put a word."""
    assert viewer.ask(platform, f"/lessons/{planted.canary}").status == 403
    for asked in (planted.canary, planted.lesson):
        assert viewer.play(platform, asked).status == 404
    labels = {"__name__": names.METRIC_FETCHED, "school": planted.canary, "job": "box"}
    assert remote_write.push(f"{prometheus}/api/v1/write", [(labels, time.time(), time.time())]).is_success
    with forwarded(platform) as endpoint:
        packager = client(platform, endpoint, store.PACKAGER, names.VIDEO_LIBRARY)
        # More than the cache holds back before it writes.
        body = planted.canary.encode() + os.urandom(8 * 2**20)
        for name in ("big", "bigger"):
            # Of a try before, the caches would give the piece that they have.
            key = f"{LESSON}/{name}-{planted.canary}"
            packager.put_object(Bucket=names.BUCKET_LESSONS, Key=key, Body=body, CacheControl="public, max-age=600")
            shown = viewer.cookie(viewer.minted(platform, LESSON))
            assert viewer.ask(platform, f"/lessons/{key}", Cookie=shown).status == 200
            for host, box in edges.items():
                assert box.ask(host, f"/lessons/{key}")[0] == 200, host
    subprocess.run([sys.executable, "-c", "import time; time.sleep(1)", planted.canary], check=True)


def recorded(platform: Platform) -> Iterator[Place]:
    """State, copies of it, outputs and what the engine printed."""
    backend, words = open_store(), ["--stack", platform.stack]
    files = b"\n".join(backend.read(key) or b"" for key in backend.names(".pulumi"))
    assert backend.read(checkpoint.key(platform.stack))
    yield Place("state and its copies", files, platform.url.rstrip("/"))
    yield Place("settings of the stack", configuration.file(platform.stack).read_bytes(), "huiju:storeAdminKey")
    outputs = engine.ask(["stack", "output", "--json", *words], platform.cluster.environment)
    yield Place("stack outputs", outputs.encode(), platform.url.rstrip("/"))
    printed = b"\n".join(path.read_bytes() for path in sorted((paths.state_dir() / "logs").glob("*.log")))
    yield Place("what the engine printed", printed, "entitlement")
    waits = b"\n".join(path.read_bytes() for path in (paths.state_dir() / "audit").rglob("*") if path.is_file())
    yield Place("this machine's part of the audit record", waits, "writer")


def pods(platform: Platform, planted: Planted) -> Place:
    """What every container of the platform printed."""
    said = [
        platform.cluster.kubectl(
            "logs", "-n", service.id, pod["metadata"]["name"], "--all-containers=true", "--tail=-1"
        )
        for service in load_named(platform.wanted.city).services
        for pod in get(platform, "pods", "-n", service.id)["items"]
        if pod["status"]["phase"] != "Pending"
    ]
    return Place("logs of pods", "\n".join(said).encode(), planted.canary)


def metrics(prometheus: str, planted: Planted) -> Place:
    """Labels of every series, and Prometheus' own account of itself."""
    series = httpx.get(f"{prometheus}/api/v1/series", params={"match[]": '{__name__=~".+"}'}, timeout=120).content
    more = (
        httpx.get(f"{prometheus}/api/v1/{each}", timeout=60).content
        for each in ("status/config", "rules", "targets", "alerts")
    )
    return Place("series and settings of Prometheus", b"\n".join((series, *more)), planted.canary)


def lessons(platform: Platform) -> Place:
    """The list of lessons and every record in it."""
    index = viewer.ask(platform, "/lessons/index.json")
    found = index.json["lessons"] if index.status == 200 else []
    records = (viewer.ask(platform, f"/lessons/{each['id']}/lesson.json").body for each in found)
    portal = viewer.ask(platform, "/").body
    return Place("portal and list of lessons", b"\n".join((portal, index.body, *records)), "<html")


def kept(platform: Platform, account: str, service: str, bucket: str, known: str) -> Place:
    """Everything in a bucket, every version of it."""
    with forwarded(platform) as endpoint:
        s3 = client(platform, endpoint, account, service)
        locked = bucket in {names.BUCKET_AUDIT, names.BUCKET_ACCESS_LOGS}
        listing, rows = ("list_object_versions", "Versions") if locked else ("list_objects_v2", "Contents")
        found = [
            {name: row[name] for name in ("Key", "VersionId") if name in row}
            for page in s3.get_paginator(listing).paginate(Bucket=bucket)
            for row in page.get(rows, ())
        ]
        bodies = [s3.get_object(Bucket=bucket, **each)["Body"].read() for each in found]
    unpacked = (gzip.decompress(each) if each.startswith(b"\x1f\x8b") else each for each in bodies)
    return Place(f"bucket {bucket}", b"\n".join(unpacked), known)


def caches(platform: Platform) -> dict[str, tuple[str, ...]]:
    """Caches that run as pods -> where `kubectl` finds each: the shield, and every district's edge."""
    edges = {
        f"cache of the edge of {each}": ("-n", names.edge_namespace(each), f"deployment/{names.DISTRICT_EDGE}")
        for each in cache_tree.edges(viewer.city(platform))
    }
    return {"cache of the shield": ("-n", names.VIDEO_LIBRARY, "deployment/shield-0"), **edges}


def cached(platform: Platform, pod: Sequence[str], search: Search) -> tuple[set[str], int]:
    """What is found in a cache on its disk, looked through where it lies, and its bytes."""
    where = ("exec", "-i", *pod, "--", "bash", "-c")
    # What is empty of it is a gigabyte of zeros, which would be one line.
    # `grep` ends with 1 where nothing is found; with 2 it could not read.
    lines = f"cat {cache_pod.CACHE}/* | tr '\\0' '\\n'"
    look = f"exec 3<&0; {lines} | LC_ALL=C grep -a -o -F -f /dev/fd/3; test $? -le 1"
    printed = platform.cluster.kubectl(*where, look, stdin=search.patterns.decode())
    size = platform.cluster.kubectl(*where, f"cat {cache_pod.CACHE}/* | wc -c")
    return search.named(line.encode() for line in printed.splitlines()), int(size)


def printed_there(platform: Platform, planted: Planted) -> Callable[[], bool]:
    """Whether the collector has brought the canary into the bucket of access logs."""
    reader = (store.LOG_READER, names.MONITORING)
    return lambda: planted.canary.encode() in kept(platform, *reader, names.BUCKET_ACCESS_LOGS, "").content


def test_nothing_planted_is_found_anywhere_and_what_is_known_to_be_there_is(
    platform: Platform, tmp_path: Path, proof: Callable[[str, str], None]
) -> None:
    planted, where = Planted(), place.of_stack(platform.stack)
    roster(tmp_path / "roster", planted)
    with (
        Processes() as processes,
        where.forwarded(names.MONITORING, names.PROMETHEUS, ports.PROMETHEUS) as prometheus,
        emptied(platform),
        settled(platform, planted) as difference,
    ):
        planted.secrets |= configuration.read_secrets(platform.stack) | dict(made_of(platform))
        planted.secrets |= {"passphrase": configuration.passphrase()}
        words = ["roster", "import", str(tmp_path / "roster"), "--stack", platform.stack]
        imported = CliRunner().invoke(app, words)
        assert imported.exit_code == 0, imported.output
        edges = at_edges(platform, tmp_path)
        used(platform, planted, edges)
        marked(platform, planted, prometheus, edges)
        search = Search(dict(_lines(planted.secrets)) | planted.pupils, tmp_path)
        (tmp_path / "control").mkdir()
        control = Search({"canary": planted.canary}, tmp_path / "control")
        wait("the canary is in the bucket of access logs", printed_there(platform, planted), 240)
        looked = [
            *recorded(platform),
            Place("pulumi preview --diff", difference.encode(), "alertmanager"),
            Place("what huiju roster import said", imported.output.encode(), " added"),
            pods(platform, planted),
            metrics(prometheus, planted),
            lessons(platform),
            kept(platform, store.LOG_READER, names.MONITORING, names.BUCKET_LOGS, HEAD),
            kept(platform, store.LOG_READER, names.MONITORING, names.BUCKET_ACCESS_LOGS, planted.canary),
            kept(platform, store.AUDITOR, names.ENTITLEMENT, names.BUCKET_AUDIT, planted.lesson),
            Place("command lines", b"\n".join(processes.seen), planted.canary),
        ]
        on_disks = {name: cached(platform, pod, search) for name, pod in caches(platform).items()}
        for name, pod in caches(platform).items():
            assert cached(platform, pod, control)[0] == {"canary"}, (
                f"a search of the {name} that finds nothing proves nothing"
            )
    unseen = [
        each.name
        for each in looked
        if not any(word in each.content for word in {each.known.encode(), *spellings(each.known)})
    ]
    assert not unseen, f"what is known to be there was not found, so nothing is proved: {unseen}"
    found = {each.name: sorted(search.found(each.content)) for each in looked} | {
        name: sorted(each) for name, (each, _) in on_disks.items()
    }
    size = sum(len(each.content) for each in looked) + sum(each for _, each in on_disks.values())
    assert len(planted.secrets) >= SECRETS
    assert len(planted.pupils) == 2 * PUPILS
    sought = f"{len(planted.secrets)} secrets and {PUPILS} pupils sought in {len(found)} places, {size:,} bytes"
    says = f"{sought}: {sum(map(len, found.values()))} found"
    print(says)
    proof("planted secrets and pupils’ identities", says)
    assert {name: each for name, each in found.items() if each} == {}


def _lines(found: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Secrets by name; one of several lines, a key in PEM, line by line."""
    for name, text in found.items():
        rows = [row for row in text.splitlines() if len(row) >= LEAST and not row.startswith("-----")]
        yield from ((f"{name}, line {number}", row) for number, row in enumerate(rows, 1))
