"""Who sends is who the gateway says, in exactly the form in which it says it."""

from __future__ import annotations

import pytest

from services.intake import sender
from services.intake.refusal import Reason, Refused
from tests.services.intake.told import CODE, OTHER

KNOWN = frozenset({CODE, OTHER})
HASH = "Hash=" + "0a" * 32


def verified(subject: str) -> str:
    """As Envoy writes it."""
    return f'{HASH};Subject="{subject}"'


@pytest.mark.parametrize(
    "header",
    [
        verified(f"CN={CODE}"),
        verified(rf"O=School\, Town,CN={CODE}"),
        verified(rf"CN={CODE},O=School \"X\""),
        f"By=spiffe://edge;{verified(f'CN={CODE}')}",
    ],
)  # fmt: skip
def test_the_school_is_the_certificate_s_common_name(header: str) -> None:
    assert sender.school([header], KNOWN) == CODE


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [""],
        [verified(f"CN={CODE}"), verified(f"CN={CODE}")],
        [f"{verified(f'CN={OTHER}')},{verified(f'CN={CODE}')}"],
        [f"CN={CODE}"],
        [f"Subject=CN={CODE}"],
        [f'Subject="CN={CODE}"'],
        [verified("")],
        [verified(f"O={CODE}")],
        [verified(f"CN={CODE},CN={OTHER}")],
        [verified(f"CN={OTHER}+CN={CODE}")],
        [verified("CN=")],
        [verified("CN")],
        [verified(f"CN={CODE}") + f';Subject="CN={OTHER}"'],
        [verified(f'CN={CODE}" ')],
        [verified(f"CN={CODE}\\")],
    ],
)
def test_anything_but_one_verified_certificate_is_refused(headers: list[str]) -> None:
    with pytest.raises(Refused) as caught:
        sender.school(headers, KNOWN)
    assert caught.value.reason is Reason.NO_CERTIFICATE


@pytest.mark.parametrize("name", ["9990100003", f"{CODE}0", f" {CODE}", "９９９０１００００１", "*"])
def test_a_name_that_is_no_school_of_the_catalog_is_refused(name: str) -> None:
    with pytest.raises(Refused) as caught:
        sender.school([verified(f"CN={name}")], KNOWN)
    assert caught.value.reason in {Reason.UNKNOWN_SCHOOL, Reason.NO_CERTIFICATE}
    assert name not in caught.value.detail
