"""Paid seats as an operator gives them: typed or in a file, judged, written to a real PostgreSQL all or none, never more than there are."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner, Result

from catalog import City
from catalog.access import Seats
from catalog.errors import UserError
from derive import audit
from derive.audit import Kind
from ops import roster
from ops.audit import Wanted
from ops.audits import pending, runs
from ops.cli import app
from ops.rosters import importing, seating
from ops.rosters.consenting import LAST
from ops.rosters.seating import Meant, Seat, change
from tests.ops.recorded import kept
from tests.ops.rosters import small
from tests.roster_server import HASHES, KEEPER, Server

BOUGHT, OTHER = "bought-course", "other-course"
FIRST, SECOND = (school.code for school in small.city().schools)
PUPILS = [f"s{FIRST}0000{number}" for number in range(4)]
TEACHER, PARENT, FAR = f"t{FIRST}0000", f"p{FIRST}00000", f"s{SECOND}00000"
TODAY, DAY = small.TODAY, timedelta(days=1)
UNTIL = (TODAY + DAY).isoformat()


def selling(number: int) -> City:
    """The two small schools, with so many seats of each of two licences at thirty yuan."""
    city = small.city()
    bought = next(each for each in city.licences if each.id == BOUGHT)
    counted = bought.model_copy(update={"seats": Seats(number=number, yuan_per_seat=30)})
    plain = tuple(each for each in city.licences if each.id != BOUGHT)
    return city.model_copy(update={"licences": (*plain, counted, counted.model_copy(update={"id": OTHER}))})


def of(*users: str) -> list[str]:
    """Ids on the platform."""
    return [str(HASHES.of(each)) for each in users]


@pytest.fixture(autouse=True)
def taken(stack: None, server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two small schools are in the stack's database, and three seats are for sale."""
    monkeypatch.setattr(runs, "ship", lambda *_: None)
    monkeypatch.setattr(roster, "load_named", lambda _: selling(3))
    server.take(folder)


def seat(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["roster", "seat", *words], input=stdin)


def done(*words: str, stdin: str | None = None) -> str:
    found = seat(*words, stdin=stdin)
    assert found.exit_code == 0, found.output + repr(found.exception)
    return found.stdout


def refused(*words: str) -> str:
    found = seat(*words)
    assert found.exit_code == 1 and isinstance(found.exception, UserError), found.output
    return str(found.exception)


def rows(server: Server) -> list[tuple[Any, ...]]:
    """Every seat: of which licence, whose, from when to when, by whom, and whether it was withdrawn."""
    words = "SELECT licence, person::text, begins, ends::text, given_by, withdrawn_by FROM seats ORDER BY id"
    return server.all(words)


def held(server: Server) -> list[str]:
    """Who holds one."""
    words = "SELECT person::text FROM seats WHERE enabled AND withdrawn_at IS NULL AND ends >= %s ORDER BY id"
    with server.connect("postgres") as connection:
        return [row[0] for row in connection.execute(words, (TODAY,)).fetchall()]


def switch(server: Server, user: str, *, on: bool) -> None:
    with server.connect("postgres") as connection:
        connection.execute("UPDATE people SET enabled = %s WHERE id = %s", (on, HASHES.of(user)))


def csv(tmp_path: Path, column: str, names: Sequence[str]) -> str:
    path = tmp_path / "people.csv"
    path.write_text("\n".join([f"name,{column}", *(f"someone,{each}" for each in names)]) + "\n", encoding="utf-8-sig")
    return str(path)


