"""Slips: who of a school gets one, with whose code, and where names may be read afterwards."""

from __future__ import annotations

import csv
import re
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from catalog.errors import UserError
from derive import first_sign_in
from ops import roster
from ops.cli import app
from ops.lessons import place
from ops.lessons.place import Place
from ops.rosters import reaching, slip_pages
from ops.rosters.slips import Slip, Wanted, slips
from tests.ops.rosters import small

KEY = "a-key-of-forty-hex-digits"
FIRST, SECOND = (school.code for school in small.city().schools)
HEAD = f"t{FIRST}0000"


def made(folder: Path, group: str | None = None, people: tuple[str, ...] = (), number: int = 1) -> list[Slip]:
    return slips(small.checked(folder), small.city(), Wanted(FIRST, group, people, number), KEY)


def test_everybody_of_the_school_who_may_sign_in_gets_one_and_nobody_else(folder: Path) -> None:
    found = {each.identity for each in made(folder)}
    users = {row["sourcedId"] for row in small.read(folder, "users")}
    assert found == {each for each in users if each[1:].startswith(FIRST)}
    small.write(
        folder,
        "users",
        ({**row, "enabledUser": str(row["sourcedId"] != HEAD).lower()} for row in small.read(folder, "users")),
    )
    assert {each.identity for each in made(folder)} == found - {HEAD}


def test_a_slip_has_the_code_that_the_service_takes(folder: Path) -> None:
    for each in made(folder, number=2):
        assert first_sign_in.slip_of(KEY, each.identity, each.code) == each.number == 2


def test_the_tier_is_the_one_of_what_somebody_is_first_of_all(folder: Path) -> None:
    roles = [row for row in small.read(folder, "roles") if row["userSourcedId"] == HEAD]
    assert [(row["roleType"], row["role"]) for row in roles] == [("primary", "teacher"), ("secondary", "principal")]
    tiers = {tier.id: tier.name for tier in small.city().tiers}
    assert {each.tier for each in made(folder, people=(HEAD,))} == {tiers["teacher"]}
    swapped = {"primary": "secondary", "secondary": "primary"}
    rows = (
        {**row, "roleType": swapped[row["roleType"]] if row["userSourcedId"] == HEAD else row["roleType"]}
        for row in small.read(folder, "roles")
    )
    small.write(folder, "roles", rows)
    assert {each.tier for each in made(folder, people=(HEAD,))} == {tiers["school-staff"]}


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_main_roles_the_slip_names_the_one_that_signing_in_begins_with(folder: Path, turned: bool) -> None:
    rows = [{**row, "roleType": "primary"} for row in small.read(folder, "roles")]
    theirs = [row for row in rows if row["userSourcedId"] == HEAD]
    others = [row for row in rows if row["userSourcedId"] != HEAD]
    small.write(folder, "roles", [*others, *(reversed(theirs) if turned else theirs)])
    # The database gives the role of the lower name first: principal before teacher.
    tiers = {tier.id: tier.name for tier in small.city().tiers}
    assert {each.tier for each in made(folder, people=(HEAD,))} == {tiers["school-staff"]}


def test_no_school_s_register_makes_an_official_of_the_district(folder: Path) -> None:
    official = f"t{FIRST}0001"
    roles = small.read(folder, "roles")
    for row in roles:
        if row["userSourcedId"] == official:
            row["role"] = "districtAdministrator"
    small.write(folder, "roles", roles)
    enrolled = small.read(folder, "enrollments")
    small.write(folder, "enrollments", (row for row in enrolled if row["userSourcedId"] != official))
    assert official not in {each.identity for each in made(folder)}


def test_a_class_is_its_pupils_their_parents_and_its_teachers(folder: Path) -> None:
    group = f"{FIRST}-c000"
    enrolled = {row["userSourcedId"] for row in small.read(folder, "enrollments") if row["classSourcedId"] == group}
    parents = {
        row["sourcedId"] for row in small.read(folder, "users") if enrolled & set(row["agentSourcedIds"].split(","))
    }
    assert parents
    assert {each.identity for each in made(folder, group)} == enrolled | parents
    # Where the register writes it the other way round, children name their parents:
    users = {row["sourcedId"]: row for row in small.read(folder, "users")}
    for parent in [each for each in users if each.startswith("p")]:
        for child in users[parent]["agentSourcedIds"].split(","):
            users[child]["agentSourcedIds"] = parent
        users[parent]["agentSourcedIds"] = ""
    small.write(folder, "users", users.values())
    assert {each.identity for each in made(folder, group)} == enrolled | parents


