"""The roster of two small schools, in which some guardians agreed."""

from __future__ import annotations

import pytest

from local import postgresql
from tests.roster_server import Server

AGREED = """
INSERT INTO consents (pupil, guardian, begins, recorded_by, withdrawn_at, withdrawn_by)
SELECT child, guardian, '2026-09-01', 'a test', CASE WHEN number % 3 = 0 THEN now() END, CASE WHEN number % 3 = 0 THEN 'a test' END
FROM (SELECT *, row_number() OVER (ORDER BY guardian, child) AS number FROM guardians) links WHERE number % 2 = 1
"""
"""For every second child, of whom a third withdrew it."""


@pytest.fixture(scope="module")
def server(server: Server) -> Server:
    """The server, with consents in it."""
    with server.connect(postgresql.ADMINISTRATOR) as connection:
        connection.execute(AGREED)
    return server
