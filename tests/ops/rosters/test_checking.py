"""A roster is read whole or not at all: every mistake is named with its place and what to do, and nobody's data is in the message."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.errors import UserError
from catalog.roster import RosterRole
from ops.rosters.checking import check
from ops.rosters.findings import ALIKE, MOST, RosterError
from ops.rosters.form import FAMILY, FORMS
from ops.rosters.rows import Encoding
from ops.rosters.source import LONGEST_LINE, Source
from tests.ops.rosters import small
from tests.ops.rosters.small import change, problems

OTHER = small.city().schools[1].code
Change = Callable[[Path], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return small.written(tmp_path / "roster")


def text(folder: Path, file: str, edit: Callable[[str], str]) -> None:
    path = folder / f"{file}.csv"
    path.write_bytes(edit(path.read_bytes().decode()).encode())


def without(file: str, column: str) -> Change:
    def drop(folder: Path) -> None:
        text(folder, file, lambda all_of_it: all_of_it.replace(column, f"{column[:-1]}", 1))

    return drop


def twice(file: str) -> Change:
    return lambda folder: small.write(folder, file, [*small.read(folder, file), small.read(folder, file)[0]])


def gone(file: str, number: int = -1) -> Change:
    def drop(folder: Path) -> None:
        rows = small.read(folder, file)
        del rows[number]
        small.write(folder, file, rows)

    return drop


def cell(file: str, number: int, **cells: str) -> Change:
    return lambda folder: change(folder, file, number, **cells)


def manifest(key: str, value: str) -> Change:
    def put(folder: Path) -> None:
        rows = [
            {**row, "value": value} if row["propertyName"] == key else row for row in small.read(folder, "manifest")
        ]
        small.write(folder, "manifest", rows)

    return put


def test_the_sample_is_good_and_everybody_is_known(folder: Path) -> None:
    found = small.checked(folder)
    assert (len(found.users), found.rows["users.csv"]) == (
        2 * (6 + 3) + 2 + sum(r["role"] in FAMILY for r in small.read(folder, "roles")),
    ) * 2
    assert set(found.places.schools.values()) == {school.code for school in small.city().schools}
    assert found.rows.keys() == {form.file for form in FORMS}


def test_a_zip_archive_reads_as_the_folder_does(folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "r.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in folder.iterdir():
            archive.write(path, path.name)
    assert small.checked(tmp_path / "r.zip").rows == small.checked(folder).rows
    assert Source(tmp_path / "r.zip").digest() == Source(folder).digest()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda f: (f / "manifest.csv").unlink(), r"manifest.csv:1: is missing"),
        (manifest("oneroster.version", "1.1"), r"manifest.csv:3:value: oneroster.version must be 1.2"),
        (manifest("file.users", "delta"), r"file.users is a delta"),
        (manifest("file.users", "absent"), r"file.users must be `bulk`"),
        (manifest("file.classes", "some"), r"file.classes must be `bulk` or `absent`"),
        (manifest("file.classes", "absent"), r"classes.csv is there, but file.classes is not"),
        (manifest("file.results", "bulk"), None),
        (lambda f: (f / "users.csv").unlink(), r"file.users is `bulk`, but there is no users.csv"),
        (twice("manifest"), r"manifest.csv:\d+:propertyName: is on line 2 already"),
        (without("users", "enabledUser"), r"users.csv:1:\*: the column enabledUser is missing.*enabledUse"),
        (lambda f: text(f, "users", lambda t: t.replace("username", "sourcedId", 1)), r"users.csv:1:\*: the header names sourcedId twice"),
        (lambda f: (f / "users.csv").write_text(""), r"users.csv:1:\*: the column sourcedId is missing"),
        (lambda f: text(f, "classes", lambda t: t.splitlines()[0]), r"classes.csv:1: holds no row"),
        (lambda f: text(f, "users", lambda t: f"{t}a,b\r\n"), r"users.csv:\d+: has not the header's 22 cells"),
        (twice("users"), r"users.csv:\d+:sourcedId: is on line 2 already"),
        (twice("orgs"), r"orgs.csv:\d+:sourcedId: is on line 2 already"),
        (twice("roles"), r"roles.csv:\d+:sourcedId: is on an earlier line already"),
        (twice("enrollments"), r"enrollments.csv:\d+:sourcedId: is on an earlier line already"),
        (cell("users", 3, sourcedId=""), r"users.csv:5:sourcedId: is empty: every user needs one"),
        (cell("users", 3, sourcedId="two words"), r"users.csv:5:sourcedId: is no id"),
        (cell("users", 3, sourcedId="x" * 256), r"users.csv:5:sourcedId: is no id"),
        (cell("users", 3, enabledUser="yes"), r"users.csv:5:enabledUser: must be one of: false, true"),
        (cell("users", 3, status="tobedeleted"), r"users.csv:5:status: must be empty in a bulk file"),
        (cell("users", -1, agentSourcedIds="nobody"), r"agentSourcedIds: names what users.csv does not have"),
        (cell("roles", 4, role="Student"), r"roles.csv:6:role: must be one of: aide, "),
        (cell("roles", 4, userSourcedId="nobody"), r"roles.csv:6:userSourcedId: names what users.csv does not have"),
        (cell("roles", 4, orgSourcedId="nowhere"), r"roles.csv:6:orgSourcedId: names what orgs.csv does not have"),
        (cell("roles", 4, beginDate="2026-02-30"), r"roles.csv:6:beginDate: is no day"),
        (cell("roles", 4, beginDate="01/09/2026"), r"roles.csv:6:beginDate: is no day"),
        (cell("roles", 4, beginDate="2026-W01-1"), r"roles.csv:6:beginDate: is no day"),
        (cell("enrollments", 0, endDate="2026-W53-7"), r"enrollments.csv:2:endDate: is no day"),
        (cell("roles", 4, beginDate="2026-09-01", endDate="2026-08-31"), r"roles.csv:6:endDate: is before the first day"),
        (cell("roles", -1, orgSourcedId="city"), r"orgSourcedId: is above schools"),
        (gone("roles"), r"users.csv:\d+:sourcedId: has no role"),
        (cell("orgs", -1, identifier="1234567890"), r'orgs.csv:\d+:identifier: "1234567890" is no school of tiny'),
        (cell("orgs", -1, type="shop"), r"orgs.csv:\d+:type: must be one of"),
        (cell("orgs", -1, identifier=""), r"orgs.csv:\d+:identifier: is empty"),
        (cell("orgs", -1, parentSourcedId="nowhere"), r"orgs.csv:\d+:parentSourcedId: names what orgs.csv does not have"),
        (lambda f: change(f, "orgs", -1, identifier=small.read(f, "orgs")[-2]["identifier"]), r"identifier: \d+ is another org's already"),
        (cell("orgs", 1, identifier="123456"), r"roles.csv:2:orgSourcedId: is neither a school of the catalog nor a district"),
        (cell("classes", 0, schoolSourcedId="nowhere"), r"classes.csv:2:schoolSourcedId: names what orgs.csv"),
        (cell("classes", 0, schoolSourcedId="city"), r"classes.csv:2:schoolSourcedId: is no school"),
        (cell("classes", 0, courseSourcedId="none"), r"classes.csv:2:courseSourcedId: names what courses.csv"),
        (cell("classes", 0, termSourcedIds="autumn,winter"), r"classes.csv:2:termSourcedIds: names what academicSessions.csv"),
        (cell("academicSessions", 1, endDate="2020-01-01"), r"academicSessions.csv:3:endDate: is before the first day"),
        (cell("academicSessions", 1, parentSourcedId="none"), r"academicSessions.csv:3:parentSourcedId: names what"),
        (cell("courses", 0, orgSourcedId="none"), r"courses.csv:2:orgSourcedId: names what orgs.csv"),
        (cell("demographics", 0, birthDate="2027-01-01"), r"demographics.csv:2:birthDate: is in the future"),
        (cell("demographics", 0, sourcedId="nobody"), r"demographics.csv:2:sourcedId: names what users.csv"),
        (cell("enrollments", 2, classSourcedId="none"), r"enrollments.csv:4:classSourcedId: names what classes.csv"),
        (cell("enrollments", 2, userSourcedId="nobody"), r"enrollments.csv:4:userSourcedId: names what users.csv"),
        (cell("enrollments", 2, role="parent"), r"enrollments.csv:4:role: must be one of: administrator, proctor, student, teacher"),
        (cell("enrollments", 2, role="teacher"), r"enrollments.csv:4:role: is teacher, but roles.csv gives this user no role that suits"),
        (lambda f: change(f, "enrollments", 2, schoolSourcedId=OTHER), r"enrollments.csv:4:schoolSourcedId: is not the school of"),
        (cell("users", 4, givenName="=HYPERLINK(1)"), r"users.csv:6:givenName: begins like a formula"),
        (cell("users", 4, email="@SUM(A1)"), r"users.csv:6:email: begins like a formula"),
        (cell("users", 4, sms="-2+3+cmd|' /C calc'!A0"), r"users.csv:6:sms: begins like a formula"),
        (cell("users", 4, sms="+86 138-0000 0000", phone="-"), None),
        (cell("users", 4, givenName="a, =b"), None),
        (cell("users", 4, givenName="小\u202e明"), r"users.csv:6:givenName: holds a character that nobody sees"),
        (lambda f: text(f, "users", lambda t: t.replace("样例", '"样例', 1)), r"users.csv:\d+:\*: cannot be read from here on"),
        (lambda f: text(f, "users", lambda t: t + "x" * (LONGEST_LINE + 1)), r"users.csv:\d+:\*: is longer than 65,536 bytes"),
        (lambda f: (f / "users.csv").write_bytes(b"\xff\xfe" + "a,b".encode("utf-16-le")), r"users.csv:1:\*: is not UTF-8"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place(folder: Path, change: Change, says: str | None) -> None:
    change(folder)
    found = problems(folder)
    assert ("\n".join(found) == "") == (says is None), found
    assert says is None or re.search(says, "\n".join(found)), found


def test_all_mistakes_are_named_at_once(folder: Path) -> None:
    change(folder, "users", 3, enabledUser="yes")
    change(folder, "roles", 4, role="pupil")
    change(folder, "orgs", -1, identifier="1234567890")
    assert {each.split(":")[0] for each in problems(folder)} >= {"users.csv", "roles.csv", "orgs.csv"}


def test_a_flood_of_one_mistake_hides_no_other_and_stays_short(folder: Path) -> None:
    users = small.read(folder, "users")
    more = [{**users[0], "sourcedId": f"x{number}", "enabledUser": "yes"} for number in range(5000)]
    small.write(folder, "users", [*more, *users])
    change(folder, "orgs", -1, identifier="1234567890")
    with pytest.raises(RosterError) as refused:
        small.checked(folder)
    shown = str(refused.value).splitlines()
    assert len(shown) <= MOST + 3
    assert sum("enabledUser" in line for line in shown) == ALIKE
    assert any("is no school" in line for line in shown)
    assert re.match(r"the roster has 1\d,\d+ problems:", shown[0])
    assert shown[-1] == "nothing was written"


def test_no_message_holds_what_stands_in_a_cell(folder: Path) -> None:
    """Columns may be shifted: what is no role may be a name."""
    planted = "张小明"
    for file in ("users", "roles", "enrollments", "demographics", "classes", "courses", "academicSessions"):
        rows = small.read(folder, file)
        small.write(folder, file, [dict.fromkeys(row, planted) for row in rows])
    found = problems(folder)
    assert len(found) > 20
    assert planted not in "\n".join(found)
    for file in ("users", "roles"):
        text(folder, file, lambda all_of_it: "\r\n".join(all_of_it.splitlines()[1:]))
    assert planted not in "\n".join(problems(folder))


def test_utf_8_may_begin_with_a_byte_order_mark(folder: Path) -> None:
    for path in folder.iterdir():
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert not problems(folder)


def test_gb18030_is_read_when_it_is_asked_for_and_named_when_it_is_not(folder: Path) -> None:
    rows = small.checked(folder).rows
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes().decode().encode("gb18030"))
    assert small.checked(folder, Encoding.GB18030).rows == rows
    assert re.search(r"users.csv:2:\*: is not UTF-8.*--encoding gb18030", "\n".join(problems(folder)))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "does not exist: give a folder"),
        (lambda path: path.write_bytes(b"PK\x03\x04 and then nothing"), "neither a folder nor a zip archive"),
    ],
)
def test_what_is_no_archive_is_refused(tmp_path: Path, make: Change, says: str) -> None:
    make(tmp_path / "r.zip")
    with pytest.raises(UserError, match=says):
        Source(tmp_path / "r.zip")


def packed(folder: Path, where: Path, prefix: str = "") -> Path:
    with zipfile.ZipFile(where, "w") as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, f"{prefix}{path.name}")
    return where


def test_files_in_a_folder_of_the_archive_are_not_looked_for(folder: Path, tmp_path: Path) -> None:
    assert "in its top folder" in problems(packed(folder, tmp_path / "r.zip", "roster/"))[0]


def test_a_damaged_archive_is_noticed(folder: Path, tmp_path: Path) -> None:
    where = packed(folder, tmp_path / "r.zip")
    where.write_bytes(where.read_bytes().replace("样例".encode(), "样列".encode(), 1))
    assert re.search(r"users.csv:\d+:\*: cannot be read from here on: Bad CRC", "\n".join(problems(where)))
    with pytest.raises(UserError, match=r"users.csv in .* cannot be read"):
        Source(where).digest()


def test_a_file_that_is_there_twice_is_refused(folder: Path, tmp_path: Path) -> None:
    where = packed(folder, tmp_path / "r.zip")
    with zipfile.ZipFile(where, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.write(folder / "users.csv", "users.csv")
    with pytest.raises(UserError, match=r"holds users.csv more than once"):
        Source(where)


def test_a_child_is_under_fourteen_until_the_day_it_is_fourteen(folder: Path) -> None:
    for number, born in enumerate(("2012-11-24", "2012-11-25", "")):
        change(folder, "demographics", number, birthDate=born)
    found = small.checked(folder)
    pupils = [row["sourcedId"] for row in small.read(folder, "demographics")[:3]]
    assert [found.ages[found.users[hash(each)]] for each in pupils] == [2, 1, 0]


def test_the_age_is_the_catalog_s(folder: Path) -> None:
    city = small.city()
    minors = city.minors.model_copy(update={"guardian_consent_below": 16})
    for number, born in enumerate(("2010-11-24", "2010-11-25")):
        change(folder, "demographics", number, birthDate=born)
    found = check(Source(folder), city.model_copy(update={"minors": minors}), small.TODAY)
    pupils = [row["sourcedId"] for row in small.read(folder, "demographics")[:2]]
    assert found.grown == 16
    assert [found.ages[found.users[hash(each)]] for each in pupils] == [2, 1]


def test_a_child_may_name_its_parent_as_well_as_the_other_way_round(folder: Path) -> None:
    users = small.read(folder, "users")
    parent = next(row for row in users if row["agentSourcedIds"])
    child = next(row for row in users if row["sourcedId"] == parent["agentSourcedIds"].split(",")[0])
    child["agentSourcedIds"], parent["agentSourcedIds"] = parent["sourcedId"], ""
    small.write(folder, "users", users)
    found = small.checked(folder)
    one, other = (found.users[hash(row["sourcedId"])] for row in (parent, child))
    assert (found.family(one, other), found.family(other, one)) == (True, False)


def test_two_pupils_are_nobodys_family(folder: Path) -> None:
    pupils = [row["userSourcedId"] for row in small.read(folder, "roles") if row["role"] == RosterRole.STUDENT]
    users = [
        {**row, "agentSourcedIds": pupils[1]} if row["sourcedId"] == pupils[0] else row
        for row in small.read(folder, "users")
    ]
    small.write(folder, "users", users)
    assert "joins two users of whom none is a pupil" in problems(folder)[0]
