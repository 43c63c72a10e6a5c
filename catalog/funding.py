"""Where the money comes from; fiscal and social capital are kept apart."""

from __future__ import annotations

from enum import StrEnum

from catalog.types import Day, Fact, FundingSourceId, Money, Names, PartnerId, Sentence


class FundingKind(StrEnum):
    """Whose money it is; the two are never mixed in one source."""

    FISCAL = "fiscal"
    SOCIAL = "social"


class FundingSource(Fact):
    """One budget line or gift."""

    id: FundingSourceId
    """Short id."""
    name: Names
    """Its name."""
    kind: FundingKind
    """Fiscal or social."""
    partner: PartnerId | None
    """The giver of a social source; ``null`` for a fiscal one."""
    amount_yuan: Money
    """The whole amount for the period, yuan."""
    starts: Day
    """First day of the period."""
    ends: Day
    """Last day of the period."""
    source: Sentence
    """The document in which the amount stands."""
