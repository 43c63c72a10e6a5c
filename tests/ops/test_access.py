"""Sessions that the operator mints, and explanations that are the service's own decisions."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import jwt
import pytest
from typer.testing import CliRunner

from catalog import City, load_named
from catalog.access import Action, Scope, Use
from catalog.errors import UserError
from derive import audit, grants, keys, session_token, video_token
from derive.audit import Kind
from ops import access, sample_lesson
from ops.accesses import asking, persons
from ops.audits import pending, runs
from ops.lessons import library, place
from ops.rosters.person import Person as Known
from ops.stack import configuration, renewal
from services.entitlement.rules import Lesson, Person

SEED, ISSUER = "a-seed-of-thirty-two-characters-or-more", "https://city.example"


@pytest.fixture(params=["tiny", "neijiang"])
def city(request: pytest.FixtureRequest) -> City:
    return load_named(request.param)


def test_a_session_of_a_later_epoch_is_signed_by_its_key_and_says_so(city: City) -> None:
    token = access.mint(access.Wish(city.tiers[0].id, None, 2), city, ISSUER, SEED, 2)
    key = keys.private_key(SEED, keys.SESSION, 2).public_key()
    assert jwt.decode(token, key, algorithms=[keys.ALGORITHM], audience=session_token.AUDIENCE, issuer=ISSUER)
    assert jwt.get_unverified_header(token)["kid"] == "session-2"


def test_a_minted_session_says_who_and_for_how_long(city: City) -> None:
    tier, school = city.tiers[0].id, city.schools[0].code
    token = access.mint(access.Wish(tier, school, 2), city, ISSUER, SEED)
    key = keys.private_key(SEED, keys.SESSION).public_key()
    claims = jwt.decode(token, key, algorithms=[keys.ALGORITHM], audience=session_token.AUDIENCE, issuer=ISSUER)
    assert (claims["tier"], claims["school"]) == (tier, school)
    assert abs(claims["exp"] - time.time() - 7200) < 60
    assert jwt.get_unverified_header(token)["kid"] == keys.key_id(keys.SESSION)


def test_a_minted_session_names_district_and_partner(city: City) -> None:
    tier, district, partner = city.tiers[0].id, city.districts[0].id, city.partners[0].id
    token = access.mint(access.Wish(tier, None, 2, district, partner), city, ISSUER, SEED)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["district"], claims["partner"]) == (district, partner)
    assert "school" not in claims


def test_an_explanation_is_about_the_district_and_the_partner_that_are_named(city: City, printed: Printed) -> None:
    tier = next(each.id for each in city.tiers if each.scope is Scope.DISTRICT and Action.VIEW in each.actions)
    given = asking.Given(district=city.districts[0].id, partner=city.partners[0].id)
    person = access._person(city, tier, given)
    assert person == Person(tier, district=given.district, partner=given.partner)
    access._say(city, person, _lesson(city, city.licences[0].id))
    assert f"{tier} of {given.district} of {given.partner}" in printed()


def test_two_sessions_are_two_people(city: City) -> None:
    wish = access.Wish(city.tiers[0].id, None, 1)
    subjects = {
        jwt.decode(access.mint(wish, city, ISSUER, SEED), options={"verify_signature": False})["sub"] for _ in range(2)
    }
    assert len(subjects) == 2


def test_everything_that_is_wrong_with_a_wish_is_said_at_once(city: City) -> None:
    near = city.tiers[0].id[:-1]
    with pytest.raises(UserError) as refused:
        wish = access.Wish(near, "123", session_token.MOST_HOURS + 1, "nowhere", "nobody")
        access.mint(wish, city, ISSUER, SEED)
    said = str(refused.value)
    assert f"no tier {near!r}" in said
    assert city.tiers[0].id in said
    assert '"123" is no school' in said
    assert "no district 'nowhere'" in said and city.districts[0].id in said
    assert "no partner 'nobody'" in said and city.partners[0].id in said
    assert "--hours" in said


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack whose secrets are here and whose store does not answer."""
    monkeypatch.setattr(place, "of_stack", lambda name: place.Place(name, {}, None, None))
    monkeypatch.setattr(configuration, "read_secrets", lambda _: {"accessKey": SEED})
    monkeypatch.setattr(renewal, "ring", lambda _: SimpleNamespace(signs=1))
    monkeypatch.setattr(runs, "ship", lambda *_: None)


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize("command", ["token", "sign-in"])
def test_a_session_is_on_record_before_it_is_printed_and_its_token_never(command: str) -> None:
    tiny = load_named("tiny")
    tier, school = tiny.tiers[0].id, tiny.schools[0].code
    done = CliRunner().invoke(access.app, [command, "--tier", tier, "--school", school, "--hours", "2"])
    token = done.stdout.strip().rpartition("=")[2]
    (line,) = pending.waiting("local").values()
    entry = audit.parse(line).entry
    subject = jwt.decode(token, options={"verify_signature": False})["sub"]
    assert (entry.kind, entry.action, entry.resource) == (Kind.TOKEN, "session-mint", f"session/{subject}")
    assert {key: entry.facts[key] for key in ("tier", "school", "hours")} == {
        "tier": tier, "school": school, "hours": "2",
    }  # fmt: skip
    assert entry.why == "done" and entry.who and entry.who.subject
    assert not any(part.encode() in line for part in token.split("."))


