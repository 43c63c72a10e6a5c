"""A real object store."""

from __future__ import annotations

from tests.media import store  # noqa: F401  # a fixture
