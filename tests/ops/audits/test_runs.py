"""A run is on record however it ends: at once where there is a store, else on this machine until there is one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from catalog import load_named
from catalog.errors import UserError
from derive import audit
from derive.audit import Kind, Record
from ops.audits import anchors, pending, runs
from ops.lessons import place
from ops.phases import Phases
from ops.stack import lock
from ops.stack.store import FolderStore
from tests.conftest import ROOT

STACK = "local"


@pytest.fixture(autouse=True)
def away(monkeypatch: pytest.MonkeyPatch) -> None:
    """No platform is there."""

    def refuse(*_: object) -> None:
        raise UserError("object-store cannot be reached\nis it running?")

    monkeypatch.setattr(place, "of_stack", refuse)


def kept() -> list[Record]:
    """What waits for the store."""
    return [audit.parse(line) for line in pending.waiting(STACK).values()]


def test_a_run_that_ends_well_says_how_long_what_changed_and_of_which_catalog() -> None:
    with runs.watched("tiny", STACK, "up", Phases()) as run:
        run.changes = {"created": 3, "unchanged": 0}
    (record,) = kept()
    entry, facts = record.entry, dict(record.entry.facts)
    assert (entry.kind, entry.action, entry.resource, entry.why) == (Kind.RUN, "up", "stack/local", "done")
    assert entry.policy == load_named("tiny").digest
    assert entry.who and entry.who.subject
    assert (facts.pop("created"), facts.pop("seconds")) == (3, 0)
    assert set(facts) == {"begun"}, "what was not done is not counted"


def test_a_run_that_fails_names_its_phase_and_no_word_of_the_engine() -> None:
    phases = Phases()
    with pytest.raises(UserError), runs.watched("tiny", STACK, "up", phases):
        with phases.phase("tools"):
            pass
        with phases.phase("pulumi up"):
            raise UserError("planted-secret-in-a-diagnostic")
    (record,) = kept()
    assert (record.entry.why, record.entry.facts["failed_in"]) == ("failed", "pulumi up")
    assert b"planted" not in audit.line(record)
    assert not list(pending.stranded(STACK))


def test_a_run_that_its_user_ends_is_told_from_one_that_fails() -> None:
    with pytest.raises(KeyboardInterrupt), runs.watched("tiny", STACK, "destroy", Phases(), leaves=False):
        raise KeyboardInterrupt
    assert [each.entry.why for each in kept()] == ["interrupted"]


def test_a_catalog_that_cannot_be_read_leaves_its_digest_out() -> None:
    with runs.watched("no-such-city", STACK, "up", Phases()):
        pass
    assert [each.entry.policy for each in kept()] == [None]


KILLED = """
import os, signal
from ops.audits import runs
from ops.phases import Phases
with runs.watched("tiny", "local", "up", Phases()):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_run_that_was_killed_is_put_on_record_by_the_next_one(state_home: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED], cwd=ROOT, env=dict(os.environ), check=False)
    assert done.returncode == -signal.SIGKILL
    assert not kept()
    with runs.watched("tiny", STACK, "up", Phases()):
        pass
    assert sorted(each.entry.why for each in kept()) == ["done", "killed"]
    (dead,) = [each.entry for each in kept() if each.entry.why == "killed"]
    assert (dead.policy, dead.action) == (load_named("tiny").digest, "up")
    with runs.watched("tiny", STACK, "up", Phases()):
        pass
    assert sorted(each.entry.why for each in kept()) == ["done", "done", "killed"], "and once only"


def test_a_deed_to_an_account_that_was_killed_is_on_record_as_one_about_that_account() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    pending.begin(pending.Note(STACK, "account-disable", None, "somebody", pid=ended.pid, about="account/a-1"))
    with runs.watched("tiny", STACK, "up", Phases()):
        pass
    (dead,) = [each.entry for each in kept() if each.entry.why == "killed"]
    assert (dead.kind, dead.action, dead.resource) == (Kind.ACCOUNT, "account-disable", "account/a-1")


def test_a_deed_to_a_session_that_was_killed_is_on_record_as_a_token_that_may_be_out() -> None:
    assert runs.killed("session-mint", STACK, 0, "somebody", None, "session/0a1b").kind is Kind.TOKEN


def test_a_run_that_still_goes_on_is_not_called_dead_nor_is_one_of_another_host() -> None:
    mine = pending.Note(STACK, "up", None, "somebody")
    pending.begin(mine)
    ended = subprocess.Popen(["true"])
    ended.wait()
    pending.begin(replace(mine, host="elsewhere", pid=ended.pid, run="other"))
    assert not list(pending.stranded(STACK))


def test_a_note_that_was_cut_short_goes() -> None:
    pending.begin(pending.Note(STACK, "up", None, "somebody", run="cut"))
    (pending.folder() / STACK / f"cut{pending.BEGUN}").write_text('{"stack": "lo')
    assert not list(pending.stranded(STACK))
    assert not list(pending.folder().rglob("*.begun"))


def test_a_full_disk_is_said_and_fails_no_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(FolderStore, "write", full)
    with runs.watched("tiny", STACK, "up", Phases()) as run:
        run.changes = {"created": 1}
    assert "not on the audit record: [Errno 28]" in capsys.readouterr().out


def test_where_no_store_answers_the_record_is_said_to_wait(capsys: pytest.CaptureFixture[str]) -> None:
    with runs.watched("tiny", STACK, "up", Phases()):
        pass
    said = " ".join(capsys.readouterr().out.split())
    assert "waits in" in said and "object-store cannot be reached" in said
    assert "is it running?" not in said


def test_the_lock_of_a_dead_run_of_another_host_is_told_from_its_own_words() -> None:
    holder = lock.Holder("k", 7, "elsewhere", "li", 1_700_000_000.0, operation="destroy")
    found = runs.killed(holder.operation, STACK, holder.since, f"{holder.user}@{holder.host}", None)
    assert (found.why, found.who and found.who.subject) == ("killed", "li@elsewhere")
    assert json.dumps(dict(found.facts)) == '{"begun": "2023-11-14T22:13:20Z"}'


class There:
    """A platform whose store takes the first ``takes`` records."""

    stack, city, settings = STACK, "tiny", {"storeEndpoint": "https://s3.example.cn"}

    def __init__(self, takes: int) -> None:
        self.s3, self.name, self.takes, self.kept = self, "audit", takes, list[str]()

    @contextmanager
    def bucket(self, *_: object) -> Iterator[There]:
        yield self

    def put_object(self, **given: Any) -> None:
        if len(self.kept) == self.takes:
            raise UserError("the object store did not do it")
        assert given["ObjectLockMode"] == "COMPLIANCE"
        self.kept.append(given["Key"])


def test_what_a_store_takes_leaves_this_machine_and_the_rest_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        with runs.watched("tiny", STACK, "up", Phases()):
            pass
    there = There(2)
    monkeypatch.setattr(place, "of_stack", lambda _: there)
    runs.ship(STACK, lambda _: None)
    ends = anchors.read(anchors.file(there))  # type: ignore[arg-type]  # a stand-in
    assert sorted(audit.segment_key(each.writer, 1) for each in ends) == sorted(there.kept)
    assert (len(there.kept), len(kept())) == (2, 1)
    there.takes = 3
    runs.ship(STACK, lambda _: None)
    assert (len(set(there.kept)), kept()) == (3, [])