@pytest.mark.usefixtures("stack")
def test_a_session_of_a_district_and_a_partner_is_on_record_with_both() -> None:
    tiny = load_named("tiny")
    places = {"district": tiny.districts[0].id, "partner": tiny.partners[0].id}
    words = [word for what, name in places.items() for word in (f"--{what}", name)]
    CliRunner().invoke(access.app, ["token", "--tier", tiny.tiers[0].id, *words])
    (line,) = pending.waiting("local").values()
    facts = audit.parse(line).entry.facts
    assert {what: facts.get(what) for what in places} == places
    assert "school" not in facts


@pytest.mark.usefixtures("stack")
def test_a_session_that_cannot_be_recorded_is_not_printed() -> None:
    pending.folder().parent.mkdir(parents=True)
    pending.folder().write_text("in the way")
    done = CliRunner().invoke(access.app, ["token", "--tier", load_named("tiny").tiers[0].id])
    assert isinstance(done.exception, UserError) and "nothing was done" in str(done.exception)
    assert not done.stdout


@pytest.mark.usefixtures("stack")
def test_a_wish_that_is_refused_is_no_deed() -> None:
    assert isinstance(CliRunner().invoke(access.app, ["token", "--tier", "no-tier"]).exception, UserError)
    assert not pending.waiting("local")


def _record(city: City, licence: str, **changes: Any) -> dict[str, Any]:
    published = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = {"id": "l-x", "school": {"code": city.schools[0].code}, "licence": {"id": licence}, "published": published}
    return {**found, "master": "l-x/h/master.m3u8", **changes}


def _lesson(city: City, licence: str, **changes: Any) -> Lesson:
    return library.facts(_record(city, licence, **changes), "l-x")


Printed = Callable[[], str]


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Printed:
    return lambda: re.sub(r"\s+", " ", capsys.readouterr().out)


def test_an_explanation_names_the_reason_in_both_languages(city: City, printed: Printed) -> None:
    blind = next(tier for tier in city.tiers if not {Action.VIEW, Action.LEARN} & set(tier.actions))
    public = {tier.id for tier in city.tiers if tier.scope is Scope.PUBLIC}
    strict = next(each.id for each in city.licences if not public & set(each.tiers))
    assert not access._say(city, Person(blind.id), _lesson(city, strict))
    said = printed()
    assert "tier-plays-nothing" in said
    assert blind.name.zh in said
    assert blind.name.en in said


