"""What the compiled document of access says, cell by cell and licence by licence, with every moment in Unix seconds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from catalog.access import Scope

ENDLESS = 1 << 62
"""A moment after every other, Unix seconds."""
DAY_SECONDS = 86_400
NARROWEST = tuple(sorted(Scope, key=lambda scope: scope is Scope.AGREEMENT))
"""Scopes, the narrowest first; an agreement comes last: it opens what nothing else does."""
Document = Mapping[str, Any]


class Agreed(NamedTuple):
    """An agreement that opens a class: parties, from when until when (not included), and of which subjects."""

    id: str
    schools: frozenset[str]
    partners: frozenset[str]
    starts: int
    ends: int
    subjects: frozenset[str] | None
    """Ids; None: whatever there is."""


class Cell(NamedTuple):
    """What one tier may do with one class: the scopes, and the conditions beside them."""

    held: str
    scopes: frozenset[str]
    agreements: tuple[Agreed, ...]
    use: str | None
    """The use that the licence has to allow; None where licences have no say."""
    consent_below: int
    """A guardian has to agree below this age; 0: never asked."""
    rule: str | None
    """The rule about pupils' personal data by which it is granted."""
    alone: tuple[Cell, ...] = ()
    """The same with each of its scopes alone, in the order of `NARROWEST`."""


class Terms(NamedTuple):
    """A licence."""

    uses: frozenset[str]
    tiers: frozenset[str]
    reach: str
    lasts: int
    starts: int
    ends: int
    seats: bool

    def over(self, published: int) -> int:
        """The first moment at which it no longer holds for something published then."""
        return min(self.ends, published + self.lasts)


def read(document: Document) -> dict[tuple[str, str], dict[str, Cell]]:
    """Class and action -> tier -> cell. Raises KeyError, TypeError or ValueError for a document that is none."""
    zone, uses = ZoneInfo(document["timezone"]), document["uses"]
    agreements = {name: _agreed(name, each, zone) for name, each in document["agreements"].items()}
    return {
        (name, action): {tier: _cell(each, tier_row, uses.get(action), agreements) for tier, tier_row in row.items()}
        for name, each in document["classes"].items()
        for action, row in each["grants"].items()
    }


def _cell(of: Document, row: Document, use: str | None, agreements: Mapping[str, Agreed]) -> Cell:
    scopes = frozenset(row["scopes"])
    whole = Cell(
        of["held_by"],
        scopes,
        tuple(agreements[name] for name in of["agreements"]) if Scope.AGREEMENT in scopes else (),
        use if of["licensed"] else None,
        int(row["consent_below"]),
        row["rule"],
    )
    return whole._replace(alone=tuple(_alone(whole, scope.value) for scope in NARROWEST if scope in scopes))


def _alone(cell: Cell, scope: str) -> Cell:
    return cell._replace(scopes=frozenset({scope}), agreements=cell.agreements if scope == Scope.AGREEMENT else ())


def _agreed(name: str, row: Document, zone: ZoneInfo) -> Agreed:
    first, last = date.fromisoformat(row["starts"]), date.fromisoformat(row["ends"])
    return Agreed(
        name,
        frozenset(row["schools"]),
        frozenset(row["partners"]),
        _midnight(first, zone),
        _midnight(last + timedelta(days=1), zone),
        None if row["subjects"] is None else frozenset(row["subjects"]),
    )


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time(), zone).timestamp())


def terms(row: Document) -> Terms:
    """A licence's row."""
    window, days = row["window"], row["window_days"]
    starts, ends = (datetime.fromisoformat(window[key]).timestamp() for key in ("starts", "ends")) if window else (0, 0)
    return Terms(
        frozenset(row["uses"]),
        frozenset(row["tiers"]),
        row["reach"],
        ENDLESS if days is None else days * DAY_SECONDS,
        int(starts),
        int(ends) if window else ENDLESS,
        row["seats"] is not None,
    )
