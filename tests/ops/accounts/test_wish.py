"""Accounts that are asked for, judged by a catalog: everything that is wrong at once, and what each tier needs."""

from __future__ import annotations

import pytest

from catalog import City, load_named
from catalog.access import Scope
from catalog.errors import UserError
from ops.accounts import wish
from ops.accounts.wish import Wish


@pytest.fixture(scope="module")
def tiny() -> City:
    return load_named("tiny")


def test_staff_and_partners_are_taken_with_what_their_tier_asks(tiny: City) -> None:
    district = tiny.districts[0].division_code
    for name, school, partner in (
        ("city-staff", None, None),
        ("technician", district, None),
        ("evaluator", None, None),
        ("university-partner", None, tiny.partners[0].id),
    ):
        tier = wish.judged(Wish("li.na", name, school, partner), tiny)
        assert (tier.id, wish.actions(tier)) == (name, ["UPDATE_PASSWORD", "CONFIGURE_TOTP"])
    plain = tier.model_copy(update={"two_factor": False})
    assert wish.actions(plain) == ["UPDATE_PASSWORD"]
    assert wish.attributes(Wish("li.na", "technician", district)) == {"tier": "technician", "school": district}
    assert wish.attributes(Wish("li.na", "evaluator", None)) == {"tier": "evaluator"}
    assert wish.attributes(Wish("li.na", "university-partner", None, "a")) == {
        "tier": "university-partner",
        "partner": "a",
    }


@pytest.mark.parametrize(
    ("tier", "school", "said"),
    [
        ("technican", None, "no tier 'technican'.*technician"),
        ("general-public", None, "no tier 'general-public'"),
        ("student", None, "comes by the roster"),
        ("school-staff", "9901020001", "comes by the roster"),
        ("technician", None, "--school names it.*990102"),
        ("technician", "990100", "'990100' is none"),
        ("city-staff", "990102", "leave --school out"),
    ],
)
def test_what_does_not_fit_the_catalog_is_refused(tiny: City, tier: str, school: str | None, said: str) -> None:
    with pytest.raises(UserError, match=f"no account was made:(?s:.)*{said}"):
        wish.judged(Wish("li.na", tier, school), tiny)


@pytest.mark.parametrize(
    ("tier", "partner", "said"),
    [
        ("university-partner", None, "--partner names it; there are: sample-university"),
        ("university-partner", "sample-universty", "'sample-universty' is none.*sample-university"),
        ("enterprise-partner", "sample-university", "'sample-university' is none.*there are: none of that kind"),
        ("city-staff", "sample-university", "leave --partner out"),
        ("city-staff", "nobody", "leave --partner out"),
    ],
)
def test_a_partner_goes_with_a_tier_of_partners_and_has_to_be_the_citys(
    tiny: City, tier: str, partner: str | None, said: str
) -> None:
    with pytest.raises(UserError, match=f"no account was made:(?s:.)*{said}"):
        wish.judged(Wish("li.na", tier, None, partner), tiny)


def test_a_school_and_a_partner_that_are_both_wrong_are_said_at_once(tiny: City) -> None:
    with pytest.raises(UserError) as caught:
        wish.judged(Wish("li.na", "university-partner", "990102", "nobody"), tiny)
    assert str(caught.value).count("\n  ") == 2


@pytest.mark.parametrize("name", ["", "ab", "-ab", "Li", "a b c", "x" * 65, "李娜李娜", "a\nb", "li.na\n"])
def test_names_that_nobody_could_type_are_refused_beside_everything_else(tiny: City, name: str) -> None:
    with pytest.raises(UserError) as caught:
        wish.judged(Wish(name, "nonsense", None), tiny)
    assert str(caught.value).count("\n  ") == 2


def test_a_tier_of_a_district_by_the_roster_is_taken_too_since_no_school_s_roster_makes_officials(tiny: City) -> None:
    (tier,) = (each for each in tiny.tiers if each.scope is Scope.DISTRICT and each.roster_roles)
    assert wish.judged(Wish("li.na", tier.id, tiny.districts[0].division_code), tiny) == tier


def test_one_time_passwords_are_long_and_no_two_alike() -> None:
    made = {wish.one_time_password() for _ in range(1000)}
    assert len(made) == 1000
    assert {len(each.replace("-", "")) for each in made} == {20}