@pytest.fixture
def abroad() -> Iterator[None]:
    """A machine in another time zone than the city."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "America/Lima")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("abroad")
def test_an_explanation_says_until_when_in_the_city(city: City, printed: Printed) -> None:
    licence = sample_lesson.licence(city)
    assert licence
    public = next(tier.id for tier in city.tiers if tier.scope is Scope.PUBLIC)
    what = _lesson(city, licence, published="2026-01-01T00:00:00Z")
    moment = datetime(2026, 11, 30, 18, 30, tzinfo=UTC)
    assert access._say(city, Person(public, signed_in=False), what, moment)
    ends = (moment + timedelta(minutes=city.playback.token_minutes)).astimezone(ZoneInfo(city.timezone))
    assert f"a token lasts until {ends:%Y-%m-%d %H:%M} in {city.timezone}" in printed()


def test_an_explanation_says_when_it_is_because_everybody_may(city: City, printed: Printed) -> None:
    blind = next(tier for tier in city.tiers if not {Action.VIEW, Action.LEARN} & set(tier.actions))
    assert access._say(city, Person(blind.id), _lesson(city, sample_lesson.licence(city) or ""))
    assert "as everybody may" in printed()


FILE = {"path": f"l-x/{video_token.DOWNLOAD}/lesson.mp4", "bytes": 7}


def _taking(city: City) -> tuple[str, str]:
    """A tier that may take lessons of its own school away, and a licence that lets it."""
    licences = [each for each in city.licences if Use.DOWNLOAD in each.uses and not each.seats and not each.window]
    return next(
        (cell.tier, licence.id)
        for cell in grants.cells(city)
        for licence in licences
        if (cell.resource, cell.action) == ("lesson", Action.DOWNLOAD) and cell.tier in licence.tiers
    )


def test_it_is_said_whether_the_lesson_may_be_taken_away(city: City, printed: Printed) -> None:
    (tier, licence), school = _taking(city), city.schools[0].code
    assert access._say(city, Person(tier, school), _lesson(city, licence, download=FILE))
    assert "may take it away" in printed()
    assert access._say(city, Person(tier, school), _lesson(city, licence))
    assert "may not take it away (no-file-to-take-away)" in printed()


def test_whoever_may_only_play_is_told_why_they_may_not_take_it_away(city: City, printed: Printed) -> None:
    strict = next(each.id for each in city.licences if each.id == sample_lesson.licence(city))
    public = next(tier.id for tier in city.tiers if tier.scope is Scope.PUBLIC)
    assert access._say(city, Person(public, signed_in=False), _lesson(city, strict, download=FILE)), "playing counts"
    assert re.search(r"may play.*may not take it away \((sign-in-to-take-away|licence-without-download)\)", printed())


def test_of_a_class_that_is_live_nothing_is_said_about_taking_it_away(city: City, printed: Printed) -> None:
    live = {"state": "live", "until": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}
    access._say(city, Person(city.tiers[0].id, city.schools[0].code), _lesson(city, city.licences[0].id, live=live))
    assert "take it away" not in printed()


def test_a_lesson_is_judged_at_the_moment_that_is_asked_about(city: City, printed: Printed) -> None:
    (tier, licence), school = _taking(city), city.schools[0].code
    early = asking.when(city, "2020-01-01")
    assert not access._say(city, Person(tier, school), _lesson(city, licence), early)
    assert "not-yet-published" in printed()
    assert asking.when(city, None) is None


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform whose store has one lesson."""
    tiny = load_named("tiny")

    def away(*_: str) -> str:
        raise UserError("the cluster refused")

    where = SimpleNamespace(stack="local", city="tiny", buckets=lambda: nullcontext((None, None)), kubectl=away)
    monkeypatch.setattr(place, "of_stack", lambda stack: where)
    monkeypatch.setattr(library, "record", lambda *_: _record(tiny, _taking(tiny)[1]))


@pytest.mark.usefixtures("stored")
def test_the_command_hands_the_moment_on() -> None:
    tiny = load_named("tiny")
    words = ["explain", "l-x", "--tier", _taking(tiny)[0], "--school", tiny.schools[0].code]
    assert CliRunner().invoke(access.app, words).exit_code == 0
    assert CliRunner().invoke(access.app, [*words, "--at", "2020-01-01"]).exit_code == 1
    refused = CliRunner().invoke(access.app, [*words, "--at", "soon"]).exception
    assert isinstance(refused, UserError) and "is no moment" in str(refused)


