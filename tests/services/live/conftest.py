"""The store that the tests of live classes work on."""

from tests.media import store

__all__ = ["store"]
