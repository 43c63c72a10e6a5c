"""The first look at a roster: everything that is wrong with it, in one pass, and what the second pass needs to know.

Memory grows by some 100 bytes a person and never holds a row: ids are kept as Python's own 64-bit hashes, which differ from one run to the
next. Two of a million ids clash once in thirty million runs, and then a good file is refused; the next run takes it.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date

from catalog import City
from catalog.roster import RosterRole
from ops.rosters import manifest
from ops.rosters.findings import Findings, RosterError
from ops.rosters.form import (
    ADMINISTRATOR,
    CLASSES,
    COURSES,
    DEMOGRAPHICS,
    ENROLLMENTS,
    FAMILY,
    ORGS,
    ROLES,
    SESSIONS,
    USERS,
    Form,
    day,
)
from ops.rosters.places import Places
from ops.rosters.rows import Encoding, Row, rows
from ops.rosters.source import Source

BIT: dict[str, int] = {role: 1 << position for position, role in enumerate(RosterRole)}
FAMILY_BITS = sum(BIT[each] for each in FAMILY)
STAFF_BITS = sum(BIT[each] for each in RosterRole if each not in FAMILY and each is not RosterRole.STUDENT)
SUITS: dict[str, int] = {
    RosterRole.STUDENT: BIT[RosterRole.STUDENT],
    RosterRole.TEACHER: STAFF_BITS,
    RosterRole.PROCTOR: STAFF_BITS,
    ADMINISTRATOR: STAFF_BITS,
}
"""RosterRole in a class -> the roles, one of which roles.csv must give somebody who has it."""
UNKNOWN, UNDER, OVER = 0, 1, 2
ROWS = Callable[[Form], Iterator[Row]]


@dataclass
class Checked:
    """What is known of a roster after the first look."""

    source: Source
    encoding: Encoding
    places: Places
    today: date
    grown: int
    """Years from which on a child's own consent is enough, by the catalog, as what is imported goes by it."""
    users: dict[int, int] = field(default_factory=dict)
    """Hash of an id -> position."""
    lines: array[int] = field(default_factory=lambda: array("I"))
    roles: array[int] = field(default_factory=lambda: array("H"))
    """Bits of ``BIT``, by position."""
    ages: bytearray = field(default_factory=bytearray)
    """``UNKNOWN``, ``UNDER`` that age or ``OVER``, by position."""
    rows: dict[str, int] = field(default_factory=dict)
    """File -> rows."""

    def of(self, user: str) -> int | None:
        """The position of a user; None when there is none."""
        return self.users.get(hash(user))

    def family(self, one: int, other: int) -> bool | None:
        """Whether the first looks after the second (True), the other way round (False), or neither (None)."""
        pupil = BIT[RosterRole.STUDENT]
        if self.roles[one] & FAMILY_BITS and self.roles[other] & pupil:
            return True
        return False if self.roles[other] & FAMILY_BITS and self.roles[one] & pupil else None

    def read(self, form: Form) -> Iterator[Row]:
        """The rows of one file once more."""
        return rows(self.source, form, Findings(), self.encoding) if form.file in self.rows else iter(())


def check(source: Source, city: City, today: date, encoding: Encoding = Encoding.UTF8) -> Checked:
    """Look at everything. Raises `RosterError` with all that is wrong, so much of each kind."""
    findings = Findings()
    found = Checked(source, encoding, Places(city, findings), today, city.minors.guardian_consent_below)
    look = _Look(findings, found)
    for form in manifest.files(source, findings, encoding):
        look.at(form)
    look.people()
    if findings:
        raise RosterError(findings)
    return look.found


