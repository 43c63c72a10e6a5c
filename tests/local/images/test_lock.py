"""The clone's lock: what is built is named by digest, what is not is an error that says what to type."""

from __future__ import annotations

import pytest

from catalog.errors import UserError
from local import paths
from local.images import lock
from tests.local.images.conftest import Workshop


def test_an_image_that_is_not_built_is_refused_with_the_command_that_builds_it(workshop: Workshop) -> None:
    with pytest.raises(UserError, match="huiju images build tiny"):
        lock.reference("tiny")


def test_an_unknown_image_is_refused(workshop: Workshop) -> None:
    with pytest.raises(UserError, match="no image called other"):
        lock.reference("other")


def test_recording_one_image_keeps_the_others(workshop: Workshop) -> None:
    workshop.define({"tiny": {"title": "a"}, "other": {"title": "b"}})
    lock.record({"tiny": "test.local/tiny@sha256:1"})
    lock.record({"other": "test.local/other@sha256:2"})
    lock.record({"tiny": "test.local/tiny@sha256:3"})
    assert lock.references() == {"other": "test.local/other@sha256:2", "tiny": "test.local/tiny@sha256:3"}


def test_an_image_that_left_the_list_leaves_the_lock(workshop: Workshop) -> None:
    lock.record({"tiny": "test.local/tiny@sha256:1"})
    workshop.define({"other": {"title": "b"}})
    assert lock.references() == {}


def test_a_damaged_lock_counts_as_empty(workshop: Workshop) -> None:
    paths.images_lock().parent.mkdir(parents=True)
    paths.images_lock().write_text("{")
    assert lock.references() == {}
