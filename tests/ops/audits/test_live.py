"""`huiju audit` against a real object store behind a stand-in for the cluster: ends that were printed or seen earlier count."""

from __future__ import annotations

import getpass
import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from catalog import names
from catalog.errors import UserError
from derive import audit as records_of
from derive.audit import Head, Record
from ops import audit
from ops.audits import anchors, pending, runs
from ops.lessons import place
from ops.log_lines import NAMESPACE, POD
from ops.phases import Phases
from services.packager.store import Bucket
from services.store import apply
from tests.derive.test_audit import records, segments
from tests.media import Store
from tests.ops.kept_logs import Client

pytestmark = pytest.mark.integration
_numbers = count()


@dataclass
class Where:
    """A stack whose store is `kept`, and whose logs are `printed`."""

    kept: Bucket
    printed: list[Head] = field(default_factory=list)
    stack: str = "local"
    city: str = "tiny"
    volume: str = "one"
    settings: dict[str, Any] = field(default_factory=dict)

    def kubectl(self, *_: str) -> str:
        return self.volume

    @contextmanager
    def bucket(self, _account: str, _service: str, name: str) -> Iterator[Any]:
        yield self.kept if name == names.BUCKET_AUDIT else SimpleNamespace(s3=Client(self._logs()))

    def _logs(self) -> dict[str, bytes]:
        now = datetime.now(UTC)
        rows = [
            {
                "time": (now - timedelta(minutes=1)).isoformat(),
                "line": json.dumps({"audit_head": asdict(each)}),
                NAMESPACE: names.ENTITLEMENT,
                POD: "entitlement-1",
            }
            for each in self.printed
        ]
        return {f"{now:%Y/%m/%d/%H}/n-1.jsonl.gz": gzip.compress("\n".join(map(json.dumps, rows)).encode())}


@pytest.fixture
def where(store: Store, monkeypatch: pytest.MonkeyPatch) -> Where:
    s3, name = store.client(), f"live-{next(_numbers)}"
    apply.apply(s3, {"name": name, "versioned": True, "locked_days": 190, "policy": None})
    found = Where(Bucket(s3, name))
    monkeypatch.setattr(place, "of_stack", lambda _: found)
    return found


def put(where: Where, chain: list[Record]) -> None:
    for key, text in segments(chain).items():
        where.kept.put(key, text, "no-store")


def run(*words: str) -> Any:
    return CliRunner().invoke(audit.app, words, catch_exceptions=False)


def chain(length: int) -> list[Record]:
    return records(length, begun=datetime.now(UTC) - timedelta(hours=1))


def test_a_printed_end_that_is_not_there_is_a_damage(where: Where) -> None:
    whole = chain(10)
    put(where, whole[:8])
    where.printed.append(whole[7].head)
    assert run("verify").exit_code == 0
    where.printed.append(whole[9].head)
    found = run("verify")
    assert found.exit_code == 1
    assert "it ends with 8, and 10 was seen earlier" in found.output


def test_an_end_of_an_earlier_look_that_is_not_there_any_more_is_a_damage(where: Where, store: Store) -> None:
    whole = chain(10)
    put(where, whole)
    assert "held against 0 ends" in run("verify").output
    assert "held against 1 ends" in run("verify").output
    s3, shorter = store.client(), f"live-{next(_numbers)}"
    s3.create_bucket(Bucket=shorter, ObjectLockEnabledForBucket=True)
    where.kept = Bucket(s3, shorter)
    put(where, whole[:8])
    for _ in range(2):
        found = run("verify")
        assert found.exit_code == 1, "a damaged record became an anchor itself"
        assert "cut off" in found.output


def test_what_a_damaged_record_ends_with_is_not_held_against_a_sound_one_later(where: Where, store: Store) -> None:
    whole, s3, forged = chain(4), store.client(), f"live-{next(_numbers)}"
    put(where, whole)
    run("verify")
    s3.create_bucket(Bucket=forged, ObjectLockEnabledForBucket=True)
    sound, where.kept = where.kept, Bucket(s3, forged)
    other = records_of.follow(whole[2].head, whole[0].entry, datetime.now(UTC))
    put(where, [*whole[:3], other, records_of.follow(other.head, whole[0].entry, datetime.now(UTC))])
    assert "another one than was seen" in " ".join(run("verify").output.split())
    where.kept = sound
    assert run("verify").exit_code == 0


def test_a_store_that_was_made_anew_is_said_and_not_held_against_the_old_one_s_ends(where: Where) -> None:
    put(where, chain(4))
    run("verify")
    where.volume = "two"
    found = run("verify")
    assert found.exit_code == 0
    assert "the store was made anew" in found.output
    assert "held against 0 ends" in found.output


def test_a_hidden_record_fails_the_verification(where: Where) -> None:
    put(where, chain(4))
    (key,) = [key for key, _, _ in where.kept.objects("")]
    where.kept.delete([key])
    found = run("verify")
    assert found.exit_code == 1
    assert "deleted and hides" in " ".join(found.output.split())
    assert len(json.loads(run("trace", "--school", "0000000001", "--json").stdout)) > 0


def test_a_run_of_the_platform_is_put_locked_and_anchored_and_leaves_this_machine(where: Where) -> None:
    phases = Phases()
    with runs.watched("tiny", "local", "up", phases) as run_:
        run_.changes = {"create": 3}
    ((key, _, _),) = where.kept.objects("")
    body, _ = where.kept.get(key) or (b"", "")
    record = records_of.parse(body)
    assert (record.entry.resource, record.entry.facts["create"]) == ("stack/local", 3)
    assert anchors.read(anchors.file(where)) == [record.head]  # type: ignore[arg-type]  # a stand-in
    kept = where.kept.s3.get_object_retention(Bucket=where.kept.name, Key=key)["Retention"]
    assert kept["Mode"] == "COMPLIANCE"
    assert not list(pending.folder().rglob("*.*"))
    assert run("verify").exit_code == 0


def test_a_run_that_failed_while_there_was_no_store_goes_there_with_the_next_one(
    where: Where, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise UserError("object-store cannot be reached")

    there = place.of_stack
    monkeypatch.setattr(place, "of_stack", away)
    with pytest.raises(UserError, match="engine"), runs.watched("tiny", "local", "up", Phases()):
        raise UserError("engine")
    monkeypatch.setattr(place, "of_stack", there)
    with runs.watched("tiny", "local", "up", Phases()):
        pass
    found = json.loads(run("trace", "--who", getpass.getuser(), "--json").stdout)
    assert [each["why"] for each in found] == ["failed", "done"]
    assert run("verify").exit_code == 0
