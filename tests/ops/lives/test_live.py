"""`huiju live` up to the cluster: what is refused and made, what the teacher's program is told, and how a class ends from here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import m3u8
import pytest
from typer.testing import CliRunner, Result

from catalog import City, load_named, names
from catalog.errors import UserError
from derive import live
from ops.cli import app
from ops.lessons import indexing, job, place
from ops.lessons.place import Place
from ops.lives import address, running, starting, stopping, wish
from ops.lives.address import Address
from services.live import record, window
from services.live.request import parse
from services.packager import index
from services.packager.store import Bucket
from tests.media import Store, store
from tests.ops.recorded import in_the_way, kept, lines, told, under_way

__all__ = ["store"]
TINY = load_named("tiny")
LEADER, MEMBER = TINY.alliances[0].leading[0], TINY.alliances[0].node[-1]
LESSON, WORD = "l-" + "a" * 16, "a-passphrase-shown-once"
LOCAL = Place("local", {"profile": "local", "domain": "localhost", "publicPort": 8443}, None, None)


@pytest.fixture(autouse=True)
def stack(unshipped: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "of_stack", lambda _: LOCAL)
    monkeypatch.setattr(Place, "kubectl", lambda *_, **__: pytest.fail("the cluster is asked"))


def huiju(*words: str) -> Result:
    return CliRunner().invoke(app, ["live", *words])


def about(city: City = TINY, school: str = LEADER, **more: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"teacher": None, "subject": None, "licence": None, **more}
    return wish.about(wish.of("分数", school, **said), city)


def asked() -> dict[str, Any]:
    return live.request(TINY, LESSON, about(), datetime.now(UTC))


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(UserError) as refused:
        wish.about(wish.of("", MEMBER, "x" * 200, None, "no-such"), TINY)
    assert [word in str(refused.value) for word in ("--title", "--teacher", "leads no alliance", "--licence")] == [
        True
    ] * 4


def test_a_school_that_does_not_lead_is_told_who_does() -> None:
    with pytest.raises(UserError, match=LEADER):
        about(school=MEMBER)
    assert about()["school"]["code"] == LEADER


def test_a_preview_says_what_would_be_made_and_asks_no_cluster() -> None:
    shown = huiju("start", "--title", "分数", "--school", LEADER, "--preview")
    assert shown.exit_code == 0, shown.output
    promised = f"{TINY.live_classes[0].takes[0].rendition} to {len(TINY.live_classes[0].takes)} schools"
    for text in (TINY.alliances[0].name.zh, *TINY.live.renditions, promised, "NodePort"):
        assert text in shown.stdout
    assert "Passphrase" not in shown.stdout


def test_a_class_of_the_week_is_one_that_the_school_gives() -> None:
    mine, other = TINY.live_classes
    assert mine.gives == LEADER != other.gives
    words = ("start", "--title", "分数", "--school", LEADER, "--preview", "--class")
    assert huiju(*words, mine.id).exit_code == 0
    refused = huiju(*words, other.id)
    assert isinstance(refused.exception, UserError)
    assert f"'{other.id}'" in str(refused.exception) and mine.id in str(refused.exception)


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({"profile": "local"}, "NodePort"),
        ({"profile": "prod"}, "LoadBalancer"),
        ({"profile": "prod", "overrides": '{"exposure": "NodePort"}'}, "NodePort"),
    ],
)
def test_it_is_exposed_as_the_stack_says(settings: dict[str, Any], wanted: str) -> None:
    assert starting.exposure(Place("x", settings, None, None)) == wanted


def test_the_service_understands_what_it_is_asked() -> None:
    request = parse(json.dumps(asked()))
    assert request.tracks == (*TINY.live.renditions, "sound")
    assert request.until - datetime.now(UTC) > timedelta(minutes=TINY.live.longest_minutes - 1)
    recording = request.recording("0" * 64)
    assert [rung.name for rung in recording.rungs] == [rung.id for rung in TINY.ladder]
    assert recording.about["live"]["state"] == "ended"


def test_the_class_s_record_says_what_schools_are_promised_and_neither_the_list_nor_the_recording_does() -> None:
    said = asked()
    request = parse(json.dumps(said))
    found = record.record(request, record.LIVE, 0.0)
    assert found["promised"] == said["promised"] == {one.school: one.rendition for one in TINY.live_classes[0].takes}
    listed = json.loads(index.body([found]))["lessons"]
    assert listed[0]["live"]["state"] == record.LIVE and MEMBER not in json.dumps(listed)
    assert "promised" not in json.dumps(request.recording("0" * 64).about)
    del said["promised"]
    assert record.record(parse(json.dumps(said)), record.LIVE, 0.0)["promised"] == {}, "it began before the upgrade"


def test_a_teacher_s_program_is_told_everything_and_nobody_else_the_passphrase() -> None:
    where = Address("192.0.2.7", 31000, WORD)
    for url in (where.obs, where.ffmpeg(TINY).split("'")[1]):
        parts = urlsplit(url)
        assert (parts.hostname, parts.port, parse_qs(parts.query)["passphrase"]) == ("192.0.2.7", 31000, [WORD])
    assert WORD not in where.plain + repr(where)


NODES = {
    "items": [
        {
            "status": {
                "addresses": [{"type": "Hostname", "address": "n"}, {"type": "InternalIP", "address": "192.0.2.1"}]
            }
        }
    ]
}


@pytest.mark.parametrize(
    ("service", "wanted"),
    [
        ({"spec": {"type": "NodePort", "ports": [{"port": 1, "nodePort": 31000}]}}, "srt://192.0.2.1:31000"),
        (
            {
                "spec": {"type": "LoadBalancer", "ports": [{"port": live.PORT, "nodePort": 31000}]},
                "status": {"loadBalancer": {"ingress": [{"ip": "198.51.100.2"}]}},
            },
            f"srt://198.51.100.2:{live.PORT}",
        ),
    ],
)
def test_the_address_is_a_node_s_or_the_load_balancer_s(
    service: dict[str, Any], wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "get", lambda *_: service)
    monkeypatch.setattr(Place, "kubectl", lambda *_, **__: json.dumps(NODES))
    assert address.of(LOCAL, LESSON).plain == wanted


def made(monkeypatch: pytest.MonkeyPatch, **answers: Any) -> list[tuple[tuple[str, ...], str]]:
    """What kubectl is asked for, with its input, by a start that finds these answers."""
    calls: list[tuple[tuple[str, ...], str]] = []

    def kubectl(_: Place, *words: str, stdin: str | None = None) -> str:
        calls.append((words, stdin or ""))
        if words[0] == "logs":
            return '{"state": "waiting"}'
        return json.dumps({**json.loads(stdin or "{}"), "metadata": {"name": "live-x", "uid": "0b1c"}})

    monkeypatch.setattr(Place, "kubectl", kubectl)
    monkeypatch.setattr(Place, "image", "r@sha256:1")
    monkeypatch.setattr(job, "get", lambda *_: answers.get("job", {}))
    monkeypatch.setattr(job, "started", lambda *_: answers.get("pod", "pod"))
    monkeypatch.setattr(address, "of", lambda _, lesson, word: Address("h", 1, word))
    return calls


def test_the_passphrase_goes_by_the_standard_input_into_a_secret_of_the_job_s(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = made(monkeypatch)
    where = starting.start(LOCAL, TINY, asked())
    assert not [words for words, _ in calls if any(where.passphrase in word for word in words)]
    with_it = [json.loads(text) for _, text in calls if where.passphrase in text]
    assert [each["kind"] for each in with_it] == ["Secret"]
    assert with_it[0]["metadata"]["ownerReferences"][0]["uid"] == "0b1c"
    assert len(where.passphrase) >= 20 and where.passphrase != starting.start(LOCAL, TINY, asked()).passphrase


def test_a_class_that_does_not_come_up_is_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = made(monkeypatch, pod=None)
    with pytest.raises(UserError, match="ended before it began"):
        starting.start(LOCAL, TINY, asked())
    assert calls[-1][0][:3] == ("delete", "job", names.live_class(LESSON))


def test_a_class_that_is_there_already_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = made(monkeypatch, job={"metadata": {}})
    with pytest.raises(UserError, match="there already"):
        starting.start(LOCAL, TINY, asked())
    assert not calls


def test_a_class_whose_service_is_gone_is_ended_from_here(store: Store) -> None:
    _, lessons = store.pair()
    record = {**about(), "id": LESSON, "published": "2026-10-01T00:00:00Z", "master": f"{LESSON}/live/master.m3u8",
              "renditions": [{"name": "v234-145"}], "live": {"state": "live"}}  # fmt: skip
    lessons.put(f"{LESSON}/lesson.json", json.dumps(record).encode(), "no-store")
    now = window.Window(30, 2, items=[window.Item("a.m4s", 2.0, "i.mp4", datetime.now(UTC), breaks=False)])
    for track in ("v234-145", "sound"):
        lessons.put(f"{LESSON}/live/{track}/index.m3u8", now.text().encode(), "no-store")
    for _ in range(2):
        stopping.end(lessons, record)
        for track in ("v234-145", "sound"):
            found = lessons.get(f"{LESSON}/live/{track}/index.m3u8")
            assert found and found[0].decode().count("#EXT-X-ENDLIST") == 1
            assert m3u8.loads(found[0].decode()).is_endlist
    listed = lessons.read_json(index.KEY)
    assert listed and [row["live"]["state"] for row in listed["lessons"]] == ["ended"]


@pytest.mark.parametrize(
    ("record", "ended", "state"),
    [
        ({}, None, "waiting"),
        ({"live": {"state": "live"}}, None, "live"),
        ({"live": {"state": "ended"}}, None, "ended"),
        ({"live": {"state": "ended"}, "content_hash": "0"}, "Complete", "packaged"),
        ({"live": {"state": "live"}}, "Failed", "failed"),
        ({}, "Complete", "ended"),
        ({"live": {"state": "ended"}}, "Complete", "failed"),
    ],
)
def test_a_class_says_in_a_word_how_it_is(record: dict[str, Any], ended: str | None, state: str) -> None:
    conditions = [{"type": ended, "status": "True"}] if ended else []
    assert running.Class(asked(), {"status": {"conditions": conditions}}, record).state == state


@dataclass
class Ending:
    """A stop against a store: which class is there, and what the cluster is told."""

    lessons: Bucket
    monkeypatch: pytest.MonkeyPatch
    told: list[str] = field(default_factory=list)
    said: list[dict[str, Any]] = field(default_factory=list)

    def follow(self, _: Place, __: str, say: job.Say) -> None:
        self.told.append("followed")
        for line in self.said:
            say(line)

    def stop(self, found: running.Class | None, *, runs: bool = False) -> Result:
        @contextmanager
        def buckets(_: Place) -> Iterator[tuple[Bucket, Bucket]]:
            yield self.lessons, self.lessons

        self.monkeypatch.setattr(Place, "buckets", buckets)
        self.monkeypatch.setattr(running, "find", lambda *_: found)
        self.monkeypatch.setattr(stopping, "tell", lambda *_: runs)
        self.monkeypatch.setattr(job, "follow", self.follow)
        self.monkeypatch.setattr(job, "remove", lambda _, name: self.told.append(name))
        self.monkeypatch.setattr(indexing, "follow", lambda *_: self.told.append("listed"))
        return huiju("stop", LESSON)


@pytest.fixture
def ending(store: Store, monkeypatch: pytest.MonkeyPatch) -> Ending:
    _, lessons = store.pair()
    lessons.put(f"{LESSON}/live/sound/index.m3u8", b"#EXTM3U\n", "no-store")
    return Ending(lessons, monkeypatch)


def left(lessons: Bucket) -> list[str]:
    return [key for key, _, _ in lessons.objects(f"{LESSON}/live/")]


def test_a_recorded_class_leaves_its_recording_only(ending: Ending) -> None:
    record = {"id": LESSON, "live": {"state": "ended"}, "content_hash": "0"}
    ending.lessons.put(f"{LESSON}/lesson.json", json.dumps(record).encode(), "no-store")
    assert ending.stop(running.Class(asked(), {"metadata": {"name": "j"}}, record), runs=True).exit_code == 0
    assert ending.told == ["followed", names.live_class(LESSON), "listed"]
    assert not left(ending.lessons)


def test_a_class_whose_job_is_long_gone_is_tidied_all_the_same(ending: Ending) -> None:
    record = {"id": LESSON, "live": {"state": "ended"}, "content_hash": "0"}
    ending.lessons.put(f"{LESSON}/lesson.json", json.dumps(record).encode(), "no-store")
    assert ending.stop(None).exit_code == 0
    assert not left(ending.lessons)


def test_a_class_whose_next_pod_is_still_to_come_is_ended_for_it_to_make_the_recording(ending: Ending) -> None:
    record = {"id": LESSON, "renditions": [], "title": "t", "live": {"state": "live", "recorded": True}}
    ending.lessons.put(f"{LESSON}/lesson.json", json.dumps(record).encode(), "no-store")
    seen: list[dict[str, Any]] = []

    def follow(*_: Any) -> None:
        """The next pod comes, and finds that class has ended."""
        seen.append(ending.lessons.read_json(f"{LESSON}/lesson.json") or {})
        told = {"held_seconds": 1200.0, "came_seconds": 2700.0, "streamed_seconds": 1200.0}
        made = {**seen[-1], "content_hash": "0", "live": {**seen[-1]["live"], "recording": told}}
        ending.lessons.put(f"{LESSON}/lesson.json", json.dumps(made).encode(), "no-store")

    ending.monkeypatch.setattr(Ending, "follow", follow)
    stopped = ending.stop(running.Class(asked(), {"metadata": {"name": "j"}}, record))
    assert [each["live"] for each in seen] == [{"state": "ended", "recorded": True}]
    assert stopped.stdout.endswith(": the recording holds 20.0 of the 45.0 minutes of class\n")
    assert not left(ending.lessons)


def test_what_was_not_recorded_stays_to_be_seen(ending: Ending) -> None:
    record = {"id": LESSON, "renditions": [], "title": "t", "live": {"state": "live"}}
    ending.lessons.put(f"{LESSON}/lesson.json", json.dumps(record).encode(), "no-store")
    assert ending.stop(running.Class(asked(), {"metadata": {"name": "j"}}, record)).exit_code == 0
    assert left(ending.lessons)
    assert (ending.lessons.read_json(f"{LESSON}/lesson.json") or {})["live"] == {"state": "ended", "recorded": False}


def test_a_recording_that_failed_is_promised_no_longer_once_the_class_is_tidied(ending: Ending) -> None:
    record = {"id": LESSON, "renditions": [], "title": "t", "live": {"state": "ended", "recorded": True}}
    ending.lessons.put(f"{LESSON}/lesson.json", json.dumps(record).encode(), "no-store")
    failed = {"metadata": {"name": "j"}, "status": {"conditions": [{"type": "Failed", "status": "True"}]}}
    assert ending.stop(running.Class(asked(), failed, record)).exit_code == 0
    assert (ending.lessons.read_json(f"{LESSON}/lesson.json") or {})["live"] == {"state": "ended", "recorded": False}


def test_a_class_of_which_no_recording_came_is_said_to_have_none(ending: Ending) -> None:
    record = {"id": LESSON, "renditions": [], "title": "t", "live": {"state": "ended"}}
    ending.lessons.put(f"{LESSON}/lesson.json", json.dumps(record).encode(), "no-store")
    found = running.Class(asked(), {"metadata": {"name": "j"}}, record)
    assert f"{LESSON} ended: no recording came of it" in ending.stop(found, runs=True).stdout
    silent = running.Class({**asked(), "recorded": False}, found.job, record)
    assert ending.stop(silent, runs=True).stdout == f"{LESSON} ended\n", "none was to come"
    ending.lessons.put(f"{LESSON}/lesson.json", json.dumps({**record, "content_hash": "0"}).encode(), "no-store")
    assert "no recording" not in ending.stop(found, runs=True).stdout


def test_what_the_service_warned_of_is_passed_on_when_class_is_stopped(ending: Ending) -> None:
    record = {"id": LESSON, "live": {"state": "ended"}, "content_hash": "0"}
    ending.lessons.put(f"{LESSON}/lesson.json", json.dumps(record).encode(), "no-store")
    found = running.Class(asked(), {"metadata": {"name": "j"}}, record)
    ending.said = [{"warning": "the recording holds 1 of the 2 minutes of class"}]
    assert "warning: the recording holds 1 of the 2 minutes of class" in ending.stop(found, runs=True).output


def test_a_lesson_that_was_never_live_is_not_stopped(ending: Ending) -> None:
    ending.lessons.put(f"{LESSON}/lesson.json", json.dumps({"id": LESSON}).encode(), "no-store")
    refused = ending.stop(None)
    assert isinstance(refused.exception, UserError) and "no live class" in str(refused.exception)
    assert not ending.told and left(ending.lessons)


def test_a_class_is_on_record_before_it_is_made_by_its_id_and_without_passphrase_or_title(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[bool] = []

    def start(*_: Any) -> Address:
        seen.append(under_way())
        if len(seen) > 1:
            raise UserError("the class does not begin to listen")
        return Address("192.0.2.7", 31000, WORD)

    monkeypatch.setattr(starting, "start", start)
    words = ["start", "--title", "分数", "--teacher", "李老师", "--school", LEADER]
    assert huiju(*words, "--preview").exit_code == 0
    assert not kept(), "a rehearsal is no deed"
    done = huiju(*words)
    assert done.exit_code == 0 and WORD in done.stdout
    assert huiju(*words).exit_code == 1
    assert seen == [True, True]
    assert [(action, why) for action, _, why in told()] == [("live-start", "done"), ("live-start", "failed")]
    assert kept()[0].resource in done.stdout and kept()[0].facts["school"] == LEADER
    assert not any(word in lines() + repr(kept()) for word in (WORD, "分数", "李老师"))


def test_the_end_of_a_class_is_on_record_before_its_service_is_told(
    ending: Ending, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ending.stop(None).exit_code == 1
    assert not kept(), "there was none"
    record = {"id": LESSON, "live": {"state": "ended"}, "content_hash": "0"}
    ending.lessons.put(f"{LESSON}/lesson.json", json.dumps(record).encode(), "no-store")
    seen: list[bool] = []
    monkeypatch.setattr(stopping, "tidy", lambda *_: seen.append(under_way()))
    found = running.Class(asked(), {"metadata": {"name": "j"}}, record)
    assert ending.stop(found, runs=True).exit_code == 0
    assert (seen, told()) == ([True], [("live-stop", LESSON, "done")])
    in_the_way()
    ending.told.clear()
    assert "nothing was done" in str(ending.stop(found, runs=True).exception)
    assert (len(seen), ending.told) == (1, [])
