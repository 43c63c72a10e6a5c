"""Where people belong: the orgs of a roster, matched to the catalog by their codes, and the classes in them."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from datetime import date
from functools import reduce

from catalog import City
from ops import school_codes
from ops.rosters.findings import Findings
from ops.rosters.form import CLASSES, COURSES, ORGS, SCHOOL, SESSIONS, Form, day
from ops.rosters.rows import Row

Span = tuple[date | None, date | None]
"""First and last day; None: no bound."""


KNOWN = {ORGS: "orgs", SESSIONS: "sessions", COURSES: "courses", CLASSES: "classes"}
"""File -> where its ids are kept."""


@dataclass
class Places:
    """What the small files say: orgs, sessions, courses and classes, by the roster's own ids."""

    city: City
    findings: Findings
    orgs: dict[str, str | None] = field(default_factory=dict)
    """Id -> national code of the school, division code of the district or city; None where nobody may belong."""
    schools: dict[str, str] = field(default_factory=dict)
    """Id -> code, of the schools alone."""
    refused: set[str] = field(default_factory=set)
    """Ids of schools of which something is wrong: said once, not for everybody in them."""
    sessions: dict[str, Span] = field(default_factory=dict)
    courses: set[str] = field(default_factory=set)
    classes: dict[str, tuple[str, Span]] = field(default_factory=dict)
    """Id -> code of its school, and when it is held."""
    read: set[str] = field(default_factory=set)
    """Names of the files that were read to their end: what they lack is missing."""
    lines: dict[tuple[str, str], int] = field(default_factory=dict)

    def first(self, form_file: str, line: int, identity: str) -> bool:
        """Whether this id is new in its file; noted when it is not, or is no id."""
        before = self.lines.setdefault((form_file, identity), line)
        if identity and before != line:
            self.findings.add(form_file, line, "sourcedId", f"is on line {before} already: keep one", "twice")
        return bool(identity) and before == line

    def missing(self, form: Form, line: int, column: str, identity: str, target: Form) -> bool:
        """Whether ``identity`` is an id that the file ``target`` lacks; noted then."""
        known: Container[str] = getattr(self, KNOWN[target])
        if not identity or target.file not in self.read or identity in known:
            return False
        message = f"names what {target.file} does not have: add it there, or leave this row out"
        self.findings.add(form.file, line, column, message)
        return True

    def add_org(self, row: Row) -> None:
        """An org: a school of the catalog, something above schools, or a part of one."""
        identity, _, kind, code, _ = row.cells
        if not self.first(ORGS.file, row.line, identity):
            return
        self.orgs[identity] = None
        if kind == SCHOOL:
            self._add_school(row.line, identity, code)
        elif code == self.city.division_code or code in {each.division_code for each in self.city.districts}:
            self.orgs[identity] = code

    def _add_school(self, line: int, identity: str, code: str) -> None:
        note, column = self.findings.add, "identifier"
        self.refused.add(identity)
        if not code:
            note(ORGS.file, line, column, "is empty: a school is known by its national code of ten digits")
        elif code not in self.city.by_code:
            note(ORGS.file, line, column, school_codes.unknown(code, self.city), "unknown")
        elif code in self.schools.values():
            note(ORGS.file, line, column, f"{code} is another org's already: a school is one org", "twice")
        else:
            self.orgs[identity] = self.schools[identity] = code
            self.refused.remove(identity)

    def check_parent(self, form: Form, row: Row) -> None:
        """Of an org or a session, once all are known: its last column."""
        self.missing(form, row.line, "parentSourcedId", row.cells[-1], form)

    def add_session(self, row: Row) -> None:
        """A term or year."""
        identity, _, _, begins, ends, _ = row.cells
        if self.first(SESSIONS.file, row.line, identity):
            self.sessions[identity] = self.span(SESSIONS.file, row.line, "endDate", begins, ends)

    def span(self, file: str, line: int, column: str, begins: str, ends: str) -> Span:
        """First and last day; noted when they are the wrong way round."""
        first, last = day(begins) if begins else None, day(ends) if ends else None
        if first and last and last < first:
            self.findings.add(file, line, column, "is before the first day: one of the two is wrong")
        return first, last

    def add_course(self, row: Row) -> None:
        """A course: only that there is one."""
        identity, _, year, org = row.cells
        if self.first(COURSES.file, row.line, identity):
            self.courses.add(identity)
            self.missing(COURSES, row.line, "schoolYearSourcedId", year, SESSIONS)
            self.missing(COURSES, row.line, "orgSourcedId", org, ORGS)

    def add_class(self, row: Row) -> None:
        """A class: its school, and the days of its terms."""
        identity, _, course, _, school, terms = row.cells
        if not self.first(CLASSES.file, row.line, identity):
            return
        held = [each.strip() for each in terms.split(",")] if terms else []
        self.missing(CLASSES, row.line, "courseSourcedId", course, COURSES)
        unknown = self.missing(CLASSES, row.line, "schoolSourcedId", school, ORGS)
        if (
            school
            and not unknown
            and school not in self.schools
            and school not in self.refused
            and ORGS.file in self.read
        ):
            self.findings.add(
                CLASSES.file, row.line, "schoolSourcedId", "is no school of the catalog: a class is held at one"
            )
        for each in held:
            self.missing(CLASSES, row.line, "termSourcedIds", each, SESSIONS)
        spans = [self.sessions[each] for each in held if each in self.sessions]
        self.classes[identity] = (self.schools.get(school, ""), reduce(_around, spans) if spans else (None, None))


def _around(one: Span, other: Span) -> Span:
    """The time that holds both."""
    first = min(one[0], other[0]) if one[0] and other[0] else None
    return first, max(one[1], other[1]) if one[1] and other[1] else None
