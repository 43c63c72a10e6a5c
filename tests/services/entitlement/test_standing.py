"""The rules in force are replaced by good ones only, in one step, and everything about it can be read."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from catalog import names
from services.entitlement.standing import REASONS, Standing
from tests.services.entitlement.conftest import DOCUMENT, NOW
from tests.services.entitlement.mounted import sooner, stamped, swap

DAY = timedelta(days=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a good version in it."""
    swap(tmp_path, stamped(DOCUMENT, NOW - DAY))
    return tmp_path


@pytest.fixture
def standing(folder: Path) -> Standing:
    return Standing(folder, lambda: NOW)


def minutes(standing: Standing) -> int:
    """By which the version in force can be told."""
    assert standing.version
    return standing.version.rules.longest // 60


def value(standing: Standing, name: str, **labels: str) -> float | None:
    registry = CollectorRegistry()
    registry.register(standing)
    return registry.get_sample_value(name, labels)


def test_another_version_is_taken_up(folder: Path, standing: Standing, caplog: pytest.LogCaptureFixture) -> None:
    assert minutes(standing) == 240
    swap(folder, stamped(sooner(DOCUMENT, 30)))
    assert minutes(standing) == 240, "nothing happens before somebody looks"
    with caplog.at_level(logging.INFO, "services.entitlement"):
        standing.look()
    assert minutes(standing) == 30
    assert standing.version and standing.version.name in caplog.text


def test_rules_that_come_back_have_their_digest_again_and_another_turn(folder: Path, standing: Standing) -> None:
    seen = [standing.version]
    for minutes_of, made in ((30, NOW - timedelta(minutes=2)), (240, NOW)):
        swap(folder, stamped(sooner(DOCUMENT, minutes_of), made))
        standing.look()
        seen.append(standing.version)
    first, other, again = (each for each in seen if each)
    assert first.digest == again.digest != other.digest
    assert [first.turn, other.turn, again.turn] == [1, 2, 3]


def test_the_alert_asks_for_what_is_told_here(standing: Standing) -> None:
    told = {each.name for each in standing.collect()}
    assert {names.METRIC_RULES, names.METRIC_RULES_UNSOUND} <= told


def test_looking_again_reads_nothing_again(standing: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> None:
        raise AssertionError("the version was read again")

    monkeypatch.setattr("services.entitlement.versions.read", never)
    standing.look()


BAD: dict[str, Callable[[datetime], dict[str, str]]] = {
    "missing": lambda _: {},
    "empty": lambda now: {**stamped(sooner(DOCUMENT, 30), now), "access.json": ""},
    "cut": lambda now: stamped({"timezone": "Asia/Shanghai"}, now),
    "altered": lambda now: {**stamped(sooner(DOCUMENT, 30), now), "access.json": stamped(sooner(DOCUMENT, 600))["access.json"]},
    "from-the-future": lambda now: stamped(sooner(DOCUMENT, 30), now + DAY),
    "older": lambda now: stamped(sooner(DOCUMENT, 30), now - 2 * DAY),
}  # fmt: skip


def test_there_is_a_case_for_every_reason() -> None:
    assert set(BAD) == set(REASONS)


@pytest.fixture(scope="module")
def refused(proof: Callable[[str, str], None]) -> Iterator[Counter[str]]:
    """What came of bad versions, for a row of all."""
    found = Counter[str]()
    yield found
    if found:
        kept = f"{found['kept']} of {len(BAD)} refused while a good version was in force, which stayed"
        none = f"{found['none']} of {len(BAD) - 1} refused at a start, and no rules were in force until a good version came"
        proof(f"access: rules that are {', '.join(BAD)}", f"{kept}; {none}")


@pytest.mark.proof
@pytest.mark.parametrize("reason", BAD)
def test_a_bad_version_never_replaces_a_good_one_and_says_so_once(
    folder: Path, standing: Standing, caplog: pytest.LogCaptureFixture, reason: str, refused: Counter[str]
) -> None:
    before = standing.version
    assert before
    swap(folder, BAD[reason](NOW))
    for _ in range(3):
        standing.look()
    assert standing.version is before
    assert [each.levelname for each in caplog.records] == ["ERROR"]
    assert f"rules refused ({reason})" in caplog.text
    assert f"{before.name} stays in force" in caplog.text
    counted = {each: value(standing, "city_access_rules_refused_total", reason=each) for each in REASONS}
    assert counted == {each: float(each == reason) for each in REASONS}
    assert value(standing, "city_access_rules_unsound") == 1
    assert value(standing, "city_access_rules", version=before.name) == 1
    refused["kept"] += 1


@pytest.mark.proof
@pytest.mark.parametrize("reason", sorted(set(BAD) - {"older"}))
def test_a_start_without_a_good_version_has_none_until_one_comes(
    tmp_path: Path, reason: str, refused: Counter[str]
) -> None:
    swap(tmp_path, BAD[reason](NOW))
    standing = Standing(tmp_path, lambda: NOW)
    assert standing.version is None
    assert standing.problem
    assert value(standing, "city_access_rules_refused_total", reason=reason) == 1
    swap(tmp_path, stamped(DOCUMENT))
    standing.look()
    assert minutes(standing) == 240
    assert standing.problem is None
    assert value(standing, "city_access_rules_unsound") == 0
    refused["none"] += 1


def test_a_folder_that_goes_away_changes_nothing(folder: Path, standing: Standing) -> None:
    before = standing.version
    (folder / "..data").unlink()
    standing.look()
    assert standing.version is before


def test_a_version_of_the_future_is_taken_up_when_its_time_has_come(folder: Path) -> None:
    times = [NOW]
    standing = Standing(folder, lambda: times[0])
    swap(folder, stamped(sooner(DOCUMENT, 30), NOW + timedelta(minutes=10)))
    standing.look()
    assert minutes(standing) == 240
    times[0] = NOW + timedelta(minutes=9)
    standing.look()
    assert minutes(standing) == 30


def test_the_same_moment_is_not_older(folder: Path, standing: Standing) -> None:
    swap(folder, stamped(sooner(DOCUMENT, 30), NOW - DAY))
    standing.look()
    assert minutes(standing) == 30


def test_the_same_rules_with_an_older_stamp_are_no_other_version(
    folder: Path, standing: Standing, caplog: pytest.LogCaptureFixture
) -> None:
    swap(folder, stamped(DOCUMENT, NOW - 3 * DAY))
    standing.look()
    assert standing.problem is None
    assert not caplog.records
    swap(folder, stamped(sooner(DOCUMENT, 30), NOW - 2 * DAY))
    standing.look()
    assert minutes(standing) == 240, "and nothing older comes in behind them"


def test_metrics_name_the_version_and_when_it_was_made(standing: Standing) -> None:
    assert standing.version
    assert value(standing, "city_access_rules", version=standing.version.name) == 1
    assert value(standing, "city_access_rules_made_timestamp_seconds") == (NOW - DAY).timestamp()
