"""What a sound city should still be told on a given day: agreements and licences that are over, and agreements that nobody has signed yet.

These are no problems: the facts are right, they only open nothing. So they depend on the day, and loading does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from catalog.facts import Facts, Finding


def notices(facts: Facts, today: date) -> Iterator[Finding]:
    """Everything to be told on ``today``, a day in the city's time zone."""
    for index, agreement in facts.of("agreements").items():
        if agreement.ends < today:
            yield Finding("agreements", index, ("ends",), f"ended on {agreement.ends}: it opens nothing any more")
        elif agreement.unsigned:
            message = f"opens nothing before {', '.join(agreement.unsigned)} signed"
            yield Finding("agreements", index, ("signatures",), message)
    for index, licence in facts.of("licences").items():
        if licence.window and licence.window.ends < today:
            message = f"was open until {licence.window.ends}: what stands under it is not used any more"
            yield Finding("licences", index, ("window", "ends"), message)
