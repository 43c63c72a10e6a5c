"""Cells of a profile as they are typed on the command line."""

from __future__ import annotations

import pytest

from catalog.errors import UserError
from ops.stack import overrides


def test_numbers_words_and_truths_are_read_as_such() -> None:
    read = overrides.parse(["replicas=3", "exposure=NodePort", "protect=false"])
    assert read == {"replicas": 3, "exposure": "NodePort", "protect": False}


def test_a_value_may_hold_an_equals_sign_and_is_then_judged_whole() -> None:
    with pytest.raises(UserError, match="exposure: input should be 'NodePort' or 'LoadBalancer'"):
        overrides.parse(["exposure=NodePort=1"])


def test_every_mistake_is_named_at_once_with_the_cells_that_there_are() -> None:
    with pytest.raises(UserError) as error:
        overrides.parse(["replicas", "quotas=tiny", "storeSizeGib=", "cacheSizeGb=1", "drainSeconds=-1"])
    for said in (
        "replicas: write CELL=VALUE",
        "quotas: ",
        "storeSizeGib: ",
        "cacheSizeGb: there is no such cell",
        "drainSeconds: input should be greater than or equal to 0",
        "cells: replicas, ",
    ):
        assert said in str(error.value)
