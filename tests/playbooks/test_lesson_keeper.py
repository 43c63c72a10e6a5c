"""What a box does by itself, on a real Traffic Server: it gives up what is withdrawn, and fetches what is planned, and nobody else can."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from derive import school_cache, video_token, withdrawal
from services.packager.store import IMMUTABLE
from tests import box_cache
from tests.box_cache import LESSON, OTHER, Box, Keeper, Platform, document, token
from tests.waiting import until

WITHDRAWN, PLAN = "/lessons/withdrawn.json", f"/lessons/plans/{box_cache.CODE}.json"
HEARD = "city_withdrawals_heard_timestamp_seconds"
Stand = tuple[Platform, Box, Keeper]


@pytest.fixture
def stand() -> Iterator[Stand]:
    with box_cache.standing(LESSON, OTHER) as found:
        yield found


def stamp(seconds: float = 0) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def paths_of(lesson: str) -> list[str]:
    return list(box_cache.lesson(lesson))


def purge(platform: Platform, lesson: str, kind: str = "purged", seconds: float = 0) -> None:
    """As the platform does it: the objects stay, and the word of it is given."""
    entry = {"id": lesson, "at": stamp(seconds), "kind": kind, "paths": paths_of(lesson)}
    platform.objects[WITHDRAWN] = document({"lessons": [entry]})


def withdraw(platform: Platform, lesson: str, at: str | None = None) -> None:
    """As the platform does it: the objects go, then the word of it is given."""
    paths = [path for path in platform.objects if f"/{lesson}/" in path]
    for path in paths:
        del platform.objects[path]
    platform.objects[WITHDRAWN] = document({"lessons": [{"id": lesson, "at": at or stamp(), "paths": paths}]})


def plan(
    paths: list[str],
    version: str = "0123456789ab",
    kbps: int = 10**6,
    made: float = -1,
    window: dict[str, float] | None = None,
) -> dict[str, Any]:
    everything = {**box_cache.lesson(LESSON), **box_cache.lesson(OTHER)}
    items = [
        {"path": each, "bytes": len(everything[each][0]), "needed_by": 0, "lesson": each.split("/")[2]}
        for each in paths
    ]
    now = time.time()
    when = {"not_before": now - 10, "not_after": now + 3600, **(window or {})}
    return {
        "school": box_cache.CODE,
        "version": version,
        "made": stamp(made),
        "window": when,
        "kbps": kbps,
        "items": items,
    }


def fetched(keeper: Keeper) -> bool:
    """Whether a plan is there and all of it is in the cache."""
    found = keeper.readings()
    return (
        bool(found.get("city_prefetch_planned_bytes"))
        and found["city_prefetch_planned_bytes"] == found["city_prefetch_fetched_bytes"]
    )


def info(version: str) -> str:
    return f'city_prefetch_plan_info{{version="{version}"}}'


def rounds(keeper: Keeper) -> list[int]:
    """How often each withdrawal was purged."""
    return [row["rounds"] for row in json.loads((keeper.state / "withdrawn.json").read_text()).values()]


def watch(box: Box, paths: list[str]) -> None:
    """Viewers see all of it, with a token."""
    for path in paths:
        assert box.school("GET", path, token(path.split("/")[2]))[0] == 200


def test_a_withdrawn_lesson_is_given_up_whole_and_no_other_one_is(stand: Stand) -> None:
    platform, box, keeper = stand
    mine, others = paths_of(LESSON), paths_of(OTHER)
    watch(box, mine + others)
    assert box.held(mine + others) == mine + others
    keeper.up()
    withdraw(platform, LESSON)
    until(lambda: not box.held(mine))
    assert box.held(others) == others
    assert {box.school("GET", path, token(LESSON))[0] for path in mine} == {404}


def test_what_was_taken_away_through_the_box_is_given_up_too(stand: Stand) -> None:
    platform, box, keeper = stand
    leave = {each: token(each, claims=video_token.download_claims) for each in (LESSON, OTHER)}
    mine, others = (f"{video_token.download_path(each)}film-r1-v720-3000.mp4" for each in leave)
    for path, permission in zip((mine, others), leave.values(), strict=True):
        platform.objects[path] = (path.encode() * 1000, IMMUTABLE)
        assert box.school("GET", path, permission) == (200, path.encode() * 1000)
    assert box.held([mine, others]) == [mine, others]
    keeper.up()
    withdraw(platform, LESSON)
    until(lambda: not box.held([mine]))
    assert box.held([others]) == [others]
    assert box.school("GET", mine, leave[LESSON])[0] == 404


def test_a_box_that_was_cut_off_gives_it_up_when_it_is_back_also_after_a_restart(stand: Stand) -> None:
    platform, box, keeper = stand
    mine = paths_of(LESSON)
    watch(box, mine)
    keeper.up()
    platform.down()
    withdraw(platform, LESSON)
    assert {box.school("GET", path, token(LESSON))[0] for path in mine} == {200}, "until its token ends"
    assert {
        box.school("GET", path, token(LESSON, -1))[0]
        for path in mine
        if "poster" not in path and "lesson.json" not in path
    } == {403}
    keeper.down()
    keeper.up()
    platform.up()
    until(lambda: not box.held(mine))


def test_what_was_given_up_is_asked_for_once_and_not_purged_at_every_look(stand: Stand) -> None:
    platform, _, keeper = stand
    withdraw(platform, LESSON)
    keeper.up()
    until((keeper.state / "withdrawn.json").exists)

    until(lambda: rounds(keeper) == [1])
    heard = keeper.readings().get(HEARD, 0)
    keeper.down()
    keeper.up()
    until(lambda: keeper.readings().get(HEARD, 0) > heard)
    assert rounds(keeper) == [1], "a restart does not begin anew"
    platform.asked.clear()
    until(lambda: len(platform.asked) > 10)
    assert {status for path, status in platform.asked if path == WITHDRAWN} == {304}


def test_nobody_in_the_school_can_have_a_lesson_given_up_or_put_in_or_read_without_a_token(stand: Stand) -> None:
    _, box, _ = stand
    (path,) = [each for each in paths_of(LESSON) if each.endswith("v360-365/0.m4s")]
    watch(box, [path])
    for host in (box_cache.HOST, f"x:{box.local}", f"127.0.0.1:{box.local}"):
        for permission in ("", token(LESSON)):
            assert box.school("PURGE", path, permission, host=host)[0] == 403
            assert box.school("PUSH", path, permission, host=host)[0] == 403
        assert box.school("GET", path, host=host)[0] in (403, 404)
    assert box.held([path]) == [path]


def test_a_planned_lesson_plays_with_the_link_down_and_only_with_a_token(stand: Stand) -> None:
    platform, box, keeper = stand
    mine = paths_of(LESSON)
    sample = {"not_before": time.time() - 5, "seconds": 0.1, "mib": 1}
    platform.objects[PLAN] = document({**plan(mine), "sample": sample})
    keeper.up()
    until(lambda: fetched(keeper))
    assert keeper.readings()["city_school_link_mbps"] > 0
    assert time.time() - keeper.readings()["city_school_link_sample_timestamp_seconds"] < 60
    largest = max(mine, key=lambda path: len(platform.objects[path][0]))
    assert platform.reads(largest) > 2, "past the box's own cache, on every connection"
    platform.down()
    for path in mine:
        status, body = box.school("GET", path, token(LESSON))
        assert (status, body) == (200, platform.objects[path][0])
    (segment,) = [each for each in mine if each.endswith("v720-3000/1.m4s")]
    assert box.school("GET", segment)[0] == 403
    assert box.school("GET", segment, token(OTHER))[0] == 403
    assert box.school("GET", segment, token(LESSON, -1))[0] == 403


def test_a_plan_is_carried_out_in_its_order_and_a_restart_fetches_what_is_there_no_more(stand: Stand) -> None:
    platform, box, keeper = stand
    wanted = [each for each in paths_of(LESSON) if each.endswith(".m4s")][::-1]
    platform.objects[PLAN] = document(plan(wanted, kbps=8000))
    keeper.up()
    until(lambda: sum(platform.reads(path) for path in wanted) >= 2)
    keeper.down()
    keeper.up()
    until(lambda: len(box.held(wanted)) == len(wanted))
    fetched = [path for path, status in platform.asked if path in wanted and status == 200]
    assert list(dict.fromkeys(fetched)) == wanted
    assert len(fetched) <= len(wanted) + 1, "at most the one that was on its way is fetched again"


def test_a_plan_that_is_replaced_or_gone_is_not_carried_on(stand: Stand) -> None:
    platform, box, keeper = stand
    first = [each for each in paths_of(LESSON) if each.endswith(".m4s")]
    second = [each for each in paths_of(OTHER) if "sound" in each]
    platform.objects[PLAN] = document(plan(first, kbps=400))
    keeper.up()
    until(lambda: platform.reads(first[0]))
    platform.objects[PLAN] = document(plan(second, version="ba9876543210"))
    until(lambda: len(box.held(second)) == len(second))
    until(lambda: info("ba9876543210") in keeper.readings())
    assert len(box.held(first)) <= 2, "at most what was on its way"
    del platform.objects[PLAN]
    until(lambda: keeper.readings().get("city_prefetch_planned_bytes") == 0)


def test_nothing_is_fetched_outside_the_window(stand: Stand) -> None:
    platform, _, keeper = stand
    wanted = paths_of(LESSON)
    now = time.time()
    for version, window in (("000000000001", {"not_before": now + 600}), ("000000000002", {"not_after": now - 1})):
        platform.objects[PLAN] = document(plan(wanted, version, window=window))
        if not keeper.process:
            keeper.up()
        until(lambda: info(version) in keeper.readings())  # noqa: B023
    assert not [path for path, _ in platform.asked if path in wanted]


def test_an_item_of_another_size_is_not_kept_and_the_others_are_fetched_all_the_same(stand: Stand) -> None:
    platform, box, keeper = stand
    wanted = [each for each in paths_of(LESSON) if each.endswith(".m4s")]
    told = plan(wanted)
    told["items"][0]["bytes"] += 1
    del platform.objects[wanted[1]]
    platform.objects[PLAN] = document(told)
    keeper.up()
    until(lambda: len(box.held(wanted)) == len(wanted) - 2 and keeper.readings().get("city_prefetch_failed_items") == 2)
    assert box.held(wanted[:2]) == []


def test_a_plan_does_not_bring_back_what_was_withdrawn_after_it_was_made_and_a_later_one_does(stand: Stand) -> None:
    platform, box, keeper = stand
    wanted = [each for each in paths_of(LESSON) if each.endswith(".m4s")]
    withdraw(platform, LESSON)
    keeper.up()
    until((keeper.state / "withdrawn.json").exists)
    platform.objects.update(box_cache.lesson(LESSON))
    other = [each for each in paths_of(OTHER) if each.endswith(".m4s")]
    platform.objects[PLAN] = document(plan(wanted + other, made=-60))
    until(lambda: len(box.held(other)) == len(other))
    assert not [path for path in wanted if platform.reads(path)]
    until(lambda: rounds(keeper) == [1])
    platform.objects[PLAN] = document(plan(wanted, version="ba9876543210", made=60))
    until(lambda: len(box.held(wanted)) == len(wanted))
    assert rounds(keeper) == [4], "and it is not given up again for the old withdrawal"


def test_a_purged_lesson_is_given_up_once_and_a_plan_brings_it_back_though_it_is_older(stand: Stand) -> None:
    platform, box, keeper = stand
    wanted = [each for each in paths_of(LESSON) if each.endswith(".m4s")]
    platform.objects[PLAN] = document(plan(wanted, made=-60))
    keeper.up()
    until(lambda: fetched(keeper))
    purge(platform, LESSON)
    until(lambda: all(platform.reads(path) == 2 for path in wanted))
    until(lambda: fetched(keeper))
    assert rounds(keeper) == [4], "there is no second time"
    assert box.held(wanted) == wanted
    keeper.down()
    keeper.up()
    until(lambda: fetched(keeper))
    purge(platform, LESSON, seconds=1)
    until(lambda: all(platform.reads(path) == 3 for path in wanted))


def test_an_entry_of_a_kind_that_the_box_does_not_know_is_a_withdrawal(stand: Stand) -> None:
    platform, box, keeper = stand
    watch(box, paths_of(LESSON))
    purge(platform, LESSON, "a kind of tomorrow")
    keeper.up()
    until(lambda: not box.held(paths_of(LESSON)))
    until(lambda: rounds(keeper) == [1])
    other = [each for each in paths_of(OTHER) if each.endswith(".m4s")]
    platform.objects[PLAN] = document(plan([*paths_of(LESSON), *other], made=-60))
    until(lambda: len(box.held(other)) == len(other))
    assert not box.held(paths_of(LESSON))


def test_both_sides_mean_the_same_by_a_purge() -> None:
    assert f'PURGED = "{withdrawal.PURGED}"' in (box_cache.FILES / "keeper" / "withdrawals.py").read_text()


def test_what_the_box_fetches_for_itself_is_no_classroom_s(stand: Stand) -> None:
    platform, box, keeper = stand
    mine, others = ([each for each in paths_of(lesson) if each.endswith(".m4s")] for lesson in (LESSON, OTHER))
    platform.objects[PLAN] = document(plan(mine))
    keeper.up()
    until(lambda: fetched(keeper))
    watch(box, [*mine, *others])
    assert box.school("GET", mine[0])[0] == 403, "looked for nowhere"

    def counted() -> list[int]:
        found = json.loads(box.ask("GET", "/_stats")[1])["global"]
        return [int(found.get(name, 0)) for name in school_cache.HAD.values()]

    # The server brings its counters together every few seconds.
    until(lambda: sum(counted()) >= len(mine) + len(others))
    assert counted() == [len(mine), len(others)]
    platform.down()
    watch(box, mine)
    until(lambda: counted() == [2 * len(mine), len(others)])
