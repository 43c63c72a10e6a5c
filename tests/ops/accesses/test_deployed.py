"""Whether this clone judges by the platform's rules is said where it is known, and never in the way of an answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from catalog import City, load_named, names
from catalog.errors import UserError
from derive import generated
from ops.accesses import deployed
from ops.lessons.place import Place
from policies.access import document
from tests.architecture.sources import ROOT


@pytest.fixture(scope="module")
def tiny() -> City:
    return load_named("tiny")


def there(answer: Callable[[], str]) -> Place:
    """A platform whose ConfigMap is read so."""

    class There(Place):
        def kubectl(self, *words: str, stdin: str | None = None) -> str:
            assert words[:3] == ("get", "configmap", names.ENTITLEMENT)
            assert names.namespace(names.ENTITLEMENT) in words
            return answer()

    return There("prod", {"city": "tiny"}, None, None)


def stamped(digest: Any) -> str:
    return json.dumps({"data": {generated.STAMP: json.dumps({"files": {document.FILE: digest}})}})


def test_the_same_rules_are_not_spoken_of(tiny: City, capsys: pytest.CaptureFixture[str]) -> None:
    deployed.tell(there(lambda: stamped(generated.digest(document.text(tiny)))), tiny)
    assert capsys.readouterr() == ("", "")


def test_other_rules_are_said_in_one_line_beside_the_answer(tiny: City, capsys: pytest.CaptureFixture[str]) -> None:
    deployed.tell(there(lambda: stamped("f" * 64)), tiny)
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert generated.digest(document.text(tiny))[:12] in err and "f" * 12 in err
    assert "huiju up --stack prod" in err


def away() -> str:
    raise UserError("the cluster refused")


def without_program() -> str:
    raise FileNotFoundError("kubectl")


@pytest.mark.parametrize(
    "answer", [away, without_program, lambda: "", lambda: "[]", lambda: '{"data": {}}', lambda: '{"data": null}']
)
def test_a_platform_that_does_not_say_is_no_failure(
    tiny: City, answer: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    deployed.tell(there(answer), tiny)
    assert capsys.readouterr() == ("", "")


def test_what_is_committed_for_a_city_is_what_this_clone_judges_by(tiny: City) -> None:
    stamp = json.loads((ROOT / "policies" / "generated" / "tiny" / generated.STAMP).read_text())
    assert stamp["files"][document.FILE] == generated.digest(document.text(tiny))
