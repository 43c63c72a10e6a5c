"""The store and the recording that the packager's tests work on."""

from tests.media import clip, store

__all__ = ["clip", "store"]