def test_many_are_given_a_seat_at_once_from_today_and_it_is_on_record(server: Server, folder: Path) -> None:
    said = done(BOUGHT, *of(*PUPILS[:2]))
    assert "2 seats of bought-course are given, for as long as the licence holds; 2 of 3 are given, 1 free" in said
    assert rows(server) == [(BOUGHT, each, TODAY, LAST, "somebody", None) for each in of(*PUPILS[:2])]
    (entry,) = kept()
    assert (entry.kind, entry.action, entry.resource, entry.why) == (
        Kind.ACCOUNT,
        "seat-give",
        "seats/bought-course",
        "done",
    )
    assert {key: entry.facts[key] for key in ("people", "seats", "until", "passed_on")} == {
        **{"people": " ".join(of(*PUPILS[:2])), "seats": 2},
        **{"until": LAST, "passed_on": 0},
    }
    # Whoever follows one of them finds it.
    record = audit.parse(next(iter(pending.waiting("local").values())))
    found = [Wanted(None, each, None, refused=False).takes(record) for each in of(PUPILS[1], PUPILS[2])]
    assert found == [True, False]
    again = done(BOUGHT, *of(*PUPILS[:3]))
    assert "1 seats of bought-course are given" in again and "2 of those named hold one already" in again
    assert "0 seats" in done(BOUGHT, *of(*PUPILS[:3]))
    assert (held(server), len(rows(server)), len(kept())) == (of(*PUPILS[:3]), 3, 2)
    server.take(folder)
    assert held(server) == of(*PUPILS[:3]), "an import keeps them"


@pytest.mark.parametrize("column", ["person", "sourcedId"])
def test_a_file_names_people_by_either_id_and_each_counts_once(server: Server, tmp_path: Path, column: str) -> None:
    users = [*PUPILS[:2], TEACHER, PUPILS[0]]
    names = users if column == "sourcedId" else of(*users)
    said = done(BOUGHT, *of(PUPILS[1]), "--from", csv(tmp_path, column, names), "--until", UNTIL)
    assert f"3 seats of bought-course are given, until {UNTIL}" in said
    assert {(row[1], row[3]) for row in rows(server)} == {(each, UNTIL) for each in of(*PUPILS[:2], TEACHER)}
    lines = b"".join(pending.waiting("local").values()).decode()
    assert not any(each in said + lines + repr(rows(server)) for each in users)


def test_an_id_of_the_register_is_asked_for(server: Server) -> None:
    done(BOUGHT, "-", stdin=f"{PUPILS[0]}\n")
    assert held(server) == of(PUPILS[0])


def test_another_end_takes_the_place_of_the_first_and_no_seat_more(server: Server) -> None:
    done(BOUGHT, *of(*PUPILS[:3]))
    assert "3 of 3 are given" in done(BOUGHT, *of(PUPILS[0]), "--until", UNTIL)
    assert [(row[3], row[5]) for row in rows(server) if row[1] in of(PUPILS[0])] == [(LAST, "somebody"), (UNTIL, None)]


def test_what_is_withdrawn_or_over_is_free(server: Server) -> None:
    done(BOUGHT, *of(*PUPILS[:3]))
    assert "1 seats of bought-course are withdrawn; 1 of those named hold none; 2 of 3 are given" in done(
        BOUGHT, *of(PUPILS[0], TEACHER), "--withdraw"
    )
    assert kept()[-1].action == "seat-withdraw" and kept()[-1].facts["people"] == of(PUPILS[0])[0]
    with server.connect("postgres") as connection:
        words = "UPDATE seats SET begins = %s, ends = %s WHERE person = %s"
        connection.execute(words, (TODAY - DAY, TODAY - DAY, HASHES.of(PUPILS[1])))
    assert "3 of 3 are given" in done(BOUGHT, *of(TEACHER, FAR))
    assert held(server) == of(PUPILS[2], TEACHER, FAR)
    assert "0 seats" in done(BOUGHT, *of(PUPILS[0]), "--withdraw")


def test_the_seat_of_who_is_switched_off_is_free_and_theirs_again_unless_it_was_passed_on(server: Server) -> None:
    done(BOUGHT, *of(*PUPILS[:3]))
    switch(server, PUPILS[0], on=False)
    assert "3 given, 0 free" not in done(BOUGHT, "--list")
    switch(server, PUPILS[0], on=True)
    assert held(server) == of(*PUPILS[:3])
    for each in PUPILS[:2]:
        switch(server, each, on=False)
    assert "1 of people who are switched off are passed on" in done(BOUGHT, *of(TEACHER))
    assert kept()[-1].facts["passed_on"] == 1
    for each in PUPILS[:2]:
        switch(server, each, on=True)
    assert held(server) == of(PUPILS[1], PUPILS[2], TEACHER), "never more than three, whoever comes back"


