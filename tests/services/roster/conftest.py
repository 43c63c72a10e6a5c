"""The roster of two small schools, in which some guardians agreed, some people hold paid seats, and classes once had the same ids."""

from __future__ import annotations

import pytest

from local import postgresql
from tests.roster_server import Server

AGREED = """
INSERT INTO consents (pupil, guardian, roles, begins, recorded_by, withdrawn_at, withdrawn_by)
SELECT child, guardian, roles, '2026-09-01', 'a test', CASE WHEN number % 3 = 0 THEN now() END, CASE WHEN number % 3 = 0 THEN 'a test' END
FROM (SELECT *, row_number() OVER (ORDER BY guardian, child) AS number FROM guardians) links WHERE number % 2 = 1
"""
"""For every second child, of whom a third withdrew it."""

SEATED = """
INSERT INTO seats (licence, person, begins, given_by, withdrawn_at, withdrawn_by)
SELECT 'bought-course', id, '2026-09-01', 'a test', CASE WHEN number % 3 = 0 THEN now() END, CASE WHEN number % 3 = 0 THEN 'a test' END
FROM (SELECT *, row_number() OVER (ORDER BY id) AS number FROM people) everybody
"""
"""Everybody, of whom a third gave it back."""

MISTAKEN = """
INSERT INTO enrolments (person, class, role, school)
SELECT e.person, c.id, 'mistaken', e.school FROM enrolments e JOIN classes c ON c.school <> e.school
ON CONFLICT DO NOTHING
"""
"""Everybody also in each class of the other school as if it were of their own, as two registers with the same ids once left it."""


@pytest.fixture(scope="module")
def server(server: Server) -> Server:
    """The server, with consents and seats in it, and classes that are taken for another school's."""
    with server.connect(postgresql.ADMINISTRATOR) as connection:
        connection.execute(AGREED)
        connection.execute(SEATED)
        connection.execute(MISTAKEN)
    return server
