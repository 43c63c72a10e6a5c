"""What the operator tells becomes a state, and a restore goes beside the live database and nowhere else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from catalog.errors import UserError
from infra.plan.database import ARCHIVE
from ops import health
from ops.databases import beginning, drill, state
from ops.databases.beginning import Beginning
from ops.health import Verdict
from ops.lessons.place import Place
from ops.stack import live

NOW = datetime.now(UTC)


def stamp(age: timedelta) -> str:
    return f"{datetime.now(UTC) - age:%Y-%m-%dT%H:%M:%SZ}"


def cluster(ready: int = 3, archiving: str | None = "True") -> dict[str, Any]:
    conditions = [{"type": "ContinuousArchiving", "status": archiving, "message": "no way there"}] if archiving else []
    return {
        "metadata": {"name": "postgres"},
        "spec": {
            "instances": 3,
            "imageCatalogRef": {"name": "postgres", "major": 15},
            "storage": {"size": "10Gi"},
            "postgresql": {"parameters": {"max_connections": "100"}, "synchronous": {"number": 1}},
            "managed": {"roles": [{"name": "lessons_owner"}]},
            "plugins": [{"name": "archiver", "isWALArchiver": True}],
            "bootstrap": {"initdb": {}},
        },
        "status": {"readyInstances": ready, "currentPrimary": "postgres-1", "phase": "p", "conditions": conditions},
    }


def store(age: timedelta | None) -> dict[str, Any]:
    window = (
        {"firstRecoverabilityPoint": stamp(timedelta(days=5)), "lastSuccessfulBackupTime": stamp(age)}
        if age is not None
        else {}
    )
    return {"status": {"serverRecoveryWindow": {"postgres": window, "another": {}}}}


def answers(found: dict[str, Any], kept: dict[str, Any], backups: list[dict[str, Any]]) -> state.Ask:
    by_kind = {state.CLUSTERS: found, state.STORES: kept, state.BACKUPS: {"items": backups}}
    return lambda _, kind, *__: json.dumps(by_kind[kind])


def a_backup(name: str, owner: str, created: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "creationTimestamp": created}, "spec": {"cluster": {"name": owner}}}


def test_backups_are_those_of_the_instances_newest_first() -> None:
    found = [a_backup("b", "postgres", "1"), a_backup("c", "postgres", "2"), a_backup("x", "restored", "3")]
    now = state.read(answers(cluster(), store(None), found))
    assert [(each.name, each.phase) for each in now.backups] == [("c", "pending"), ("b", "pending")]
    assert (now.earliest, now.latest) == (None, None)


@pytest.mark.parametrize(
    ("ready", "archiving", "age", "verdicts"),
    [
        (3, "True", timedelta(hours=25, minutes=30), {"database": Verdict.OK, "database backup": Verdict.OK}),
        (3, "True", timedelta(hours=26, minutes=1), {"database": Verdict.OK, "database backup": Verdict.WARN}),
        (3, "True", None, {"database": Verdict.OK, "database backup": Verdict.WARN}),
        (2, "True", timedelta(0), {"database": Verdict.BAD, "database backup": Verdict.OK}),
        (3, None, timedelta(0), {"database": Verdict.OK, "database backup": Verdict.OK}),
        (
            3,
            "False",
            timedelta(0),
            {"database": Verdict.OK, "database archive": Verdict.WARN, "database backup": Verdict.OK},
        ),
    ],
)
def test_the_status_judges_instances_archive_and_backup(
    monkeypatch: pytest.MonkeyPatch,
    ready: int,
    archiving: str | None,
    age: timedelta | None,
    verdicts: dict[str, Verdict],
) -> None:
    ask = answers(cluster(ready, archiving), store(age), [])
    monkeypatch.setattr(live, "kubectl", lambda words, _: ask(*words))
    assert {fact.component: fact.verdict for fact in health.of_database({})} == verdicts


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(minutes=5), "5 min"),
        (timedelta(minutes=119), "119 min"),
        (timedelta(hours=2), "2 h"),
        (timedelta(hours=47), "47 h"),
        (timedelta(days=3), "3 days"),
    ],
)
def test_an_age_is_one_number_and_one_unit(age: timedelta, words: str) -> None:
    assert state.span(age) == words


def test_the_restored_instance_reads_the_archive_and_never_writes_it() -> None:
    until = datetime(2026, 11, 24, 12, tzinfo=UTC)
    made = drill.manifest(cluster(), "restored", until)
    spec = made["spec"]
    assert (made["metadata"]["name"], spec["instances"]) == ("restored", 1)
    assert spec["bootstrap"]["recovery"]["recoveryTarget"] == {"targetTime": "2026-11-24T12:00:00+00:00"}
    (source,) = spec["externalClusters"]
    assert source["plugin"]["parameters"] == {"barmanObjectName": ARCHIVE, "serverName": "postgres"}
    assert not {"plugins", "managed"} & set(spec), "an archiver of its own would write over the live one's logs"
    assert spec["postgresql"] == {"parameters": {"max_connections": "100"}}
    assert "recoveryTarget" not in drill.manifest(cluster(), "restored", None)["spec"]["bootstrap"]["recovery"]


class Cluster(Place):
    """A place whose cluster answers as told, and keeps what it is asked to make."""

    made: list[str]

    def __init__(self, ask: state.Ask, there: str = "") -> None:
        super().__init__("test", {}, None, None)
        object.__setattr__(self, "made", [])
        object.__setattr__(self, "answer", ask)
        object.__setattr__(self, "there", there)

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        if words[0] in {"create", "delete"}:
            self.made.append(stdin or " ".join(words))
            return ""
        if words[0] == "exec":
            return ""
        if "--ignore-not-found" in words:
            return str(self.there)  # type: ignore[attr-defined]
        return str(self.answer(*words))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "there", "age", "until", "says"),
    [
        ("postgres", "", timedelta(1), None, "live database"),
        ("restored", "cluster/restored", timedelta(1), None, "huiju database remove restored"),
        ("restored", "", None, None, "huiju database backup"),
        ("restored", "", timedelta(1), NOW - timedelta(days=6), "before the oldest backup"),
    ],
)
def test_a_restore_that_cannot_be_is_refused_before_anything_is_made(
    name: str, there: str, age: timedelta | None, until: datetime | None, says: str
) -> None:
    where = Cluster(answers(cluster(), store(age), []), there)
    with pytest.raises(UserError, match=says):
        drill.begin(where, name, until)
    assert not where.made


def test_a_restore_that_can_be_is_made_once() -> None:
    where = Cluster(answers(cluster(), store(timedelta(1)), []))
    drill.begin(where, "restored", NOW - timedelta(days=2))
    (made,) = where.made
    assert json.loads(made)["metadata"]["name"] == "restored"


def test_the_live_database_is_never_removed_as_a_restored_one() -> None:
    where = Cluster(answers(cluster(), store(None), []))
    with pytest.raises(UserError, match="live database"):
        drill.remove(where, "postgres")
    assert not where.made
    drill.remove(where, "restored")
    assert "restored" in where.made[0]


def test_a_restored_instance_that_does_not_come_says_what_the_operator_said_last() -> None:
    where = Cluster(answers(cluster(ready=0), store(None), []))
    with pytest.raises(UserError, match="restored is not ready after 0 s: p"):
        drill.wait(where, "restored", lambda _: None, seconds=0)


def asked(answer: dict[str, Any] | str) -> beginning.Ask:
    def ask(words: list[str]) -> str:
        assert words == ["get", "--raw", beginning.PATH]
        if isinstance(answer, str):
            raise UserError(answer)
        return json.dumps(answer)

    return ask


GONE = "kubectl get --raw failed: Error from server (NotFound): the server could not find the requested resource"


def recovered(source: str) -> dict[str, Any]:
    found = cluster()
    found["spec"]["bootstrap"] = {"recovery": {"source": source}}
    found["spec"]["plugins"][0]["parameters"] = {"serverName": "postgres-2"}
    return found


def test_new_instances_archive_where_none_ever_did() -> None:
    going = {**cluster(), "metadata": {"name": "postgres", "deletionTimestamp": stamp(timedelta())}}
    for answer in (GONE, going):
        first = beginning.settled(asked(answer), None, NOW)
        later = beginning.settled(asked(answer), first.archive, NOW + timedelta(seconds=1))
        assert first.source is None
        assert (later.source, later.archive != first.archive) == (first.archive, True)


def test_instances_that_run_keep_what_they_began_with() -> None:
    assert beginning.settled(asked(cluster()), None) == Beginning("postgres")
    for source in ("postgres", None):
        assert beginning.settled(asked(recovered("postgres")), source) == Beginning("postgres-2", "postgres")


@pytest.mark.parametrize(("found", "said"), [(cluster(), "began empty"), (recovered("other"), "came from other")])
def test_instances_that_run_are_not_filled_from_elsewhere(found: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=f"{said}.*kubectl delete clusters.postgresql.cnpg.io postgres -n database"):
        beginning.settled(asked(found), "postgres")


def test_a_cluster_that_does_not_answer_is_not_taken_for_one_without_a_database() -> None:
    with pytest.raises(UserError, match="refused"):
        beginning.settled(asked("kubectl get --raw failed: connection refused"), None)
