"""What streams a class: its facts stay data, its passphrase stays in one Secret, and its pod may do nothing but run."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from catalog import load_named, names
from catalog.access import Use
from derive import ladder, live

CITY = load_named("tiny")
LESSON, WORD = "l-" + "a" * 16, "a passphrase of the class"
FREELY = next(row.id for row in CITY.licences if Use.DOWNLOAD in row.uses)
ABOUT: dict[str, Any] = {"title": "分数 $(HOME) `x`", "school": {"code": "2990100001"}, "licence": {"id": FREELY}}
OWNER = {"metadata": {"name": names.live_class(LESSON), "uid": "0b1c"}}


def asked() -> dict[str, Any]:
    return live.request(CITY, LESSON, ABOUT, datetime(2026, 10, 15, 0, 30, tzinfo=UTC))


def test_the_request_says_what_the_catalog_says() -> None:
    request = asked()
    assert [row["name"] for row in request["rungs"]] == list(CITY.live.renditions)
    assert (request["started"], request["until"]) == ("2026-10-15T00:30:00Z", "2026-10-15T02:00:00Z")
    packaging = {"recipe": ladder.recipe(CITY), "ladder": ladder.ladder(CITY), "download": CITY.packaging.download}
    assert request["packaging"] == packaging
    facts = CITY.live.model_dump(
        include={"segment_seconds", "window_segments", "rejoin_seconds", "recorded", "ingest_kbps"}
    )
    assert request.items() >= facts.items()


def test_the_request_says_what_schools_are_promised_of_what_this_one_gives() -> None:
    (gives,) = (each for each in CITY.live_classes if each.gives == ABOUT["school"]["code"])
    promised = {each.school: each.rendition for each in gives.takes}
    assert asked()["promised"] == promised
    begins = datetime(2026, 10, 15, tzinfo=UTC)
    assert live.request(CITY, LESSON, ABOUT, begins, gives.id)["promised"] == promised
    elsewhere = {**ABOUT, "school": {"code": gives.takes[0].school}}
    assert live.request(CITY, LESSON, elsewhere, begins)["promised"] == {}


def test_a_title_never_leaves_its_json() -> None:
    (container,) = live.job(CITY, "r@sha256:1", asked())["spec"]["template"]["spec"]["containers"]
    (text,) = [row["value"] for row in container["env"] if row["name"] == "LIVE_REQUEST"]
    assert json.loads(text.replace("$$", "$"))["about"]["title"] == ABOUT["title"]
    assert "args" not in container


def test_the_passphrase_is_in_its_secret_and_nowhere_else() -> None:
    assert live.secret(LESSON, WORD, OWNER)["stringData"] == {live.PASSPHRASE: WORD}
    rest = [live.job(CITY, "r@sha256:1", asked()), live.service(LESSON, "NodePort", OWNER)]
    assert WORD not in json.dumps(rest)
    volumes = rest[0]["spec"]["template"]["spec"]["volumes"]
    assert names.live_class(LESSON) in [each.get("secret", {}).get("secretName") for each in volumes]


def test_a_crash_keeps_the_recording_and_a_stop_has_time_to_end_well() -> None:
    pod = live.job(CITY, "r@sha256:1", asked())["spec"]["template"]["spec"]
    assert (pod["restartPolicy"], pod["terminationGracePeriodSeconds"]) == ("OnFailure", live.GRACE_SECONDS)
    assert {"name": "work", "emptyDir": {"sizeLimit": str(live.room(CITY) + (64 << 20))}} in pod["volumes"]


def test_a_class_that_is_not_recorded_needs_no_room_for_a_recording() -> None:
    silent = CITY.model_copy(update={"live": CITY.live.model_copy(update={"recorded": False})})
    assert live.room(CITY) - live.room(silent) == 2 * CITY.live.ingest_kbps * 125 * CITY.live.longest_minutes * 60


@pytest.mark.parametrize("exposure", ["NodePort", "LoadBalancer"])
def test_the_address_leads_to_this_class_and_goes_with_it(exposure: str) -> None:
    service = live.service(LESSON, exposure, OWNER)
    template = live.job(CITY, "r@sha256:1", asked())["spec"]["template"]
    assert service["spec"]["type"] == exposure
    assert service["spec"]["selector"].items() <= template["metadata"]["labels"].items()
    assert service["spec"]["selector"] != live.service("l-" + "b" * 16, exposure, OWNER)["spec"]["selector"]
    assert [each["uid"] for each in service["metadata"]["ownerReferences"]] == ["0b1c"]