def _known(enabled: bool, *roles: tuple[str | None, str, str, str]) -> Known:
    """Somebody with these roles: tier, place, first and last day."""
    rows = [dict(zip(("tier", "place", "begins", "ends"), each, strict=True)) for each in roles]
    return Known("p-1", enabled, False, "2020-01-01", None, tuple(rows), (), (), ())


@pytest.mark.usefixtures("stored")
def test_a_person_of_the_roster_is_judged_as_each_thing_that_they_are_today(
    monkeypatch: pytest.MonkeyPatch, printed: Printed
) -> None:
    tiny = load_named("tiny")
    (tier, _), here = _taking(tiny), tiny.schools[0].code
    ever = ("-infinity", "infinity")
    known = _known(True, (tier, here, *ever), (tier, here, *ever), ("parent", here, *ever), (tier, "elsewhere", "-infinity", "2020-12-31"),
                   (None, here, *ever))  # fmt: skip
    monkeypatch.setattr(persons, "found", lambda where, given: known)
    assert CliRunner().invoke(access.app, ["explain", "l-x", "--person", "p-1"]).exit_code == 0
    assert [each.tier for each in persons.persons(known, tiny)] == [tier, "parent"]
    both = CliRunner().invoke(access.app, ["explain", "l-x", "--person", "p-1", "--school", here]).exception
    assert isinstance(both, UserError) and "--person says who it is" in str(both)
    cell = CliRunner().invoke(access.app, ["explain", tier, "view", "lesson", "--person", "p-1"]).exception
    assert isinstance(cell, UserError) and "neither --tier nor --person" in str(cell)


@pytest.mark.parametrize(
    ("seats", "allowed"),
    [
        ((), False),
        (({},), True),
        (({"ends": "2026-10-01"},), True),
        (({"begins": "2026-10-02"},), False),
        (({"ends": "2026-09-30"},), False),
        (({"withdrawn_at": "2026-09-30"},), False),
        (({"licence": "another"},), False),
        (({"licence": "another"}, {}), True),
    ],
)
@pytest.mark.usefixtures("stored")
def test_a_person_of_the_roster_is_judged_with_the_seats_that_they_hold_then(
    monkeypatch: pytest.MonkeyPatch, seats: tuple[dict[str, str], ...], allowed: bool
) -> None:
    tiny = load_named("tiny")
    bought = next(each for each in tiny.licences if each.seats)
    row = {"licence": bought.id, "begins": "2026-09-01", "ends": "infinity", "withdrawn_at": None}
    known = _known(True, (bought.tiers[0], tiny.schools[0].code, "-infinity", "infinity"))
    known = replace(known, seats=tuple({**row, **each} for each in seats))
    monkeypatch.setattr(persons, "found", lambda where, given: known)
    monkeypatch.setattr(library, "record", lambda *_: _record(tiny, bought.id, published="2026-09-01T00:00:00Z"))
    words = ["explain", "l-x", "--person", "p-1", "--at", "2026-10-01"]
    said = CliRunner().invoke(access.app, words)
    assert said.exit_code == (0 if allowed else 1), said.output
    assert ("licence-needs-seat" in said.output) is not allowed


def test_who_is_nothing_today_or_may_not_sign_in_is_said_so() -> None:
    tiny = load_named("tiny")
    tier, here = tiny.tiers[0].id, tiny.schools[0].code
    with pytest.raises(UserError, match="no role of p-1 leads to a tier today"):
        persons.persons(
            _known(True, (tier, here, "-infinity", "2020-12-31"), (None, here, "-infinity", "infinity")), tiny
        )
    with pytest.raises(UserError, match="may not sign in"):
        persons.persons(_known(False, (tier, here, "-infinity", "infinity")), tiny)


@pytest.mark.usefixtures("stored")
def test_what_a_lesson_s_record_says_is_not_taken_from_options() -> None:
    given = {"--owner": "1", "--licence": "x", "--published": "2026-01-01", "--near": "own", "--age": "9"}
    words = [*(word for pair in given.items() for word in pair), "--seat", "--consent"]
    refused = CliRunner().invoke(access.app, ["explain", "l-x", *words]).exception
    assert isinstance(refused, UserError)
    assert all(each in str(refused) for each in (*given, "--seat", "--consent"))