def test_everything_that_is_wrong_is_said_at_once_and_nothing_is_done(server: Server, tmp_path: Path) -> None:
    switch(server, PUPILS[3], on=False)
    file = csv(tmp_path, "sourcedId", [PARENT, "nobody", PUPILS[3], *PUPILS[:3], TEACHER, FAR])
    said = refused(BOUGHT, "x", "--from", file, "--until", "tomorrow")
    for each in (
        "person 1: this is no id of the platform",
        f"people.csv:2: {of(PARENT)[0]} is parent today, and {BOUGHT} is for student, teacher",
        f"people.csv:3: {of('nobody')[0]} is nobody here",
        f"people.csv:4: {of(PUPILS[3])[0]} may not sign in",
        "is no day: write it as 2026-11-24",
        "8 seats are asked for and 3 are free: bought-course has 3, 0 are given",
        "nothing was changed",
    ):
        assert each in said, said
    assert not any(each in said for each in (PARENT, "nobody,", *PUPILS))
    assert (rows(server), kept()) == ([], [])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("bought-curse", *of("nobody")),
            ["did you mean `bought-course`?", "there are: open-sharing", "is nobody here"],
        ),
        (("open-sharing", *of(PUPILS[0])), ["has no seats", f"of those that have: {BOUGHT}"]),
        ((BOUGHT,), ["nobody is named"]),
        ((BOUGHT, *of("nobody"), "--withdraw"), ["is nobody here"]),
        ((BOUGHT, *of(PUPILS[0]), "--withdraw", "--until", UNTIL), ["leave --until out"]),
        ((BOUGHT, *of(PUPILS[0]), "--until", "2020-01-01"), ["is over"]),
        ((BOUGHT, *of(PUPILS[0]), "--list"), ["--list shows"]),
        (("bought-curse", "--list"), ["did you mean"]),
        ((BOUGHT, "--from", "/nowhere.csv"), ["/nowhere.csv cannot be read"]),
        ((BOUGHT, *of(*PUPILS[:4])), ["4 seats are asked for and 3 are free"]),
    ],
)
def test_what_cannot_be_is_refused(server: Server, words: tuple[str, ...], said: list[str]) -> None:
    found = refused(*words)
    assert [each for each in said if each not in found] == [], found
    assert (rows(server), kept()) == ([], [])


@pytest.mark.parametrize(
    "text", ["name\nx\n", "person,sourcedId\nx,y\n", "", "person\nnot an id\n", b"person\n\xff\xfe\n"]
)
def test_a_file_that_does_not_say_who_is_refused(tmp_path: Path, text: str | bytes) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert str(path) in refused(BOUGHT, "--from", str(path))


def test_a_dry_run_says_what_it_would_do_and_does_not(server: Server) -> None:
    assert "1 seats of bought-course would be given" in done(BOUGHT, *of(PUPILS[0]), "--dry-run")
    assert "4 seats are asked for" in refused(BOUGHT, *of(*PUPILS), "--dry-run")
    assert (rows(server), kept()) == ([], [])


def test_what_there_is_what_it_costs_and_who_holds_it_is_listed(server: Server) -> None:
    done(BOUGHT, *of(*PUPILS[:2], FAR))
    switch(server, PUPILS[1], on=False)
    listed = done(BOUGHT, "--list")
    assert "3 seats, 2 given, 1 free" in listed and "60 yuan so far, 90 yuan for all of them" in listed
    assert "1 of people who are switched off" in listed and not any(each in listed for each in of(*PUPILS, FAR))
    found = json.loads(done(BOUGHT, "--list", "--json"))
    assert found["holders"] == {FIRST: of(PUPILS[0]), SECOND: of(FAR)}
    assert [found[each] for each in ("number", "given", "free", "switched_off", "yuan_so_far", "yuan")] == [
        3,
        2,
        1,
        1,
        60,
        90,
    ]
    assert "0 given, 3 free" in done(OTHER, "--list")
    shown = CliRunner().invoke(app, ["roster", "show", of(FAR)[0]]).stdout
    assert f"seat of {BOUGHT} from {TODAY} as long as the licence holds" in shown
    looked = [("seat-give", Kind.ACCOUNT), ("seat-list", Kind.DEED), ("roster-show", Kind.DEED)]
    assert [(each.action, each.kind) for each in kept()] == looked, (
        "ids are on record, numbers by school are about nobody"
    )


