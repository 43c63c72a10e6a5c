"""A made-up roster of a catalog's schools, in OneRoster's form: as many pupils, teachers and classes as the catalog counts.

Nobody in it is real. The same city, year and seed give the same files.
"""

from __future__ import annotations

import csv
import io
import random
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final, TextIO

from catalog import City
from catalog.errors import UserError
from catalog.problems import displayed
from catalog.roster import RosterRole
from catalog.school import School, Stage
from ops.rosters.form import SCHOOL, VERSIONS
from ops.rosters.manifest import ABSENT, BULK

HEADERS: Final = {
    "academicSessions": "sourcedId,status,dateLastModified,title,type,startDate,endDate,parentSourcedId,schoolYear",
    "classes": "sourcedId,status,dateLastModified,title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId,"
    "termSourcedIds,subjects,subjectCodes,periods",
    "courses": "sourcedId,status,dateLastModified,schoolYearSourcedId,title,courseCode,grades,orgSourcedId,subjects,subjectCodes",
    "demographics": "sourcedId,status,dateLastModified,birthDate,sex,americanIndianOrAlaskaNative,asian,blackOrAfricanAmerican,"
    "nativeHawaiianOrOtherPacificIslander,white,demographicRaceTwoOrMoreRaces,hispanicOrLatinoEthnicity,countryOfBirthCode,"
    "stateOfBirthAbbreviation,cityOfBirth,publicSchoolResidenceStatus",
    "enrollments": "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate",
    "orgs": "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId",
    "roles": "sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId,userProfileSourcedId",
    "users": "sourcedId,status,dateLastModified,enabledUser,username,userIds,givenName,familyName,middleName,identifier,email,sms,phone,"
    "agentSourcedIds,grades,password,userMasterIdentifier,preferredGivenName,preferredMiddleName,preferredFamilyName,"
    "primaryOrgSourcedId,pronouns",
}
"""The standard's columns, in its order."""
OTHERS: Final = (
    "categories",
    "classResources",
    "courseResources",
    "lineItemLearningObjectiveIds",
    "lineItems",
    "lineItemScoreScales",
    "resources",
    "resultLearningObjectiveIds",
    "results",
    "resultScoreScales",
    "scoreScales",
    "userProfiles",
    "userResources",
)
"""Files of the standard that the sample does without."""
AGES: Final = {Stage.PRIMARY: (6, 6), Stage.JUNIOR: (12, 3), Stage.SENIOR: (15, 3), Stage.VOCATIONAL: (15, 3)}
"""Age in the first year of a stage, and its years."""
SIBLINGS: Final = 9
"""One parent in so many has two children at the school. Ours, so that the case is there."""


class Writers:
    """The open files."""

    def __init__(self, files: dict[str, TextIO]) -> None:
        self.columns = {name: header.split(",") for name, header in HEADERS.items()}
        self.writers = {name: csv.writer(file, lineterminator="\r\n") for name, file in files.items()}
        for name, columns in self.columns.items():
            self.writers[name].writerow(columns)
        self.made = dict.fromkeys(HEADERS, 0)

    def row(self, file: str, sourced_id: str, /, **cells: str) -> None:
        """A row of one file; columns that are not given stay empty."""
        self.made[file] += 1
        given = {"sourcedId": sourced_id, **cells}
        self.writers[file].writerow([given.get(each, "") for each in self.columns[file]])

    def user(self, user: str, org: str, *roles: RosterRole, family: str = "", agents: Iterable[str] = ()) -> None:
        """Somebody with roles at one org, the first of them the primary one."""
        self.row(
            "users",
            user,
            enabledUser="true",
            username=user,
            givenName=f"样例{user[-4:]}",
            familyName=family,
            agentSourcedIds=",".join(agents),
            primaryOrgSourcedId=org,
        )
        for number, role in enumerate(roles):
            kind = "secondary" if number else "primary"
            self.row("roles", f"{user}.{role}", userSourcedId=user, roleType=kind, role=role.value, orgSourcedId=org)


def write(city: City, where: Path, today: date, seed: int = 1) -> dict[str, int]:
    """Write the roster of ``city`` in the school year of ``today`` into a new folder or ``.zip`` file, and return the rows of each file."""
    if where.exists() and (where.suffix == ".zip" or any(where.iterdir())):
        raise UserError(f"{displayed(where)} is there already: nothing is overwritten; name another place")
    dice, year = random.Random(seed), today.year - (today.month < 9)  # noqa: S311, PLR2004  # figures, not secrets; school begins in September
    with _files(where) as files:
        out = Writers(files)
        _frame(out, city, year)
        for school in city.schools:
            _School(out, school, year, dice).write()
        _manifest(files["manifest"])
    return out.made


