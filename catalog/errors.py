"""The one error class whose message is written for the user."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can mend. The message says what is wrong, where, and what to type next; it is shown without a traceback."""
