"""No cluster of this machine's is asked: whatever asks one by kubectl is told that there is none."""

from __future__ import annotations

import pytest

from catalog.errors import UserError
from ops.lessons.place import Place


@pytest.fixture(autouse=True)
def without_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """`Place.kubectl` refuses."""

    def refused(*_: object, **__: object) -> str:
        raise UserError("there is no cluster")

    monkeypatch.setattr(Place, "kubectl", refused)
