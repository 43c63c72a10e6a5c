"""Codes of slips: the same each time, one for each person and slip, read however they are typed."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from derive import first_sign_in, pseudonym
from derive.first_sign_in import ALPHABET, BITS, MOST_SLIPS, code, slip_of

KEY = "a-key-of-forty-hex-digits"
IDENTITIES = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=40)


def test_a_code_is_two_groups_of_five_letters_that_are_not_mistaken() -> None:
    assert re.fullmatch(rf"[{ALPHABET}]{{5}}-[{ALPHABET}]{{5}}", code(KEY, "s0001"))
    assert len(set(ALPHABET)) == 32
    assert math.log2(len(ALPHABET)) * first_sign_in.LENGTH == BITS >= 50


def test_key_person_and_number_each_change_it_and_nothing_else_does() -> None:
    assert code(KEY, "s0001", 1) == code(KEY, "s0001", 1)
    others = {code(KEY, "s0001", 1), code(KEY, "s0001", 2), code(KEY, "s0002", 1), code(f"{KEY}.", "s0001", 1)}
    assert len(others) == 4


def test_every_bit_of_a_code_is_used() -> None:
    """A shift that is off by some would leave letters of the code the same for everybody."""
    codes = [code(KEY, f"s{number}").replace("-", "") for number in range(2000)]
    assert all({each[place] for each in codes} == set(ALPHABET) for place in range(first_sign_in.LENGTH))


@given(IDENTITIES, st.integers(1, MOST_SLIPS))
def test_a_code_is_its_slip_however_it_is_typed(identity: str, number: int) -> None:
    right = code(KEY, identity, number)
    misread = right.replace("1", "l").replace("0", "o")
    for typed in (right, right.lower(), right.replace("-", ""), f" {right.replace('-', ' ')} ", misread):
        assert slip_of(KEY, identity, typed) == number


@pytest.mark.parametrize("typed", ["", "-", "00000-00000", "七七七七七-七七七七七", "x" * 5000])
def test_what_is_no_code_is_no_slip(typed: str) -> None:
    assert slip_of(KEY, "s0001", typed) is None


def test_another_s_code_and_a_code_with_one_letter_changed_are_none() -> None:
    right = code(KEY, "s0001")
    assert slip_of(KEY, "s0002", right) is None
    letter = next(each for each in ALPHABET if each != right[0])
    assert slip_of(KEY, "s0001", letter + right[1:]) is None


@pytest.mark.parametrize("number", [0, -1, MOST_SLIPS + 1])
def test_a_slip_that_would_never_be_taken_is_not_made(number: int) -> None:
    with pytest.raises(ValueError, match="slips are numbered"):
        code(KEY, "s0001", number)


@pytest.mark.parametrize(
    ("identity", "name"),
    [("S0001", "s0001"), ("{9A2F-11}", "9a2f-11"), ("a/B:c@d.e+f", "a-b-c@d.e+f"), ("x" * 255, "x" * 128)],
)
def test_a_name_holds_nothing_that_keycloak_refuses(identity: str, name: str) -> None:
    assert first_sign_in.account_name(identity) == name


def test_codes_and_ids_of_the_database_are_made_from_different_texts() -> None:
    """Both are made under one key: what is hashed is named first, and neither name begins the other."""
    ours, theirs = first_sign_in.PURPOSE, pseudonym.PERSON
    assert not ours.startswith(theirs)
    assert not theirs.startswith(ours)
