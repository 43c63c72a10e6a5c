"""A blank box behind 20 Mbit/s becomes a school's: installed from the platform's parcel, asked twice, and a lesson plays from it.

One trial school for the module; the steps follow each other as a technician's do.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from catalog import City, load_named, names
from derive import access_log, box_log, prefetch, school_box, school_cache
from infra.plan import ports
from local import school
from local.cluster import cgroups
from local.school.trial import Trial
from ops import lesson
from ops.cdns import doors, purging
from ops.lessons import place, withdrawing
from ops.parcels import carrying, making, publishing, stick
from ops.phases import Phases
from ops.schools import ansible, enrolment, trial, visit, watching
from services.packager import index
from services.packager.store import Bucket
from tests.integration.conftest import Platform
from tests.waiting import until

pytestmark = pytest.mark.integration
RATE = 20.0
LOG = f"{school_cache.LOGS}/{school_cache.LOG}.log"
RECAP = re.compile(r"ok=(\d+) +changed=(\d+) +unreachable=(\d+) +failed=(\d+)")


@pytest.fixture(scope="module")
def box(platform: Platform) -> Iterator[Trial]:
    """A blank box, enrolled; whatever an earlier run left is taken away first."""
    for left in school.every():
        school.down(left)
    lesson.publish_sample(platform.stack)
    where = place.of_stack(platform.stack)
    parcel = making.make(school.material(school_box.PACKAGES, lambda _: None) / "pool")
    with publishing.bucket_of(where) as bucket:
        publishing.publish(bucket, parcel, lambda done, total: None)
    code = load_named(where.city).schools[-2].code
    yield trial.make(code, RATE, where, Phases())
    trial.down(code)


def play(box: Trial, platform: Platform, *words: str) -> tuple[dict[str, int], list[str], str]:
    """One run of the playbook: its recap, the tasks that changed something, all that it printed."""
    done = ansible.play([box.code], platform.stack, *words, capture=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    found = RECAP.search(done.stdout)
    assert found
    recap = dict(zip(("ok", "changed", "unreachable", "failed"), map(int, found.groups()), strict=True))
    tasks = re.findall(r"^TASK \[(.*?)\] \*+$(.*?)(?=^TASK|^PLAY|\Z)", done.stdout, re.MULTILINE | re.DOTALL)
    return recap, [name for name, said in tasks if re.search(r"^changed:", said, re.MULTILINE)], done.stdout


@pytest.fixture(scope="module")
def foreseen(box: Trial, platform: Platform) -> list[str]:
    """What a check on the blank box says that would change."""
    return play(box, platform, "--check", "--diff")[1]


@pytest.fixture(scope="module")
def first(box: Trial, platform: Platform) -> Iterator[tuple[list[str], str]]:
    """The first run: what it changed and what it printed, differences included. From its end on the box is asked to measure its link."""
    _, changed, said = play(box, platform, "--diff")
    where, key = place.of_stack(platform.stack), prefetch.KEY.format(school=box.code)
    with where.buckets() as (_, lessons):
        plan = a_night_now(box, load_named(where.city), lessons)
        lessons.put(key, json.dumps(plan).encode(), prefetch.CACHE)
    yield changed, said
    with where.buckets() as (_, lessons):
        lessons.delete([key])


def a_night_now(box: Trial, city: City, lessons: Bucket) -> dict[str, Any]:
    """A plan that begins at once: one segment to fetch, and the link to measure with it."""
    lesson_id, now, facts = index.records(lessons)[0]["id"], int(time.time()), city.link_budget
    segments = [(size, key) for key, size, _ in lessons.objects(f"{lesson_id}/") if key.endswith(".m4s")]
    size, key = max(segments)
    item = prefetch.Item(f"/{names.BUCKET_LESSONS}/{key}", size, now, lesson_id)
    sample = prefetch.Sample(now - 60, facts.sample_seconds, facts.sample_mib)
    plan = prefetch.Plan(box.code, now - 60, now + 3600, 1000, size, (item,), sample=sample)
    return plan.document(datetime.now(UTC))


def on_box(box: Trial, words: str) -> str:
    done = subprocess.run(visit.command(box.code, words), capture_output=True, text=True, check=False)
    return done.stdout


@pytest.mark.slow
def test_a_check_foretells_what_the_first_run_does(foreseen: list[str], first: tuple[list[str], str]) -> None:
    """The first of this file, since whatever asks for ``first`` leaves nothing to foretell."""
    assert foreseen == first[0]
    assert len(foreseen) > 20


def test_every_package_is_the_parcels(box: Trial, first: tuple[list[str], str]) -> None:
    shown = on_box(box, r"dpkg-query -W -f '${Package} ${Version}\n'").splitlines()
    there = dict(row.split(" ") for row in shown)
    parcel = making.parse((making.folder() / enrolment_parcel() / making.MANIFEST).read_text()).versions
    assert {name: there.get(name) for name in school_box.PACKAGES} == {
        name: parcel[name] for name in school_box.PACKAGES
    }


def enrolment_parcel() -> str:
    from ops.schools import platform

    return str(platform.parcel()["id"])


def test_no_secret_is_in_what_was_printed(box: Trial, first: tuple[list[str], str]) -> None:
    secret = enrolment.secret_vars(box.code)
    key = on_box(box, "cat /etc/huiju/tls/box.key").splitlines()[1]
    for text in (*map(str, secret.values()), key):
        assert text and text not in first[1]


def test_a_second_run_changes_nothing_and_a_check_agrees(
    box: Trial, platform: Platform, first: tuple[list[str], str]
) -> None:
    recap, changed, _ = play(box, platform)
    assert (changed, recap["changed"], recap["failed"], recap["unreachable"]) == ([], 0, 0, 0)
    assert play(box, platform, "--check", "--diff")[1] == []


def test_a_box_whose_key_is_not_the_pinned_one_is_not_spoken_to(
    box: Trial, platform: Platform, first: tuple[list[str], str]
) -> None:
    known = enrolment.folder() / "known_hosts"
    good = known.read_text()
    try:
        stranger = enrolment.login_key().with_suffix(".pub").read_text().split()[:2]
        known.write_text(f"{box.code} {' '.join(stranger)}\n")
        done = subprocess.run(visit.command(box.code, "true"), capture_output=True, text=True, check=False)
        assert done.returncode == 255 and "verification failed" in done.stderr.lower()
    finally:
        known.write_text(good)
    assert subprocess.run(visit.command(box.code, "true"), capture_output=True, check=False).returncode == 0


def test_the_second_play_is_served_by_the_box_and_so_is_one_with_the_link_cut(
    box: Trial, platform: Platform, first: tuple[list[str], str]
) -> None:
    one = watching.watch(box.code, None, platform.stack)
    two = watching.watch(box.code, None, platform.stack)
    assert one.media[False] > 0, "the first play came from the platform"
    assert (two.media[False], two.media[True]) == (0, sum(one.media.values()))
    school.link(box, whole=False)
    try:
        cut = watching.watch(box.code, None, platform.stack)
        assert cut.media[False] == 0 and cut.media[True] > 0
    finally:
        school.link(box, whole=True)


def test_the_probe_went_the_platforms_own_way(box: Trial, first: tuple[list[str], str]) -> None:
    # The keeper asks the box's cache for lessons, by right.
    asked = f'grep -c \'"from":"127.0.0.1"\' {LOG}; true'
    before = on_box(box, f"systemctl stop huiju-keeper; sleep 2; {asked}")
    readings = on_box(box, "systemctl start huiju-probe; cat /var/lib/huiju-probe/lesson.prom")
    assert "city_school_lesson_fetch_timestamp_seconds" in readings
    assert "box_probe_failed 0.0" in readings
    assert on_box(box, f"sleep 2; {asked}; systemctl start huiju-keeper") == before


def test_what_the_box_measures_arrives_in_the_city_and_nothing_of_it_is_left_out(
    box: Trial, platform: Platform, first: tuple[list[str], str]
) -> None:
    on_box(box, "systemctl start huiju-probe; systemctl restart huiju-logs")
    where = place.of_stack(platform.stack)
    wanted = {
        names.METRIC_FETCHED,
        names.METRIC_FETCH_SECONDS,
        names.METRIC_FETCH_BYTES,
        names.METRIC_HEARD,
        names.METRIC_LINK,
        names.METRIC_LINK_AT,
        "up",
        "node_load1",
    }
    query = urlencode({"query": f'{{school="{box.code}",job="{names.BOX_JOB}"}}'})
    with where.forwarded(names.MONITORING, names.PROMETHEUS, ports.PROMETHEUS) as address:
        # The box asks itself once a minute.
        for _ in range(40):
            with urlopen(f"{address}/api/v1/query?{query}", timeout=30) as answer:
                series = json.load(answer)["data"]["result"]
            found = {each["metric"]["__name__"]: float(each["value"][1]) for each in series}
            if wanted <= set(found):
                break
            time.sleep(5)
    assert wanted <= set(found)
    budget = load_named(where.city).link_budget
    assert RATE / 2 < budget.link_mbps(found[names.METRIC_LINK] * 1000) < RATE * 1.1

    def printed() -> list[str]:
        return platform.cluster.kubectl(
            "logs", "-n", names.SCHOOL_EDGE, f"deployment/{names.INTAKE}", "--tail=-1"
        ).splitlines()

    said = [line for line in printed() if f"school={box.code}" in line and "outcome=unavailable" not in line]
    assert not said, "nothing was refused, nothing left out"
    kept = {box_log.kept(line.encode(), box.code) for line in on_box(box, f"cat {LOG}*").splitlines()}
    assert kept
    # The box sends what it has once a minute.
    until(lambda: kept <= set(printed()), "its access log, what was played while the link was cut among it", 180, 5)
    answers = [each for each in map(access_log.parse, filter(None, kept)) if each]
    assert {each.status for each in answers if each.permission and each.path.endswith(".m4s")} == {200}
    assert set(on_box(box, "systemctl show -P User -P NRestarts huiju-logs").split()) == {"prometheus", "0"}


def held(box: Trial, paths: list[str]) -> int:
    """How many of the paths the box's cache has."""
    asked = (
        "import http.client as h, sys; c = h.HTTPConnection('127.0.0.1', 8080)\n"
        "def a(p):\n c.request('HEAD', p, headers={'Cache-Control': 'only-if-cached'})\n r = c.getresponse(); r.read()\n"
        " return r.status == 200\n"
        "print(sum(a(p) for p in sys.stdin.read().split()))"
    )
    line = visit.command(box.code, f"python3 -c {shlex.quote(asked)}")
    done = subprocess.run(line, input="\n".join(paths), capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_a_lesson_that_is_purged_in_the_city_leaves_every_cache_and_the_box_and_comes_back_by_a_stick(
    box: Trial, platform: Platform, first: tuple[list[str], str], tmp_path: Path
) -> None:
    where = place.of_stack(platform.stack)
    watching.watch(box.code, None, platform.stack)
    with where.buckets() as (_, lessons):
        lesson_id = index.records(lessons)[0]["id"]
        paths = purging.paths_of(lessons, lesson_id)
        media = [path for path in paths if path.endswith((".m4s", ".mp4"))]
        assert held(box, media) > 0
        caches = purging.pods(doors.of(where), paths)
        keys = [path.removeprefix("/lessons/") for path in paths]
        withdrawing.announce(lessons, lesson_id, keys, timedelta(days=1))
        for _ in range(30):
            if not held(box, media):
                break
            time.sleep(1)
        assert held(box, media) == 0
        assert sum(caches.values()) > 0
        # A parcel of the same second would be taken for one that was made before.
        time.sleep(1)
        licences = load_named(where.city).licences
        stick.make(lessons, {lesson_id: ()}, tmp_path, lambda done, total: None, licences)
    carrying.apply(tmp_path, lambda words: visit.command(box.code, words))
    seen = watching.watch(box.code, None, platform.stack)
    assert seen.media[False] == 0 and seen.media[True] > 0


def test_nothing_is_left_of_a_school_that_was_taken_down(
    box: Trial, platform: Platform, first: tuple[list[str], str]
) -> None:
    other = school.up(
        load_named(place.of_stack(platform.stack).city).schools[-1].code, 8, port=1, login="ssh-ed25519 AAAA", packages=school_box.PACKAGES,
        say=lambda _: None,
    )  # fmt: skip
    school.down(other)
    links = subprocess.run(("ip", "-br", "link"), capture_output=True, text=True, check=True).stdout
    spaces = subprocess.run(("ip", "netns"), capture_output=True, text=True, check=True).stdout
    assert other.tag not in links + spaces
    assert not other.folder.exists()
    assert not any((group.mount / f"huiju-{other.cgroup}" / other.code).exists() for group in cgroups.current())
