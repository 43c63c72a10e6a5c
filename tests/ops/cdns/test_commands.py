"""`huiju cdn` on the command line: exit codes, and what stands on which stream."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from catalog import names
from catalog.errors import UserError
from derive import withdrawal
from monitoring.readings import Prometheus
from ops import cdn
from ops.cdns import doors, progress, purging, warming
from ops.cdns.doors import Door
from ops.cdns.progress import Said
from ops.cdns.warming import Warmed
from ops.lessons.place import Place
from services.packager.store import Bucket
from tests.media import Store, store

__all__ = ["store"]

RUNNER = CliRunner()
LESSON, VILLAGE, TOWNSHIP = "l-" + "a" * 16, "2990100006", "2990100005"


BEFORE = {
    "school": VILLAGE,
    "version": "0" * 12,
    "made": "2027-06-29T00:00:00Z",
    "window": {"not_before": 1_814_277_600, "not_after": 1_814_306_400},
    "kbps": 1,
    "items": [{"path": "/lessons/x", "bytes": 1, "needed_by": 0, "lesson": LESSON}],
}
"""A plan of another version; its night ends on 2027-06-30 at 06:00 of the city."""


def test_a_budget_that_fits_ends_well() -> None:
    done = RUNNER.invoke(cdn.app, ["budget", "--city", "tiny"])
    assert done.exit_code == 0, done.output
    assert "8 links, 5 with live classes promised: every promise fits" in done.stdout
    assert done.stderr == ""


@pytest.mark.usefixtures("lessons")
def test_lessons_that_no_night_brings_are_judged_beside_the_live_classes(tmp_path: Path) -> None:
    """Without a box each room of a recorded lesson is a stream, beside those of the live class at that bell."""
    file = tmp_path / "day.csv"
    file.write_text(f"date,school,period,lesson,classes\n2027-06-28,{VILLAGE},p2,{LESSON},4\n")
    words = ["budget", "--timetable", str(file)]
    done = RUNNER.invoke(cdn.app, words)
    assert done.exit_code == 0, done.output
    assert (
        "5 with live classes promised or lessons of 2027-06-28 that no night brings: every promise fits" in done.stdout
    )
    assert "recorded" not in done.stdout, "the night brings it"
    alone, beside = (
        json.loads(RUNNER.invoke(cdn.app, [*extra, "--without-boxes", "--json"]).stdout)["links"]
        for extra in (["budget"], words)
    )
    [before], [after] = ([each for each in rows if each["id"] == VILLAGE] for rows in (alone, beside))
    assert (before["recorded"], after["recorded"], after["streams"]) == ([], [LESSON], before["streams"] + 4)
    rates = tmp_path / "rates.csv"
    rates.write_text(f"school,mbps\n{VILLAGE},1\n")
    done = RUNNER.invoke(cdn.app, [*words, "--without-boxes", "--measured", str(rates), "--school", VILLAGE])
    assert done.exit_code == 1
    assert "6 streams, with 1 recorded" in done.stdout
    assert "1 of 1 lessons are not fetched ahead: there is no box" in done.stdout
    assert f"error: school {VILLAGE}" in done.stderr
    assert f"(not fetched ahead: {LESSON})" in done.stderr
    assert done.stderr.rstrip().endswith("; there is no box")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no row"),
        ("date,school,period,lesson\n", "holds no row"),
        (f"date,school,period,lesson,classes\n2027-06-28,1,p2,{LESSON},1\n", "is not one of the city's schools"),
        (f"date,school,period,lesson,classes\n2027-06-28,{VILLAGE},p2,l-{'z' * 16},1\n", "is not published"),
        (None, "cannot be read"),
    ],
)
@pytest.mark.usefixtures("lessons")
def test_a_timetable_that_is_none_is_one_clear_error(tmp_path: Path, text: str | None, said: str) -> None:
    file = tmp_path / "day.csv"
    if text is not None:
        file.write_text(text)
    done = RUNNER.invoke(cdn.app, ["budget", "--timetable", str(file)])
    assert isinstance(done.exception, UserError)
    assert said in str(done.exception)
    assert done.stdout == "", "no table beside it"


def test_a_budget_that_does_not_fit_exits_1_and_says_what_would() -> None:
    done = RUNNER.invoke(cdn.app, ["budget", "--city", "tiny", "--without-boxes"])
    assert done.exit_code == 1
    assert "does not fit" in done.stdout
    assert done.stderr.startswith(f"error: school {TOWNSHIP}")
    assert "promise v360-365 at most" in done.stderr


def test_one_school_is_judged_alone_and_a_stranger_is_refused() -> None:
    assert RUNNER.invoke(cdn.app, ["budget", "--without-boxes", "--school", VILLAGE]).exit_code == 0
    done = RUNNER.invoke(cdn.app, ["budget", "--school", "2990100009"])
    assert isinstance(done.exception, UserError)


def test_programs_get_every_link_and_the_same_exit_code(tmp_path: Path) -> None:
    rates = tmp_path / "rates.csv"
    rates.write_text(f"school,mbps\n{VILLAGE},2\n")
    done = RUNNER.invoke(cdn.app, ["budget", "--json", "--measured", str(rates)])
    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert (document["city"], document["fits"], len(document["links"])) == ("tiny", False, 8)
    [tight] = [each for each in document["links"] if not each["fits"]]
    assert (tight["id"], tight["measured"], tight["largest"], tight["starts"]) == (VILLAGE, 2.0, "v360-365", "09:20")


def measured(monkeypatch: pytest.MonkeyPatch, days: float, **mbps: float) -> None:
    """Boxes that measured so many days ago; Mbit/s of lessons by code with an `s` before it."""
    rates = {code[1:]: rate for code, rate in mbps.items()}
    at = dict.fromkeys(rates, time.time() - days * 86_400)
    told = {names.METRIC_LINK: rates, names.METRIC_LINK_AT: at}

    def query(_: Prometheus, expression: str, at: float) -> dict[str, float]:
        (asked,) = re.findall(r"last_over_time\((\w+)\[14d\]\)", expression)
        return told[asked]

    monkeypatch.setattr(Prometheus, "query", query)


@pytest.mark.usefixtures("lessons")
def test_a_budget_is_judged_by_what_boxes_measured_where_that_is_less_than_the_contract(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    measured(monkeypatch, 0.5, s2990100006=2.0, s2990100005=500.0)
    done = RUNNER.invoke(cdn.app, ["budget", "--measured-live"])
    assert (done.exit_code, "2.1, 12 h ago" in done.stdout) == (1, True), done.output
    assert f"error: school {VILLAGE}" in done.stderr
    assert "of 2.14 Mbit/s measured (8 contracted)" in done.stderr, "on the link, protocols included"
    assert "2 of 6 links measured by their boxes" in done.stdout
    rates = tmp_path / "rates.csv"
    rates.write_text(f"school,mbps\n{VILLAGE},1.5\n{TOWNSHIP},3\n")
    words = ["budget", "--measured-live", "--measured", str(rates), "--json"]
    rows = {row["id"]: row for row in json.loads(RUNNER.invoke(cdn.app, words).stdout)["links"]}
    assert (rows[VILLAGE]["measured"], rows[TOWNSHIP]["measured"]) == (1.5, 3.0), "the slowest of file and box"
    assert (round(rows[VILLAGE]["sample"]["mbps"], 2), rows[VILLAGE]["sample"]["counts"]) == (2.14, True)
    assert rows["3990100003"]["sample"] is None


@pytest.mark.usefixtures("lessons")
def test_what_was_measured_too_long_ago_is_shown_and_said_and_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    for days, fits in ((13.9, False), (14.1, True)):
        measured(monkeypatch, days, s2990100006=2.0)
        done = RUNNER.invoke(cdn.app, ["budget", "--measured-live"])
        assert (done.exit_code == 0) is fits, done.output
        assert ("(too old)" in done.stdout) is fits
        assert f"the contract alone counts for {int(fits)} measured more than 14 days ago and 5 of which" in done.stdout


@pytest.mark.usefixtures("lessons")
def test_a_night_is_planned_by_what_boxes_measured(
    monkeypatch: pytest.MonkeyPatch, lessons: Bucket, tmp_path: Path
) -> None:
    measured(monkeypatch, 0.5, s2990100006=2.0)
    for words, rate in (([], 8.0), (["--measured-live"], 2.0 * 1.07)):
        file = timetable(tmp_path, "2027-06-30")
        assert RUNNER.invoke(cdn.app, ["plan", file, "--publish", *words]).exit_code == 0
        found = lessons.read_json(f"plans/{VILLAGE}.json")
        assert found and found["kbps"] == int(rate * 1000 * 0.8 / 1.07)


@pytest.mark.usefixtures("lessons")
def test_the_boxes_of_another_city_s_platform_say_nothing_of_this_one() -> None:
    done = RUNNER.invoke(cdn.app, ["budget", "--measured-live", "--city", "neijiang"])
    assert "is of the city tiny, not neijiang" in str(done.exception)


def put_record(bucket: Bucket, lesson: str = LESSON, school: str = "2990100001", licence: str = "open-sharing") -> None:
    record = {
        "id": lesson, "recipe": "r", "master": f"{lesson}/h/master.m3u8", "renditions": [{"name": "v234-145"}],
        "school": {"code": school}, "licence": {"id": licence}, "published": "2026-09-01T00:00:00Z",
    }  # fmt: skip
    bucket.put(f"{lesson}/lesson.json", json.dumps(record).encode(), "")


@pytest.fixture
def lessons(store: Store, unshipped: None, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """A stack with one published lesson, and boxes that say nothing."""
    uploads, bucket = store.pair()
    put_record(bucket)
    bucket.put(f"{LESSON}/h/r/v234-145/00000.m4s", b"x" * 1000, "")

    @contextmanager
    def buckets(self: Place) -> Iterator[tuple[Bucket, Bucket]]:
        yield uploads, bucket

    @contextmanager
    def forwarded(self: Place, *_: Any) -> Iterator[str]:
        yield "http://prometheus"

    monkeypatch.setattr(Place, "buckets", buckets)
    monkeypatch.setattr(Place, "forwarded", forwarded)
    monkeypatch.setattr("ops.lessons.place.of_stack", lambda stack: Place(stack, {"city": "tiny"}, None, None))
    monkeypatch.setattr(progress, "ask", lambda *_: Said({}, {}, {}, {}, {}))
    return bucket


def timetable(folder: Path, day: str) -> str:
    file = folder / "day.csv"
    file.write_text(f"date,school,period,lesson,classes\n{day},{VILLAGE},p2,{LESSON},2\n")
    return str(file)


def test_a_plan_is_only_shown_until_it_is_published(lessons: Bucket, tmp_path: Path) -> None:
    shown = RUNNER.invoke(cdn.app, ["plan", timetable(tmp_path, "2027-06-30")])
    assert shown.exit_code == 0, shown.output
    assert "1 plans, 0.0 GB; nothing was published" in shown.stdout
    assert not list(lessons.objects("plans/"))
    done = RUNNER.invoke(cdn.app, ["plan", timetable(tmp_path, "2027-06-30"), "--publish"])
    assert "1 plans published, 0 were there already, 0 taken back" in done.stdout, done.output
    assert [key for key, _, _ in lessons.objects("plans/")] == [f"plans/{VILLAGE}.json"]


def test_each_plan_in_the_bucket_is_read_once_whatever_is_published_or_taken_back(
    lessons: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, real = list[str](), Bucket.read_json

    def noted(self: Bucket, key: str) -> dict[str, Any] | None:
        read.append(key)
        return real(self, key)

    monkeypatch.setattr(Bucket, "read_json", noted)
    plan = f"plans/{VILLAGE}.json"
    for words in (["plan", timetable(tmp_path, "2027-06-30"), "--publish"], ["cancel", "--publish"]):
        lessons.put(plan, json.dumps(BEFORE).encode(), "")
        read.clear()
        assert RUNNER.invoke(cdn.app, words).exit_code == 0
        assert [key for key in read if key.startswith("plans/")] == [plan]
        there = real(lessons, plan)
        assert there and there["version"] != BEFORE["version"]


def test_a_file_of_another_day_ends_no_plan_of_a_night_that_is_not_over_unless_it_is_meant(
    lessons: Bucket, tmp_path: Path
) -> None:
    RUNNER.invoke(cdn.app, ["plan", timetable(tmp_path, "2027-06-30"), "--publish"])
    before = lessons.read_json(f"plans/{VILLAGE}.json")
    other = timetable(tmp_path, "2027-06-29")
    said = "replaces the plans of 2027-06-30 of 1 school"
    assert f"publishing: {said}" in RUNNER.invoke(cdn.app, ["plan", other]).stdout
    refused = RUNNER.invoke(cdn.app, ["plan", other, "--publish"])
    assert "the plans of 2027-06-30 of 1 school are in force until 2027-06-30 06:00" in str(refused.exception)
    assert lessons.read_json(f"plans/{VILLAGE}.json") == before
    assert RUNNER.invoke(cdn.app, ["plan", other, "--publish", "--school", TOWNSHIP]).exit_code == 0, "no plan ends"
    done = RUNNER.invoke(cdn.app, ["plan", other, "--publish", "--replace-day"])
    assert f"published: {said}" in done.stdout, done.output
    assert lessons.read_json(f"plans/{VILLAGE}.json") != before


def test_plans_are_taken_back_once_it_is_said_and_only_those_that_are_in_force(lessons: Bucket, tmp_path: Path) -> None:
    assert "no plan is in force" in RUNNER.invoke(cdn.app, ["cancel"]).stdout
    RUNNER.invoke(cdn.app, ["plan", timetable(tmp_path, "2027-06-30"), "--publish"])
    before = lessons.read_json(f"plans/{VILLAGE}.json")
    shown = RUNNER.invoke(cdn.app, ["cancel"])
    assert "the plans of 2027-06-30 of 1 school: nothing was taken back" in shown.stdout, shown.output
    assert "no plan is in force" in RUNNER.invoke(cdn.app, ["cancel", "--publish", "--school", TOWNSHIP]).stdout
    assert lessons.read_json(f"plans/{VILLAGE}.json") == before
    assert "of 1 school: taken back" in RUNNER.invoke(cdn.app, ["cancel", "--publish"]).stdout
    gone = lessons.read_json(f"plans/{VILLAGE}.json")
    assert gone and before and (gone["items"], gone["window"]) == ([], before["window"])
    assert gone["kbps"] > 0, "a box takes no plan without a rate"
    assert "no plan is in force" in RUNNER.invoke(cdn.app, ["cancel", "--publish"]).stdout


def test_a_plan_for_a_night_that_is_over_is_not_published(lessons: Bucket, tmp_path: Path) -> None:
    done = RUNNER.invoke(cdn.app, ["plan", timetable(tmp_path, "2026-09-02"), "--publish"])
    assert isinstance(done.exception, UserError)
    assert not list(lessons.objects("plans/"))


def test_a_lesson_that_neither_night_nor_day_carries_exits_1_and_is_said(lessons: Bucket, tmp_path: Path) -> None:
    rates = tmp_path / "rates.csv"
    rates.write_text(f"school,mbps\n{VILLAGE},0\n")
    lessons.put(f"{LESSON}/h/r/v234-145/00001.m4s", b"x" * (4 << 20), "")
    done = RUNNER.invoke(cdn.app, ["plan", timetable(tmp_path, "2027-06-30"), "--measured", str(rates)])
    assert done.exit_code == 1, done.output
    assert "1 of 1 lessons are not fetched ahead" in done.stdout
    assert done.stderr.count("error: ") == 1
    assert f"error: school {VILLAGE}" in done.stderr
    assert f"(not fetched ahead: {LESSON})" in done.stderr
    assert "not even the smallest rendition fits: show fewer of these lessons" in done.stderr
    assert "the night is 80 minutes too short" in done.stderr, "600 kB at the least rate, less a night of it"


def test_what_cannot_be_carried_is_refused_before_anything_is_written_unless_it_is_accepted(
    lessons: Bucket, tmp_path: Path
) -> None:
    rates = tmp_path / "rates.csv"
    rates.write_text(f"school,mbps\n{VILLAGE},0\n")
    lessons.put(f"{LESSON}/h/r/v234-145/00001.m4s", b"x" * (4 << 20), "")
    lessons.put(f"plans/{VILLAGE}.json", json.dumps(BEFORE).encode(), "")
    file = tmp_path / "day.csv"
    # The other school's night carries all; its plan is held back with the rest, since the file is one day.
    file.write_text(
        f"date,school,period,lesson,classes\n2027-06-30,{VILLAGE},p2,{LESSON},2\n2027-06-30,{TOWNSHIP},p2,{LESSON},2\n"
    )
    words = ["plan", str(file), "--measured", str(rates), "--replace-day"]
    refused = RUNNER.invoke(cdn.app, [*words, "--publish"])
    assert refused.exit_code == 1, refused.output
    assert "nothing was published: change the timetable, or accept with --partial" in refused.stdout
    assert f"error: school {VILLAGE}" in refused.stderr
    assert {key: lessons.read_json(key) for key, _, _ in lessons.objects("plans/")} == {f"plans/{VILLAGE}.json": BEFORE}
    shown = RUNNER.invoke(cdn.app, [*words, "--partial"])
    assert (shown.exit_code, "add --publish" in shown.stdout, shown.stderr.count("error")) == (0, True, 0)
    accepted = RUNNER.invoke(cdn.app, [*words, "--partial", "--publish"])
    assert accepted.exit_code == 0, accepted.output
    assert f"accepted: school {VILLAGE}" in accepted.stdout
    found = lessons.read_json(f"plans/{VILLAGE}.json"), lessons.read_json(f"plans/{TOWNSHIP}.json")
    assert [plan and len(plan["items"]) for plan in found] == [0, 2]


def test_a_lesson_that_the_day_carries_where_the_night_does_not_is_named_and_published(
    lessons: Bucket, tmp_path: Path
) -> None:
    rates = tmp_path / "rates.csv"
    rates.write_text(f"school,mbps\n{VILLAGE},4\n")
    real = Bucket.objects

    def huge(self: Bucket, prefix: str) -> Iterator[Any]:
        # More than the night, which nobody would want to put into a bucket of a test.
        return ((key, size << 26 if key.startswith(LESSON) else size, *more) for key, size, *more in real(self, prefix))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Bucket, "objects", huge)
        words = ["plan", timetable(tmp_path, "2027-06-30"), "--measured", str(rates), "--publish"]
        done = RUNNER.invoke(cdn.app, words)
    assert (done.exit_code, done.stderr.count("error")) == (0, 0), done.output
    assert "1 of 1 lessons are not fetched ahead" in done.stdout
    assert "minutes too short" in done.stdout
    assert lessons.read_json(f"plans/{VILLAGE}.json")


@dataclass
class Caches:
    """What the caches in the cluster would be asked."""

    purged: list[list[str]] = field(default_factory=list)
    wrong: str = ""
    """Why one cannot be purged; empty where all can."""

    def purge(self, _doors: object, paths: Sequence[str], _step: object) -> dict[str, int]:
        self.purged.append(list(paths))
        if self.wrong:
            raise UserError(self.wrong)
        return {"video-library/shield-0": len(paths)}


@pytest.fixture
def caches(lessons: Bucket, monkeypatch: pytest.MonkeyPatch) -> Caches:
    found = Caches()
    monkeypatch.setattr(
        doors, "of", lambda _: [Door(names.SHIELD, "video-library/shield-0", lambda _: nullcontext("http://nobody"))]
    )
    monkeypatch.setattr(purging, "pods", found.purge)
    return found


def announced(lessons: Bucket) -> list[tuple[str, str | None, list[str]]]:
    found = lessons.read_json(withdrawal.KEY) or {"lessons": []}
    return [(row["id"], row.get("kind"), row["paths"]) for row in found["lessons"]]


def test_a_purged_lesson_is_given_up_whole_and_the_boxes_are_told_that_it_stays_published(
    lessons: Bucket, caches: Caches
) -> None:
    done = RUNNER.invoke(cdn.app, ["purge", LESSON])
    every = [f"/lessons/{LESSON}/h/r/v234-145/00000.m4s", f"/lessons/{LESSON}/lesson.json"]
    assert "2 paths: 2 copies given up in 1 caches; the boxes were told" in done.stdout, done.output
    assert caches.purged == [every]
    assert announced(lessons) == [(LESSON, "purged", every)]
    assert lessons.read_json(f"{LESSON}/lesson.json"), "it stays published"


def test_paths_are_purged_alone_and_of_one_lesson_only(lessons: Bucket, caches: Caches) -> None:
    path = f"/lessons/{LESSON}/lesson.json"
    assert RUNNER.invoke(cdn.app, ["purge", "--path", path]).exit_code == 0
    assert (caches.purged, announced(lessons)) == ([[path]], [(LESSON, "purged", [path])])
    other = f"/lessons/l-{'b' * 16}/lesson.json"
    for words in (["--path", path, "--path", other], ["--path", "/x"], [LESSON, "--path", path], []):
        assert isinstance(RUNNER.invoke(cdn.app, ["purge", *words]).exception, UserError)
    assert len(caches.purged) == 1


def test_boxes_are_told_though_a_cache_could_not_be_purged(lessons: Bucket, caches: Caches) -> None:
    caches.wrong = "not every cache could be purged"
    done = RUNNER.invoke(cdn.app, ["purge", LESSON])
    assert isinstance(done.exception, UserError)
    assert [row[:2] for row in announced(lessons)] == [(LESSON, "purged")]


@pytest.mark.usefixtures("caches")
def test_warming_names_every_cache_and_fails_where_one_does_not_hold_all(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[tuple[list[str], list[tuple[str, int]], float | None]]()
    wrong = ""

    def warm(caches: Sequence[Door], wanted: Sequence[tuple[str, int]], _step: object, mbps: float | None) -> Any:
        asked.append(([door.name for door in caches], list(wanted), mbps))
        return [Warmed(door.name, 3 << 20, 1.0, wrong) for door in caches]

    monkeypatch.setattr(warming, "warm", warm)
    done = RUNNER.invoke(cdn.app, ["warm", LESSON, "--mbps", "50", "--school", VILLAGE])
    assert done.exit_code == 0, done.output
    assert done.stdout == "video-library/shield-0  3.0 MiB fetched, 25.2 Mbit/s\n"
    [(names_, wanted, mbps)] = asked
    assert (names_, len(wanted), mbps) == (["video-library/shield-0"], 2, 50)
    wrong = "the cache answered 503"
    done = RUNNER.invoke(cdn.app, ["warm", LESSON])
    assert "NOT ALL: the cache answered 503" in done.stdout
    assert isinstance(done.exception, UserError)


@pytest.mark.usefixtures("caches")
def test_warming_refuses_strangers_and_a_city_without_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    for words in (["l-" + "b" * 16], [LESSON, "--school", "2990100009"]):
        assert isinstance(RUNNER.invoke(cdn.app, ["warm", *words]).exception, UserError)
    monkeypatch.setattr(doors, "of", lambda _: [])
    assert "no cache runs" in str(RUNNER.invoke(cdn.app, ["warm", LESSON]).exception)


def test_the_status_shows_every_school_or_one(lessons: Bucket, tmp_path: Path) -> None:
    RUNNER.invoke(cdn.app, ["plan", timetable(tmp_path, "2027-06-30"), "--publish"])
    done = RUNNER.invoke(cdn.app, ["status"])
    assert "6 schools: 5 no plan, 1 not heard of it" in done.stdout, done.output
    rows = json.loads(RUNNER.invoke(cdn.app, ["status", "--json", "--school", VILLAGE]).stdout)
    assert [(row["school"], row["state"], row["planned"]) for row in rows] == [(VILLAGE, "not heard of it", 1000)]


@pytest.mark.usefixtures("lessons")
def test_the_status_says_whose_box_missed_what_was_withdrawn_and_not_what_was_purged(
    lessons: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    told = {VILLAGE: now.timestamp() - 600, TOWNSHIP: now.timestamp() - 10}
    monkeypatch.setattr(progress, "ask", lambda *_: Said({}, {}, {}, {}, {}, told=told))
    keep = timedelta(days=30)
    purged = withdrawal.purged([], LESSON, ["x"], now, keep)
    rows = withdrawal.noted(purged, "l-" + "c" * 16, ["x"], now - timedelta(seconds=300), keep)
    lessons.put(withdrawal.KEY, json.dumps({"lessons": [*rows, {"id": "l", "at": "soon", "paths": []}]}).encode(), "")
    found = {row["school"]: row["told"] for row in json.loads(RUNNER.invoke(cdn.app, ["status", "--json"]).stdout)}
    assert (found[VILLAGE]["missed"], found[TOWNSHIP]["missed"], found["2990100001"]) == (1, 0, None)
    assert "1 missed a withdrawal, 4 never said" in RUNNER.invoke(cdn.app, ["status"]).stdout