@contextmanager
def _files(where: Path) -> Iterator[dict[str, TextIO]]:
    """All files open for writing; a zip archive is made from the folder at the end, since it takes one file after the other."""
    folder = where.with_suffix(".part") if where.suffix == ".zip" else where
    folder.mkdir(parents=True, exist_ok=True)
    names = {name: folder / f"{name}.csv" for name in ("manifest", *HEADERS)}
    files: dict[str, TextIO] = {name: path.open("w", encoding="utf-8", newline="") for name, path in names.items()}
    try:
        yield files
    finally:
        for file in files.values():
            file.close()
    if folder != where:
        with zipfile.ZipFile(where, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for path in names.values():
                archive.write(path, path.name)
                path.unlink()
        folder.rmdir()


def _manifest(file: TextIO) -> None:
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\r\n")
    versions = ((key, allowed[0]) for key, allowed in VERSIONS.items())
    modes = {**dict.fromkeys(HEADERS, BULK), **dict.fromkeys(OTHERS, ABSENT)}
    sources = (("source.systemName", "huiju roster sample"), ("source.systemCode", "sample"))
    writer.writerows(
        [
            ("propertyName", "value"),
            *versions,
            *((f"file.{name}", mode) for name, mode in sorted(modes.items())),
            *sources,
        ]
    )
    file.write(lines.getvalue())


def _frame(out: Writers, city: City, year: int) -> None:
    """City, districts and schools; the year and its two terms; somebody in each district who administers it."""
    out.row("orgs", "city", name=city.name.zh, type="local", identifier=city.division_code)
    for district in city.districts:
        identity = f"district-{district.id}"
        out.row(
            "orgs",
            identity,
            name=district.name.zh,
            type="district",
            identifier=district.division_code,
            parentSourcedId="city",
        )
        out.user(f"a{district.division_code}", identity, RosterRole.DISTRICT_ADMINISTRATOR, family="管")
    for school in city.schools:
        out.row(
            "orgs",
            school.code,
            name=school.name.zh,
            type=SCHOOL,
            identifier=school.code,
            parentSourcedId=f"district-{school.district}",
        )
    whole = (f"{year}-09-01", f"{year + 1}-07-10")
    terms = (("autumn", whole[0], f"{year + 1}-01-20"), ("spring", f"{year + 1}-02-20", whole[1]))
    out.row(
        "academicSessions",
        "year",
        title=f"{year}",
        type="schoolYear",
        startDate=whole[0],
        endDate=whole[1],
        schoolYear=f"{year + 1}",
    )
    for name, first, last in terms:
        out.row(
            "academicSessions",
            name,
            title=name,
            type="semester",
            startDate=first,
            endDate=last,
            parentSourcedId="year",
            schoolYear=f"{year + 1}",
        )


class _School:
    """One school's people."""

    def __init__(self, out: Writers, school: School, year: int, dice: random.Random) -> None:
        self.out, self.school, self.code, self.year, self.dice = out, school, school.code, year, dice
        self.parents = 0

    def write(self) -> None:
        """Teachers, one of whom leads the school, then class by class."""
        self.out.row(
            "courses", f"{self.code}-all", title="全部课程", orgSourcedId=self.code, schoolYearSourcedId="year"
        )
        teachers = [f"t{self.code}{number:04d}" for number in range(self.school.teachers)]
        for number, teacher in enumerate(teachers):
            self.out.user(
                teacher, self.code, RosterRole.TEACHER, *(() if number else (RosterRole.PRINCIPAL,)), family="师"
            )
        base, more = divmod(self.school.students, self.school.classes)
        first = 0
        for number in range(self.school.classes):
            size = base + (number < more)
            self._class(number, range(first, first + size), teachers)
            first += size

    def _class(self, number: int, pupils: range, teachers: Sequence[str]) -> None:
        group, age = f"{self.code}-c{number:03d}", self._age(number)
        self.out.row(
            "classes",
            group,
            title=f"{number + 1}班",
            courseSourcedId=f"{self.code}-all",
            classType="homeroom",
            schoolSourcedId=self.code,
            termSourcedIds="autumn,spring",
        )
        for teacher in {teachers[number % len(teachers)], teachers[(number + 1) % len(teachers)]}:
            self._enrol(teacher, group, RosterRole.TEACHER)
        family = list[str]()
        for each in pupils:
            pupil = f"s{self.code}{each:05d}"
            self.out.user(pupil, self.code, RosterRole.STUDENT, family="生")
            self._enrol(pupil, group, RosterRole.STUDENT)
            self.out.row(
                "demographics",
                pupil,
                birthDate=f"{self.year - age}-{self.dice.randint(1, 8):02d}-{self.dice.randint(1, 28):02d}",
            )
            family.append(pupil)
            # The last parent of a class takes whoever is left.
            if len(family) == 2 or self.parents % SIBLINGS or each == pupils[-1]:  # noqa: PLR2004
                self._parent(family)
                family.clear()

    def _parent(self, children: Sequence[str]) -> None:
        self.out.user(f"p{self.code}{self.parents:05d}", self.code, RosterRole.PARENT, family="家", agents=children)
        self.parents += 1

    def _enrol(self, user: str, group: str, role: RosterRole) -> None:
        self.out.row(
            "enrollments",
            f"{group}.{user}",
            classSourcedId=group,
            schoolSourcedId=self.code,
            userSourcedId=user,
            role=role.value,
            primary="true" if role is RosterRole.TEACHER else "",
        )

    def _age(self, number: int) -> int:
        """Of a class's pupils in September: classes are spread over the years of the school's stages."""
        ages = [
            first + each for stage in self.school.stages for first, count in (AGES[stage],) for each in range(count)
        ]
        return ages[number * len(ages) // self.school.classes]