class _Look:
    """The pass over all files."""

    def __init__(self, findings: Findings, found: Checked) -> None:
        self.findings, self.found, self.places = findings, found, found.places
        self.agents = (array("I"), array("q"))
        """Position of a user, and hash of the id that it names as agent."""
        self.by_form: dict[Form, Callable[[Row], None]] = {
            ORGS: self.places.add_org, SESSIONS: self.places.add_session, COURSES: self.places.add_course, CLASSES: self.places.add_class,
            USERS: self._user, ROLES: self._role, DEMOGRAPHICS: self._born, ENROLLMENTS: self._enrollment,
        }  # fmt: skip
        self.seen: set[int] = set()

    def at(self, form: Form) -> None:
        """Read one file."""
        take, count, later, stopped = self.by_form[form], 0, list[Row](), self._stops(form)
        self.seen = set()
        for row in rows(self.found.source, form, self.findings, self.found.encoding):
            take(row)
            count += 1
            if form in {ORGS, SESSIONS}:
                later.append(row)
        self.found.rows[form.file] = count
        if self._stops(form) == stopped:
            self.places.read.add(form.file)
        for row in later:
            self.places.check_parent(form, row)

    def _stops(self, form: Form) -> int:
        return sum(
            count for (file, column, _), count in self.findings.counts.items() if (file, column) == (form.file, "*")
        )

    def _user(self, row: Row) -> None:
        identity, _, _, agents = row.cells
        found, position = self.found, len(self.found.lines)
        if not identity:
            return
        before = found.users.setdefault(hash(identity), position)
        if before != position:
            self._twice(USERS, row.line, found.lines[before])
            return
        found.lines.append(row.line)
        found.roles.append(0)
        found.ages.append(UNKNOWN)
        for agent in agents.split(",") if agents else ():
            self.agents[0].append(position)
            self.agents[1].append(hash(agent.strip()))

    def _twice(self, form: Form, line: int, before: int | None = None) -> None:
        where = f"line {before}" if before else "an earlier line"
        self.findings.add(form.file, line, "sourcedId", f"is on {where} already: keep one", "twice")

    def _known(self, form: Form, line: int, identity: str) -> None:
        if identity and hash(identity) in self.seen:
            self._twice(form, line)
        self.seen.add(hash(identity))

    def _whose(self, form: Form, line: int, column: str, user: str) -> int | None:
        position = self.found.of(user)
        if position is None and user and USERS.file in self.places.read:
            self.findings.add(
                form.file, line, column, "names what users.csv does not have: add it there, or leave this row out"
            )
        return position

    def _role(self, row: Row) -> None:
        identity, _, user, _, role, begins, ends, org = row.cells
        self._known(ROLES, row.line, identity)
        self.places.span(ROLES.file, row.line, "endDate", begins, ends)
        position = self._whose(ROLES, row.line, "userSourcedId", user)
        unknown = self.places.missing(ROLES, row.line, "orgSourcedId", org, ORGS)
        if org and not unknown and org not in self.places.refused and self.places.orgs.get(org, "") is None:
            message = "is neither a school of the catalog nor a district or the city by its division code: nobody can belong there"
            self.findings.add(ROLES.file, row.line, "orgSourcedId", message)
        if role and position is not None:
            self.found.roles[position] |= BIT[role]
            if (
                role in {RosterRole.STUDENT, *FAMILY}
                and org in self.places.orgs
                and org not in self.places.schools
                and self.places.orgs[org]
            ):
                self.findings.add(
                    ROLES.file,
                    row.line,
                    "orgSourcedId",
                    "is above schools: pupils and their families belong to a school",
                )

    def _born(self, row: Row) -> None:
        identity, _, born = row.cells
        self._known(DEMOGRAPHICS, row.line, identity)
        position, birth = self._whose(DEMOGRAPHICS, row.line, "sourcedId", identity), day(born) if born else None
        if birth and birth > self.found.today:
            self.findings.add(DEMOGRAPHICS.file, row.line, "birthDate", "is in the future")
        elif birth and position is not None:
            self.found.ages[position] = UNDER if years(birth, self.found.today) < self.found.grown else OVER

    def _enrollment(self, row: Row) -> None:
        identity, _, group, school, user, role, begins, ends = row.cells
        file = ENROLLMENTS.file
        self._known(ENROLLMENTS, row.line, identity)
        self.places.span(file, row.line, "endDate", begins, ends)
        unknown = self.places.missing(ENROLLMENTS, row.line, "schoolSourcedId", school, ORGS)
        if not self.places.missing(ENROLLMENTS, row.line, "classSourcedId", group, CLASSES) and not unknown:
            held = self.places.classes.get(group, ("", None))[0]
            if held and school and held != self.places.schools.get(school, held):
                self.findings.add(
                    file,
                    row.line,
                    "schoolSourcedId",
                    "is not the school of the class in classes.csv: one of the two is wrong",
                )
        position = self._whose(ENROLLMENTS, row.line, "userSourcedId", user)
        if (
            role
            and position is not None
            and ROLES.file in self.places.read
            and not self.found.roles[position] & SUITS[role]
        ):
            message = f"is {role}, but roles.csv gives this user no role that suits it: one of the two is wrong"
            self.findings.add(file, row.line, "role", message)

    def people(self) -> None:
        """What can be said of users once roles are known."""
        if not {USERS.file, ROLES.file} <= self.places.read:
            return
        for position, bits in enumerate(self.found.roles):
            if not bits:
                message = "has no role in roles.csv: nothing could be decided for them; give one, or leave the user out"
                self.findings.add(USERS.file, self.found.lines[position], "sourcedId", message)
        for position, agent in zip(*self.agents, strict=True):
            self._agent(position, self.found.users.get(agent))

    def _agent(self, user: int, agent: int | None) -> None:
        line = self.found.lines[user]
        if agent is None:
            self.findings.add(
                USERS.file, line, "agentSourcedIds", "names what users.csv does not have: add it there, or take it out"
            )
        elif self.found.roles[user] and self.found.roles[agent] and self.found.family(user, agent) is None:
            message = "joins two users of whom none is a pupil and the other parent, guardian or relative: one of the roles is wrong"
            self.findings.add(USERS.file, line, "agentSourcedIds", message)


def years(born: date, today: date) -> int:
    """Age in whole years."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
