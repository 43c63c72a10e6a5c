"""Whether an adult of the roster may agree about a pupil in their care. Pure.

The law asks for a parent or another guardian (Personal Information Protection Law, article 31); whom a register merely calls a relative is
neither, however close they are.
"""

from __future__ import annotations

from collections.abc import Collection


def may_agree(roles: Collection[str], by: Collection[str]) -> bool:
    """Whether somebody who is ``roles`` in the register, where the pupil is one, may agree about them; ``by`` are the roles that may.

    All of theirs have to be: who is a parent and a relative at one school is so of two pupils, and a register does not say of which. Who
    is nothing there, or of whom it is not known, may not.
    """
    return bool(roles) and set(roles) <= set(by)
