"""The code by which somebody of the roster makes their account: on a slip of paper from the school, for one use.

A code is an HMAC under the key of the roster over the register's id and the number of the slip, so that it is kept nowhere and is found
again whenever it is needed. A slip that was lost is made anew under the next number; using it ends all before it.
"""

from __future__ import annotations

import hmac
from typing import Final

PURPOSE: Final = b"huiju/roster/slip\0"
"""What is hashed is named first, so that no two uses of the key ever meet."""
ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32 (https://www.crockford.com/base32.html): without I, L, O and U, so that nothing is read as something else."""
MISREAD: Final = str.maketrans({"I": "1", "L": "1", "O": "0"})
GROUP, GROUPS = 5, 2
LENGTH: Final = GROUP * GROUPS
BITS: Final = LENGTH * 5
"""50, against a few tries a minute (`services.entitlement.tries`): a year of them finds nobody (docs/decisions/0215-a-slip-of-paper.md)."""
MOST_SLIPS: Final = 20
"""How many numbers somebody can use up; each one that is open is one more code to hit."""
UNFIT: Final = str.maketrans({"{": None, "}": None, "/": "-", ":": "-"})
"""What registers' ids may hold and Keycloak's `username-prohibited-characters` refuses: GUIDs come in braces."""
LONGEST_NAME: Final = 128
"""Characters of an account's name in the realm (`derive.realm`)."""
_DIGEST_BITS: Final = 256


def code(key: str, identity: str, slip: int = 1) -> str:
    """The code of the person whom the register calls ``identity``, on their slip number ``slip`` (from 1): ``7K3QD-X0M2A``."""
    if not 1 <= slip <= MOST_SLIPS:
        raise ValueError(f"slips are numbered from 1 to {MOST_SLIPS}, not {slip}")
    digest = hmac.digest(key.encode(), PURPOSE + f"{slip}\0{identity}".encode(), "sha256")
    number = int.from_bytes(digest, "big") >> (_DIGEST_BITS - BITS)
    letters = "".join(ALPHABET[number >> shift & 31] for shift in range(BITS - 5, -1, -5))
    return "-".join(letters[each : each + GROUP] for each in range(0, LENGTH, GROUP))


def account_name(identity: str) -> str:
    """What the person whom the register calls ``identity`` signs in as: small letters, without what Keycloak takes in no name.

    Two ids may lead to one name; whose account it is says its attribute `person`.
    """
    return identity.lower().translate(UNFIT)[:LONGEST_NAME]


def slip_of(key: str, identity: str, given: str) -> int | None:
    """The number of the slip whose code ``given`` is, however it is spelt; None when it is none. Takes as long either way."""
    typed, found = read(given).encode(), None
    for slip in range(1, MOST_SLIPS + 1):
        if hmac.compare_digest(read(code(key, identity, slip)).encode(), typed):
            found = slip
    return found


def read(given: str) -> str:
    """A code as it is compared: capitals without hyphens and blanks, with letters that look like digits as those digits."""
    plain = "".join(each for each in given.upper() if each.isalnum())
    return plain.translate(MISREAD)
