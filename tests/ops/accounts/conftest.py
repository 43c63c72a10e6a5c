"""The roster's database and files, as for the roster's own tests."""

from __future__ import annotations

from tests.ops.rosters.conftest import folder, running, server  # noqa: F401  # fixtures