def test_a_record_that_makes_no_sense_is_an_error(city: City) -> None:
    for changes in ({"published": "yesterday"}, {"id": None, "published": None}, {"school": 1}):
        with pytest.raises(UserError, match="the record of l-x makes no sense"):
            _lesson(city, "x", **changes)


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("found", [{}, {"id": "another"}, {"published": "2026-09-01"}])
def test_a_damaged_record_is_named_by_the_id_that_was_asked_for(
    monkeypatch: pytest.MonkeyPatch, found: dict[str, str]
) -> None:
    monkeypatch.setattr(library, "record", lambda *_: found)
    said = CliRunner().invoke(access.app, ["explain", "l-x"]).exception
    assert isinstance(said, UserError) and "the record of l-x makes no sense" in str(said)


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("option", ["--school", "--district", "--partner"])
def test_the_public_is_of_no_place_so_one_that_is_named_is_refused(option: str) -> None:
    said = CliRunner().invoke(access.app, ["explain", "l-x", option, "0000000001"]).exception
    assert isinstance(said, UserError) and "say --tier" in str(said)


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("moment", ["", "0001-01-01", "9999-12-31", "9999-12-31T23:59:59+00:00"])
@pytest.mark.parametrize("words", [["l-x"], ["teacher", "view", "lesson", "--licence", "open-sharing"]])
def test_a_moment_at_the_ends_of_the_calendar_is_none(moment: str, words: list[str]) -> None:
    said = CliRunner().invoke(access.app, ["explain", *words, "--at", moment]).exception
    assert isinstance(said, UserError) and "is no moment" in str(said)


@pytest.mark.usefixtures("stored")
def test_an_age_of_0_is_one_that_was_given() -> None:
    said = CliRunner().invoke(access.app, ["explain", "l-x", "--age", "0"]).exception
    assert isinstance(said, UserError) and "leave out: --age" in str(said)
    assert asking.Given(age=0).anything
    assert not asking.Given().anything


def test_the_sample_is_shared_so_that_the_public_may_stream_it_as_long_as_any_licence_lets_it(city: City) -> None:
    chosen = next(each for each in city.licences if each.id == sample_lesson.licence(city))
    public = {tier.id for tier in city.tiers if tier.scope is Scope.PUBLIC}
    assert Use.STREAM in chosen.uses
    assert public & set(chosen.tiers)
    fitting = [each for each in city.licences if Use.STREAM in each.uses and public & set(each.tiers)]
    windows = [each.window_days for each in fitting]
    assert chosen.window_days is None if None in windows else chosen.window_days == max(filter(None, windows))


def test_a_licence_that_ends_is_taken_only_where_none_is_without_end(city: City) -> None:
    first = next(each for each in city.licences if each.id == sample_lesson.licence(city))
    shorter = first.model_copy(update={"id": "a-shorter", "window_days": 7})
    longer = first.model_copy(update={"id": "z-longer", "window_days": 70})
    assert sample_lesson.licence(city.model_copy(update={"licences": (shorter, first)})) == first.id
    assert sample_lesson.licence(city.model_copy(update={"licences": (shorter, longer)})) == "z-longer"


def test_where_nothing_is_for_the_public_the_sample_is_for_the_schools(city: City) -> None:
    public = {tier.id for tier in city.tiers if tier.scope is Scope.PUBLIC}
    licences = tuple(each for each in city.licences if not public & set(each.tiers))
    assert sample_lesson.licence(city.model_copy(update={"licences": licences})) is None


def test_a_page_of_the_matrix_that_cannot_be_written_is_said_with_its_option_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = CliRunner().invoke(access.app, ["matrix", "tiny", "--html", "a.html", "--csv", "none/a.csv"]).exception
    assert isinstance(refused, UserError)
    assert str(refused).startswith("--csv: none/a.csv cannot be written: none is no folder\nmake it (`mkdir -p none`)")
    assert not list(tmp_path.iterdir())
    assert CliRunner().invoke(access.app, ["matrix", "tiny", "--html", "a.html", "--csv", "a.csv"]).exit_code == 0
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.csv", "a.html"]