def meant(*users: str, licence: str = BOUGHT, number: int = 3, until: str = LAST) -> Meant:
    of_city = next(each for each in selling(number).licences if each.id == licence)
    return Meant(of_city, tuple(HASHES.of(each) for each in users), TODAY, until)


def test_two_who_give_the_last_seat_at_once_give_it_once(server: Server) -> None:
    seating.write(lambda: server.connect(KEEPER), meant(*PUPILS[:2]), "a test")
    written, go = threading.Event(), threading.Event()

    @contextmanager
    def slow() -> Iterator[psycopg.Connection]:
        """A transaction that has written, and does not end until it is told."""
        with server.connect(KEEPER) as connection:
            yield connection
            written.set()
            assert go.wait(60)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(seating.write, slow, meant(PUPILS[2]), "a test")  # type: ignore[arg-type]
        assert written.wait(60)
        second = pool.submit(seating.write, lambda: server.connect(KEEPER), meant(TEACHER), "a test")
        # Of another licence nobody waits.
        seating.write(lambda: server.connect(KEEPER), meant(TEACHER, licence=OTHER), "a test")
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND wait_event = 'advisory'"
        deadline = time.monotonic() + 30
        while not (waits := server.all(waiting) == [(1,)]) and time.monotonic() < deadline and not second.done():
            time.sleep(0.05)
        go.set()
        assert len(first.result().new) == 1
        with pytest.raises(UserError, match="1 seats are asked for and 0 are free"):
            second.result()
        assert waits
    assert len([row for row in rows(server) if row[0] == BOUGHT]) == 3


def test_of_many_at_once_as_many_get_one_as_there_are(server: Server) -> None:
    def give(user: str) -> bool:
        try:
            return bool(seating.write(lambda: server.connect(KEEPER), meant(user), "a test").new)
        except UserError:
            return False

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(give, [*PUPILS, TEACHER, FAR])) == 3
    assert len(held(server)) == 3


def test_while_a_roster_is_taken_in_no_seat_is_given(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(importing.SETTINGS, "lock_timeout", "100ms")
    with server.connect(KEEPER) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (importing.ALONE,))
        assert "a roster is being taken in" in refused(BOUGHT, *of(PUPILS[0]))
    assert rows(server) == []
    assert [(each.action, each.why) for each in kept()] == [("seat-give", "failed")], (
        "what fails is on record as failed"
    )


def test_who_is_switched_off_between_look_and_deed_gets_none_and_neither_do_the_others(server: Server) -> None:
    switch(server, PUPILS[1], on=False)
    with pytest.raises(UserError, match="left the roster meanwhile"):
        seating.write(lambda: server.connect(KEEPER), meant(*PUPILS[:2]), "a test")
    assert rows(server) == []


def test_where_nothing_can_be_noted_no_seat_is_given(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(pending, "begin", full)
    assert "nothing was done" in refused(BOUGHT, *of(PUPILS[0]))
    assert rows(server) == []


def test_where_the_catalog_s_number_was_lowered_nobody_more_gets_one_and_ends_may_still_change() -> None:
    one, two, three = (HASHES.of(each) for each in PUPILS[:3])
    seats = [Seat(one, True, LAST), Seat(two, True, LAST)]
    assert change(meant(PUPILS[2], number=1), seats).lacking == 2
    moved = change(meant(PUPILS[0], number=1, until=UNTIL), seats)
    assert (moved.lacking, moved.ended, moved.new, moved.held, moved.passed_on) == (0, (one,), (one,), 2, 0)
    away = [Seat(one, False, LAST), Seat(three, False, LAST)]
    assert change(meant(PUPILS[1], number=2), away).passed_on == 1