def test_what_the_files_do_not_have_is_said_without_repeating_somebody_s_id(folder: Path) -> None:
    with pytest.raises(UserError, match=f"has no class .*{FIRST}-c000"):
        made(folder, f"{FIRST}-c00")
    with pytest.raises(UserError, match="1 of the ids given") as caught:
        made(folder, people=(HEAD, "an-identity-number"))
    assert "an-identity-number" not in str(caught.value)
    with pytest.raises(UserError, match="does not speak for school '9999999999'"):
        slips(small.checked(folder), small.city(), Wanted("9999999999"), KEY)


def test_a_name_can_be_no_markup_and_a_page_fetches_nothing(folder: Path) -> None:
    small.change(folder, "users", -1, familyName="<script>alert(1)</script>", givenName="&")
    city = small.city()
    page = slip_pages.page(
        slips(small.checked(folder), city, Wanted(SECOND), KEY), city, city.school(SECOND), "https://city.example"
    )
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "https://city.example/#first" in page
    assert not re.findall(r"(?:src|href)=|url\(|@import", page)


@pytest.fixture
def huiju(unshipped: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> object:
    """The command, in a folder of its own."""
    monkeypatch.setattr(place, "of_stack", lambda name: Place(name, {"domain": "city.example"}, None, None))
    monkeypatch.setattr(reaching, "roster_key", lambda _: KEY)
    monkeypatch.setattr(roster, "load_named", lambda _: small.city())
    monkeypatch.setattr(roster, "today", lambda _: small.TODAY)
    monkeypatch.chdir(tmp_path)

    def run(*words: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, ["roster", "slips", *words], input=stdin)

    return run


def test_the_command_writes_both_files_for_its_user_alone(huiju: object, folder: Path, tmp_path: Path) -> None:
    assert callable(huiju)
    done = huiju(str(folder), "--school", FIRST)
    assert done.exit_code == 0, done.output + repr(done.exception)
    table, page = (tmp_path / f"slips-{FIRST}.{suffix}" for suffix in ("csv", "html"))
    assert {stat.S_IMODE(each.stat().st_mode) for each in (table, page)} == {0o600}
    rows = list(csv.DictReader(table.read_text(encoding="utf-8-sig").splitlines()))
    assert {row["id"]: row["code"] for row in rows} == {each.identity: each.code for each in made(folder)}
    assert all(f"<dd>{row['account']}</dd>" in page.read_text(encoding="utf-8") for row in rows)
    assert all(row["code"] in page.read_text(encoding="utf-8") for row in rows)
    for row in rows:
        assert row["name"] not in done.output
        assert row["code"] not in done.output


def test_the_command_overwrites_nothing_unasked_and_follows_no_link(
    huiju: object, folder: Path, tmp_path: Path
) -> None:
    assert callable(huiju)
    (tmp_path / "x.html").write_text("somebody's")
    refused = huiju(str(folder), "--school", FIRST, "--out", "x")
    assert (refused.exit_code, (tmp_path / "x.html").read_text()) == (1, "somebody's")
    assert not (tmp_path / "x.csv").exists()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("kept")
    (tmp_path / "x.csv").symlink_to(elsewhere)
    assert huiju(str(folder), "--school", FIRST, "--out", "x", "--force").exit_code == 0
    assert elsewhere.read_text() == "kept"
    assert "<html" in (tmp_path / "x.html").read_text()


def test_the_command_takes_ids_from_a_prompt(huiju: object, folder: Path, tmp_path: Path) -> None:
    assert callable(huiju)
    done = huiju(str(folder), "--school", FIRST, "--only", "--number", "2", stdin=f"{HEAD}\n\n")
    assert done.exit_code == 0, done.output + repr(done.exception)
    (row,) = csv.DictReader((tmp_path / f"slips-{FIRST}.csv").read_text(encoding="utf-8-sig").splitlines())
    assert (row["id"], row["code"]) == (HEAD, first_sign_in.code(KEY, HEAD, 2))
    assert "no id was given" in str(huiju(str(folder), "--school", FIRST, "--only", stdin="\n").exception)


def test_where_one_file_cannot_be_written_neither_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = tmp_path / "slips.csv", tmp_path / "slips.html"
    write = slip_pages._for_the_owner

    def full(path: Path, text: str) -> None:
        write(path, text)
        if path.name.startswith(other.name):
            raise OSError("no space left on device")

    monkeypatch.setattr(slip_pages, "_for_the_owner", full)
    with pytest.raises(OSError, match="no space"):
        slip_pages.write({one: "names", other: "names"}, force=False)
    assert not list(tmp_path.iterdir())
